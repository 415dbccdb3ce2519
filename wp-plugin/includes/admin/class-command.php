<?php
/**
 * WP-CLI.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

use WP_CLI;

defined( 'ABSPATH' ) || exit;

/**
 * Examines the connection to Box.
 *
 * @since 0.1.0
 */
final class Command {

	/**
	 * Examines the set-up, from the socket to the app's settings at Box.
	 *
	 * Ends with status 1 if a check fails.
	 *
	 * ## OPTIONS
	 *
	 * [--format=<format>]
	 * : How to print the findings.
	 * ---
	 * default: table
	 * options:
	 *   - table
	 *   - json
	 *   - csv
	 *   - yaml
	 * ---
	 *
	 * ## EXAMPLES
	 *
	 *     wp box check
	 *
	 * @since 0.1.0
	 *
	 * @param string[]              $arguments Positional arguments.
	 * @param array<string, string> $options   Options.
	 */
	public function check( $arguments, $options ): void {
		$checks = Status::checks();
		WP_CLI\Utils\format_items( $options['format'] ?? 'table', $checks, array( 'id', 'status', 'summary', 'fix' ) );
		if ( 'fail' === Status::worst( $checks ) ) {
			WP_CLI::halt( 1 );
		}
	}

	/**
	 * Shows which Box user a WordPress user is.
	 *
	 * ## OPTIONS
	 *
	 * <login>
	 * : Login, e-mail address or id of the WordPress user.
	 *
	 * ## EXAMPLES
	 *
	 *     wp box user ana
	 *
	 * @since 0.1.0
	 *
	 * @param string[] $arguments Positional arguments.
	 */
	public function user( $arguments ): void {
		$login   = $arguments[0];
		$wp_user = get_user_by( 'login', $login );
		$wp_user = $wp_user ? $wp_user : get_user_by( is_email( $login ) ? 'email' : 'id', $login );
		if ( ! $wp_user ) {
			/* translators: %s: what was typed. */
			WP_CLI::error( sprintf( __( 'There is no WordPress user %s.', 'widgets-for-box' ), $login ) );
			return;
		}
		if ( ! user_can( $wp_user, Permissions::CAPABILITY ) ) {
			WP_CLI::warning( __( 'The roles of this person may not use Box here.', 'widgets-for-box' ) );
		}
		if ( 'email' === Settings::get( 'account' ) && ! People::assigned( $wp_user->ID ) && '' === Addresses::login( $wp_user ) ) {
			WP_CLI::warning( Profile::proof( $wp_user->ID ) );
		}
		$answer = Tokens::trial( $wp_user );
		if ( is_wp_error( $answer ) ) {
			$answer = Errors::about_somebody( $answer );
			$data   = (array) $answer->get_error_data();
			WP_CLI::error( trim( $answer->get_error_code() . ': ' . $answer->get_error_message() . ' ' . ( $data['fix'] ?? '' ) ) );
			return;
		}
		$user = (array) ( $answer['user'] ?? array() );
		/* translators: 1: login of a WordPress user, 2: name, 3: login and 4: id of a Box user. */
		WP_CLI::success( sprintf( __( '%1$s is %2$s <%3$s> at Box (id %4$s).', 'widgets-for-box' ), $wp_user->user_login, $user['name'] ?? '?', $user['login'] ?? '?', $user['id'] ?? '?' ) );
	}
}
