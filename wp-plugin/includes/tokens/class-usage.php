<?php
/**
 * What the sidecar has counted.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

use WP_Error;

defined( 'ABSPATH' ) || exit;

/**
 * The sidecar's statistics, as far as they make sense, and what pages must know of them without asking anybody: whether
 * the month's calls to Box are nearly used up.
 *
 * @since 0.1.0
 */
final class Usage {

	/**
	 * What is kept of the last look, with the month that it was about: array( 'month', 'brake', 'share' ). Pages read it.
	 */
	const OPTION = 'widgets_for_box_usage';

	/**
	 * The scheduled event that looks.
	 */
	const EVENT = 'widgets_for_box_usage';

	/**
	 * Seconds for a look where somebody waits.
	 */
	const TIMEOUT = 5;

	/**
	 * Has the sidecar asked each hour.
	 *
	 * @internal Callback of `admin_init`, too: an update activates nothing.
	 * @since 0.1.0
	 */
	public static function schedule(): void {
		add_option( self::OPTION, array() );
		if ( ! wp_next_scheduled( self::EVENT ) ) {
			wp_schedule_event( time(), 'hourly', self::EVENT );
		}
	}

	/**
	 * Asks, and keeps what pages must know.
	 *
	 * @internal Callback of the scheduled event.
	 * @since 0.1.0
	 */
	public static function look(): void {
		self::fetch( 1 );
	}

	/**
	 * The statistics. What pages must know of them is kept.
	 *
	 * @since 0.1.0
	 *
	 * @param int $days So many, today's included; the newest last. A day on which nothing happened may be missing.
	 * @return array|WP_Error
	 *
	 * @phpstan-return array{days: array<string, array{tokens: array<string, int>, people: int, failures: array<string, int>, box_calls: array<string, int>, pages: array<int, array{page: int, element: string, tokens: int}>}>, month: array{calls: int, forecast: ?int, allotment: int, share: ?float}, brake: bool}|WP_Error
	 */
	public static function fetch( int $days ) {
		$answer = ( new Sidecar() )->usage( $days, self::TIMEOUT );
		if ( is_wp_error( $answer ) ) {
			return $answer;
		}
		if ( ! is_array( $answer['days'] ?? null ) || ! is_array( $answer['month'] ?? null ) || ! is_bool( $answer['brake'] ?? null ) ) {
			return Errors::make( 'sidecar_bad_answer', array( 'status' => 502 ) );
		}
		$usage = array(
			'days'  => array(),
			'month' => self::month( $answer['month'] ),
			'brake' => $answer['brake'],
		);
		foreach ( $answer['days'] as $day ) {
			if ( is_array( $day ) && preg_match( '/^\d{4}-\d\d-\d\d$/D', (string) self::text( $day['date'] ?? '' ) ) ) {
				$usage['days'][ $day['date'] ] = self::day( $day );
			}
		}
		ksort( $usage['days'] );
		update_option(
			self::OPTION,
			array(
				'month' => gmdate( 'Y-m' ),
				'brake' => $usage['brake'],
				// Not a write for each call.
				'share' => null === $usage['month']['share'] ? null : round( $usage['month']['share'], 2 ),
			)
		);
		return $usage;
	}

	/**
	 * The month in which widgets wait until somebody asks for them. A look that nobody repeats ends with its month.
	 *
	 * @since 0.1.0
	 *
	 * @return string Such as 2026-11; empty if they need not wait.
	 */
	public static function brake(): string {
		$known = self::known();
		return empty( $known['brake'] ) ? '' : $known['month'];
	}

	/**
	 * The part of the month's calls that will be used at its end, as far as it was known at the last look.
	 *
	 * @since 0.1.0
	 *
	 * @return float|null 1.0 for all of them; null if that is not known.
	 */
	public static function share(): ?float {
		$share = self::known()['share'] ?? null;
		return null === $share ? null : (float) $share;
	}

	/**
	 * What the last look has found, if it was about this month.
	 *
	 * @return array{month?: string, brake?: bool, share?: ?float}
	 */
	private static function known(): array {
		$known = get_option( self::OPTION );
		return is_array( $known ) && gmdate( 'Y-m' ) === ( $known['month'] ?? '' ) ? $known : array();
	}

	/**
	 * The month's numbers.
	 *
	 * @param array<string, mixed> $month As the sidecar told them.
	 * @return array{calls: int, forecast: ?int, allotment: int, share: ?float}
	 */
	private static function month( array $month ): array {
		$share = $month['share'] ?? null;
		return array(
			'calls'     => self::number( $month['calls'] ?? 0 ),
			'forecast'  => isset( $month['forecast'] ) ? self::number( $month['forecast'] ) : null,
			'allotment' => self::number( $month['allotment'] ?? 0 ),
			'share'     => is_int( $share ) || is_float( $share ) ? max( 0.0, (float) $share ) : null,
		);
	}

	/**
	 * The numbers of one day.
	 *
	 * @param array<string, mixed> $day As the sidecar told them.
	 * @return array{tokens: array<string, int>, people: int, failures: array<string, int>, box_calls: array<string, int>, pages: array<int, array{page: int, element: string, tokens: int}>}
	 */
	private static function day( array $day ): array {
		$pages = array();
		foreach ( is_array( $day['pages'] ?? null ) ? $day['pages'] : array() as $page ) {
			if ( is_array( $page ) ) {
				$pages[] = array(
					'page'    => self::number( $page['page'] ?? 0 ),
					'element' => self::text( $page['element'] ?? '' ),
					'tokens'  => self::number( $page['tokens'] ?? 0 ),
				);
			}
		}
		return array(
			'tokens'    => self::numbers( $day['tokens'] ?? null ),
			'people'    => self::number( $day['people'] ?? 0 ),
			'failures'  => self::numbers( $day['failures'] ?? null ),
			'box_calls' => self::numbers( $day['box_calls'] ?? null ),
			'pages'     => $pages,
		);
	}

	/**
	 * Numbers by name.
	 *
	 * @param mixed $said What the sidecar told.
	 * @return array<string, int>
	 */
	private static function numbers( $said ): array {
		return array_map( array( self::class, 'number' ), is_array( $said ) ? $said : array() );
	}

	/**
	 * A number of something.
	 *
	 * @param mixed $said What the sidecar told.
	 */
	private static function number( $said ): int {
		return is_int( $said ) || is_float( $said ) ? max( 0, (int) round( $said ) ) : 0;
	}

	/**
	 * A name.
	 *
	 * @param mixed $said What the sidecar told.
	 */
	private static function text( $said ): string {
		return is_string( $said ) ? substr( $said, 0, 40 ) : '';
	}
}
