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
 */
final class Status {

	/**
	 * Order of statuses, best first.
	 */
	const ORDER = array( 'pass', 'warn', 'fail' );

	/**
	 * All findings.
	 *
	 * @return array<int, array{id: string, status: string, summary: string, fix: string}>
	 */
	public static function checks(): array {
		return array_merge( self::sidecar(), self::site() );
	}

	/**
	 * The worst status among findings.
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
	 */
	public static function report(): WP_REST_Response {
		$checks = self::checks();
		return new WP_REST_Response(
			array(
				'status' => self::worst( $checks ),
				'checks' => $checks,
			)
		);
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
			return array( self::finding( 'sidecar', 'fail', __( 'The sidecar can’t be asked.', 'widgets-for-box' ), (string) ( $data['fix'] ?? '' ) ) );
		}
		$checks = array( self::finding( 'sidecar', 'pass', __( 'The sidecar answers.', 'widgets-for-box' ) ) );
		foreach ( is_array( $report['checks'] ?? null ) ? $report['checks'] : array() as $check ) {
			$status   = in_array( $check['status'] ?? '', self::ORDER, true ) ? $check['status'] : 'warn';
			$checks[] = self::finding( sanitize_key( $check['id'] ?? '' ), $status, (string) ( $check['summary'] ?? '' ), (string) ( $check['fix'] ?? '' ) );
		}
		return $checks;
	}

	/**
	 * What this site's own settings make unsafe.
	 *
	 * @return array<int, array{id: string, status: string, summary: string, fix: string}>
	 */
	public static function site(): array {
		$checks = array();
		if ( 'email' === Settings::get( 'account' ) ) {
			$checks[] = self::registration();
			$checks[] = self::unconfirmed();
		}
		if ( 'https' !== wp_parse_url( home_url(), PHP_URL_SCHEME ) && 'local' !== wp_get_environment_type() ) {
			$checks[] = self::finding( 'https', 'fail', __( 'This site is not served over HTTPS, so tokens can be read on the way to the browser.', 'widgets-for-box' ), __( 'Serve the site over HTTPS (Settings → General).', 'widgets-for-box' ) );
		}
		return $checks;
	}

	/**
	 * Whether strangers can make themselves an account with any address.
	 *
	 * @return array{id: string, status: string, summary: string, fix: string}
	 */
	private static function registration(): array {
		$open = is_multisite() ? in_array( get_site_option( 'registration' ), array( 'user', 'all' ), true ) : (bool) get_option( 'users_can_register' );
		return $open
			? self::finding( 'registration', 'warn', __( 'Anyone can register here, and people are matched to Box users by e-mail address. Whoever gets an account with somebody else’s address sees that person’s files.', 'widgets-for-box' ), __( 'Turn off “Anyone can register” (Settings → General), or make sure that every way to register confirms the address.', 'widgets-for-box' ) )
			: self::finding( 'registration', 'pass', __( 'Accounts are made by administrators only.', 'widgets-for-box' ) );
	}

	/**
	 * Whether people changed their address without confirming it.
	 *
	 * @return array{id: string, status: string, summary: string, fix: string}
	 */
	private static function unconfirmed(): array {
		$people = get_users(
			array(
				'meta_key'     => People::CONFIRMED_EMAIL, // phpcs:ignore WordPress.DB.SlowDBQuery.slow_db_query_meta_key -- Rarely run, and few rows.
				'meta_compare' => 'EXISTS',
				'fields'       => 'user_login',
				'number'       => 10,
			)
		);
		return $people
			/* translators: %s: user names. */
			? self::finding( 'addresses', 'warn', sprintf( __( 'Changed their e-mail address without confirming it, so the former one still counts for Box: %s', 'widgets-for-box' ), implode( ', ', $people ) ), __( 'Confirm the address on the person’s profile page, or let them open the link that was sent to them.', 'widgets-for-box' ) )
			: self::finding( 'addresses', 'pass', __( 'No e-mail address waits for confirmation.', 'widgets-for-box' ) );
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
