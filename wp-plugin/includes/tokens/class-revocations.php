<?php
/**
 * The tokens that are to end.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

use Throwable;
use WP_Error;

defined( 'ABSPATH' ) || exit;

/**
 * One queue of all revocations. What is in it stays until the sidecar has taken it or the tokens have ended
 * by themselves, whatever happens to the request that put it there.
 *
 * The queue is user meta: that a person holds tokens, and that these are to end, is one and the same row under
 * two names, so that no two processes undo each other's work, and all rows can be renamed by one statement.
 * The sidecar is told once at the end of the request, when what it is about has been done, and within a second;
 * what is left is the scheduled event's.
 */
final class Revocations {

	/**
	 * User meta: the Box user for whom tokens were issued (`user`) and until when they live (`until`).
	 */
	const ISSUED = '_widgets_for_box_issued';

	/**
	 * The same row while these tokens are to end; `claimed` says until when some process is at it.
	 */
	const PENDING = '_widgets_for_box_revoke';

	/**
	 * Scheduled event: ends what could not be ended when it was time.
	 */
	const EVENT = Plugin::REVOKE_AGAIN;

	/**
	 * Seconds that a log-out or a saved profile may wait for the sidecar. What takes longer the sidecar goes on
	 * with by itself.
	 */
	const TIMEOUT = 1;

	/**
	 * Seconds that others wait, whom nobody waits for.
	 */
	const LONG_TIMEOUT = 5;

	/**
	 * Seconds after which no further call is begun, at the end of a request and in the event.
	 */
	const BUDGET       = 0.5;
	const EVENT_BUDGET = 20.0;

	/**
	 * Rows that the event takes at a time.
	 */
	const BATCH = 500;

	/**
	 * People whose tokens were ended in this request.
	 *
	 * @var array<int, true>
	 */
	private static $people = array();

	/**
	 * Whether everybody's were.
	 *
	 * @var bool
	 */
	private static $everybody = false;

	/**
	 * Ends the tokens of a person.
	 *
	 * @param int $user_id The WordPress user.
	 * @return void
	 */
	public static function add( int $user_id ) {
		self::rename( array( 'user_id' => $user_id ) );
		wp_cache_delete( $user_id, 'user_meta' );
		self::$people[ $user_id ] = true;
		self::finish_later();
	}

	/**
	 * Ends everybody's tokens.
	 *
	 * @return void
	 */
	public static function add_everybody() {
		$wpdb = $GLOBALS['wpdb'];
		// phpcs:ignore WordPress.DB.DirectDatabaseQuery -- WordPress has no function for it.
		$people = $wpdb->get_col( $wpdb->prepare( "SELECT DISTINCT user_id FROM {$wpdb->usermeta} WHERE meta_key = %s", self::ISSUED ) );
		self::rename( array() );
		wp_cache_delete_multiple( array_map( 'intval', $people ), 'user_meta' );
		self::$everybody = true;
		self::finish_later();
	}

	/**
	 * Ends the tokens of the Box user that a person was before.
	 *
	 * @param int                  $user_id The WordPress user.
	 * @param array<string, mixed> $issued  As of ISSUED.
	 * @return void
	 */
	public static function add_former( int $user_id, array $issued ) {
		$row = array(
			'user_id'    => $user_id,
			'meta_value' => maybe_serialize( $issued ), // phpcs:ignore WordPress.DB.SlowDBQuery -- Of one user.
		);
		// It is nobody's now: it is not for this person's next tokens to wait for.
		self::rename( $row, array( 'user_id' => 0 ) );
		wp_cache_delete( $user_id, 'user_meta' );
		self::$people[0] = true;
		self::finish_later();
	}

	/**
	 * Keeps what is deleted with a person, or by whoever clears user meta.
	 *
	 * @param mixed $issued As of ISSUED or PENDING.
	 * @return void
	 */
	public static function keep( $issued ) {
		if ( self::is_live( $issued ) ) {
			$row = array(
				'user_id'    => 0,
				'meta_key'   => self::PENDING, // phpcs:ignore WordPress.DB.SlowDBQuery -- There is an index on it.
				'meta_value' => maybe_serialize( $issued ), // phpcs:ignore WordPress.DB.SlowDBQuery
			);
			$GLOBALS['wpdb']->insert( $GLOBALS['wpdb']->usermeta, $row ); // phpcs:ignore WordPress.DB.DirectDatabaseQuery -- add_user_meta() wants a user.
			self::$people[0] = true;
			self::schedule();
			self::finish_later();
		}
	}

