<?php
/**
 * The page about usage.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

use WP_Error;

defined( 'ABSPATH' ) || exit;

/**
 * Tools → Usage of Box: who uses the widgets how much, and what it costs at Box, as the sidecar has counted.
 *
 * @since 0.1.0
 */
final class Usage_Page {

	const SLUG       = 'widgets-for-box-usage';
	const CAPABILITY = 'manage_options';

	/**
	 * Days that are shown.
	 */
	const DAYS = 90;

	/**
	 * Rows of the table of pages.
	 */
	const ROWS = 50;

	/**
	 * Adds the page.
	 *
	 * @internal Callback of `admin_menu`.
	 * @since 0.1.0
	 */
	public static function add_page(): void {
		$hook = add_management_page( self::title(), self::title(), self::CAPABILITY, self::SLUG, array( self::class, 'render' ) );
		add_action( 'load-' . $hook, array( Assets::class, 'enqueue_admin' ) );
	}

	/**
	 * Title of the page.
	 *
	 * @since 0.1.0
	 */
	public static function title(): string {
		return __( 'Usage of Box', 'widgets-for-box' );
	}

	/**
	 * Address of the page.
	 *
	 * @since 0.1.0
	 */
	public static function url(): string {
		return admin_url( 'tools.php?page=' . self::SLUG );
	}

	/**
	 * Prints the page.
	 *
	 * @internal Callback of add_management_page().
	 * @since 0.1.0
	 */
	public static function render(): void {
		echo '<div class="wrap widgets-for-box-usage"><h1>', esc_html( self::title() ), '</h1>';
		$usage = Usage::fetch( self::DAYS );
		if ( is_wp_error( $usage ) ) {
			printf( '<div class="notice notice-error"><p>%s</p></div></div>', esc_html( self::failure( $usage ) ) );
			return;
		}
		if ( is_multisite() ) {
			echo '<p>', esc_html__( 'These are the numbers of all sites that use this sidecar.', 'widgets-for-box' ), '</p>';
		}
		self::render_bill( $usage['month'], $usage['brake'] );
		if ( $usage['days'] ) {
			self::render_days( self::fill( $usage['days'] ) );
		} else {
			echo '<p>', esc_html__( 'Nobody has used a widget since the sidecar counts.', 'widgets-for-box' ), '</p>';
		}
		echo '</div>';
	}

	/**
	 * Why there are no numbers.
	 *
	 * @param WP_Error $error Of the sidecar.
	 */
	private static function failure( WP_Error $error ): string {
		$data = (array) $error->get_error_data();
		if ( 'not_found' === $error->get_error_code() ) {
			return __( 'This sidecar does not count yet: it is older than the plugin. Update it.', 'widgets-for-box' );
		}
		return trim( __( 'The sidecar does not tell what it has counted.', 'widgets-for-box' ) . ' ' . Findings::translate( (string) ( $data['fix'] ?? '' ) ) );
	}

	/**
	 * Prints what the month costs.
	 *
	 * @param array{calls: int, forecast: ?int, allotment: int, share: ?float} $month As of Usage::fetch().
	 * @param bool                                                             $brake Whether widgets wait.
	 */
	private static function render_bill( array $month, bool $brake ): void {
		$warns = null !== $month['share'] && $month['share'] >= Bill::WARN_AT;
		printf( '<section class="widgets-for-box-bill%1$s"><h2>%2$s</h2><p>%3$s</p>', $warns ? ' is-warn' : '', esc_html__( 'Calls to Box this month', 'widgets-for-box' ), esc_html( implode( ' ', Bill::sentences( $month ) ) ) );
		if ( $month['allotment'] ) {
			/* translators: %s: a number of percent. */
			$label = sprintf( __( 'Used so far: %s%%', 'widgets-for-box' ), number_format_i18n( round( 100 * $month['calls'] / $month['allotment'] ) ) );
			printf( '<p><meter min="0" max="%1$d" value="%2$d" aria-label="%3$s"></meter> %3$s</p>', (int) $month['allotment'], (int) min( $month['calls'], $month['allotment'] ), esc_html( $label ) );
		}
		if ( $brake ) {
			echo '<p><strong>', esc_html( Bill::about_brake() ), '</strong></p>';
		}
		echo '<p class="description">', esc_html( Bill::explanation() ), '</p></section>';
	}

