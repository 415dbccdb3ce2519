<?php
/**
 * The tokens of a person.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

use WP_Error;
use WP_User;

defined( 'ABSPATH' ) || exit;

/**
 * Asks the sidecar for a person's tokens, and ends them when the person's session, rights or identity end.
 */
final class Tokens {

	/**
	 * User meta: for which Box user tokens were issued and until when they live, to revoke them.
	 */
	const ISSUED = 'widgets_for_box_issued';

	/**
	 * Scheduled event: ends tokens that could not be ended when it was time.
	 */
	const REVOKE_AGAIN = 'widgets_for_box_revoke_again';

	/**
	 * Longest name of an app user at Box, in characters.
	 */
	const MAX_NAME = 50;

	/**
	 * Seconds that a log-out or a saved profile may wait for the sidecar.
	 */
	const REVOKE_TIMEOUT = 5;

	/**
	 * Hooks.
	 *
	 * @return void
	 */
	public static function register() {
		// All of these pass the user's id first.
		foreach ( array( 'wp_logout', 'set_user_role', 'add_user_role', 'remove_user_role', 'delete_user', 'wpmu_delete_user', 'remove_user_from_blog', 'make_spam_user' ) as $hook ) {
			add_action( $hook, array( self::class, 'revoke' ) );
		}
		// Sessions that are ended one by one or all at once, by whatever button or plugin.
		add_action( 'update_user_meta', array( self::class, 'sessions_changed' ), 10, 4 );
		add_action( 'delete_user_meta', array( self::class, 'sessions_deleted' ), 10, 3 );
		add_action( self::REVOKE_AGAIN, array( self::class, 'revoke_issued' ), 10, 2 );
		add_action( 'after_password_reset', array( self::class, 'password_changed' ) );
		add_action( 'wp_set_password', array( self::class, 'password_set' ), 10, 2 );
	}

	/**
	 * A token for a person.
	 *
	 * @param WP_User  $wp_user The WordPress user.
	 * @param string   $element A key of Elements::CATALOGUE.
	 * @param string[] $scopes  Box's names of feature scopes.
	 * @param string   $id      Id of the folder or file.
	 * @return array{access_token: string, expires_in: int, scopes: string[]}|WP_Error
	 */
	public static function token( WP_User $wp_user, string $element, array $scopes, string $id ) {
		$user = People::box_user( $wp_user );
		if ( null === $user ) {
			return new WP_Error( 'user_not_found', Sidecar::sentence( 'user_not_found' ), array( 'status' => 404 ) );
		}
		// Before, for a log-out that comes while the sidecar still works on it.
		self::remember( $wp_user->ID, $user, HOUR_IN_SECONDS );
		$sidecar = new Sidecar();
		$answer  = $sidecar->token( $user, $element, $scopes, $id );
		if ( is_wp_error( $answer ) && 'user_not_found' === $answer->get_error_code() && isset( $user['external_app_user_id'] ) ) {
			$made = $sidecar->create_user( $user['external_app_user_id'], self::name( $wp_user ) );
			// Where the policy does not let us make one, "no account" says more than "not allowed".
			$answer = is_wp_error( $made ) ? $answer : $sidecar->token( $user, $element, $scopes, $id );
		}
		if ( ! is_wp_error( $answer ) ) {
			self::remember( $wp_user->ID, $user, (int) $answer['expires_in'] );
		}
		return $answer;
	}

	/**
	 * The name of a person's app user.
	 *
	 * @param WP_User $wp_user The WordPress user.
	 */
	private static function name( WP_User $wp_user ): string {
		$name = trim( (string) preg_replace( '/[[:cntrl:]]+/u', ' ', $wp_user->display_name ) );
		return mb_substr( '' !== $name ? $name : $wp_user->user_login, 0, self::MAX_NAME );
	}