	/**
	 * Makes pending what was issued.
	 *
	 * @param array<string, int|string> $where Of whom; of all if empty.
	 * @param array<string, int>        $more  What else changes in the rows.
	 * @return void
	 */
	private static function rename( array $where, array $more = array() ) {
		$wpdb = $GLOBALS['wpdb'];
		// phpcs:disable WordPress.DB -- One statement, which no other process can come between.
		if ( $wpdb->update( $wpdb->usermeta, array( 'meta_key' => self::PENDING ) + $more, array( 'meta_key' => self::ISSUED ) + $where ) ) {
			self::schedule();
		}
		// phpcs:enable
	}

	/**
	 * Makes sure that the event will come.
	 *
	 * @param int $delay In seconds.
	 * @return void
	 */
	private static function schedule( int $delay = MINUTE_IN_SECONDS ) {
		if ( ! wp_next_scheduled( self::EVENT ) ) {
			wp_schedule_single_event( time() + $delay, self::EVENT );
		}
	}

	/**
	 * Has the sidecar told at the end of this request.
	 *
	 * @return void
	 */
	private static function finish_later() {
		if ( did_action( 'shutdown' ) ) {
			self::finish();
		} else {
			// Before WordPress lets go of the page: who reads that something has ended may rely on it.
			add_action( 'shutdown', array( self::class, 'finish' ), 0 );
		}
	}

	/**
	 * Tells the sidecar what this request is about.
	 *
	 * @internal Callback of `shutdown`, too.
	 *
	 * @return void
	 */
	public static function finish() {
		if ( ! self::$everybody && ! self::$people ) {
			return;
		}
		$people          = self::$everybody ? array() : array_keys( self::$people );
		$whose           = self::$everybody ? array( array() ) : array();
		self::$people    = array();
		self::$everybody = false;
		foreach ( $people as $user_id ) {
			$whose[] = array( 'user_id' => $user_id );
		}
		try {
			// Again, for what was issued between the revocation and the change that it was for.
			array_map( array( self::class, 'rename' ), $whose );
			wp_cache_delete_multiple( $people, 'user_meta' );
			self::send( self::rows( $people ), self::TIMEOUT, self::BUDGET );
		} catch ( Throwable $error ) {
			// Nothing is lost, and nobody's request ends for it: the event tries again, and there it is said.
			unset( $error );
		}
	}

	/**
	 * Tells the sidecar what is left of other requests.
	 *
	 * @internal Callback of the event.
	 *
	 * @return void
	 */
	public static function run() {
		$rows = self::rows();
		if ( $rows ) {
			// Before, in case that this process does not come to its end.
			self::schedule();
			if ( ! self::send( $rows, self::LONG_TIMEOUT, self::EVENT_BUDGET ) ) {
				wp_clear_scheduled_hook( self::EVENT );
				if ( self::rows() ) {
					self::schedule( 0 );
				}
			}
		}
	}

	/**
	 * Ends what is pending of a person before new tokens are issued: later it would hit these.
	 *
	 * @param int $user_id The WordPress user.
	 * @return WP_Error|null Null if nothing is pending any more.
	 */
	public static function settle( int $user_id ): ?WP_Error {
		if ( ! get_user_meta( $user_id, self::PENDING ) ) {
			return null;
		}
		wp_cache_delete( $user_id, 'user_meta' );
		$failed = self::send( self::rows( array( $user_id ) ), self::LONG_TIMEOUT, self::LONG_TIMEOUT, true );
		return ! $failed && self::rows( array( $user_id ) ) ? Tokens::ended() : $failed;
	}

	/**
	 * What is pending.
	 *
	 * @param int[] $people Of these people alone.
	 * @return array<int, \stdClass> Rows with umeta_id, user_id and meta_value, the oldest first.
	 */
	private static function rows( array $people = array() ): array {
		$wpdb  = $GLOBALS['wpdb'];
		$these = $people ? 'AND user_id IN (' . implode( ',', array_map( 'intval', $people ) ) . ')' : '';
		// phpcs:ignore WordPress.DB -- Numbers; and what is cached does not count.
		return (array) $wpdb->get_results( $wpdb->prepare( "SELECT umeta_id, user_id, meta_value FROM {$wpdb->usermeta} WHERE meta_key = %s {$these} ORDER BY umeta_id LIMIT %d", self::PENDING, self::BATCH ) );
	}