	/**
	 * Each day up to today, from the first that the sidecar knows, those on which nothing happened included.
	 *
	 * @param array<string, array<string, mixed>> $known By date.
	 * @return array<string, array<string, mixed>>
	 */
	private static function fill( array $known ): array {
		$days = array();
		$last = max( (string) array_key_last( $known ), gmdate( 'Y-m-d' ) );
		for ( $before = self::DAYS - 1; $before >= 0; --$before ) {
			$date = gmdate( 'Y-m-d', (int) strtotime( "$last UTC" ) - $before * DAY_IN_SECONDS );
			if ( $days || isset( $known[ $date ] ) ) {
				$days[ $date ] = $known[ $date ] ?? array();
			}
		}
		return $days;
	}

	/**
	 * Prints the days.
	 *
	 * @param array<string, array<string, mixed>> $days By date, the oldest first.
	 */
	private static function render_days( array $days ): void {
		$people = array();
		foreach ( $days as $date => $day ) {
			$people[ $date ] = array( 'people' => $day['people'] ?? 0 );
		}
		$tokens   = self::series( $days, 'tokens' );
		$failures = self::series( $days, 'failures' );
		$calls    = self::series( $days, 'box_calls' );
		Usage_Plot::render( 'widgets-for-box-people', __( 'People', 'widgets-for-box' ), array( 'people' => __( 'People', 'widgets-for-box' ) ), $people );
		Usage_Plot::render( 'widgets-for-box-tokens', __( 'Tokens', 'widgets-for-box' ), self::labels( $tokens, array( self::class, 'element' ) ), $tokens );
		if ( ! is_multisite() ) {
			self::render_pages( $days );
		}
		Usage_Plot::render( 'widgets-for-box-calls', __( 'Calls to Box', 'widgets-for-box' ), self::labels( $calls, array( self::class, 'kind' ) ), $calls );
		Usage_Plot::render( 'widgets-for-box-failures', __( 'Failures', 'widgets-for-box' ), self::labels( $failures, array( self::class, 'cause' ) ), $failures );
	}

	/**
	 * What of the days a plot shows.
	 *
	 * @param array<string, array<string, mixed>> $days By date.
	 * @param string                              $name Of the numbers.
	 * @return array<string, array<string, int>>
	 */
	private static function series( array $days, string $name ): array {
		$series = array();
		foreach ( $days as $date => $day ) {
			$series[ $date ] = $day[ $name ] ?? array();
		}
		return $series;
	}

	/**
	 * Names of the series that there are, the largest first.
	 *
	 * @param array<string, array<string, int>> $days  By date.
	 * @param callable                          $label What a series is called.
	 * @return array<string, string>
	 */
	private static function labels( array $days, callable $label ): array {
		$sums = array();
		foreach ( $days as $numbers ) {
			foreach ( $numbers as $key => $number ) {
				$sums[ $key ] = ( $sums[ $key ] ?? 0 ) + $number;
			}
		}
		arsort( $sums );
		$labels = array();
		foreach ( array_keys( array_filter( $sums ) ) as $key ) {
			$labels[ $key ] = $label( (string) $key );
		}
		return $labels;
	}

	/**
	 * What an element is called.
	 *
	 * @param string $name Its name.
	 */
	private static function element( string $name ): string {
		return isset( Elements::CATALOGUE[ $name ] ) ? Widgets::label( $name ) : $name;
	}

