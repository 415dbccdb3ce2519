<?php
/**
 * Who of the site's people is found at Box.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

use WP_User;

defined( 'ABSPATH' ) || exit;

/**
 * What was found out about each person, remembered for administrators to look at. It is a display and nothing else: who
 * somebody is at Box is decided anew for each token, and never by this.
 *
 * One line of user meta a person and site, `epoch:when:state:about`. The epoch stands for the settings by which it was
 * found; with other settings it counts as not looked up. `about` stands for the Box user that was looked up: a person
 * who is another by now was not looked up either. So nothing stale is shown, whatever the change and whoever made it.
 *
 * @since 0.1.0
 */
final class Coverage {

	/**
	 * User meta; in a network the site's number follows.
	 */
	const META = '_widgets_for_box_found';

	/**
	 * States that need no look-up: the site itself knows.
	 */
	const UNCONFIRMED = 'unconfirmed';
	const NOBODY      = 'nobody';
	const NO_ACCESS   = 'no_access';

	/**
	 * States that Box or the sidecar told.
	 */
	const MATCHED    = 'matched';
	const NO_ACCOUNT = 'no_account';
	const AMBIGUOUS  = 'ambiguous';
	const INACTIVE   = 'inactive';
	const ROLE       = 'role';
	const DENIED     = 'denied';
	const FAILED     = 'failed';
	const FIRST_USE  = 'first_use';

	/**
	 * Nothing is remembered.
	 */
	const UNKNOWN = 'unknown';

	/**
	 * All of them, in the order in which they are shown.
	 */
	const STATES = array( self::MATCHED, self::FIRST_USE, self::NO_ACCOUNT, self::AMBIGUOUS, self::INACTIVE, self::ROLE, self::DENIED, self::UNCONFIRMED, self::NOBODY, self::NO_ACCESS, self::FAILED, self::UNKNOWN );

	/**
	 * Seconds after which somebody is looked up again, found or not, for Box's calls are counted: an administrator who has
	 * mended something asks sooner. What the site itself knows costs nothing.
	 */
	const LIFE     = MONTH_IN_SECONDS;
	const LIFE_OWN = 3 * DAY_IN_SECONDS;

	/**
	 * A state as people read it.
	 *
	 * @since 0.1.0
	 *
	 * @param string $state One of STATES.
	 */
	public static function label( string $state ): string {
		$labels = array(
			self::MATCHED     => __( 'Matched', 'widgets-for-box' ),
			self::FIRST_USE   => __( 'Box app user, made on first use', 'widgets-for-box' ),
			self::NO_ACCOUNT  => __( 'No Box account', 'widgets-for-box' ),
			self::AMBIGUOUS   => __( 'Ambiguous: several Box accounts', 'widgets-for-box' ),
			self::INACTIVE    => __( 'Box account not active', 'widgets-for-box' ),
			self::ROLE        => __( 'Administers Box', 'widgets-for-box' ),
			self::DENIED      => __( 'Refused by the sidecar’s policy', 'widgets-for-box' ),
			self::UNCONFIRMED => __( 'Address not confirmed', 'widgets-for-box' ),
			self::NOBODY      => __( 'No Box user by the settings', 'widgets-for-box' ),
			self::NO_ACCESS   => __( 'Role may not use Box', 'widgets-for-box' ),
			self::FAILED      => __( 'Look-up failed', 'widgets-for-box' ),
			self::UNKNOWN     => __( 'Not looked up yet', 'widgets-for-box' ),
		);
		return $labels[ $state ] ?? $labels[ self::UNKNOWN ];
	}

	/**
	 * Name of the user meta on this site.
	 *
	 * @since 0.1.0
	 */
	public static function key(): string {
		return self::META . ( is_multisite() ? '_' . get_current_blog_id() : '' );
	}

	/**
	 * What is known about a person now.
	 *
	 * @since 0.1.0
	 *
	 * @param WP_User $wp_user The person.
	 * @return array{state: string, when: int} `when` in Unix time; 0 where nothing was looked up.
	 */
	public static function of( WP_User $wp_user ): array {
		$user = People::box_user( $wp_user );
		$own  = self::without_asking( $wp_user, $user );
		$kept = '' === $own ? self::kept( $wp_user->ID, $user ) : null;
		return array(
			'state' => '' !== $own ? $own : $kept['state'] ?? self::UNKNOWN,
			'when'  => $kept['when'] ?? 0,
		);
	}

	/**
	 * The state of a person about whom Box need not be asked.
	 *
	 * @since 0.1.0
	 *
	 * @param WP_User                    $wp_user The person.
	 * @param array<string, string>|null $user    Who they are at Box.
	 * @return string Empty for everybody else.
	 */
	public static function without_asking( WP_User $wp_user, ?array $user ): string {
		if ( ! user_can( $wp_user, Permissions::CAPABILITY ) ) {
			return self::NO_ACCESS;
		}
		if ( null !== $user ) {
			return '';
		}
		$may_prove = 'email' === Settings::get( 'account' ) && ! Settings::directory() && ! Addresses::is_erased( $wp_user->ID );
		return $may_prove ? self::UNCONFIRMED : self::NOBODY;
	}

