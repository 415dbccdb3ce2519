<?php
/**
 * The Box section of a user's profile page.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

use WP_Error;
use WP_User;

defined( 'ABSPATH' ) || exit;

/**
 * Shows people which Box user they are, and lets administrators assign another.
 *
 * @since 0.1.0
 */
final class Profile {

	const FIELD   = 'widgets_for_box_account';
	const CONFIRM = 'widgets_for_box_confirm';
	const SHOWN   = 'widgets_for_box_shown';
	const NONCE   = 'widgets_for_box_nonce';
	const ANCHOR  = 'widgets-for-box';

	/**
	 * Whether the current user may decide which Box user somebody is.
	 *
	 * In a network only its administrators have `edit_users`; users are shared by all sites, and so is this.
	 *
	 * @since 0.1.0
	 */
	public static function may_assign(): bool {
		return current_user_can( 'edit_users' ) && current_user_can( 'manage_options' );
	}

	/**
	 * Prints the section.
	 *
	 * @internal Callback of `show_user_profile` and `edit_user_profile`.
	 * @since 0.1.0
	 *
	 * @param WP_User $wp_user Whose profile it is.
	 */
	public static function render( $wp_user ): void {
		$user = People::box_user( $wp_user );
		echo '<h2 id="', esc_attr( self::ANCHOR ), '">', esc_html__( 'Box', 'widgets-for-box' ), '</h2><table class="form-table" role="presentation"><tr><th scope="row">';
		esc_html_e( 'Sees the files of', 'widgets-for-box' );
		echo '</th><td>', null === $user ? esc_html__( 'nobody', 'widgets-for-box' ) : '<code>' . esc_html( (string) current( $user ) ) . '</code>';
		self::render_proof( $wp_user->ID );
		echo '</td></tr>';
		if ( self::may_assign() ) {
			self::render_fields( $wp_user->ID );
		}
		echo '</table>';
	}

	/**
	 * Prints whether the person's address counts, and why.
	 *
	 * @param int $user_id Whose profile it is.
	 */
	private static function render_proof( int $user_id ): void {
		$by_email = 'email' === Settings::get( 'account' ) && ! People::assigned( $user_id );
		if ( $by_email || Addresses::is_erased( $user_id ) ) {
			echo '<p class="description">', esc_html( self::proof( $user_id ) ), '</p>';
		}
		if ( get_current_user_id() === $user_id && $by_email && Address_Link::is_of_use( $user_id ) ) {
			printf( '<p><a class="button" href="%1$s">%2$s</a></p>', esc_url( Address_Link_Page::request_url() ), esc_html__( 'Send a link to confirm this address', 'widgets-for-box' ) );
		}
	}

	/**
	 * Whether a person's address counts, and why, in a sentence or two.
	 *
	 * @since 0.1.0
	 *
	 * @param int $user_id The WordPress user.
	 */
	public static function proof( int $user_id ): string {
		if ( Addresses::is_erased( $user_id ) ) {
			return self::history( Addresses::mark( $user_id ) );
		}
		if ( Settings::directory() ) {
			return __( 'The address counts as it is: the settings say that a directory writes it.', 'widgets-for-box' );
		}
		$history = self::history( Addresses::mark( $user_id ) );
		if ( Addresses::is_proved( $user_id ) ) {
			return $history;
		}
		/* translators: %s: an e-mail address. */
		return trim( sprintf( __( 'The address %s is not confirmed, so it does not count for Box.', 'widgets-for-box' ), Addresses::present( $user_id ) ) . ' ' . $history );
	}

	/**
	 * What was proved, how and when.
	 *
	 * @since 0.1.0
	 *
	 * @param array<string, mixed> $mark As Addresses::mark() returns it.
	 * @return string A sentence; empty if there was nothing.
	 */
	public static function history( array $mark ): string {
		$sentences = array(
			/* translators: 1: an e-mail address, 2: a date. */
			Addresses::BASELINE      => __( '%1$s was this account’s address when Widgets for Box was set up, on %2$s.', 'widgets-for-box' ),
			/* translators: 1: an e-mail address, 2: a date. */
			Addresses::LINK          => __( '%1$s was confirmed by a link sent to it, on %2$s.', 'widgets-for-box' ),
			/* translators: 1: an e-mail address, 2: a date, 3: name of an administrator. */
			Addresses::ADMINISTRATOR => __( '%1$s was confirmed by %3$s, on %2$s.', 'widgets-for-box' ),
			/* translators: 2: a date. */
			Addresses::ERASED        => __( 'What was stored about this person was erased on %2$s. They have no Box until an administrator confirms their address or assigns a Box user.', 'widgets-for-box' ),
		);
		if ( ! isset( $mark['how'], $sentences[ $mark['how'] ] ) ) {
			return '';
		}
		$administrator = get_userdata( $mark['by'] );
		return sprintf( $sentences[ $mark['how'] ], $mark['email'], wp_date( get_option( 'date_format' ), $mark['when'] ), $administrator ? $administrator->display_name : '#' . $mark['by'] );
	}

