<?php
/**
 * The tokens of a person.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

use Throwable;
use WP_Error;
use WP_User;

defined( 'ABSPATH' ) || exit;

/**
 * Asks the sidecar for a person's tokens, and ends them when the person's session, rights or identity end.
 *
 * A token that is asked for while the session ends must not outlive it. So whoever ends something does it first
 * and revokes then; and whoever asks looks again after the sidecar has answered. If the session was still there
 * then, its end is yet to come, and with it the revocation; if not, the token is revoked and not handed out.
 */
final class Tokens {

	/**
	 * User meta: for which Box user tokens were issued (`user`) and until when they live (`until`).
	 */
	const ISSUED = Revocations::ISSUED;

	/**
	 * Longest name of an app user at Box, in characters.
	 */
	const MAX_NAME = 50;

	/**
	 * Requests of one person that may wait for the sidecar at the same time, and seconds that others wait for
	 * their turn: each of them keeps a PHP process from everybody else.
	 */
	const AT_ONCE  = 3;
	const PATIENCE = 2.0;

	/**
	 * Sessions before they change, by user id.
	 *
	 * @var array<int, mixed>
	 */
	private static $sessions = array();

	/**
	 * A token for one widget and the session in which it is asked for.
	 *
	 * @param array{element: string, id: string, scopes: string[]} $widget  As of Descriptor::verify().
	 * @param string                                               $refused SHA-256 of a token that Box refused, to get
	 *                                                                      another; empty if none was.
	 * @return array{access_token: string, expires_in: int, scopes: string[]}|WP_Error
	 */
	public static function for_session( array $widget, string $refused = '' ) {
		$wp_user = wp_get_current_user();
		$user    = People::box_user( $wp_user );
		if ( null === $user ) {
			return self::no_account( $wp_user );
		}
		$turn = Lock::take_one_of( 'person-' . $wp_user->ID, self::AT_ONCE, self::PATIENCE );
		if ( ! $turn ) {
			return self::error( 'rate_limited', 429 );
		}
		try {
			$unsettled = Revocations::settle( $wp_user->ID );
			if ( $unsettled ) {
				return $unsettled;
			}
			// Before, in case that this process does not come to its end.
			self::remember( $wp_user->ID, $user, HOUR_IN_SECONDS, get_user_meta( $wp_user->ID, self::ISSUED ) );
			// Who this person was at Box until now may be the same there by another name.
			Revocations::finish();
			$scopes = Permissions::narrow( $widget['scopes'], $widget['element'], $wp_user );
			$answer = self::ask( $wp_user, $user, $widget['element'], $scopes, $widget['id'], $refused );
			// After an error too: the sidecar may have made a token that nobody waited for.
			$objection = self::look_again( $wp_user, $user, $widget, $scopes, is_wp_error( $answer ) ? 0 : (int) $answer['expires_in'] );
			return $objection ?? $answer;
		} finally {
			$turn->release();
		}
	}

	/**
	 * Whether a person would get a token, and as whom. The token is thrown away: nobody holds it, so nobody has to
	 * be kept from it later.
	 *
	 * @param WP_User $wp_user The WordPress user.
	 * @return array{user: array<string, mixed>}|WP_Error
	 */
	public static function trial( WP_User $wp_user ) {
		$user = People::box_user( $wp_user );
		if ( null === $user ) {
			return self::no_account( $wp_user );
		}
		$answer = self::ask( $wp_user, $user, 'explorer', array(), '0' );
		return is_wp_error( $answer ) ? $answer : array( 'user' => (array) ( $answer['user'] ?? array() ) );
	}

	/**
	 * Asks the sidecar, and has an app user made on first use.
	 *
	 * @param WP_User               $wp_user The WordPress user.
	 * @param array<string, string> $user    The Box user.
	 * @param string                $element A key of Elements::CATALOGUE.
	 * @param string[]              $scopes  Box's names of feature scopes.
	 * @param string                $id      Id of the folder or file.
	 * @param string                $refused SHA-256 of a token that Box refused; empty if none was.
	 * @return array{access_token: string, expires_in: int, scopes: string[]}|WP_Error
	 */
	private static function ask( WP_User $wp_user, array $user, string $element, array $scopes, string $id, string $refused = '' ) {
		$sidecar = new Sidecar();
		$answer  = $sidecar->token( $user, $element, $scopes, $id, $refused );
		if ( is_wp_error( $answer ) && 'user_not_found' === $answer->get_error_code() && isset( $user['external_app_user_id'] ) ) {
			$made = $sidecar->create_user( $user['external_app_user_id'], self::name( $wp_user ) );
			// Where the policy does not let us make one, "no account" says more than "not allowed".
			$answer = is_wp_error( $made ) ? $answer : $sidecar->token( $user, $element, $scopes, $id, $refused );
		}
		return $answer;
	}