	/**
	 * What Box told about a person, while it is about the Box user that they still are.
	 *
	 * @since 0.1.0
	 *
	 * @param int                        $user_id The person.
	 * @param array<string, string>|null $user    Who they are at Box.
	 * @return array{state: string, when: int}|null
	 */
	public static function kept( int $user_id, ?array $user ): ?array {
		$stored = get_user_meta( $user_id, self::key(), true );
		$parts  = is_string( $stored ) ? explode( ':', $stored ) : array();
		if ( 4 !== count( $parts ) || null === $user || self::about( $user ) !== $parts[3] || ! in_array( $parts[2], self::STATES, true ) ) {
			return null;
		}
		return array(
			'state' => $parts[2],
			'when'  => (int) $parts[1],
		);
	}

	/**
	 * Remembers what was found out.
	 *
	 * @since 0.1.0
	 *
	 * @param int                        $user_id The person.
	 * @param array<string, string>|null $user    Who was looked up; null if nobody had to be.
	 * @param string                     $state   One of STATES.
	 * @param int                        $when    Unix time.
	 */
	public static function remember( int $user_id, ?array $user, string $state, int $when ): void {
		update_user_meta( $user_id, self::key(), implode( ':', array( self::epoch(), $when, $state, self::about( $user ?? array() ) ) ) );
	}

	/**
	 * Forgets a person on this site.
	 *
	 * @since 0.1.0
	 *
	 * @param int $user_id The person.
	 */
	public static function forget( int $user_id ): void {
		delete_user_meta( $user_id, self::key() );
	}

	/**
	 * Forgets a person on all sites.
	 *
	 * @since 0.1.0
	 *
	 * @param int $user_id The person.
	 */
	public static function forget_everywhere( int $user_id ): void {
		foreach ( array_keys( self::stored( $user_id ) ) as $key ) {
			delete_user_meta( $user_id, $key );
		}
	}

	/**
	 * What is stored about a person on all sites, whether or not it still counts.
	 *
	 * @since 0.1.0
	 *
	 * @param int $user_id The person.
	 * @return array<string, string[]> Lines by meta key.
	 */
	public static function stored( int $user_id ): array {
		$stored = array();
		foreach ( (array) get_user_meta( $user_id ) as $key => $lines ) {
			if ( preg_match( '/^' . self::META . '(_\d+)?$/D', (string) $key ) ) {
				$stored[ $key ] = array_filter( (array) $lines, 'is_string' );
			}
		}
		return $stored;
	}

	/**
	 * Forgets somebody whose address, proof, Box user or roles have changed.
	 *
	 * @internal Callback of `added_user_meta`, `updated_user_meta` and `deleted_user_meta`.
	 * @since 0.1.0
	 *
	 * @param mixed  $ids     Ids of the rows.
	 * @param int    $user_id Whose they are.
	 * @param string $key     The meta key.
	 */
	public static function meta_changed( $ids, $user_id, $key ): void {
		if ( Addresses::MARK === $key || People::ASSIGNED === $key || $GLOBALS['wpdb']->get_blog_prefix() . 'capabilities' === $key ) {
			self::forget_everywhere( (int) $user_id );
		}
	}

	/**
	 * The same where a directory answers for the addresses.
	 *
	 * @internal Callback of `profile_update`.
	 * @since 0.1.0
	 *
	 * @param int     $user_id The person.
	 * @param WP_User $before  Their data before.
	 */
	public static function profile_updated( $user_id, $before ): void {
		if ( Addresses::present( (int) $user_id ) !== (string) $before->user_email ) {
			self::forget_everywhere( (int) $user_id );
		}
	}

	/**
	 * Stands for the settings that decide who somebody is, and for the sidecar that was asked.
	 *
	 * @since 0.1.0
	 */
	public static function epoch(): string {
		$setup = Settings::kept( Address_Book::SETUP );
		$rules = array( Settings::get( 'account' ), Settings::directory(), Settings::get( 'roles' ), is_array( $setup ) ? $setup['when'] ?? 0 : 0, People::home() );
		return substr( hash( 'sha256', (string) wp_json_encode( $rules ) ), 0, 8 );
	}

	/**
	 * Stands for a Box user and the sidecar that is asked about them.
	 *
	 * @param array<string, string> $user The Box user.
	 */
	private static function about( array $user ): string {
		return substr( hash( 'sha256', (string) wp_json_encode( array( Settings::get( 'socket' ), $user ) ) ), 0, 16 );
	}
}
