<?php
/**
 * The record of tokens that were issued.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

defined( 'ABSPATH' ) || exit;

/**
 * Rows of user meta. That a person holds tokens, and that these are to end, is one and the same row under two names,
 * so that no two processes undo each other's work, and all rows can be renamed by one statement.
 *
 * @since 0.1.0
 */
final class Issued {

	/**
	 * User meta: the Box user for whom tokens were issued (`user`) and until when they live (`until`).
	 */
	const META = '_widgets_for_box_issued';

	/**
	 * The same row while these tokens are to end; `claimed` says until when some process is at it.
	 */
	const PENDING = '_widgets_for_box_revoke';

	/**
	 * Rows that are read at a time.
	 */
	const BATCH = 500;

	/**
	 * People who may hold tokens.
	 *
	 * @since 0.1.0
	 *
	 * @return int[] Ids of WordPress users.
	 */
	public static function holders(): array {
		$wpdb = $GLOBALS['wpdb'];
		// phpcs:ignore WordPress.DB.DirectDatabaseQuery -- WordPress has no function for it.
		return array_map( 'intval', $wpdb->get_col( $wpdb->prepare( "SELECT DISTINCT user_id FROM {$wpdb->usermeta} WHERE meta_key = %s", self::META ) ) );
	}

	/**
	 * Makes pending what was issued.
	 *
	 * @since 0.1.0
	 *
	 * @param array<string, int|string> $where Of whom; of all if empty.
	 * @param array<string, int>        $more  What else changes in the rows.
	 * @return bool Whether there was anything.
	 */
	public static function make_pending( array $where, array $more = array() ): bool {
		$wpdb = $GLOBALS['wpdb'];
		// phpcs:ignore WordPress.DB -- One statement, which no other process can come between.
		return (bool) $wpdb->update( $wpdb->usermeta, array( 'meta_key' => self::PENDING ) + $more, array( 'meta_key' => self::META ) + $where );
	}

	/**
	 * Adds a pending row of nobody's.
	 *
	 * @since 0.1.0
	 *
	 * @param array<string, mixed> $issued As of META.
	 */
	public static function add_pending( array $issued ): void {
		$wpdb = $GLOBALS['wpdb'];
		$row  = array(
			'user_id'    => 0,
			'meta_key'   => self::PENDING, // phpcs:ignore WordPress.DB.SlowDBQuery -- There is an index on it.
			'meta_value' => maybe_serialize( $issued ), // phpcs:ignore WordPress.DB.SlowDBQuery -- Written, not looked for.
		);
		$wpdb->insert( $wpdb->usermeta, $row ); // phpcs:ignore WordPress.DB.DirectDatabaseQuery -- add_user_meta() wants a user.
	}

	/**
	 * What is pending.
	 *
	 * @since 0.1.0
	 *
	 * @param int[] $people Of these people alone.
	 * @return array<int, \stdClass> Rows with umeta_id, user_id and meta_value, the oldest first.
	 */
	public static function rows( array $people = array() ): array {
		$wpdb  = $GLOBALS['wpdb'];
		$these = $people ? 'AND user_id IN (' . implode( ',', array_map( 'intval', $people ) ) . ')' : '';
		// phpcs:ignore WordPress.DB -- Numbers; and what is cached does not count.
		return (array) $wpdb->get_results( $wpdb->prepare( "SELECT umeta_id, user_id, meta_value FROM {$wpdb->usermeta} WHERE meta_key = %s {$these} ORDER BY umeta_id LIMIT %d", self::PENDING, self::BATCH ) );
	}

	/**
	 * Takes a row, so that no other process revokes the same later, when new tokens may have been issued.
	 *
	 * @since 0.1.0
	 *
	 * @param \stdClass $row     As of rows().
	 * @param int       $seconds For how long.
	 * @return \stdClass|null The row with `issued`; null if it is another's or gone.
	 */
	public static function claim( \stdClass $row, int $seconds ): ?\stdClass {
		$issued            = maybe_unserialize( $row->meta_value );
		$issued['claimed'] = microtime( true ) + $seconds;
		$claimed           = (object) array(
			'umeta_id'   => $row->umeta_id,
			'user_id'    => $row->user_id,
			'meta_value' => maybe_serialize( $issued ), // phpcs:ignore WordPress.DB.SlowDBQuery -- Written, not looked for.
			'issued'     => $issued,
		);
		return self::exchange( $row, $claimed->meta_value ) ? $claimed : null;
	}

	/**
	 * Lets another process have it.
	 *
	 * @since 0.1.0
	 *
	 * @param \stdClass $row As of claim().
	 */
	public static function give_back( \stdClass $row ): void {
		self::exchange( $row, maybe_serialize( array_diff_key( $row->issued, array( 'claimed' => 0 ) ) ) );
	}

	/**
	 * Changes a row unless another process has changed it.
	 *
	 * @param \stdClass $row   What it was.
	 * @param string    $value What it will be.
	 */
	private static function exchange( \stdClass $row, string $value ): bool {
		$wpdb = $GLOBALS['wpdb'];
		// phpcs:disable WordPress.DB -- See claim().
		$where = array(
			'umeta_id'   => $row->umeta_id,
			'meta_value' => $row->meta_value,
		);
		return 1 === $wpdb->update( $wpdb->usermeta, array( 'meta_value' => $value ), $where );
		// phpcs:enable
	}

	/**
	 * Removes a row.
	 *
	 * @since 0.1.0
	 *
	 * @param \stdClass $row As of rows().
	 */
	public static function remove( \stdClass $row ): void {
		$wpdb = $GLOBALS['wpdb'];
		$wpdb->delete( $wpdb->usermeta, array( 'umeta_id' => $row->umeta_id ) ); // phpcs:ignore WordPress.DB.DirectDatabaseQuery -- Without the hooks, which would keep it.
		wp_cache_delete( (int) $row->user_id, 'user_meta' );
	}

	/**
	 * Whether a row tells of tokens that may still be alive.
	 *
	 * @since 0.1.0
	 *
	 * @param mixed $issued What it says.
	 */
	public static function is_live( $issued ): bool {
		return is_array( $issued ) && People::is_box_user( $issued['user'] ?? null ) && is_int( $issued['until'] ?? null ) && $issued['until'] > time();
	}
}