	/**
	 * Looks, after a token was made, whether all is still so that it could be asked for.
	 *
	 * @param WP_User               $wp_user The WordPress user as the request has begun with.
	 * @param array<string, string> $user    The Box user.
	 * @param array<string, mixed>  $widget  As of for_session().
	 * @param string[]              $scopes  What was asked for.
	 * @param int                   $life    The token's, in seconds; 0 if there is none.
	 * @return WP_Error|null Null if it is; else the tokens are revoked.
	 */
	private static function look_again( WP_User $wp_user, array $user, array $widget, array $scopes, int $life ): ?WP_Error {
		$now = new Snapshot( $wp_user->ID );
		if ( self::remember( $wp_user->ID, $user, $life, $now->meta( self::ISSUED ) ) ) {
			// Only what is written is found by whoever ends the session after this look.
			$now = new Snapshot( $wp_user->ID );
		}
		$objection = $now->view(
			static function ( ?WP_User $fresh ) use ( $wp_user, $user, $widget, $scopes ) {
				if ( ! $fresh || $fresh->user_pass !== $wp_user->user_pass || ! \WP_Session_Tokens::get_instance( $fresh->ID )->verify( wp_get_session_token() ) ) {
					return new WP_Error( 'rest_not_logged_in', __( 'Please log in to see your Box files.', 'widgets-for-box' ), array( 'status' => 401 ) );
				}
				$same = People::box_user( $fresh ) === $user && user_can( $fresh, Permissions::CAPABILITY )
					&& Permissions::narrow( $widget['scopes'], $widget['element'], $fresh ) === $scopes;
				return $same ? null : self::ended();
			}
		);
		if ( $objection ) {
			self::revoke( $wp_user->ID );
		} elseif ( $now->meta( Revocations::PENDING ) || ! $now->meta( self::ISSUED ) ) {
			// Revoked meanwhile, for whatever reason: this token too, or it is about to be.
			$objection = self::ended();
		}
		return $objection;
	}

	/**
	 * The failure of a request during which the person's tokens were revoked, but not the session.
	 */
	public static function ended(): WP_Error {
		return self::error( 'tokens_revoked', 409 );
	}

	/**
	 * The failure of a person who is nobody at Box, and the way out where they can help themselves.
	 *
	 * @param WP_User $wp_user The WordPress user.
	 */
	private static function no_account( WP_User $wp_user ): WP_Error {
		$data = array( 'status' => 404 );
		if ( People::assigned( $wp_user->ID ) || ! Address_Link::is_of_use( $wp_user->ID ) ) {
			return new WP_Error( 'user_not_found', Sidecar::sentence( 'user_not_found' ), $data );
		}
		$data['profile'] = self_admin_url( 'profile.php#' . Profile::ANCHOR );
		$data['fix']     = Profile::proof( $wp_user->ID ) . ' ' . __( 'Confirm it on the person’s profile page or under Users → Addresses for Box.', 'widgets-for-box' );
		return new WP_Error( 'user_not_found', __( 'Your Box files can’t be shown yet, because your e-mail address is not confirmed. You can confirm it on your profile page.', 'widgets-for-box' ), $data );
	}

