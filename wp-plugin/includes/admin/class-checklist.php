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
	 * Option of a site: `when` it was last looked, `checks` as status by id, `page`, one with a widget, and `ticked`,
	 * whether an administrator says that there is one.
	 */
	const OPTION = 'widgets_for_box_path';

	const APP      = 'app';
	const SIDECAR  = 'sidecar';
	const ELEMENTS = 'elements';
	const PEOPLE   = 'people';
	const PAGE     = 'page';

	/**
	 * By which findings a step is judged; the sidecar's by all others, also those of a later release: nothing that needs
	 * mending is of no step.
	 */
	const CHECKS = array(
		self::APP      => array( 'app', 'key', 'lookup', 'exchange' ),
		self::ELEMENTS => array( 'elements' ),
		self::PEOPLE   => array( 'registration', 'addresses', 'site' ),
		self::PAGE     => array( 'https' ),
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
	 * @return array<string, array{state: string, label: string, text: string, open: bool}> The steps.
	 */
	public static function take( array $checks ): array {
		$before = self::noted();
		$noted  = array(
			'when'   => time(),
			'checks' => self::statuses( $checks ),
			'page'   => First_Page::published( (int) ( $before['page'] ?? 0 ) ),
		) + $before;
		update_option( self::OPTION, $noted, false );
		return self::steps( $noted, $checks );
	}

	/**
	 * Takes an administrator's word that there is a page: a widget may be where no post's text tells of it.
	 *
	 * @since 0.1.0
	 */
	public static function tick(): void {
		update_option( self::OPTION, array( 'ticked' => true ) + self::noted(), false );
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
	 * The steps, as far as is known without asking anybody.
	 *
	 * @since 0.1.0
	 *
	 * @return array<string, array{state: string, label: string, text: string, open: bool}>
	 */
	public static function known(): array {
		return self::steps( self::noted(), array() );
	}

	/**
	 * The steps by what is noted.
	 *
	 * @param array<string, mixed>             $noted  As OPTION has it.
	 * @param array<int, array<string, mixed>> $checks The findings themselves, as far as they are at hand.
	 * @return array<string, array{state: string, label: string, text: string, open: bool}>
	 */
	private static function steps( array $noted, array $checks ): array {
		$states = self::states( $noted );
		$next   = key( array_filter( $states, static fn( string $state ): bool => ! in_array( $state, array( self::DONE, self::LOOK ), true ) ) );
		$steps  = array();
		foreach ( $states as $step => $state ) {
			// Only the sidecar can tell whether the app is made, so that the two are the next step together.
			$along          = self::SIDECAR === $step && self::APP === $next && in_array( $state, array( self::TODO, self::UNKNOWN ), true );
			$steps[ $step ] = array(
				'state' => $state,
				'label' => self::label( $state ),
				'text'  => self::text( $step, $state, $checks ),
				'open'  => $step === $next || self::FAIL === $state || $along,
			);
		}
		return $steps;
	}

	/**
	 * The state of each step by what is noted.
	 *
	 * @param array<string, mixed> $noted As OPTION has it.
	 * @return array<string, string>
	 */
	private static function states( array $noted ): array {
		$statuses = is_array( $noted['checks'] ?? null ) ? $noted['checks'] : array();
		$states   = array(
			self::APP      => self::judge( self::APP, $statuses ),
			self::SIDECAR  => self::judge( self::SIDECAR, $statuses ),
			self::ELEMENTS => self::judge( self::ELEMENTS, $statuses, self::DONE ),
			self::PEOPLE   => self::judge( self::PEOPLE, $statuses, self::DONE ),
			self::PAGE     => self::judge( self::PAGE, $statuses, self::DONE ),
		);
		if ( 'fail' === ( $statuses['sidecar'] ?? '' ) ) {
			$states[ self::SIDECAR ] = self::TODO;
		}
		$people = self::of_people();
		if ( self::FAIL !== $states[ self::PEOPLE ] && self::DONE !== $people ) {
			$states[ self::PEOPLE ] = $people;
		}
		if ( self::FAIL !== $states[ self::PAGE ] && empty( $noted['ticked'] ) && ! First_Page::is_published( (int) ( $noted['page'] ?? 0 ) ) ) {
			$states[ self::PAGE ] = self::TODO;
		}
		return $states;
	}

	/**
	 * Of which step a finding is.
	 *
	 * @param string $id Its id.
	 */
	private static function step_of( string $id ): string {
		foreach ( self::CHECKS as $step => $ids ) {
			if ( in_array( $id, $ids, true ) ) {
				return $step;
			}
		}
		return self::SIDECAR;
	}

	/**
	 * A step's state by findings.
	 *
	 * @param string                $step      Its id.
	 * @param array<string, string> $statuses  By id of the finding.
	 * @param string                $otherwise What it is if nothing was found.
	 */
	private static function judge( string $step, array $statuses, string $otherwise = self::UNKNOWN ): string {
		$found = array_filter( $statuses, static fn( string $id ): bool => self::step_of( $id ) === $step, ARRAY_FILTER_USE_KEY );
		if ( in_array( 'fail', $found, true ) ) {
			return self::FAIL;
		}
		if ( self::APP === $step && ! isset( $found['app'] ) ) {
			$found = array(); // That its key opens says nothing about Box.
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
		$missing = array_sum( $counts ) - $counts[ Coverage::MATCHED ] - $counts[ Coverage::FIRST_USE ] - $counts[ Coverage::NO_ACCESS ];
		return $missing > 0 ? self::LOOK : self::DONE;
	}

	/**
	 * What is said about a step: what is to be mended before all else.
	 *
	 * @param string                           $step   Its id.
	 * @param string                           $state  Its state.
	 * @param array<int, array<string, mixed>> $checks The findings, as far as they are at hand.
	 */
	private static function text( string $step, string $state, array $checks ): string {
		$words = self::words( $step, $checks );
		if ( '' === $words && self::APP === $step && self::UNKNOWN === $state ) {
			return __( 'Whether this is done shows once the sidecar runs and reaches Box.', 'widgets-for-box' );
		}
		if ( '' === $words && self::PEOPLE === $step && Look_Up_Pace::is_begun() ) {
			return Coverage_Picture::headline( Coverage_Book::counts() );
		}
		return $words;
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
			if ( 'pass' !== $check['status'] && self::step_of( $check['id'] ) === $step ) {
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
		return $statuses;
	}
}
