<?php
/**
 * The addresses of all accounts.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

defined( 'ABSPATH' ) || exit;

/**
 * What was recorded of all accounts when the plugin was set up, and whose address is not proved.
 *
 * @since 0.1.0
 */
final class Address_Book {

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
	 * Records the addresses of all accounts as they are at the set-up: once, and only for somebody who may
	 * decide who is who, or who runs the server (WP-CLI).
	 *
	 * @since 0.1.0
	 *
	 * @param bool $all Whether to take them for proved; else it is on record that none was.
	 */
	public static function record_setup( bool $all = true ): void {
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
	 *
	 * @since 0.1.0
	 */
	public static function awaits_setup(): bool {
		return 'email' === Settings::get( 'account' ) && ! Settings::directory() && ! Settings::kept( self::SETUP );
	}

	/**
	 * Records the addresses of the accounts of which nothing is on record.
	 *
	 * @param iterable<array<int, array{email: string, stored: ?string}>> $batches As batches() returns them.
	 */
	private static function record_batches( iterable $batches ): void {
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
					$marks[ $id ] = Sealed_Meta::seal( $id, Addresses::MARK, Addresses::record( $person['email'], Addresses::BASELINE ) );
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
	 */
	private static function insert( array $marks ): void {
		$wpdb = $GLOBALS['wpdb'];
		if ( ! $marks ) {
			return;
		}
		$values = array();
		foreach ( $marks as $id => $mark ) {
			array_push( $values, $id, Addresses::MARK, maybe_serialize( $mark ) );
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
	 * @since 0.1.0
	 *
	 * @param int $after Ids up to this one are left out.
	 * @param int $limit How many to return at most.
	 * @return array<int, array{email: string, mark: array<string, mixed>}> By id.
	 */
	public static function unproved( int $after = 0, int $limit = PHP_INT_MAX ): array {
		$found = array();
		foreach ( self::batches( $after ) as $people ) {
			foreach ( $people as $id => $person ) {
				$mark = Sealed_Meta::open( $id, Addresses::MARK, maybe_unserialize( $person['stored'] ) );
				if ( Addresses::proves( $mark, $person['email'] ) ) {
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
			$rows   = $wpdb->get_results( $wpdb->prepare( "SELECT u.ID, u.user_email, m.meta_value FROM $wpdb->users u LEFT JOIN $wpdb->usermeta m ON m.user_id = u.ID AND m.meta_key = %s WHERE u.ID > %d ORDER BY u.ID, m.umeta_id LIMIT %d", Addresses::MARK, $after, self::BATCH ) );
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
