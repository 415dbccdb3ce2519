<?php
/**
 * Which e-mail addresses are proved.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

use WP_User;

defined( 'ABSPATH' ) || exit;

/**
 * An account's address counts for Box only while it is the one that was proved to be this person's: when
 * the plugin was set up, by a link that was sent to it, or by an administrator. Each proof is recorded.
 * What is not recorded is not proved, whoever wrote the address: the person, a registration form, a
 * program, or the database.
 *
 * Users and their addresses are a network's where there is one, and so are the proofs.
 */
final class Addresses {

	/**
	 * User meta, sealed: the address that was proved, how (BASELINE, LINK, ADMINISTRATOR, or ERASED for
	 * none), when, and by which administrator.
	 */
	const MARK = '_widgets_for_box_address';

	const BASELINE      = 'baseline';
	const LINK          = 'link';
	const ADMINISTRATOR = 'administrator';
	const ERASED        = 'erased';

	/**
	 * Option (of the network, where there is one): when the addresses of the set-up were recorded, by
	 * whom, and how many.
	 */
	const SETUP = 'widgets_for_box_baseline';

	/**
	 * User meta of versions before the first release, which trusted what could be written by others; UNCONFIRMED
	 * marked those whose present address was not confirmed.
	 */
	const LEFTOVERS   = array( 'widgets_for_box_account', self::UNCONFIRMED, 'widgets_for_box_email_key', 'widgets_for_box_issued' );
	const UNCONFIRMED = 'widgets_for_box_confirmed_email';

	/**
	 * How many users are read at once.
	 */
	const BATCH = 500;

	/**
	 * An address whatever its letter case, as the sidecar compares them: only letters that are each
	 * other's upper and lower case are the same.
	 *
	 * @param string $address An address.
	 */
	public static function fold( string $address ): string {
		if ( ! preg_match( '/[^\x00-\x7f]/', $address ) ) {
			return strtolower( $address );
		}
		$letters = preg_split( '//u', $address, -1, PREG_SPLIT_NO_EMPTY );
		if ( ! $letters || ! function_exists( 'mb_strtolower' ) ) {
			return $address;
		}
		$fold = static function ( $letter ) {
			$lower = mb_strtolower( $letter, 'UTF-8' );
			return mb_strtoupper( $lower, 'UTF-8' ) === $letter ? $lower : $letter;
		};
		return implode( '', array_map( $fold, $letters ) );
	}

	/**
	 * The address that a person is found by at Box.
	 *
	 * @param WP_User $wp_user The WordPress user; their address is taken as it is there, and not as it is
	 *                         prepared for a form.
	 * @return string Empty if the address does not count.
	 */
	public static function login( WP_User $wp_user ): string {
		$address = (string) ( $wp_user->data->user_email ?? '' );
		$counts  = Settings::directory() || self::proves( self::mark( $wp_user->ID ), $address );
		return $counts && ! self::is_erased( $wp_user->ID ) ? $address : '';
	}

	/**
	 * The address in a person's account at present.
	 *
	 * @param int $user_id The WordPress user.
	 */
	public static function present( int $user_id ): string {
		$wp_user = get_userdata( $user_id );
		return $wp_user ? (string) $wp_user->data->user_email : '';
	}

	/**
	 * Whether the address in a person's account is the one that was proved.
	 *
	 * @param int $user_id The WordPress user.
	 */
	public static function is_proved( int $user_id ): bool {
		return self::proves( self::mark( $user_id ), self::present( $user_id ) );
	}

	/**
	 * Whether a mark proves an address.
	 *
	 * @param array<string, mixed> $mark    As mark() returns it.
	 * @param string               $address An address.
	 */
	private static function proves( array $mark, string $address ): bool {
		return $mark && self::ERASED !== $mark['how'] && '' !== $address && self::fold( $mark['email'] ) === self::fold( $address );
	}

	/**
	 * What is recorded about a person's address.
	 *
	 * @param int $user_id The WordPress user.
	 * @return array{email?: string, how?: string, when?: int, by?: int} Empty if nothing was ever proved.
	 */
	public static function mark( int $user_id ): array {
		return Sealed_Meta::get( $user_id, self::MARK );
	}

	/**
	 * Whether a person's data was erased and no administrator has decided since. No seal is asked for what
	 * takes rights away.
	 *
	 * @param int $user_id The WordPress user.
	 */
	public static function is_erased( int $user_id ): bool {
		$mark = get_user_meta( $user_id, self::MARK, true );
		return is_array( $mark ) && self::ERASED === ( $mark['how'] ?? '' );
	}

