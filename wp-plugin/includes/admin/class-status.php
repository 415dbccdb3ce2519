<?php
/**
 * Whether all is well, and how to mend what is not.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

use WP_REST_Response;

defined( 'ABSPATH' ) || exit;

/**
 * The findings of the sidecar's doctor and of this site, for the settings page, Site Health and WP-CLI.
 *
 * @since 0.1.0
 */
final class Status {

	/**
	 * Order of statuses, best first.
	 */
	const ORDER = array( 'pass', 'warn', 'fail' );

	/**
	 * All findings.
	 *
	 * @since 0.1.0
	 *
	 * @return array<int, array{id: string, status: string, summary: string, fix: string}>
	 */
	public static function checks(): array {
		return array_merge( self::sidecar(), self::site(), self::elements() );
	}

	/**
	 * The worst status among findings.
	 *
	 * @since 0.1.0
	 *
	 * @param array<int, array{status: string}> $checks Findings.
	 */
	public static function worst( array $checks ): string {
		$ranks = array_keys( array_intersect( self::ORDER, array_column( $checks, 'status' ) ) );
		return self::ORDER[ $ranks ? max( $ranks ) : 0 ];
	}

	/**
	 * The REST answer of the settings page's panel.
	 *
	 * @internal Callback of a route.
	 * @since 0.1.0
	 */
	public static function report(): WP_REST_Response {
		$checks = self::checks();
		return new WP_REST_Response(
			array(
				'status' => self::worst( $checks ),
				'checks' => $checks,
				'steps'  => Checklist::take( $checks ),
			)
		);
	}

	/**
	 * How to find out what no check of the plugin's can tell.
	 *
	 * @since 0.1.0
	 *
	 * @return string HTML.
	 */
	public static function probe_hint(): string {
		/* translators: %s: a command. */
		return sprintf( esc_html__( 'One command tells whether all of this works with your Box. Run it on the server, with a colleague’s e-mail address: %s', 'widgets-for-box' ), '<code class="widgets-for-box-command">box-sidecar check --probe --login EMAIL</code>' );
	}

	/**
	 * What the sidecar finds, or that it can't be asked.
	 *
	 * @return array<int, array{id: string, status: string, summary: string, fix: string}>
	 */
	private static function sidecar(): array {
		$report = ( new Sidecar() )->doctor();
		if ( is_wp_error( $report ) ) {
			$data = (array) $report->get_error_data();
			return array( self::finding( 'sidecar', 'fail', __( 'The sidecar can’t be asked.', 'widgets-for-box' ), Findings::translate( (string) ( $data['fix'] ?? '' ) ) ) );
		}
		$checks = array( self::finding( 'sidecar', 'pass', __( 'The sidecar answers.', 'widgets-for-box' ) ) );
		foreach ( is_array( $report['checks'] ?? null ) ? $report['checks'] : array() as $check ) {
			$status   = in_array( $check['status'] ?? '', self::ORDER, true ) ? $check['status'] : 'warn';
			$checks[] = self::finding( sanitize_key( $check['id'] ?? '' ), $status, Findings::text( $check, 'summary' ), Findings::text( $check, 'fix' ) );
		}
		return $checks;
	}

	/**
	 * What this site's own settings make unsafe.
	 *
	 * @since 0.1.0
	 *
	 * @return array<int, array{id: string, status: string, summary: string, fix: string}>
	 */
	public static function site(): array {
		$checks = array();
		if ( 'email' === Settings::get( 'account' ) ) {
			$checks[] = self::registration();
			$checks[] = self::addresses();
		}
		if ( 'app_user' === Settings::get( 'account' ) && '' !== People::foreign_home() ) {
			/* translators: 1 and 2: addresses of a site. */
			$checks[] = self::finding( 'site', 'fail', sprintf( __( 'The app users of this database belong to %1$s, and this site is at %2$s, so nobody gets one here.', 'widgets-for-box' ), People::foreign_home(), People::home() ), __( 'Say in Settings → Widgets for Box whether the site was moved or copied.', 'widgets-for-box' ) );
		}
		if ( 'https' !== wp_parse_url( home_url(), PHP_URL_SCHEME ) && 'local' !== wp_get_environment_type() ) {
			$checks[] = self::finding( 'https', 'fail', __( 'This site is not served over HTTPS, so tokens can be read on the way to the browser.', 'widgets-for-box' ), __( 'Serve the site over HTTPS (Settings → General).', 'widgets-for-box' ) );
		}
		return $checks;
	}

	/**
	 * How a copy of Box UI Elements is sent.
	 *
	 * @return array<int, array{id: string, status: string, summary: string, fix: string}>
	 */
	private static function elements(): array {
		return array_map(
			static function ( array $found ): array {
				return self::finding( 'elements', ...$found );
			},
			Elements_Copy::findings()
		);
	}

	/**
	 * Whether strangers can make themselves an account with any address that then counts.
	 *
	 * @return array{id: string, status: string, summary: string, fix: string}
	 */
	private static function registration(): array {
		$open = is_multisite() ? in_array( get_site_option( 'registration' ), array( 'user', 'all' ), true ) : (bool) get_option( 'users_can_register' );
		if ( $open && Settings::directory() ) {
			return self::finding( 'registration', 'fail', __( 'Anyone can register here, and every address counts as it is in the account. Whoever registers with somebody else’s address sees that person’s files.', 'widgets-for-box' ), __( 'Turn off “Anyone can register” (Settings → General), or no longer let addresses count as they are (Settings → Widgets for Box).', 'widgets-for-box' ) );
		}
		return $open
			? self::finding( 'registration', 'pass', __( 'Anyone can register here; their address does not count for Box until it is confirmed.', 'widgets-for-box' ) )
			: self::finding( 'registration', 'pass', __( 'Accounts are made by administrators only.', 'widgets-for-box' ) );
	}

	/**
	 * Whether there are people whose address does not count.
	 *
	 * @return array{id: string, status: string, summary: string, fix: string}
	 */
	private static function addresses(): array {
		if ( Settings::directory() ) {
			return self::finding( 'addresses', 'pass', __( 'Every e-mail address counts as it is in the account: the settings say that a directory writes them.', 'widgets-for-box' ) );
		}
		$count = count( Address_Book::unproved() );
		return $count
			/* translators: %s: a number. */
			? self::finding( 'addresses', 'warn', sprintf( _n( '%s person has no Box here, because their e-mail address is not confirmed.', '%s people have no Box here, because their e-mail address is not confirmed.', $count, 'widgets-for-box' ), number_format_i18n( $count ) ), __( 'Confirm the addresses that you know under Users → Addresses for Box. The others can ask for a link on their profile page.', 'widgets-for-box' ) )
			: self::finding( 'addresses', 'pass', __( 'Every account’s e-mail address is confirmed.', 'widgets-for-box' ) );
	}

	/**
	 * One finding.
	 *
	 * @param string $id      Which check it is of.
	 * @param string $status  `pass`, `warn` or `fail`.
	 * @param string $summary What was found.
	 * @param string $fix     What to do about it.
	 * @return array{id: string, status: string, summary: string, fix: string}
	 */
	private static function finding( string $id, string $status, string $summary, string $fix = '' ): array {
		return array(
			'id'      => $id,
			'status'  => $status,
			'summary' => $summary,
			'fix'     => $fix,
		);
	}
}
