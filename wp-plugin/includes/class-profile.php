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
 */
final class Profile {

	const FIELD   = 'widgets_for_box_account';
	const CONFIRM = 'widgets_for_box_confirm';

	/**
	 * Hooks.
	 *
	 * @return void
	 */
	public static function register() {
		foreach ( array( 'show_user_profile', 'edit_user_profile' ) as $hook ) {
			add_action( $hook, array( self::class, 'render' ) );
		}
		add_action( 'user_profile_update_errors', array( self::class, 'save' ), 10, 3 );
	}

	/**
	 * Whether the current user may decide which Box user somebody is.
	 *
	 * In a network only its administrators have `edit_users`; users are shared by all sites, and so is this.
	 */
	public static function may_assign(): bool {
		return current_user_can( 'edit_users' ) && current_user_can( 'manage_options' );
	}

	/**
	 * Prints the section.
	 *
	 * @internal Callback of `show_user_profile` and `edit_user_profile`.
	 *
	 * @param WP_User $wp_user Whose profile it is.
	 * @return void
	 */
	public static function render( $wp_user ) {
		$user = People::box_user( $wp_user );
		echo '<h2>', esc_html__( 'Box', 'widgets-for-box' ), '</h2><table class="form-table" role="presentation"><tr><th scope="row">';
		esc_html_e( 'Sees the files of', 'widgets-for-box' );
		echo '</th><td>', null === $user ? esc_html__( 'nobody', 'widgets-for-box' ) : '<code>' . esc_html( (string) current( $user ) ) . '</code>';
		$unconfirmed = '' !== get_user_meta( $wp_user->ID, People::CONFIRMED_EMAIL, true );
		if ( $unconfirmed ) {
			/* translators: %s: an e-mail address. */
			echo '<p class="description">', esc_html( sprintf( __( 'The address %s is not confirmed yet. A link was sent to it.', 'widgets-for-box' ), $wp_user->user_email ) ), '</p>';
		}
		echo '</td></tr>';
		if ( self::may_assign() ) {
			self::render_fields( $wp_user, $unconfirmed );
		}
		echo '</table>';
	}

	/**
	 * Prints what an administrator may change.
	 *
	 * @param WP_User $wp_user     Whose profile it is.
	 * @param bool    $unconfirmed Whether their address waits for confirmation.
	 * @return void
	 */
	private static function render_fields( WP_User $wp_user, bool $unconfirmed ) {
		Widgets::enqueue_admin();
		$assigned = get_user_meta( $wp_user->ID, People::ASSIGNED, true );
		if ( $unconfirmed ) {
			printf(
				'<tr><th scope="row">%1$s</th><td><label><input type="checkbox" name="%2$s" value="1"> %3$s</label></td></tr>',
				esc_html__( 'E-mail address', 'widgets-for-box' ),
				esc_attr( self::CONFIRM ),
				esc_html__( 'I know that this address belongs to this person', 'widgets-for-box' )
			);
		}
		printf(
			'<tr><th scope="row"><label for="%1$s">%2$s</label></th><td><input type="text" class="regular-text" id="%1$s" name="%1$s" value="%3$s" autocomplete="off"> <button type="button" class="button" data-look-up="%1$s">%4$s</button> <span role="status" data-result></span><p class="description">%5$s</p></td></tr>',
			esc_attr( self::FIELD ),
			esc_html__( 'Assigned Box user', 'widgets-for-box' ),
			esc_attr( is_array( $assigned ) ? (string) current( $assigned ) : '' ),
			esc_html__( 'Look up', 'widgets-for-box' ),
			esc_html__( 'Login (an e-mail address) or id (digits) of a Box user. Leave it empty to follow the rule in the settings.', 'widgets-for-box' )
		);
	}

	/**
	 * Saves the section. WordPress has checked the form's nonce and the right to edit this user.
	 *
	 * @internal Callback of `user_profile_update_errors`.
	 *
	 * @param WP_Error  $errors Errors so far.
	 * @param bool      $update Whether the user existed before.
	 * @param \stdClass $data   The user's data.
	 * @return void
	 */
	public static function save( $errors, $update, $data ) {
		// phpcs:disable WordPress.Security.NonceVerification.Missing -- edit_user() is called after check_admin_referer().
		if ( ! $update || ! isset( $_POST[ self::FIELD ] ) || ! self::may_assign() || ! current_user_can( 'edit_user', $data->ID ) ) {
			return;
		}
		$text = trim( sanitize_text_field( wp_unslash( $_POST[ self::FIELD ] ) ) );
		if ( isset( $_POST[ self::CONFIRM ] ) ) {
			delete_user_meta( $data->ID, People::CONFIRMED_EMAIL );
			Tokens::revoke( $data->ID );
		}
		// phpcs:enable
		$assigned = self::parse( $text );
		if ( null === $assigned ) {
			$errors->add( self::FIELD, __( 'The assigned Box user must be an e-mail address or an id of digits only.', 'widgets-for-box' ), array( 'form-field' => self::FIELD ) );
			return;
		}
		$before = get_user_meta( $data->ID, People::ASSIGNED, true );
		if ( ( is_array( $before ) ? $before : array() ) === $assigned ) {
			return;
		}
		Tokens::revoke( $data->ID );
		if ( $assigned ) {
			update_user_meta( $data->ID, People::ASSIGNED, $assigned );
		} else {
			delete_user_meta( $data->ID, People::ASSIGNED );
		}
	}

	/**
	 * The Box user that an administrator typed.
	 *
	 * @param string $text What was typed.
	 * @return array<string, string>|null Empty for none; null if it makes no sense.
	 */
	private static function parse( string $text ): ?array {
		if ( '' === $text ) {
			return array();
		}
		if ( preg_match( '/^[1-9]\d{0,19}$/D', $text ) ) {
			return array( 'id' => $text );
		}
		return is_email( $text ) ? array( 'login' => $text ) : null;
	}
}