	/**
	 * Remembers until when a person may hold tokens. Written once in a while, not for every token.
	 *
	 * @param int                   $user_id The WordPress user.
	 * @param array<string, string> $user    The Box user.
	 * @param int                   $life    Seconds.
	 * @return void
	 */
	private static function remember( int $user_id, array $user, int $life ) {
		$known = get_user_meta( $user_id, self::ISSUED, true );
		$until = time() + $life;
		if ( ! is_array( $known ) || $known['user'] !== $user || $known['until'] < $until ) {
			$issued = array(
				'user'  => $user,
				'until' => $until + HOUR_IN_SECONDS,
			);
			update_user_meta( $user_id, self::ISSUED, $issued );
		}
	}

	/**
	 * Ends the tokens of a person.
	 *
	 * @internal Callback of several actions, too.
	 *
	 * @param int $user_id The WordPress user.
	 * @return void
	 */
	public static function revoke( $user_id ) {
		$issued = get_user_meta( (int) $user_id, self::ISSUED, true );
		if ( is_array( $issued ) ) {
			delete_user_meta( (int) $user_id, self::ISSUED );
			self::revoke_issued( $issued['user'], $issued['until'] );
		}
	}

	/**
	 * Ends the tokens of a Box user; if the sidecar does not answer, again in a minute, until they have
	 * ended by themselves.
	 *
	 * @internal Callback of REVOKE_AGAIN, too.
	 *
	 * @param array<string, string> $user  The Box user.
	 * @param int                   $until When the last token ends.
	 * @return void
	 */
	public static function revoke_issued( $user, $until ) {
		if ( ! People::is_box_user( $user ) || $until <= time() ) {
			return;
		}
		if ( is_wp_error( ( new Sidecar() )->revoke( $user, self::REVOKE_TIMEOUT ) ) ) {
			wp_schedule_single_event( time() + MINUTE_IN_SECONDS, self::REVOKE_AGAIN, array( $user, $until ) );
		}
	}

	/**
	 * Ends the tokens of a person one of whose sessions is ended before its time.
	 *
	 * @internal Callback of `update_user_meta`.
	 *
	 * @param int    $meta_id Unused.
	 * @param int    $user_id The WordPress user.
	 * @param string $key     Name of the user meta.
	 * @param mixed  $value   Its new value.
	 * @return void
	 */
	public static function sessions_changed( $meta_id, $user_id, $key, $value ) {
		if ( 'session_tokens' !== $key ) {
			return;
		}
		$before = get_user_meta( $user_id, $key, true );
		$ended  = array_diff_key( is_array( $before ) ? $before : array(), is_array( $value ) ? $value : array() );
		foreach ( $ended as $session ) {
			if ( ( $session['expiration'] ?? 0 ) > time() ) {
				self::revoke( $user_id );
				return;
			}
		}
	}

	/**
	 * Ends the tokens of a person whose sessions are all ended.
	 *
	 * @internal Callback of `delete_user_meta`.
	 *
	 * @param int[]  $meta_ids Unused.
	 * @param int    $user_id  The WordPress user.
	 * @param string $key      Name of the user meta.
	 * @return void
	 */
	public static function sessions_deleted( $meta_ids, $user_id, $key ) {
		if ( $user_id ) {
			self::sessions_changed( 0, $user_id, $key, array() );
		}
	}

	/**
	 * Ends the tokens of a person whose password was reset.
	 *
	 * @internal Callback of `after_password_reset`.
	 *
	 * @param WP_User $wp_user The WordPress user.
	 * @return void
	 */
	public static function password_changed( $wp_user ) {
		self::revoke( $wp_user->ID );
	}

	/**
	 * Ends the tokens of a person whose password was set by code.
	 *
	 * @internal Callback of `wp_set_password`, which exists from WordPress 6.2 on.
	 *
	 * @param string $password Unused.
	 * @param int    $user_id  The WordPress user.
	 * @return void
	 */
	public static function password_set( $password, $user_id ) {
		self::revoke( $user_id );
	}
}
