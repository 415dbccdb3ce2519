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
		$wp_user = Look_Up::person( $login );
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
			WP_CLI::error( trim( $answer->get_error_code() . ': ' . $answer->get_error_message() . ' ' . Findings::translate( (string) ( $data['fix'] ?? '' ) ) ) );
			return;
		}
		$user = (array) ( $answer['user'] ?? array() );
		/* translators: 1: login of a WordPress user, 2: name, 3: login and 4: id of a Box user. */
		WP_CLI::success( sprintf( __( '%1$s is %2$s <%3$s> at Box (id %4$s).', 'widgets-for-box' ), $wp_user->user_login, $user['name'] ?? '?', $user['login'] ?? '?', $user['id'] ?? '?' ) );
	}

	/**
	 * Lists who is found at Box, as far as it was looked up.
	 *
	 * ## OPTIONS
	 *
	 * [--status=<status>]
	 * : List these people alone: matched, first_use, no_account, ambiguous, inactive, role, denied, unconfirmed, nobody,
	 * no_access, failed or unknown.
	 *
	 * [--look-up]
	 * : Look up first who was not yet, at the pace of a hundred a minute.
	 *
	 * [--format=<format>]
	 * : How to print the list.
	 * ---
	 * default: table
	 * options:
	 *   - table
	 *   - csv
	 *   - json
	 *   - yaml
	 * ---
	 *
	 * ## EXAMPLES
	 *
	 *     wp box people --status=no_account --format=csv
	 *
	 * @since 0.1.0
	 *
	 * @param string[]              $arguments Positional arguments.
	 * @param array<string, string> $options   Options.
	 */
	public function people( $arguments, $options ): void {
		$state = $options['status'] ?? '';
		if ( '' !== $state && ! in_array( $state, Coverage::STATES, true ) ) {
			/* translators: 1: what was typed, 2: a list of words. */
			WP_CLI::error( sprintf( __( '%1$s is none of: %2$s', 'widgets-for-box' ), $state, implode( ', ', Coverage::STATES ) ) );
			return;
		}
		$format = $options['format'] ?? 'table';
		if ( isset( $options['look-up'] ) && ! $this->look_up() ) {
			return;
		}
		$rows = array();
		foreach ( People_Export::rows( $state ) as $row ) {
			$rows[] = 'csv' === $format ? array_map( array( People_Export::class, 'harmless' ), $row ) : $row;
		}
		WP_CLI\Utils\format_items( $format, $rows, array( 'login', 'name', 'email', 'status', 'looked_up' ) );
	}

	/**
	 * Looks up who is due.
	 *
	 * @return bool Whether everybody is looked up.
	 */
	private function look_up(): bool {
		do {
			Look_Up::batch();
			$progress = Look_Up_Pace::progress();
			if ( '' !== $progress['message'] ) {
				/* translators: 1: what is wrong, 2: a number. */
				WP_CLI::error( sprintf( __( '%1$s %2$s are still to be looked up.', 'widgets-for-box' ), $progress['message'], number_format_i18n( $progress['due'] ) ) );
				return false;
			}
			if ( $progress['due'] ) {
				sleep( max( 1, $progress['wait'] ) );
			}
		} while ( $progress['due'] );
		return true;
	}

	/**
	 * Shows how much the widgets are used, and what that costs at Box.
	 *
	 * ## OPTIONS
	 *
	 * [--days=<days>]
	 * : How many days, up to 90.
	 * ---
	 * default: 30
	 * ---
	 *
	 * [--format=<format>]
	 * : How to print the days.
	 * ---
	 * default: table
	 * options:
	 *   - table
	 *   - csv
	 *   - json
	 *   - yaml
	 * ---
	 *
	 * ## EXAMPLES
	 *
	 *     wp box usage --days=7
	 *
	 * @since 0.1.0
	 *
	 * @param string[]              $arguments Positional arguments.
	 * @param array<string, string> $options   Options.
	 */
	public function usage( $arguments, $options ): void {
		$days = $options['days'] ?? '30';
		if ( ! preg_match( '/^([1-9]|[1-8]\d|90)$/D', (string) $days ) ) {
			WP_CLI::error( __( '--days is a number from 1 to 90.', 'widgets-for-box' ) );
			return;
		}
		$usage = Usage::fetch( (int) $days );
		if ( is_wp_error( $usage ) ) {
			$data = (array) $usage->get_error_data();
			WP_CLI::error( trim( $usage->get_error_code() . ': ' . $usage->get_error_message() . ' ' . Findings::translate( (string) ( $data['fix'] ?? '' ) ) ) );
			return;
		}
		$rows = array();
		foreach ( $usage['days'] as $date => $day ) {
			$rows[] = array(
				'date'      => $date,
				'tokens'    => array_sum( $day['tokens'] ),
				'people'    => $day['people'],
				'failures'  => array_sum( $day['failures'] ),
				'box_calls' => array_sum( $day['box_calls'] ),
			);
		}
		$format = $options['format'] ?? 'table';
		WP_CLI\Utils\format_items( $format, $rows, array( 'date', 'tokens', 'people', 'failures', 'box_calls' ) );
		$month = $usage['month'];
		if ( 'table' === $format ) {
			$allotment = $month['allotment'] > 0 ? number_format_i18n( $month['allotment'] ) : '?';
			$forecast  = null === $month['forecast'] ? '?' : number_format_i18n( $month['forecast'] );
			/* translators: 1 to 3: numbers. */
			WP_CLI::log( sprintf( __( 'Calls to Box this month: %1$s so far, %2$s expected, of %3$s.', 'widgets-for-box' ), number_format_i18n( $month['calls'] ), $forecast, $allotment ) );
		}
	}
}