	/**
	 * Records that an address was proved to be a person's.
	 *
	 * @param int    $user_id The WordPress user.
	 * @param string $address The address that was proved.
	 * @param string $how     LINK or ADMINISTRATOR.
	 * @return bool Whether the account's present address is proved now: not if it has become another
	 *              meanwhile, or if only an administrator may decide.
	 */
	public static function prove( int $user_id, string $address, string $how ): bool {
		$present = self::present( $user_id );
		if ( '' === $present || self::fold( $present ) !== self::fold( $address ) ) {
			return false;
		}
		if ( self::is_proved( $user_id ) ) {
			return true;
		}
		if ( self::is_erased( $user_id ) && self::ADMINISTRATOR !== $how ) {
			return false;
		}
		Sealed_Meta::set( $user_id, self::MARK, self::record( $present, $how ) );
		Tokens::revoke( $user_id );
		return true;
	}

	/**
	 * Records that a person has no Box until an administrator decides otherwise.
	 *
	 * @param int $user_id The WordPress user.
	 * @return void
	 */
	public static function erase( int $user_id ) {
		Sealed_Meta::set( $user_id, self::MARK, self::record( '', self::ERASED ) );
	}

	/**
	 * A mark.
	 *
	 * @param string $address The address.
	 * @param string $how     How it was proved.
	 * @return array{email: string, how: string, when: int, by: int}
	 */
	private static function record( string $address, string $how ): array {
		return array(
			'email' => $address,
			'how'   => $how,
			'when'  => time(),
			'by'    => self::ADMINISTRATOR === $how ? get_current_user_id() : 0,
		);
	}

	/**
	 * Looks at a changed address: it ends the tokens, and it is proved by the link that WordPress sent to
	 * it, or has to be proved by one of ours.
	 *
	 * Somebody who goes back to the address that they had proved needs no new proof. If others gave them
	 * another address, the former one is theirs no more.
	 *
	 * @internal Callback of `profile_update`.
	 *
	 * @param int     $user_id The WordPress user.
	 * @param WP_User $before  Their data before.
	 * @return void
	 */
	public static function profile_updated( $user_id, $before ) {
		$user_id = (int) $user_id;
		$address = self::present( $user_id );
		if ( self::fold( $address ) === self::fold( (string) $before->user_email ) ) {
			return;
		}
		Tokens::revoke( $user_id );
		if ( Address_Link::take_that_of_wordpress( $user_id, $address ) ) {
			Address_Link::ask_after_that_of_wordpress( $user_id, $address );
		} elseif ( get_current_user_id() === $user_id ) {
			Address_Link::send( $user_id );
		} elseif ( ! self::is_erased( $user_id ) ) {
			delete_user_meta( $user_id, self::MARK );
		}
	}

	/**
	 * An administrator who makes an account answers for the address that they typed.
	 *
	 * @internal Callback of `edit_user_created_user` and `network_user_new_created_user`, which fire for
	 * WordPress's own forms and not for whatever else makes users.
	 *
	 * @param int $user_id The WordPress user.
	 * @return void
	 */
	public static function made_by_administrator( $user_id ) {
		if ( Profile::may_assign() ) {
			self::prove( (int) $user_id, self::present( (int) $user_id ), self::ADMINISTRATOR );
		}
	}

	/**
	 * The same for an account that an administrator makes over WordPress's own REST route. A change over
	 * it proves nothing: clients send back whole users, with an address that nobody looked at.
	 *
	 * @internal Callback of `rest_after_insert_user`.
	 *
	 * @param WP_User          $wp_user  The WordPress user.
	 * @param \WP_REST_Request $request  The request.
	 * @param bool             $creating Whether the account is new.
	 * @return void
	 */
	public static function made_over_rest( $wp_user, $request, $creating ) {
		if ( $creating ) {
			self::made_by_administrator( $wp_user->ID );
		}
	}

	/**
	 * The same for an account that a network's administrator makes on a site without a confirmation. An
	 * activation by the link of a sign-up proves nothing: its key is in the database for whoever looks after
	 * sign-ups, and several plugins show it.
	 *
	 * @internal Callback of `wpmu_activate_user`.
	 *
	 * @param int $user_id The WordPress user.
	 * @return void
	 */
	public static function made_on_site_of_network( $user_id ) {
		if ( did_action( 'load-user-new.php' ) ) {
			self::made_by_administrator( $user_id );
		}
	}

	/**
	 * Records the addresses of all accounts as they are at the set-up: once, and only for somebody who may
	 * decide who is who, or who runs the server (WP-CLI).
	 *
	 * @param bool $all Whether to take them for proved; else it is on record that none was.
	 * @return void
	 */
	public static function record_setup( bool $all = true ) {
		if ( ! Settings::kept( self::SETUP ) ) {
			if ( ! Profile::may_assign() && 0 !== get_current_user_id() ) {
				return;
			}
			self::record_batches( $all ? self::batches() : array() );
		}
		foreach ( self::LEFTOVERS as $key ) {
			delete_metadata( 'user', 0, $key, '', true );
		}
	}

