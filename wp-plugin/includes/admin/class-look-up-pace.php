<?php
/**
 * When people are looked up.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

use WP_Error;

defined( 'ABSPATH' ) || exit;

/**
 * The pace of Look_Up, which is the same for everybody who runs it, and how far it has come.
 *
 * @since 0.1.0
 */
final class Look_Up_Pace {

	/**
	 * Option of a site: `since`, when an administrator has begun it, in Unix time. Only they begin and end it.
	 */
	const OPTION = 'widgets_for_box_look_up';

	/**
	 * Option (of the network, where there is one: its sites share the sidecar and what that may ask Box): `next`, before
	 * when there is to be no further batch, in Unix time; `code` and `fix` of the failure that ended the latest one.
	 */
	const PACE = 'widgets_for_box_look_up_pace';

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
		update_option( self::OPTION, array( 'since' => time() ), false );
	}

	/**
	 * Ends it, until it is begun again. What was found out stays.
	 *
	 * @since 0.1.0
	 */
	public static function end(): void {
		delete_option( self::OPTION );
		wp_unschedule_hook( Plugin::LOOK_UP );
	}

	/**
	 * Whether an administrator has begun it.
	 *
	 * @since 0.1.0
	 */
	public static function is_begun(): bool {
		$noted = get_option( self::OPTION );
		return is_array( $noted ) && isset( $noted['since'] );
	}

	/**
	 * How far it has come.
	 *
	 * @since 0.1.0
	 *
	 * @return array{begun: bool, total: int, due: int, wait: int, message: string} `wait` in seconds, `message` why it
	 *                                                                              pauses.
	 */
	public static function progress(): array {
		return array(
			'begun'   => self::is_begun(),
			'total'   => array_sum( Coverage_Book::counts() ),
			'due'     => Coverage_Book::count_due(),
			'wait'    => self::wait(),
			'message' => self::message(),
		);
	}

	/**
	 * Why it pauses, and what an administrator does about it.
	 */
	private static function message(): string {
		$noted = self::noted();
		if ( ! is_string( $noted['code'] ?? null ) || '' === $noted['code'] ) {
			return '';
		}
		$sentence = Errors::about_somebody( Errors::make( $noted['code'], array() ) )->get_error_message();
		return trim( $sentence . ' ' . Findings::translate( is_string( $noted['fix'] ?? null ) ? $noted['fix'] : '' ) );
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
	 * @param int           $seconds How long.
	 * @param WP_Error|null $error   The failure that is the reason.
	 */
	public static function pause( int $seconds, ?WP_Error $error = null ): void {
		$data = $error ? (array) $error->get_error_data() : array();
		update_site_option(
			self::PACE,
			array(
				'next' => time() + min( self::LONGEST_PAUSE, $seconds ),
				'code' => $error ? (string) $error->get_error_code() : '',
				'fix'  => is_string( $data['fix'] ?? null ) ? $data['fix'] : '',
			)
		);
	}

	/**
	 * Has the next question see what other processes have noted since this one began.
	 *
	 * @since 0.1.0
	 */
	public static function read_again(): void {
		wp_cache_delete( self::PACE, 'options' );
		wp_cache_delete( get_current_network_id() . ':' . self::PACE, 'site-options' );
	}

	/**
	 * What is noted.
	 *
	 * @return array<string, mixed>
	 */
	private static function noted(): array {
		$noted = get_site_option( self::PACE );
		return is_array( $noted ) ? $noted : array();
	}
}