	/**
	 * A failure that is over in a moment.
	 *
	 * @param string $code   A code of the sidecar's.
	 * @param int    $status HTTP status.
	 */
	private static function error( string $code, int $status ): WP_Error {
		return new WP_Error(
			$code,
			Sidecar::sentence( $code ),
			array(
				'status'      => $status,
				'retry_after' => 1,
			)
		);
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
	 * @param array<int, mixed>     $known   What is remembered already.
	 * @return bool Whether anything was written.
	 */
	private static function remember( int $user_id, array $user, int $life, array $known ): bool {
		$until  = time() + $life;
		$before = null;
		foreach ( $known as $issued ) {
			if ( ! is_array( $issued ) || ! isset( $issued['until'] ) || ( $issued['user'] ?? null ) !== $user ) {
				Revocations::add_former( $user_id, (array) $issued );
			} elseif ( $issued['until'] >= $until ) {
				return false;
			} else {
				$before = $issued;
			}
		}
		$issued = array(
			'user'  => $user,
			'until' => $until + HOUR_IN_SECONDS,
		);
		// The row may have been renamed meanwhile; then there is to be another.
		if ( null === $before || ! update_user_meta( $user_id, self::ISSUED, wp_slash( $issued ), $before ) ) {
			add_user_meta( $user_id, self::ISSUED, wp_slash( $issued ) );
		}
		return true;
	}

	/**
	 * Ends the tokens of a person, at the end of this request.
	 *
	 * @internal Callback of several actions, too.
	 *
	 * @param int $user_id The WordPress user.
	 * @return void
	 */
	public static function revoke( $user_id ) {
		try {
			Revocations::add( (int) $user_id );
		} catch ( Throwable $error ) {
			// No log-out, no deletion and no change of a password may fail for what we do about it.
			unset( $error );
		}
	}

	/**
	 * Notes which sessions there are before they change.
	 *
	 * @internal Callback of `update_user_meta`.
	 *
	 * @param int|int[] $meta_id Unused.
	 * @param int       $user_id The WordPress user; 0 if it is everybody's.
	 * @param string    $key     Name of the user meta.
	 * @return void
	 */
	public static function meta_changes( $meta_id, $user_id, $key ) {
		if ( 'session_tokens' === $key && $user_id ) {
			self::$sessions[ $user_id ] = get_user_meta( $user_id, $key, true );
		}
	}

	/**
	 * The same for what is deleted; and that tokens were issued is not forgotten with the person.
	 *
	 * @internal Callback of `delete_user_meta`.
	 *
	 * @param int[]  $meta_ids Unused.
	 * @param int    $user_id  The WordPress user; 0 if it is everybody's.
	 * @param string $key      Name of the user meta.
	 * @param mixed  $value    Its value, if it was named or the whole user is deleted.
	 * @return void
	 */
	public static function meta_goes( $meta_ids, $user_id, $key, $value ) {
		self::meta_changes( 0, $user_id, $key );
		if ( in_array( $key, array( self::ISSUED, Revocations::PENDING ), true ) && $user_id ) {
			try {
				array_map( array( Revocations::class, 'keep' ), is_array( $value ) ? array( $value ) : get_user_meta( $user_id, $key ) );
			} catch ( Throwable $error ) {
				unset( $error ); // No more than a revocation itself may.
			}
		}
	}

	/**
	 * Ends the tokens of a person one of whose sessions was ended before its time, or whose rights have changed.
	 *
	 * @internal Callback of `updated_user_meta`.
	 *
	 * @param int|int[] $meta_id Unused.
	 * @param int       $user_id The WordPress user.
	 * @param string    $key     Name of the user meta.
	 * @param mixed     $value   Its new value.
	 * @return void
	 */
	public static function meta_changed( $meta_id, $user_id, $key, $value ) {
		if ( preg_match( '/^' . preg_quote( $GLOBALS['wpdb']->base_prefix, '/' ) . '(\d+_)?capabilities$/', $key ) ) {
			self::revoke( $user_id );
		} elseif ( 'session_tokens' === $key ) {
			$before = self::$sessions[ $user_id ] ?? array();
			$ended  = array_diff_key( is_array( $before ) ? $before : array(), is_array( $value ) ? $value : array() );
			foreach ( $ended as $session ) {
				if ( ( $session['expiration'] ?? 0 ) > time() ) {
					self::revoke( $user_id );
					break;
				}
			}
		}
	}

	/**
	 * The same for what was deleted, for one person or for everybody.
	 *
	 * @internal Callback of `deleted_user_meta`.
	 *
	 * @param int[]  $meta_ids Unused.
	 * @param int    $user_id  The WordPress user; 0 if it was everybody's.
	 * @param string $key      Name of the user meta.
	 * @return void
	 */
	public static function meta_gone( $meta_ids, $user_id, $key ) {
		if ( $user_id ) {
			self::meta_changed( 0, $user_id, $key, array() );
		} elseif ( 'session_tokens' === $key ) {
			try {
				Revocations::add_everybody();
			} catch ( Throwable $error ) {
				unset( $error ); // No more than a revocation itself may.
			}
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