	/**
	 * What a cause of failures is called.
	 *
	 * @param string $code The sidecar's.
	 */
	private static function cause( string $code ): string {
		return Errors::about_somebody( Errors::make( $code, array() ) )->get_error_message() . ' (' . $code . ')';
	}

	/**
	 * What a kind of calls is called.
	 *
	 * @param string $name Its name.
	 */
	private static function kind( string $name ): string {
		$kinds = array(
			'sidecar'  => __( 'By the sidecar', 'widgets-for-box' ),
			'list'     => __( 'Folders opened', 'widgets-for-box' ),
			'read'     => __( 'Details read', 'widgets-for-box' ),
			'search'   => __( 'Searches', 'widgets-for-box' ),
			'upload'   => __( 'Uploads', 'widgets-for-box' ),
			'download' => __( 'Downloads', 'widgets-for-box' ),
			'change'   => __( 'Changes', 'widgets-for-box' ),
			'other'    => __( 'Others', 'widgets-for-box' ),
		);
		return $kinds[ $name ] ?? $name;
	}

	/**
	 * Prints where the widgets are that were used.
	 *
	 * @param array<string, array<string, mixed>> $days By date.
	 */
	private static function render_pages( array $days ): void {
		$rows  = array();
		$dates = array_fill_keys( array_keys( $days ), 0 );
		foreach ( $days as $date => $day ) {
			foreach ( $day['pages'] ?? array() as $used ) {
				$key          = $used['page'] . ' ' . $used['element'];
				$rows[ $key ] = $rows[ $key ] ?? $dates;

				$rows[ $key ][ $date ] += $used['tokens'];
			}
		}
		uasort(
			$rows,
			static function ( array $one, array $other ): int {
				return array_sum( $other ) <=> array_sum( $one );
			}
		);
		printf( '<section class="widgets-for-box-plot"><h2 id="widgets-for-box-pages">%s</h2>', esc_html__( 'Pages', 'widgets-for-box' ) );
		if ( ! $rows ) {
			echo '<p>', esc_html__( 'None so far.', 'widgets-for-box' ), '</p></section>';
			return;
		}
		echo '<div class="widgets-for-box-scroll" tabindex="0" role="region" aria-labelledby="widgets-for-box-pages"><table class="widefat striped"><thead><tr>';
		foreach ( array( __( 'Page', 'widgets-for-box' ), __( 'Widget', 'widgets-for-box' ), __( 'Tokens', 'widgets-for-box' ) ) as $label ) {
			echo '<th scope="col">', esc_html( $label ), '</th>';
		}
		echo '</tr></thead><tbody>';
		foreach ( array_slice( $rows, 0, self::ROWS, true ) as $key => $numbers ) {
			list( $page, $element ) = explode( ' ', $key, 2 );
			printf( '<tr><th scope="row">%1$s</th><td>%2$s</td><td><span class="num">%3$s</span> ', wp_kses_post( self::page( (int) $page ) ), esc_html( self::element( $element ) ), esc_html( number_format_i18n( array_sum( $numbers ) ) ) );
			Usage_Plot::render_small( array_values( $numbers ) );
			echo '</td></tr>';
		}
		echo '</tbody></table></div></section>';
	}

	/**
	 * A page, with a link to it.
	 *
	 * @param int $id Of the post; 0 for a place that is no single one's.
	 */
	private static function page( int $id ): string {
		$post = $id ? get_post( $id ) : null;
		if ( ! $post ) {
			/* translators: %d: number of a post. */
			return esc_html( $id ? sprintf( __( 'No. %d, not there any more', 'widgets-for-box' ), $id ) : __( 'Elsewhere', 'widgets-for-box' ) );
		}
		$title = get_the_title( $post );
		return sprintf( '<a href="%1$s">%2$s</a>', esc_url( (string) get_permalink( $post ) ), esc_html( wp_strip_all_tags( '' !== $title ? $title : '#' . $id ) ) );
	}
}
