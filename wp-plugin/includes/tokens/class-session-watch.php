<?php
/**
 * What ends tokens.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

use Throwable;
use WP_User;

defined( 'ABSPATH' ) || exit;

/**
 * Ends the tokens of a person when a session, a password or rights of theirs end, by whatever way.
 *
 * All hooks come after the change that they tell of, but for those that note what there was before.
 *
 * @since 0.1.0
 */
final class Session_Watch {

	/**
	 * Sessions before they change, by user id.
	 *
	 * @var array<int, mixed>
	 */
	private static array $sessions = array();

	/**
	 * Notes which sessions there are before they change.
	 *
	 * @internal Callback of `update_user_meta`.
	 * @since 0.1.0
	 *
	 * @param int|int[] $meta_id Unused.
	 * @param int       $user_id The WordPress user; 0 if it is everybody's.
	 * @param string    $key     Name of the user meta.
	 */
	public static function meta_changes( $meta_id, $user_id, $key ): void {
		if ( 'session_tokens' === $key && $user_id ) {
			self::$sessions[ $user_id ] = get_user_meta( $user_id, $key, true );
		}
	}

	/**
	 * The same for what is deleted; and that tokens were issued is not forgotten with the person.
	 *
	 * @internal Callback of `delete_user_meta`.
	 * @since 0.1.0
	 *
	 * @param int[]  $meta_ids Unused.
	 * @param int    $user_id  The WordPress user; 0 if it is everybody's.
	 * @param string $key      Name of the user meta.
	 * @param mixed  $value    Its value, if it was named or the whole user is deleted.
	 */
	public static function meta_goes( $meta_ids, $user_id, $key, $value ): void {
		self::meta_changes( 0, $user_id, $key );
		if ( in_array( $key, array( Issued::META, Issued::PENDING, View_As::META ), true ) && $user_id ) {
			try {
				if ( View_As::META === $key ) {
					View_As::end( (int) $user_id );
					return;
				}
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
	 * @since 0.1.0
	 *
	 * @param int|int[] $meta_id Unused.
	 * @param int       $user_id The WordPress user.
	 * @param string    $key     Name of the user meta.
	 * @param mixed     $value   Its new value.
	 */
	public static function meta_changed( $meta_id, $user_id, $key, $value ): void {
		if ( preg_match( '/^' . preg_quote( $GLOBALS['wpdb']->base_prefix, '/' ) . '(\d+_)?capabilities$/', $key ) ) {
			Tokens::revoke( $user_id );
		} elseif ( 'session_tokens' === $key ) {
			$before = self::$sessions[ $user_id ] ?? array();
			$ended  = array_diff_key( is_array( $before ) ? $before : array(), is_array( $value ) ? $value : array() );
			foreach ( $ended as $session ) {
				if ( ( $session['expiration'] ?? 0 ) > time() ) {
					Tokens::revoke( $user_id );
					break;
				}
			}
		}
	}

	/**
	 * The same for what was deleted, for one person or for everybody.
	 *
	 * @internal Callback of `deleted_user_meta`.
	 * @since 0.1.0
	 *
	 * @param int[]  $meta_ids Unused.
	 * @param int    $user_id  The WordPress user; 0 if it was everybody's.
	 * @param string $key      Name of the user meta.
	 */
	public static function meta_gone( $meta_ids, $user_id, $key ): void {
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
	 * @since 0.1.0
	 *
	 * @param WP_User $wp_user The WordPress user.
	 */
	public static function password_changed( $wp_user ): void {
		Tokens::revoke( $wp_user->ID );
	}

	/**
	 * Ends the tokens of a person whose password was set by code.
	 *
	 * @internal Callback of `wp_set_password`, which exists from WordPress 6.2 on.
	 * @since 0.1.0
	 *
	 * @param string $password Unused.
	 * @param int    $user_id  The WordPress user.
	 */
	public static function password_set( $password, $user_id ): void {
		Tokens::revoke( $user_id );
	}
}
