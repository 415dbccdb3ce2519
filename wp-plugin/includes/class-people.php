<?php
/**
 * Which Box user a WordPress user is.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

use WP_Error;
use WP_User;

defined( 'ABSPATH' ) || exit;

/**
 * The mapping of people. It rests on what an administrator decides or a person has proved, never on
 * what a browser says.
 */
final class People {

	/**
	 * Hooks.
	 *
	 * @return void
	 */
	public static function register() {
	}

	/**
	 * The Box user of a WordPress user.
	 *
	 * @param WP_User $wp_user The WordPress user.
	 * @return array<string, string>|null One key: `login`, `id` or `external_app_user_id`; null if there is none.
	 */
	public static function box_user( WP_User $wp_user ): ?array {
		/**
		 * Filters the Box user that a WordPress user is taken for. The result decides whose files are
		 * shown: base it on nothing that the person can change.
		 *
		 * @param array   $user    `array( 'login' => … )`, `array( 'id' => … )` or `array( 'external_app_user_id' => … )`;
		 *                         an empty array if the person is to have no Box.
		 * @param WP_User $wp_user The WordPress user.
		 */
		$user = apply_filters( 'widgets_for_box_user', array( 'login' => $wp_user->user_email ), $wp_user );
		if ( ! is_array( $user ) || 1 !== count( $user ) ) {
			return null;
		}
		$key   = key( $user );
		$value = current( $user );
		if ( ! in_array( $key, array( 'login', 'id', 'external_app_user_id' ), true ) || ! is_string( $value ) || '' === $value ) {
			return null;
		}
		return $user;
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
		$user = self::box_user( $wp_user );
		if ( null === $user ) {
			return new WP_Error( 'user_not_found', Sidecar::sentence( 'user_not_found' ), array( 'status' => 404 ) );
		}
		return ( new Sidecar() )->token( $user, $element, $scopes, $id );
	}
}
