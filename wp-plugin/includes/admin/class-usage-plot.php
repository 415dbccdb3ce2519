<?php
/**
 * Numbers by day, as a picture and as a table.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

use DateTimeZone;

defined( 'ABSPATH' ) || exit;

/**
 * Bars for each day, one on the other for each of several series, drawn as SVG; and the same as a table.
 *
 * @since 0.1.0
 */
final class Usage_Plot {

	/**
	 * Units of height; of width each day has one.
	 */
	const HEIGHT = 100;

	/**
	 * Prints picture and table.
	 *
	 * @since 0.1.0
	 *
	 * @param string                            $name   An id in the page.
	 * @param string                            $title  What is counted.
	 * @param array<string, string>             $labels Of the series, by key.
	 * @param array<string, array<string, int>> $days   By date, such as 2026-11-28, the oldest first: numbers by series.
	 */
	public static function render( string $name, string $title, array $labels, array $days ): void {
		printf( '<section class="widgets-for-box-plot"><h2 id="%1$s">%2$s</h2>', esc_attr( $name ), esc_html( $title ) );
		$sums = array_map( 'array_sum', $days );
		if ( ! $labels || ! array_sum( $sums ) ) {
			echo '<p>', esc_html__( 'None so far.', 'widgets-for-box' ), '</p></section>';
			return;
		}
		$most  = max( $sums );
		$dates = array_keys( $days );
		/* translators: 1: a number, 2: and 3: dates, 4: a number, 5: a date. */
		$description = sprintf( __( '%1$s in all from %2$s to %3$s; the most on one day are %4$s, on %5$s.', 'widgets-for-box' ), number_format_i18n( array_sum( $sums ) ), self::date( $dates[0] ), self::date( end( $dates ) ), number_format_i18n( $most ), self::date( (string) array_search( $most, $sums, true ) ) );
		printf( '<div class="widgets-for-box-bars"><span aria-hidden="true">%s</span>', esc_html( number_format_i18n( $most ) ) );
		printf( '<svg viewBox="0 0 %1$d %2$d" preserveAspectRatio="none" role="img" aria-labelledby="%3$s-title" aria-describedby="%3$s-description"><title id="%3$s-title">%4$s</title><desc id="%3$s-description">%5$s</desc>', count( $days ), (int) self::HEIGHT, esc_attr( $name ), esc_html( $title ), esc_html( $description ) );
		foreach ( array_keys( $labels ) as $number => $key ) {
			printf( '<path class="is-%1$d" d="%2$s"/>', (int) $number, esc_attr( self::path( $days, array_slice( array_keys( $labels ), 0, $number ), $key, $most ) ) );
		}
		printf( '</svg></div><p class="widgets-for-box-dates" aria-hidden="true"><span>%1$s</span><span>%2$s</span></p>', esc_html( self::date( $dates[0] ) ), esc_html( self::date( end( $dates ) ) ) );
		if ( count( $labels ) > 1 ) {
			echo '<ul class="widgets-for-box-series">';
			foreach ( array_values( $labels ) as $number => $label ) {
				printf( '<li class="is-%1$d">%2$s</li>', (int) $number, esc_html( $label ) );
			}
			echo '</ul>';
		}
		self::render_table( $name, $title, $labels, $days );
		echo '</section>';
	}

	/**
	 * A small picture of one series, for those who see: its number stands beside it.
	 *
	 * @since 0.1.0
	 *
	 * @param int[] $numbers Of each day, the oldest first.
	 */
	public static function render_small( array $numbers ): void {
		$days = array();
		foreach ( $numbers as $number ) {
			$days[] = array( 'all' => $number );
		}
		printf( '<svg class="widgets-for-box-spark" viewBox="0 0 %1$d %2$d" preserveAspectRatio="none" aria-hidden="true"><path class="is-0" d="%3$s"/></svg>', count( $days ), (int) self::HEIGHT, esc_attr( self::path( $days, array(), 'all', max( 1, max( $numbers ) ) ) ) );
	}

	/**
	 * The bars of one series, as data of an SVG path.
	 *
	 * @param array<int|string, array<string, int>> $days  Numbers of each day.
	 * @param string[]                              $below The series on which this one stands.
	 * @param string                                $key   The series.
	 * @param int                                   $most  What fills the height.
	 */
	private static function path( array $days, array $below, string $key, int $most ): string {
		$path = '';
		$left = 0.0;
		foreach ( $days as $numbers ) {
			$height = self::HEIGHT * ( $numbers[ $key ] ?? 0 ) / $most;
			if ( $height > 0 ) {
				$base  = self::HEIGHT * ( 1 - array_sum( array_intersect_key( $numbers, array_flip( $below ) ) ) / $most );
				$path .= sprintf( 'M%1$.1F %2$.2Fv-%3$.2Fh.8v%3$.2Fz', $left + 0.1, $base, $height );
			}
			++$left;
		}
		return $path;
	}

	/**
	 * Prints the table, the newest day first.
	 *
	 * @param string                            $name   An id in the page.
	 * @param string                            $title  What is counted.
	 * @param array<string, string>             $labels Of the series, by key.
	 * @param array<string, array<string, int>> $days   As of render().
	 */
	private static function render_table( string $name, string $title, array $labels, array $days ): void {
		printf( '<details><summary>%1$s<span class="screen-reader-text">: %2$s</span></summary><div class="widgets-for-box-scroll" tabindex="0" role="region" aria-labelledby="%3$s"><table class="widefat striped"><thead><tr><th scope="col">%4$s</th>', esc_html__( 'As a table', 'widgets-for-box' ), esc_html( $title ), esc_attr( $name ), esc_html__( 'Day', 'widgets-for-box' ) );
		foreach ( $labels as $label ) {
			printf( '<th scope="col" class="num">%s</th>', esc_html( $label ) );
		}
		echo '</tr></thead><tbody>';
		foreach ( array_reverse( $days, true ) as $date => $numbers ) {
			printf( '<tr><th scope="row">%s</th>', esc_html( self::date( $date ) ) );
			foreach ( array_keys( $labels ) as $key ) {
				printf( '<td class="num">%s</td>', esc_html( number_format_i18n( $numbers[ $key ] ?? 0 ) ) );
			}
			echo '</tr>';
		}
		echo '</tbody></table></div></details>';
	}

	/**
	 * A day as the site writes it. The sidecar's days are those of UTC.
	 *
	 * @param string $date Such as 2026-11-28.
	 */
	private static function date( string $date ): string {
		return (string) wp_date( (string) get_option( 'date_format' ), (int) strtotime( $date . ' UTC' ), new DateTimeZone( 'UTC' ) );
	}
}