	/**
	 * Whether the addresses of the set-up are still to be recorded: the plugin was active before there were
	 * proofs, or somebody activated it who may not decide who is who.
	 */
	public static function awaits_setup(): bool {
		return 'email' === Settings::get( 'account' ) && ! Settings::directory() && ! Settings::kept( self::SETUP );
	}

	/**
	 * Records the addresses of the accounts of which nothing is on record.
	 *
	 * @param iterable<array<int, array{email: string, stored: ?string}>> $batches As batches() returns them.
	 * @return void
	 */
	private static function record_batches( iterable $batches ) {
		$setup = array(
			'when'  => time(),
			'by'    => get_current_user_id(),
			'count' => 0,
		);
		// First: what fails half-way is not done again with other addresses.
		update_site_option( self::SETUP, $setup );
		$unconfirmed = array_flip(
			get_users(
				array(
					'blog_id'  => 0,
					'meta_key' => self::UNCONFIRMED, // phpcs:ignore WordPress.DB.SlowDBQuery -- Once in the life of a site.
					'fields'   => 'ID',
				)
			)
		);
		foreach ( $batches as $people ) {
			$marks = array();
			foreach ( $people as $id => $person ) {
				if ( null === $person['stored'] && '' !== $person['email'] && ! isset( $unconfirmed[ $id ] ) ) {
					$marks[ $id ] = Sealed_Meta::seal( $id, self::MARK, self::record( $person['email'], self::BASELINE ) );
				}
			}
			self::insert( $marks );
			$setup['count'] += count( $marks );
		}
		update_site_option( self::SETUP, $setup );
	}

	/**
	 * Stores many marks at once.
	 *
	 * @param array<int, array<string, mixed>> $marks Sealed marks by user, who have none yet.
	 * @return void
	 */
	private static function insert( array $marks ) {
		$wpdb = $GLOBALS['wpdb'];
		if ( ! $marks ) {
			return;
		}
		$values = array();
		foreach ( $marks as $id => $mark ) {
			array_push( $values, $id, self::MARK, maybe_serialize( $mark ) );
		}
		$rows = implode( ', ', array_fill( 0, count( $marks ), '(%d, %s, %s)' ) );
		// phpcs:ignore WordPress.DB -- Thousands of users, and the caches are cleaned below.
		$wpdb->query( $wpdb->prepare( "INSERT INTO $wpdb->usermeta (user_id, meta_key, meta_value) VALUES $rows", $values ) );
		foreach ( array_keys( $marks ) as $id ) {
			wp_cache_delete( $id, 'user_meta' );
		}
	}

	/**
	 * Users whose present address is not proved, in the order of their ids.
	 *
	 * @param int $after Ids up to this one are left out.
	 * @param int $limit How many to return at most.
	 * @return array<int, array{email: string, mark: array<string, mixed>}> By id.
	 */
	public static function unproved( int $after = 0, int $limit = PHP_INT_MAX ): array {
		$found = array();
		foreach ( self::batches( $after ) as $people ) {
			foreach ( $people as $id => $person ) {
				$mark = Sealed_Meta::open( $id, self::MARK, maybe_unserialize( $person['stored'] ) );
				if ( self::proves( $mark, $person['email'] ) ) {
					continue;
				}
				$found[ $id ] = array(
					'email' => $person['email'],
					'mark'  => $mark,
				);
				if ( count( $found ) >= $limit ) {
					return $found;
				}
			}
		}
		return $found;
	}

	/**
	 * All users with their marks as they are stored.
	 *
	 * @param int $after Ids up to this one are left out.
	 * @return iterable<array<int, array{email: string, stored: ?string}>> By id.
	 */
	private static function batches( int $after = 0 ): iterable {
		$wpdb = $GLOBALS['wpdb'];
		do {
			// phpcs:ignore WordPress.DB.DirectDatabaseQuery -- No function reads users and one meta in one query.
			$rows   = $wpdb->get_results( $wpdb->prepare( "SELECT u.ID, u.user_email, m.meta_value FROM $wpdb->users u LEFT JOIN $wpdb->usermeta m ON m.user_id = u.ID AND m.meta_key = %s WHERE u.ID > %d ORDER BY u.ID, m.umeta_id LIMIT %d", self::MARK, $after, self::BATCH ) );
			$people = array();
			foreach ( $rows as $row ) {
				$after            = (int) $row->ID;
				$people[ $after ] = $people[ $after ] ?? array(
					'email'  => $row->user_email,
					'stored' => $row->meta_value,
				);
			}
			yield $people;
		} while ( count( $rows ) === self::BATCH );
	}
}
