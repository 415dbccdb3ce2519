<?php
/**
 * Site Health.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

use WP_REST_Server;

defined( 'ABSPATH' ) || exit;

/**
 * The plugin's tests and debug information under Tools → Site Health.
 *
 * @since 0.1.0
 */
final class Site_Health {

	const ROUTE = '/site-health';

	/**
	 * Adds the test. It waits for the sidecar, so it runs after the page is there.
	 *
	 * @internal Callback of `site_status_tests`.
	 * @since 0.1.0
	 *
	 * @param array<string, mixed> $tests Tests so far.
	 * @return array<string, mixed>
	 */
	public static function add_tests( $tests ) {
		$tests['async']['widgets_for_box'] = array(
			'label'             => __( 'Connection to Box', 'widgets-for-box' ),
			'test'              => rest_url( Rest::SPACE . self::ROUTE ),
			'has_rest'          => true,
			'async_direct_test' => array( self::class, 'test' ),
		);

		$tests['direct']['widgets_for_box_bill'] = array(
			'label' => __( 'Calls to Box', 'widgets-for-box' ),
			'test'  => array( Bill::class, 'test' ),
		);
		return $tests;
	}

	/**
	 * Adds the route that runs the test.
	 *
	 * @internal Callback of `rest_api_init`.
	 * @since 0.1.0
	 */
	public static function add_route(): void {
		register_rest_route(
			Rest::SPACE,
			self::ROUTE,
			array(
				'methods'             => WP_REST_Server::READABLE,
				'callback'            => array( self::class, 'test' ),
				'permission_callback' => static function () {
					return current_user_can( 'view_site_health_checks' ) && current_user_can( 'manage_options' );
				},
			)
		);
	}

	/**
	 * Runs the test.
	 *
	 * @internal Callback of Site Health.
	 * @since 0.1.0
	 *
	 * @return array<string, mixed> As Site Health wants it.
	 */
	public static function test(): array {
		$checks = Status::checks();
		$worst  = Status::worst( $checks );
		$labels = array(
			'pass' => __( 'Box can be used on this site', 'widgets-for-box' ),
			'warn' => __( 'The connection to Box can be made safer', 'widgets-for-box' ),
			'fail' => __( 'The connection to Box needs your attention', 'widgets-for-box' ),
		);
		$result = array(
			'pass' => 'good',
			'warn' => 'recommended',
			'fail' => 'critical',
		);
		return array(
			'label'       => $labels[ $worst ],
			'status'      => $result[ $worst ],
			'badge'       => array(
				'label' => __( 'Box', 'widgets-for-box' ),
				'color' => 'blue',
			),
			'description' => self::describe( $checks ) . '<p>' . Status::probe_hint() . '</p>',
			'actions'     => self::links(),
			'test'        => 'widgets_for_box',
		);
	}

	/**
	 * Where to mend things.
	 */
	private static function links(): string {
		$links = array( admin_url( 'options-general.php?page=' . Settings_Page::SLUG ) => __( 'Settings of Widgets for Box', 'widgets-for-box' ) );
		if ( Profile::may_assign() ) {
			$links[ Addresses_Page::url() ] = __( 'Addresses for Box', 'widgets-for-box' );
		}
		$html = '';
		foreach ( $links as $url => $label ) {
			$html .= sprintf( '<p><a href="%s">%s</a></p>', esc_url( $url ), esc_html( $label ) );
		}
		return $html;
	}

	/**
	 * Findings as a list.
	 *
	 * @param array<int, array{status: string, summary: string, fix: string}> $checks Findings.
	 */
	private static function describe( array $checks ): string {
		$items = '';
		foreach ( $checks as $check ) {
			if ( 'pass' !== $check['status'] ) {
				$items .= '<li>' . esc_html( $check['summary'] ) . ' <strong>' . esc_html( $check['fix'] ) . '</strong></li>';
			}
		}
		return '' !== $items ? "<ul>$items</ul>" : '<p>' . esc_html__( 'The sidecar answers, and everything that it examined is in order.', 'widgets-for-box' ) . '</p>';
	}

	/**
	 * Adds what a person who helps would ask for first. Nothing of it is secret.
	 *
	 * @internal Callback of `debug_information`.
	 * @since 0.1.0
	 *
	 * @param array<string, mixed> $information Sections so far.
	 * @return array<string, mixed>
	 */
	public static function add_information( $information ) {
		$fields = array(
			'version' => array(
				'label' => __( 'Version', 'widgets-for-box' ),
				'value' => VERSION,
			),
		);
		foreach ( array_merge( array_keys( Settings::of( Settings::SERVER, Settings::NETWORK ) ), array( 'account' ) ) as $name ) {
			$fields[ $name ] = array(
				'label' => Settings::constant_name( $name ),
				'value' => Settings::get( $name ) . ( Settings::is_fixed( $name ) ? ' (wp-config.php)' : '' ),
			);
		}
		$information['widgets-for-box'] = array(
			'label'  => __( 'Widgets for Box', 'widgets-for-box' ),
			'fields' => $fields,
		);
		return $information;
	}
}
