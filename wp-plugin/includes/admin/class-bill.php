<?php
/**
 * What Box is asked for in a month.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

defined( 'ABSPATH' ) || exit;

/**
 * The month's calls to Box against what the company's plan has, in words.
 *
 * @since 0.1.0
 */
final class Bill {

	/**
	 * The part of the plan's calls from which on it is warned.
	 */
	const WARN_AT = 0.8;

	/**
	 * The month so far, and how it will end.
	 *
	 * @since 0.1.0
	 *
	 * @param array{calls: int, forecast: ?int, allotment: int, share: ?float} $month As of Usage::fetch().
	 * @return string[] Sentences.
	 */
	public static function sentences( array $month ): array {
		/* translators: %s: a number. */
		$said = array( sprintf( _n( '%s call to Box so far this month.', '%s calls to Box so far this month.', $month['calls'], 'widgets-for-box' ), number_format_i18n( $month['calls'] ) ) );
		if ( null !== $month['forecast'] ) {
			/* translators: %s: a number. */
			$said[] = sprintf( __( 'At this rate, about %s by its end.', 'widgets-for-box' ), number_format_i18n( $month['forecast'] ) );
		}
		if ( null !== $month['share'] && $month['allotment'] ) {
			/* translators: 1: a number of percent, 2: a number of calls. */
			$said[] = sprintf( __( 'That is %1$s%% of the %2$s that your plan has.', 'widgets-for-box' ), number_format_i18n( round( 100 * $month['share'] ) ), number_format_i18n( $month['allotment'] ) );
		} elseif ( ! $month['allotment'] ) {
			/* translators: 1: name of a setting, 2: path of a file. */
			$said[] = sprintf( __( 'To compare: set %1$s in %2$s to the number of calls a month that your plan at Box has.', 'widgets-for-box' ), '[usage] allotment', '/etc/box-sidecar/box-sidecar.toml' );
		}
		return $said;
	}

	/**
	 * What counts.
	 *
	 * @since 0.1.0
	 */
	public static function explanation(): string {
		return __( 'What counts is each call of Box’s API by the sidecar and, as browsers report them, by the widgets, downloads included; what previews load from other hosts of Box and what else your company uses are not in it.', 'widgets-for-box' );
	}

	/**
	 * What the brake does.
	 *
	 * @since 0.1.0
	 */
	public static function about_brake(): string {
		return __( 'Until the month is over, all widgets wait until somebody presses their button.', 'widgets-for-box' );
	}

	/**
	 * The test of Site Health, by what the last look at the sidecar has found.
	 *
	 * @internal Callback of Site Health.
	 * @since 0.1.0
	 *
	 * @return array<string, mixed> As Site Health wants it.
	 */
	public static function test(): array {
		$share   = Usage::share();
		$warns   = null !== $share && $share >= self::WARN_AT;
		$percent = number_format_i18n( round( 100 * (float) $share ) );
		/* translators: %s: a number of percent. */
		$text = $warns ? sprintf( __( 'At this rate, %s%% of the calls that your plan at Box has will be used by the end of the month. Have widgets that need not load by themselves wait for their button (load="click"), or ask Box for more.', 'widgets-for-box' ), $percent ) : self::explanation();
		$text = '' !== Usage::brake() ? $text . ' ' . self::about_brake() : $text;
		return array(
			'label'       => $warns ? __( 'This month’s calls to Box may not suffice', 'widgets-for-box' ) : __( 'No warning about this month’s calls to Box', 'widgets-for-box' ),
			'status'      => $warns ? 'recommended' : 'good',
			'badge'       => array(
				'label' => __( 'Box', 'widgets-for-box' ),
				'color' => 'blue',
			),
			'description' => '<p>' . esc_html( $text ) . '</p>',
			'actions'     => sprintf( '<p><a href="%s">%s</a></p>', esc_url( Usage_Page::url() ), esc_html( Usage_Page::title() ) ),
			'test'        => 'widgets_for_box_bill',
		);
	}
}