	/**
	 * Prints what an administrator may change. The form says which address it shows, so that nothing is
	 * confirmed that the administrator has not seen.
	 *
	 * @param int $user_id Whose profile it is.
	 */
	private static function render_fields( int $user_id ): void {
		Assets::enqueue_admin();
		$address = Addresses::present( $user_id );
		wp_nonce_field( self::FIELD . $user_id, self::NONCE, false );
		printf( '<input type="hidden" name="%1$s" value="%2$s">', esc_attr( self::SHOWN ), esc_attr( $address ) );
		if ( '' !== $address && ! Addresses::is_proved( $user_id ) ) {
			printf(
				'<tr><th scope="row">%1$s</th><td><label><input type="checkbox" name="%2$s" value="%3$s"> %4$s</label></td></tr>',
				esc_html__( 'E-mail address', 'widgets-for-box' ),
				esc_attr( self::CONFIRM ),
				esc_attr( $address ),
				/* translators: %s: an e-mail address. */
				esc_html( sprintf( __( 'I know that %s belongs to this person', 'widgets-for-box' ), $address ) )
			);
		}
		printf(
			'<tr><th scope="row"><label for="%1$s">%2$s</label></th><td><input type="text" class="regular-text" id="%1$s" name="%1$s" value="%3$s" autocomplete="off"> <button type="button" class="button" data-look-up="%1$s">%4$s</button> <span role="status" data-result></span><p class="description">%5$s</p></td></tr>',
			esc_attr( self::FIELD ),
			esc_html__( 'Assigned Box user', 'widgets-for-box' ),
			esc_attr( (string) current( People::assigned( $user_id ) ) ),
			esc_html__( 'Look up', 'widgets-for-box' ),
			esc_html__( 'Login (an e-mail address) or id (digits) of a Box user. Leave it empty to follow the rule in the settings.', 'widgets-for-box' )
		);
	}

	/**
	 * What an administrator posted with the section.
	 *
	 * @param int $user_id Whose profile it is.
	 * @return array<string, string>|null By field; null unless they may decide who this is at Box.
	 */
	private static function posted( int $user_id ): ?array {
		$nonce = isset( $_POST[ self::NONCE ] ) ? sanitize_key( $_POST[ self::NONCE ] ) : '';
		if ( ! wp_verify_nonce( $nonce, self::FIELD . $user_id ) || ! self::may_assign() || ! current_user_can( 'edit_user', $user_id ) ) {
			return null;
		}
		$posted = array();
		foreach ( array( self::FIELD, self::CONFIRM, self::SHOWN, 'email' ) as $name ) {
			// phpcs:ignore WordPress.Security.ValidatedSanitizedInput.InputNotSanitized -- Parsed or compared, and never stored as it is.
			$posted[ $name ] = isset( $_POST[ $name ] ) && is_string( $_POST[ $name ] ) ? wp_unslash( $_POST[ $name ] ) : '';
		}
		return $posted;
	}

	/**
	 * Refuses a Box user that makes no sense. Nothing is written yet: the form may be refused for something
	 * else.
	 *
	 * @internal Callback of `user_profile_update_errors`.
	 * @since 0.1.0
	 *
	 * @param WP_Error  $errors Errors so far.
	 * @param bool      $update Whether the user existed before.
	 * @param \stdClass $data   The user's data.
	 */
	public static function validate( $errors, $update, $data ): void {
		$posted = $update ? self::posted( (int) $data->ID ) : null;
		if ( $posted && null === self::parse( $posted[ self::FIELD ] ) ) {
			$errors->add( self::FIELD, __( 'The assigned Box user must be an e-mail address or an id of digits only.', 'widgets-for-box' ), array( 'form-field' => self::FIELD ) );
		}
	}

	/**
	 * Saves the section after the profile itself was saved. An administrator confirms the address that they
	 * ticked, or typed in place of the one that the form showed, if it is the account's address now.
	 *
	 * @internal Callback of `profile_update`.
	 * @since 0.1.0
	 *
	 * @param int $user_id The WordPress user.
	 */
	public static function save( $user_id ): void {
		$user_id  = (int) $user_id;
		$posted   = self::posted( $user_id );
		$assigned = $posted ? self::parse( $posted[ self::FIELD ] ) : null;
		if ( null === $assigned ) {
			return;
		}
		$typed = trim( $posted['email'] );
		if ( Addresses::normalize( $typed ) !== Addresses::normalize( $posted[ self::SHOWN ] ) ) {
			Addresses::prove( $user_id, $typed, Addresses::ADMINISTRATOR );
		}
		Addresses::prove( $user_id, $posted[ self::CONFIRM ], Addresses::ADMINISTRATOR );
		People::assign( $user_id, $assigned );
	}

	/**
	 * The Box user that an administrator typed.
	 *
	 * @param string $text What was typed.
	 * @return array<string, string>|null Empty for none; null if it makes no sense.
	 */
	private static function parse( string $text ): ?array {
		$text = trim( $text );
		if ( '' === $text ) {
			return array();
		}
		if ( preg_match( '/^[1-9]\d{0,19}$/D', $text ) ) {
			return array( 'id' => $text );
		}
		return is_email( $text ) ? array( 'login' => $text ) : null;
	}
}
