<?php
/**
 * Which Box user a WordPress user is.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

use WP_User;

defined( 'ABSPATH' ) || exit;

/**
 * The mapping of people. It rests on what an administrator decided or was proved, never on what a browser
 * says.
 *
 * @since 0.1.0
 */
final class People {

	/**
	 * User meta, sealed: the Box user that an administrator assigned, under `user`.
	 */
	const ASSIGNED = '_widgets_for_box_account';

	/**
	 * Option (of the network, where there is one): tells this site's app users from another's. The key,
	 * and the address of the site for which it was made.
	 */
	const SITE_KEY = 'widgets_for_box_site_key';

	/**
	 * The Box user of a WordPress user.
	 *
	 * @since 0.1.0
	 *
	 * @param WP_User $wp_user The WordPress user.
	 * @return array<string, string>|null One key: `login`, `id` or `external_app_user_id`; null if there is none.
	 */
	public static function box_user( WP_User $wp_user ): ?array {
		/**
		 * Filters the Box user that a WordPress user is taken for. The result decides whose files are
		 * shown: base it on nothing that the person can change. It has the last word, also for people whose
		 * address is not proved or whose data was erased.
		 *
		 * @param array   $user    `array( 'login' => … )`, `array( 'id' => … )` or `array( 'external_app_user_id' => … )`;
		 *                         an empty array if the person is to have no Box.
		 * @param WP_User $wp_user The WordPress user.
		 */
		$user = apply_filters( 'widgets_for_box_user', self::by_settings( $wp_user ), $wp_user );
		return self::is_box_user( $user ) ? $user : null;
	}

	/**
	 * The Box user by assignment or by the site's rule.
	 *
	 * @param WP_User $wp_user The WordPress user.
	 * @return array<string, string> Empty if there is none.
	 */
	private static function by_settings( WP_User $wp_user ): array {
		$assigned = self::assigned( $wp_user->ID );
		if ( $assigned ) {
			return $assigned;
		}
		if ( Addresses::is_erased( $wp_user->ID ) ) {
			return array();
		}
		switch ( Settings::get( 'account' ) ) {
			case 'email':
				$login = Addresses::login( $wp_user );
				return '' !== $login ? array( 'login' => $login ) : array();
			case 'app_user':
				$key = self::site_key();
				return '' !== $key ? array( 'external_app_user_id' => $key . '-' . $wp_user->ID ) : array();
			default:
				return array();
		}
	}

	/**
	 * The Box user that an administrator assigned to a person.
	 *
	 * @since 0.1.0
	 *
	 * @param int $user_id The WordPress user.
	 * @return array<string, string> Empty if there is none.
	 */
	public static function assigned( int $user_id ): array {
		$user = Sealed_Meta::get( $user_id, self::ASSIGNED )['user'] ?? null;
		return self::is_box_user( $user ) ? $user : array();
	}

	/**
	 * Assigns a Box user to a person.
	 *
	 * @since 0.1.0
	 *
	 * @param int                   $user_id The WordPress user.
	 * @param array<string, string> $user    The Box user; empty for none.
	 */
	public static function assign( int $user_id, array $user ): void {
		if ( self::assigned( $user_id ) === $user ) {
			return;
		}
		Tokens::revoke( $user_id );
		if ( self::is_box_user( $user ) ) {
			Sealed_Meta::set( $user_id, self::ASSIGNED, array( 'user' => $user ) );
		} else {
			delete_user_meta( $user_id, self::ASSIGNED );
		}
	}

	/**
	 * Whether a value names exactly one Box user.
	 *
	 * @since 0.1.0
	 *
	 * @param mixed $user Anything.
	 */
	public static function is_box_user( $user ): bool {
		return is_array( $user ) && 1 === count( $user )
			&& in_array( key( $user ), array( 'login', 'id', 'external_app_user_id' ), true )
			&& is_string( current( $user ) ) && '' !== current( $user );
	}

	/**
	 * The prefix of this installation's app users: two sites that share a Box app have different people
	 * with the same ids.
	 *
	 * @return string Empty on a site that is not where the key was made, until an administrator says
	 *                whether it was moved or copied: a copy's people must not share files with the original's.
	 */
	private static function site_key(): string {
		$stored = Settings::kept( self::SITE_KEY );
		if ( ! is_array( $stored ) ) {
			add_site_option( self::SITE_KEY, self::new_site_key() );
			$stored = Settings::kept( self::SITE_KEY );
		}
		return self::home() === $stored['home'] ? $stored['key'] : '';
	}

	/**
	 * A key for the site as it is now.
	 *
	 * @return array{key: string, home: string}
	 */
	private static function new_site_key(): array {
		return array(
			'key'  => 'wordpress-' . bin2hex( random_bytes( 8 ) ),
			'home' => self::home(),
		);
	}

	/**
	 * The site's address, whatever its scheme; the network's, where there is one.
	 *
	 * @since 0.1.0
	 */
	public static function home(): string {
		$home = is_multisite() ? '//' . get_network()->domain . get_network()->path : (string) get_option( 'home' );
		return strtolower( untrailingslashit( (string) preg_replace( '#^[a-z]*://|^//#i', '', $home ) ) );
	}

	/**
	 * Where the app users of this database belong, if that is elsewhere.
	 *
	 * @since 0.1.0
	 *
	 * @return string The other address; empty if all is well.
	 */
	public static function foreign_home(): string {
		$stored = Settings::kept( self::SITE_KEY );
		return is_array( $stored ) && self::home() !== $stored['home'] ? $stored['home'] : '';
	}

	/**
	 * Decides for a site at another address than before.
	 *
	 * @since 0.1.0
	 *
	 * @param bool $moved Whether it is the same site, which keeps its app users; else it is a copy and gets
	 *                    new ones.
	 */
	public static function settle( bool $moved ): void {
		$stored = Settings::kept( self::SITE_KEY );
		$key    = self::new_site_key();
		if ( $moved && is_array( $stored ) ) {
			$key['key'] = $stored['key'];
		}
		update_site_option( self::SITE_KEY, $key );
	}

	/**
	 * Looks at a saved profile: a new password ends the tokens.
	 *
	 * @internal Callback of `profile_update`.
	 * @since 0.1.0
	 *
	 * @param int     $user_id The WordPress user.
	 * @param WP_User $before  Their data before.
	 */
	public static function profile_updated( $user_id, $before ): void {
		$wp_user = get_userdata( $user_id );
		if ( $wp_user && $wp_user->user_pass !== $before->user_pass ) {
			Tokens::revoke( $user_id );
		}
	}
}
