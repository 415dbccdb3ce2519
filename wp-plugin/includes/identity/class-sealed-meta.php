<?php
/**
 * User meta that nobody but this plugin can write.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

defined( 'ABSPATH' ) || exit;

/**
 * What decides who somebody is at Box is stored with a seal over the key, the user and the value. A row
 * that an import, a profile plugin or a copy from another user put there has no seal that fits, and
 * counts as none.
 *
 * The seal's key is the installation's own and not one of its salts: those are changed to log everybody
 * out, which must not take Box from everybody. It is stored beside what it seals, so it stops those who
 * write user meta and not those who own the database: they can make themselves an administrator anyway.
 *
 * @since 0.1.0
 */
final class Sealed_Meta {

	/**
	 * Option (of the network, where there is one): the key of the seals.
	 */
	const KEY = 'widgets_for_box_seal';

	/**
	 * What is stored for a user.
	 *
	 * @since 0.1.0
	 *
	 * @param int    $user_id The WordPress user.
	 * @param string $name    The meta key.
	 * @return array<string, mixed> Empty if there is nothing, or its seal does not fit.
	 */
	public static function get( int $user_id, string $name ): array {
		return self::open( $user_id, $name, get_user_meta( $user_id, $name, true ) );
	}

	/**
	 * Stores a value for a user.
	 *
	 * @since 0.1.0
	 *
	 * @param int                  $user_id The WordPress user.
	 * @param string               $name    The meta key.
	 * @param array<string, mixed> $value   The value; scalars and arrays.
	 */
	public static function set( int $user_id, string $name, array $value ): void {
		update_user_meta( $user_id, $name, wp_slash( self::seal( $user_id, $name, $value ) ) );
	}

	/**
	 * A value with its seal, as it is stored.
	 *
	 * @since 0.1.0
	 *
	 * @param int                  $user_id The WordPress user.
	 * @param string               $name    The meta key.
	 * @param array<string, mixed> $value   The value.
	 * @return array<string, mixed>
	 */
	public static function seal( int $user_id, string $name, array $value ): array {
		$value['seal'] = hash_hmac( 'sha256', maybe_serialize( array( $name, $user_id, $value ) ), self::key() );
		return $value;
	}

	/**
	 * A stored value without its seal.
	 *
	 * @since 0.1.0
	 *
	 * @param int    $user_id The WordPress user.
	 * @param string $name    The meta key.
	 * @param mixed  $stored  What is stored.
	 * @return array<string, mixed> Empty if it is not sealed for this user and key.
	 */
	public static function open( int $user_id, string $name, $stored ): array {
		if ( ! is_array( $stored ) || ! is_string( $stored['seal'] ?? null ) ) {
			return array();
		}
		$seal = $stored['seal'];
		unset( $stored['seal'] );
		return hash_equals( self::seal( $user_id, $name, $stored )['seal'], $seal ) ? $stored : array();
	}

	/**
	 * The key of the seals, made when it is first asked for.
	 */
	private static function key(): string {
		$key = Settings::kept( self::KEY );
		if ( ! is_string( $key ) || '' === $key ) {
			add_site_option( self::KEY, bin2hex( random_bytes( 32 ) ) );
			$key = (string) Settings::kept( self::KEY );
		}
		return $key;
	}
}