	/**
	 * Tells the sidecar, one Box user after the other, until it fails or time is up.
	 *
	 * @param array<int, \stdClass> $rows    As of rows().
	 * @param int                   $timeout Of one call, in seconds.
	 * @param float                 $budget  Seconds after which no further call is begun.
	 * @param bool                  $forgot  Whether it is enough that the sidecar has forgotten the tokens and will
	 *                                       tell Box as soon as it can.
	 * @return WP_Error|null The failure.
	 */
	private static function send( array $rows, int $timeout, float $budget, bool $forgot = false ): ?WP_Error {
		$end    = microtime( true ) + $budget;
		$jobs   = array();
		$failed = null;
		foreach ( $rows as $row ) {
			$issued = maybe_unserialize( $row->meta_value );
			if ( ! self::is_live( $issued ) ) {
				self::remove( $row );
			} elseif ( ( $issued['claimed'] ?? 0 ) <= microtime( true ) ) {
				$jobs[ wp_json_encode( $issued['user'] ) ][] = $row;
			}
		}
		foreach ( $jobs as $job ) {
			if ( microtime( true ) > $end ) {
				break;
			}
			$claimed = array_filter( array_map( array( self::class, 'claim' ), $job ) );
			if ( ! $claimed ) {
				continue;
			}
			$answer = ( new Sidecar() )->revoke( current( $claimed )->issued['user'], $timeout );
			$done   = ! is_wp_error( $answer ) || ( $forgot && in_array( $answer->get_error_code(), array( 'box_unavailable', 'box_rate_limited' ), true ) );
			array_map( array( self::class, $done ? 'remove' : 'give_back' ), $claimed );
			$failed = $done ? $failed : $answer;
			if ( ! $done && 400 !== $answer->get_error_data()['status'] ) {
				break; // Only what is wrong with this one request does not hold up the others.
			}
		}
		return $failed;
	}

	/**
	 * Takes a row, so that no other process revokes the same later, when new tokens may have been issued.
	 *
	 * @param \stdClass $row As of rows().
	 * @return \stdClass|null The row with `issued`; null if it is another's or gone.
	 */
	private static function claim( $row ) {
		$issued            = maybe_unserialize( $row->meta_value );
		$issued['claimed'] = microtime( true ) + self::LONG_TIMEOUT + 1;
		$claimed           = (object) array(
			'umeta_id'   => $row->umeta_id,
			'user_id'    => $row->user_id,
			'meta_value' => maybe_serialize( $issued ), // phpcs:ignore WordPress.DB.SlowDBQuery
			'issued'     => $issued,
		);
		return self::exchange( $row, $claimed->meta_value ) ? $claimed : null;
	}

	/**
	 * Lets another process have it.
	 *
	 * @param \stdClass $row As of claim().
	 * @return void
	 */
	private static function give_back( $row ) {
		self::exchange( $row, maybe_serialize( array_diff_key( $row->issued, array( 'claimed' => 0 ) ) ) );
	}

	/**
	 * Changes a row unless another process has changed it.
	 *
	 * @param \stdClass $row   What it was.
	 * @param string    $value What it will be.
	 */
	private static function exchange( $row, string $value ): bool {
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
	 * @param \stdClass $row As of rows().
	 * @return void
	 */
	private static function remove( $row ) {
		$wpdb = $GLOBALS['wpdb'];
		$wpdb->delete( $wpdb->usermeta, array( 'umeta_id' => $row->umeta_id ) ); // phpcs:ignore WordPress.DB.DirectDatabaseQuery -- Without the hooks, which would keep it.
		wp_cache_delete( (int) $row->user_id, 'user_meta' );
	}

	/**
	 * Whether a row tells of tokens that may still be alive.
	 *
	 * @param mixed $issued What it says.
	 */
	private static function is_live( $issued ): bool {
		return is_array( $issued ) && People::is_box_user( $issued['user'] ?? null ) && is_int( $issued['until'] ?? null ) && $issued['until'] > time();
	}
}
