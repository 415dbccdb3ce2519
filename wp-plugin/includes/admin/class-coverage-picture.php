<?php
/**
 * The coverage as a picture.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

defined( 'ABSPATH' ) || exit;

/**
 * A bar and the table of its parts, which is its description and leads to each part's people.
 *
 * @since 0.1.0
 */
final class Coverage_Picture {

	/**
	 * Units of the bar's width.
	 */
	const WIDTH = 1000;

	/**
	 * Prints both.
	 *
	 * @since 0.1.0
	 *
	 * @param array<string, int> $counts As of Coverage_Book::counts().
	 * @param string             $state  Whose people are listed below; empty for all.
	 */
	public static function render( array $counts, string $state = '' ): void {
		$counts = array_filter( $counts );
		echo '<p class="widgets-for-box-headline">', esc_html( self::headline( $counts ) ), '</p>';
		self::render_bar( array_diff_key( $counts, array( Coverage::NO_ACCESS => 0 ) ) );
		echo '<table class="widgets-for-box-legend"><thead class="screen-reader-text"><tr>';
		foreach ( array( __( 'At Box', 'widgets-for-box' ), __( 'People', 'widgets-for-box' ), __( 'What to do', 'widgets-for-box' ) ) as $label ) {
			echo '<th scope="col">', esc_html( $label ), '</th>';
		}
		echo '</tr></thead><tbody>';
		foreach ( $counts as $name => $count ) {
			printf(
				'<tr><th scope="row"><a class="widgets-for-box-state" data-state="%1$s" href="%2$s"%3$s>%4$s</a></th><td>%5$s</td><td>',
				esc_attr( $name ),
				esc_url( People_Page::url( $name ) ),
				$name === $state ? ' aria-current="true"' : '',
				esc_html( Coverage::label( $name ) ),
				esc_html( number_format_i18n( $count ) )
			);
			self::render_advice( $name );
			echo '</td></tr>';
		}
		echo '</tbody></table>';
		if ( '' !== $state ) {
			printf( '<p><a href="%1$s">%2$s</a></p>', esc_url( People_Page::url() ), esc_html__( 'Show everybody', 'widgets-for-box' ) );
		}
	}

	/**
	 * The most important of it as a sentence.
	 *
	 * @since 0.1.0
	 *
	 * @param array<string, int> $counts By state; those without people may be missing.
	 */
	public static function headline( array $counts ): string {
		$may = array_sum( $counts ) - ( $counts[ Coverage::NO_ACCESS ] ?? 0 );
		/* translators: 1 and 2: numbers of people. */
		$parts = array( sprintf( __( '%1$s of %2$s matched', 'widgets-for-box' ), number_format_i18n( $counts[ Coverage::MATCHED ] ?? 0 ), number_format_i18n( $may ) ) );
		foreach ( array( Coverage::NO_ACCOUNT, Coverage::AMBIGUOUS, Coverage::UNCONFIRMED ) as $name ) {
			if ( ! empty( $counts[ $name ] ) ) {
				$parts[] = sprintf( self::part( $name, $counts[ $name ] ), number_format_i18n( $counts[ $name ] ) );
			}
		}
		return wp_sprintf( '%l', $parts );
	}

	/**
	 * A part of that sentence, with %s for the number.
	 *
	 * @param string $state One of three states.
	 * @param int    $count How many people.
	 */
	private static function part( string $state, int $count ): string {
		switch ( $state ) {
			case Coverage::NO_ACCOUNT:
				/* translators: %s: a number of people. */
				return _n( '%s without a Box account', '%s without a Box account', $count, 'widgets-for-box' );
			case Coverage::AMBIGUOUS:
				/* translators: %s: a number of people. */
				return _n( '%s ambiguous', '%s ambiguous', $count, 'widgets-for-box' );
			default:
				/* translators: %s: a number of people. */
				return _n( '%s not confirmed', '%s not confirmed', $count, 'widgets-for-box' );
		}
	}

	/**
	 * Prints the bar.
	 *
	 * @param array<string, int> $counts By state, each more than 0.
	 */
	private static function render_bar( array $counts ): void {
		$total = array_sum( $counts );
		$told  = array();
		foreach ( $counts as $name => $count ) {
			$told[] = Coverage::label( $name ) . ': ' . number_format_i18n( $count );
		}
		printf( '<svg class="widgets-for-box-bar" viewBox="0 0 %1$d 24" preserveAspectRatio="none" role="img" aria-label="%2$s">', (int) self::WIDTH, esc_attr( implode( ', ', $told ) ) );
		$before = 0;
		foreach ( $counts as $name => $count ) {
			$start = self::WIDTH * $before / $total;
			printf( '<rect data-state="%1$s" x="%2$s" y="0" width="%3$s" height="24"/>', esc_attr( $name ), esc_attr( (string) round( $start ) ), esc_attr( (string) max( 1, round( self::WIDTH * $count / $total ) ) ) );
			$before += $count;
		}
		echo '</svg>';
	}

	/**
	 * Prints what an administrator does about a state.
	 *
	 * @param string $state One of Coverage::STATES.
	 */
	private static function render_advice( string $state ): void {
		$advice = array(
			Coverage::NO_ACCOUNT => __( 'Make an account at Box, or assign one on the profile page.', 'widgets-for-box' ),
			Coverage::AMBIGUOUS  => __( 'Assign one of the accounts on the profile page.', 'widgets-for-box' ),
			Coverage::INACTIVE   => __( 'Activate the account in Box’s Admin Console.', 'widgets-for-box' ),
			Coverage::ROLE       => __( 'Sees no files unless the sidecar’s policy allows it. Assign an ordinary Box account.', 'widgets-for-box' ),
			Coverage::DENIED     => __( 'Look at login_domains and denied_logins in the sidecar’s policy.', 'widgets-for-box' ),
			Coverage::FAILED     => __( 'Try as one of them below to read why.', 'widgets-for-box' ),
		);
		if ( Coverage::UNCONFIRMED === $state && Profile::may_assign() ) {
			printf( '<a href="%1$s">%2$s</a>', esc_url( Addresses_Page::url() ), esc_html__( 'Confirm many at once', 'widgets-for-box' ) );
		} else {
			echo esc_html( $advice[ $state ] ?? '' );
		}
	}
}
