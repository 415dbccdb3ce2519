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
 * The queue is the rows of Issued.
 * The sidecar is told once at the end of the request, when what it is about has been done, and within a second;
 * what is left is the scheduled event's.
 *
 * @since 0.1.0
 */
final class Revocations {

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
	 * People whose tokens were ended in this request.
	 *
	 * @var array<int, true>
	 */
	private static array $people = array();

	/**
	 * Whether everybody's were.
	 *
	 * @var bool
	 */
	private static bool $everybody = false;

	/**
	 * Ends the tokens of a person.
	 *
	 * @since 0.1.0
	 *
	 * @param int $user_id The WordPress user.
	 */
	public static function add( int $user_id ): void {
		self::rename( array( 'user_id' => $user_id ) );
		wp_cache_delete( $user_id, 'user_meta' );
		self::$people[ $user_id ] = true;
		self::finish_later();
	}

	/**
	 * Ends everybody's tokens.
	 *
	 * @since 0.1.0
	 */
	public static function add_everybody(): void {
		$people = Issued::holders();
		self::rename( array() );
		wp_cache_delete_multiple( $people, 'user_meta' );
		self::$everybody = true;
		self::finish_later();
	}

	/**
	 * Ends the tokens of the Box user that a person was before.
	 *
	 * @since 0.1.0
	 *
	 * @param int                  $user_id The WordPress user.
	 * @param array<string, mixed> $issued  As of Issued.
	 */
	public static function add_former( int $user_id, array $issued ): void {
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
	 * @since 0.1.0
	 *
	 * @param mixed $issued As of Issued.
	 */
	public static function keep( $issued ): void {
		if ( Issued::is_live( $issued ) ) {
			Issued::add_pending( $issued );
			self::$people[0] = true;
			self::schedule();
			self::finish_later();
		}
	}

	/**
	 * Makes pending what was issued, and sure that it will be seen to.
	 *
	 * @param array<string, int|string> $where As of Issued::make_pending().
	 * @param array<string, int>        $more  As there.
	 */
	private static function rename( array $where, array $more = array() ): void {
		if ( Issued::make_pending( $where, $more ) ) {
			self::schedule();
		}
	}

	/**
	 * Makes sure that the event will come.
	 *
	 * @param int $delay In seconds.
	 */
	private static function schedule( int $delay = MINUTE_IN_SECONDS ): void {
		if ( ! wp_next_scheduled( self::EVENT ) ) {
			wp_schedule_single_event( time() + $delay, self::EVENT );
		}
	}

	/**
	 * Has the sidecar told at the end of this request.
	 */
	private static function finish_later(): void {
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
	 * @since 0.1.0
	 */
	public static function finish(): void {
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
			foreach ( $whose as $where ) {
				self::rename( $where );
			}
			wp_cache_delete_multiple( $people, 'user_meta' );
			self::send( Issued::rows( $people ), self::TIMEOUT, self::BUDGET );
		} catch ( Throwable $error ) {
			// Nothing is lost, and nobody's request ends for it: the event tries again, and there it is said.
			unset( $error );
		}
	}

	/**
	 * Tells the sidecar what is left of other requests.
	 *
	 * @internal Callback of the event.
	 * @since 0.1.0
	 */
	public static function run(): void {
		$rows = Issued::rows();
		if ( $rows ) {
			// Before, in case that this process does not come to its end.
			self::schedule();
			if ( ! self::send( $rows, self::LONG_TIMEOUT, self::EVENT_BUDGET ) ) {
				wp_clear_scheduled_hook( self::EVENT );
				if ( Issued::rows() ) {
					self::schedule( 0 );
				}
			}
		}
	}

	/**
	 * Ends what is pending of a person before new tokens are issued: later it would hit these.
	 *
	 * @since 0.1.0
	 *
	 * @param int $user_id The WordPress user.
	 * @return WP_Error|null Null if nothing is pending any more.
	 */
	public static function settle( int $user_id ): ?WP_Error {
		if ( ! get_user_meta( $user_id, Issued::PENDING ) ) {
			return null;
		}
		wp_cache_delete( $user_id, 'user_meta' );
		$failed = self::send( Issued::rows( array( $user_id ) ), self::LONG_TIMEOUT, self::LONG_TIMEOUT, true );
		return ! $failed && Issued::rows( array( $user_id ) ) ? Errors::passing( 'tokens_revoked', 409 ) : $failed;
	}

	/**
	 * Tells the sidecar, one Box user after the other, until it fails or time is up.
	 *
	 * @param array<int, \stdClass> $rows    As of Issued::rows().
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
			if ( ! Issued::is_live( $issued ) ) {
				Issued::remove( $row );
			} elseif ( ( $issued['claimed'] ?? 0 ) <= microtime( true ) ) {
				$jobs[ wp_json_encode( $issued['user'] ) ][] = $row;
			}
		}
		foreach ( $jobs as $job ) {
			if ( microtime( true ) > $end ) {
				break;
			}
			$claimed = array();
			foreach ( $job as $row ) {
				$claimed[] = Issued::claim( $row, self::LONG_TIMEOUT + 1 );
			}
			$claimed = array_filter( $claimed );
			if ( ! $claimed ) {
				continue;
			}
			$answer = ( new Sidecar() )->revoke( current( $claimed )->issued['user'], $timeout );
			$done   = ! is_wp_error( $answer ) || ( $forgot && in_array( $answer->get_error_code(), array( 'box_unavailable', 'box_rate_limited' ), true ) );
			array_map( array( Issued::class, $done ? 'remove' : 'give_back' ), $claimed );
			$failed = $done ? $failed : $answer;
			if ( ! $done && 400 !== $answer->get_error_data()['status'] ) {
				break; // Only what is wrong with this one request does not hold up the others.
			}
		}
		return $failed;
	}
}
