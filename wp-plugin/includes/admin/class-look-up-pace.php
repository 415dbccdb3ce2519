<?php
/**
 * When people are looked up.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

defined( 'ABSPATH' ) || exit;

/**
 * The pace of Look_Up, which is the same for everybody who runs it, and how far it has come.
 *
 * @since 0.1.0
 */
final class Look_Up_Pace {

	/**
	 * Option of a site: `since`, when it was begun, and `next`, before when there is to be no further batch, in Unix time;
	 * `code`, the failure that ended the latest one.
	 */
	const OPTION = 'widgets_for_box_look_up';

	/**
	 * Seconds between two batches, whoever runs them: a hundred people a minute where an administrator looks on.
	 */
	const PAUSE = 6;

	/**
	 * Seconds between two batches by schedule, and until it is seen whether somebody is due again.
	 */
	const EVENT_PAUSE = MINUTE_IN_SECONDS;
	const EVENT_REST  = DAY_IN_SECONDS;

	/**
	 * Seconds for which a failure stops all of it at most.
	 */
	const LONGEST_PAUSE = HOUR_IN_SECONDS;

	/**
	 * Begins.
	 *
	 * @since 0.1.0
	 */
	public static function begin(): void {
		self::note( array( 'since' => time() ) );
	}

	/**
	 * Whether an administrator has begun it.
	 *
	 * @since 0.1.0
	 */
	public static function is_begun(): bool {
		return isset( self::noted()['since'] );
	}

	/**
	 * How far it has come.
	 *
	 * @since 0.1.0
	 *
	 * @return array{total: int, due: int, wait: int, message: string} `wait` in seconds, `message` why it pauses.
	 */
	public static function progress(): array {
		$code = self::noted()['code'] ?? '';
		return array(
			'total'   => array_sum( Coverage_Book::counts() ),
			'due'     => Coverage_Book::count_due(),
			'wait'    => self::wait(),
			'message' => is_string( $code ) && '' !== $code ? Errors::sentence( $code ) : '',
		);
	}

	/**
	 * Sees to it that the next batch comes.
	 *
	 * @since 0.1.0
	 */
	public static function schedule(): void {
		if ( ! self::is_begun() ) {
			return;
		}
		$when = time() + ( Coverage_Book::due( 1 ) ? max( self::EVENT_PAUSE, self::wait() ) : self::EVENT_REST );
		$next = wp_next_scheduled( Plugin::LOOK_UP );
		if ( $next && $next > $when ) {
			// It was to rest, and somebody is due before.
			wp_unschedule_event( $next, Plugin::LOOK_UP );
			$next = false;
		}
		if ( ! $next ) {
			wp_schedule_single_event( $when, Plugin::LOOK_UP );
		}
	}

	/**
	 * Seconds until there may be a batch.
	 *
	 * @since 0.1.0
	 */
	public static function wait(): int {
		$wait = (int) ( self::noted()['next'] ?? 0 ) - time();
		// Further ahead than any pause: the clock was set back.
		return $wait > self::LONGEST_PAUSE ? 0 : max( 0, $wait );
	}

	/**
	 * Lets no batch begin for a while.
	 *
	 * @since 0.1.0
	 *
	 * @param int    $seconds How long.
	 * @param string $code    The failure that is the reason.
	 */
	public static function pause( int $seconds, string $code = '' ): void {
		self::note(
			array(
				'next' => time() + min( self::LONGEST_PAUSE, $seconds ),
				'code' => $code,
			) + self::noted()
		);
	}

	/**
	 * What is noted.
	 *
	 * @return array<string, mixed>
	 */
	private static function noted(): array {
		$noted = get_option( self::OPTION );
		return is_array( $noted ) ? $noted : array();
	}

	/**
	 * Notes it, where it is not read in every request.
	 *
	 * @param array<string, mixed> $state What.
	 */
	private static function note( array $state ): void {
		update_option( self::OPTION, $state, false );
	}
}
