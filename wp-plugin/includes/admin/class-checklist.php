<?php
/**
 * How far the set-up has come.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

defined( 'ABSPATH' ) || exit;

/**
 * The five steps from a Box app to the first page, and the state of each by what was found when the sidecar was last
 * asked. Of that only ids and statuses are remembered: the page itself waits for nobody, and words are for reading.
 *
 * @since 0.1.0
 */
final class Checklist {

	/**
	 * Option of a site: `when` it was last looked, `checks` as status by id, and `page`, one with a widget.
	 */
	const OPTION = 'widgets_for_box_path';

	const APP      = 'app';
	const SIDECAR  = 'sidecar';
	const ELEMENTS = 'elements';
	const PEOPLE   = 'people';
	const PAGE     = 'page';

	/**
	 * By which findings a step is judged.
	 */
	const CHECKS = array(
		self::APP      => array( 'app', 'key', 'lookup', 'exchange' ),
		self::SIDECAR  => array( 'sidecar', 'audit', 'socket', 'network', 'configuration' ),
		self::ELEMENTS => array( 'elements' ),
		self::PEOPLE   => array( 'registration', 'site' ),
	);

	/**
	 * States of a step.
	 */
	const DONE    = 'done';
	const TODO    = 'todo';
	const LOOK    = 'look';
	const FAIL    = 'fail';
	const UNKNOWN = 'unknown';

	/**
	 * The name of a step.
	 *
	 * @since 0.1.0
	 *
	 * @param string $step Its id.
	 */
	public static function title( string $step ): string {
		$titles = array(
			self::APP      => __( 'An app at Box', 'widgets-for-box' ),
			self::SIDECAR  => __( 'The sidecar on this server', 'widgets-for-box' ),
			self::ELEMENTS => __( 'Box UI Elements', 'widgets-for-box' ),
			self::PEOPLE   => __( 'Your people', 'widgets-for-box' ),
			self::PAGE     => __( 'The first page', 'widgets-for-box' ),
		);
		return $titles[ $step ];
	}

	/**
	 * A state as people read it.
	 *
	 * @since 0.1.0
	 *
	 * @param string $state One of the states.
	 */
	public static function label( string $state ): string {
		$labels = array(
			self::DONE    => __( 'Done', 'widgets-for-box' ),
			self::TODO    => __( 'To do', 'widgets-for-box' ),
			self::LOOK    => __( 'Worth a look', 'widgets-for-box' ),
			self::FAIL    => __( 'Needs mending', 'widgets-for-box' ),
			self::UNKNOWN => __( 'Not known yet', 'widgets-for-box' ),
		);
		return $labels[ $state ];
	}

	/**
	 * Takes note of findings.
	 *
	 * @since 0.1.0
	 *
	 * @param array<int, array{id: string, status: string, summary: string, fix: string}> $checks As of Status::checks().
	 * @return array<string, array{state: string, label: string, text: string}> The steps.
	 */
	public static function take( array $checks ): array {
		$noted = array(
			'when'   => time(),
			'checks' => self::statuses( $checks ),
			'page'   => First_Page::published(),
		);
		update_option( self::OPTION, $noted, false );
		return self::steps( $noted, $checks );
	}

	/**
	 * The steps, as far as is known without asking anybody.
	 *
	 * @since 0.1.0
	 *
	 * @return array<string, array{state: string, label: string, text: string}>
	 */
	public static function known(): array {
		$noted = get_option( self::OPTION );
		return self::steps( is_array( $noted ) ? $noted : array(), array() );
	}

	/**
	 * The steps by what is noted.
	 *
	 * @param array<string, mixed>             $noted  As OPTION has it.
	 * @param array<int, array<string, mixed>> $checks The findings themselves, as far as they are at hand.
	 * @return array<string, array{state: string, label: string, text: string}>
	 */
	private static function steps( array $noted, array $checks ): array {
		$statuses = is_array( $noted['checks'] ?? null ) ? $noted['checks'] : array();
		$states   = array(
			self::APP      => self::judge( self::APP, $statuses ),
			self::SIDECAR  => self::judge( self::SIDECAR, $statuses ),
			self::ELEMENTS => self::judge( self::ELEMENTS, $statuses, self::DONE ),
			self::PEOPLE   => self::judge( self::PEOPLE, $statuses, self::DONE ),
			self::PAGE     => get_post_status( (int) ( $noted['page'] ?? 0 ) ) === 'publish' && ! empty( $noted['page'] ) ? self::DONE : self::TODO,
		);
		if ( self::FAIL === $states[ self::SIDECAR ] && 'fail' === ( $statuses['sidecar'] ?? '' ) ) {
			$states[ self::SIDECAR ] = self::TODO;
		}
		if ( self::DONE === $states[ self::PEOPLE ] ) {
			$states[ self::PEOPLE ] = self::of_people();
		}
		$steps = array();
		foreach ( $states as $step => $state ) {
			$steps[ $step ] = array(
				'state' => $state,
				'label' => self::label( $state ),
				'text'  => self::PEOPLE === $step && Look_Up_Pace::is_begun() ? Coverage_Picture::headline( Coverage_Book::counts() ) . '.' : self::words( $step, $checks ),
			);
		}
		return $steps;
	}

	/**
	 * A step's state by findings.
	 *
	 * @param string                $step      Its id.
	 * @param array<string, string> $statuses  By id of the finding.
	 * @param string                $otherwise What it is if nothing was found.
	 */
	private static function judge( string $step, array $statuses, string $otherwise = self::UNKNOWN ): string {
		$found = array_intersect_key( $statuses, array_flip( self::CHECKS[ $step ] ) );
		if ( self::APP === $step && ! isset( $found['app'] ) ) {
			$found = array(); // That its key opens says nothing about Box.
		}
		if ( in_array( 'fail', $found, true ) ) {
			return self::FAIL;
		}
		if ( ! $found ) {
			return $otherwise;
		}
		return in_array( 'warn', $found, true ) ? self::LOOK : self::DONE;
	}

	/**
	 * Whether people are found.
	 */
	private static function of_people(): string {
		if ( ! Look_Up_Pace::is_begun() ) {
			return self::TODO;
		}
		$counts  = Coverage_Book::counts();
		$missing = array_sum( $counts ) - $counts[ Coverage::MATCHED ] - $counts[ Coverage::NO_ACCESS ];
		return $missing > 0 ? self::LOOK : self::DONE;
	}

	/**
	 * What is to be done about a step, by the findings.
	 *
	 * @param string                           $step   Its id.
	 * @param array<int, array<string, mixed>> $checks The findings.
	 */
	private static function words( string $step, array $checks ): string {
		$words = array();
		foreach ( $checks as $check ) {
			if ( 'pass' !== $check['status'] && in_array( $check['id'], self::CHECKS[ $step ] ?? array(), true ) ) {
				$words[] = trim( $check['summary'] . ' ' . $check['fix'] );
			}
		}
		return implode( ' ', $words );
	}

	/**
	 * The worst status of each finding's id.
	 *
	 * @param array<int, array{id: string, status: string}> $checks The findings.
	 * @return array<string, string>
	 */
	private static function statuses( array $checks ): array {
		$statuses = array();
		foreach ( $checks as $check ) {
			$id              = $check['id'];
			$before          = isset( $statuses[ $id ] ) ? array( array( 'status' => $statuses[ $id ] ) ) : array();
			$statuses[ $id ] = Status::worst( array_merge( $before, array( $check ) ) );
		}
		return array_intersect_key( $statuses, array_flip( array_merge( ...array_values( self::CHECKS ) ) ) );
	}
}
