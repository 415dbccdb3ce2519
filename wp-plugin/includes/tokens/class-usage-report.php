<?php
/**
 * What a browser says that it has asked Box for.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

defined( 'ABSPATH' ) || exit;

/**
 * The report that goes to the sidecar with a request for a token, made anew from what a browser sent: it is believed
 * for statistics alone, and nothing in it can keep anybody from a token.
 *
 * @since 0.1.0
 */
final class Usage_Report {

	/**
	 * Kinds of calls.
	 */
	const KINDS = array( 'list', 'read', 'search', 'upload', 'download', 'change', 'other' );

	/**
	 * Calls of one kind that a report can tell of.
	 */
	const MOST = 100000;

	/**
	 * The transient that says that the sidecar takes none, and for how many seconds that is believed.
	 */
	const NONE_TAKEN = 'widgets_for_box_no_reports';
	const PAUSE      = HOUR_IN_SECONDS;

	/**
	 * The header of an answer whose request's report the sidecar has, whatever became of the token.
	 */
	const HEADER = 'Box-Report';

	/**
	 * Whether the sidecar was told in this request.
	 *
	 * @var bool
	 */
	private static bool $told = false;

	/**
	 * Notes that the sidecar was told: the browser must not tell again.
	 *
	 * @since 0.1.0
	 */
	public static function note(): void {
		self::$told = true;
	}

	/**
	 * Whether the sidecar was told.
	 *
	 * @since 0.1.0
	 */
	public static function was_told(): bool {
		return self::$told;
	}

	/**
	 * The report.
	 *
	 * @since 0.1.0
	 *
	 * @param mixed $said What the browser sent, so whatever it likes. What makes no sense is left out.
	 * @return array{page?: int, calls?: array<string, int>} Empty if nothing is left.
	 */
	public static function of( $said ): array {
		$report = array();
		$page   = is_array( $said ) ? $said['page'] ?? 0 : 0;
		$calls  = is_array( $said ) ? $said['calls'] ?? array() : array();
		if ( is_int( $page ) && self::may_count( $page ) ) {
			$report['page'] = $page;
		}
		$counts = array();
		foreach ( self::KINDS as $kind ) {
			$number          = is_array( $calls ) ? $calls[ $kind ] ?? 0 : 0;
			$counts[ $kind ] = is_int( $number ) ? max( 0, min( self::MOST, $number ) ) : 0;
		}
		return array_sum( $counts ) ? $report + array( 'calls' => $counts ) : $report;
	}

	/**
	 * Whether what a person uses is counted for a page: nobody has anything counted for what is no page of theirs, or has
	 * no widget in its text. Of a network's sites the sidecar knows nothing, and numbers of posts mean another on each.
	 *
	 * @param int $page Id of a post.
	 */
	private static function may_count( int $page ): bool {
		$post = $page > 0 && ! is_multisite() ? get_post( $page ) : null;
		return $post && Blocks::are_in( $post->post_content ) && current_user_can( 'read_post', $page );
	}
}
