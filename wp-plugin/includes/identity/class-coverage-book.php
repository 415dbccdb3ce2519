<?php
/**
 * What is known about all people together.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

defined( 'ABSPATH' ) || exit;

/**
 * Counts and lists what Coverage remembers, by the database: a site may have ten thousand people.
 *
 * @since 0.1.0
 */
final class Coverage_Book {

	/**
	 * How many people of this site are in each state.
	 *
	 * @since 0.1.0
	 *
	 * @return array<string, int> By each of Coverage::STATES.
	 */
	public static function counts(): array {
		$wpdb   = $GLOBALS['wpdb'];
		$counts = array_fill_keys( Coverage::STATES, 0 );
		$cases  = '';
		foreach ( Coverage::STATES as $state ) {
			$cases .= ', SUM( CASE WHEN ' . self::is_in( $state ) . " THEN 1 ELSE 0 END ) AS `$state`";
		}
		// phpcs:ignore WordPress.DB -- Prepared above; no function counts people by a meta.
		$found = (array) $wpdb->get_row( "SELECT 0 $cases FROM " . self::people(), ARRAY_A );
		foreach ( $counts as $state => $count ) {
			$counts[ $state ] = (int) ( $found[ $state ] ?? 0 );
		}
		return $counts;
	}

	/**
	 * Who is to be looked up, or looked up again.
	 *
	 * @since 0.1.0
	 *
	 * @param int $limit How many at most.
	 * @return int[] Ids, in their order.
	 */
	public static function due( int $limit ): array {
		$wpdb = $GLOBALS['wpdb'];
		// phpcs:ignore WordPress.DB -- Prepared there; no function finds people by the age of a meta.
		return array_map( 'intval', $wpdb->get_col( 'SELECT u.ID FROM ' . self::people() . ' WHERE ' . self::is_due() . $wpdb->prepare( ' ORDER BY u.ID LIMIT %d', $limit ) ) );
	}

	/**
	 * How many that are.
	 *
	 * @since 0.1.0
	 */
	public static function count_due(): int {
		// phpcs:ignore WordPress.DB -- As above.
		return (int) $GLOBALS['wpdb']->get_var( 'SELECT COUNT(*) FROM ' . self::people() . ' WHERE ' . self::is_due() );
	}

	/**
	 * People in a state, in the order of their ids.
	 *
	 * @since 0.1.0
	 *
	 * @param string $state One of Coverage::STATES; empty for all.
	 * @param int    $after Ids up to this one are left out.
	 * @param int    $limit How many at most.
	 * @return int[] Ids.
	 */
	public static function listed( string $state, int $after, int $limit ): array {
		$wpdb  = $GLOBALS['wpdb'];
		$where = '' === $state ? '' : ' AND ' . self::is_in( $state );
		// phpcs:ignore WordPress.DB -- As above.
		return array_map( 'intval', $wpdb->get_col( 'SELECT u.ID FROM ' . self::people() . $wpdb->prepare( ' WHERE u.ID > %d', $after ) . $where . $wpdb->prepare( ' ORDER BY u.ID LIMIT %d', $limit ) ) );
	}

	/**
	 * Forgets those who were not found, so that they are looked up again.
	 *
	 * @since 0.1.0
	 */
	public static function forget_unfound(): void {
		$wpdb = $GLOBALS['wpdb'];
		$rows = $wpdb->prepare( "FROM $wpdb->usermeta WHERE meta_key = %s AND meta_value NOT LIKE %s", Coverage::key(), self::pattern( Coverage::MATCHED ) );
		// phpcs:disable WordPress.DB -- Prepared above. Many at once: there may be thousands, and nobody listens to these rows.
		foreach ( array_chunk( array_map( 'intval', $wpdb->get_col( "SELECT DISTINCT user_id $rows" ) ), 1000 ) as $ids ) {
			$wpdb->query( "DELETE $rows AND user_id IN ( " . implode( ', ', $ids ) . ' )' );
			wp_cache_delete_multiple( $ids, 'user_meta' );
		}
		// phpcs:enable
	}

	/**
	 * The tables: this site's people and what is remembered about each.
	 */
	private static function people(): string {
		$wpdb    = $GLOBALS['wpdb'];
		$members = is_multisite() ? $wpdb->prepare( " INNER JOIN $wpdb->usermeta c ON c.user_id = u.ID AND c.meta_key = %s", $wpdb->get_blog_prefix() . 'capabilities' ) : '';
		return "$wpdb->users u" . $members . $wpdb->prepare( " LEFT JOIN $wpdb->usermeta m ON m.user_id = u.ID AND m.meta_key = %s", Coverage::key() );
	}

	/**
	 * The condition for who is due: a line of another epoch, or an old one. Lines of an epoch sort by their time.
	 */
	private static function is_due(): string {
		$epoch = Coverage::epoch();
		return 'NOT ' . self::is_erased() . $GLOBALS['wpdb']->prepare(
			' AND ( m.meta_value IS NULL OR m.meta_value NOT LIKE %s OR m.meta_value < %s OR ( m.meta_value < %s AND ( m.meta_value LIKE %s OR m.meta_value LIKE %s OR m.meta_value LIKE %s ) ) )',
			self::pattern( '' ),
			$epoch . ':' . ( time() - Coverage::LIFE ),
			$epoch . ':' . ( time() - Coverage::LIFE_OWN ),
			self::pattern( Coverage::UNCONFIRMED ),
			self::pattern( Coverage::NOBODY ),
			self::pattern( Coverage::NO_ACCESS )
		);
	}

	/**
	 * The condition for who is in a state. Whose data was erased is nobody without a line.
	 *
	 * @param string $state One of Coverage::STATES.
	 */
	private static function is_in( string $state ): string {
		$wpdb = $GLOBALS['wpdb'];
		if ( Coverage::UNKNOWN === $state ) {
			return '( NOT ' . self::is_erased() . $wpdb->prepare( ' AND ( m.meta_value IS NULL OR m.meta_value NOT LIKE %s ) )', self::pattern( '' ) );
		}
		$line = $wpdb->prepare( 'm.meta_value LIKE %s', self::pattern( $state ) );
		return Coverage::NOBODY === $state ? "( $line OR " . self::is_erased() . ' )' : $line;
	}

	/**
	 * The condition for whose data was erased, and who was assigned no Box user since: Addresses::is_erased().
	 */
	private static function is_erased(): string {
		$wpdb = $GLOBALS['wpdb'];
		return $wpdb->prepare(
			"( EXISTS ( SELECT 1 FROM $wpdb->usermeta e WHERE e.user_id = u.ID AND e.meta_key = %s AND e.meta_value LIKE %s ) AND NOT EXISTS ( SELECT 1 FROM $wpdb->usermeta a WHERE a.user_id = u.ID AND a.meta_key = %s ) )",
			Addresses::MARK,
			'%' . $wpdb->esc_like( sprintf( '"how";s:%d:"%s";', strlen( Addresses::ERASED ), Addresses::ERASED ) ) . '%', // As WordPress stores it.
			People::ASSIGNED
		);
	}

	/**
	 * What lines of a state look like in this epoch, for LIKE.
	 *
	 * @param string $state The state; empty for any.
	 */
	private static function pattern( string $state ): string {
		return Coverage::epoch() . ':' . ( '' === $state ? '%' : '__________:' . $state . ':%' );
	}
}
