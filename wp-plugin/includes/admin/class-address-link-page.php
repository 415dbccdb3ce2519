<?php
/**
 * Where a link that proves an address leads.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

defined( 'ABSPATH' ) || exit;

/**
 * The question and the answers on the profile page.
 *
 * @since 0.1.0
 */
final class Address_Link_Page {

	const RESULT = 'widgets_for_box_link';
	const ACTION = 'widgets_for_box_send_link';

	/**
	 * Takes the answer to the question that a link leads to; a link that is not valid leads to none.
	 *
	 * @internal Callback of `load-profile.php`.
	 * @since 0.1.0
	 */
	public static function follow(): void {
		if ( isset( $_POST[ Address_Link::PARAMETER ] ) ) {
			check_admin_referer( Address_Link::PARAMETER );
			$result = Address_Link::take( get_current_user_id(), sanitize_key( wp_unslash( $_POST[ Address_Link::PARAMETER ] ) ) ) ? 'proved' : 'refused';
		} elseif ( '' !== self::key_in_address() && ! Address_Link::is_valid( get_current_user_id(), self::key_in_address() ) ) {
			$result = 'refused';
		} else {
			return;
		}
		wp_safe_redirect( add_query_arg( self::RESULT, $result, self_admin_url( 'profile.php' ) ) );
		exit;
	}

	/**
	 * The key of the link by which this page was opened; empty if by none.
	 */
	private static function key_in_address(): string {
		// phpcs:ignore WordPress.Security.NonceVerification.Recommended -- It only leads to a question.
		return isset( $_GET[ Address_Link::PARAMETER ] ) ? sanitize_key( wp_unslash( $_GET[ Address_Link::PARAMETER ] ) ) : '';
	}

	/**
	 * Asks whoever has opened a link whether this is their account. A browser can be logged in to another's account
	 * without anybody noticing; the link alone would prove their address for that one.
	 *
	 * @internal Callback of `admin_notices`.
	 * @since 0.1.0
	 */
	public static function ask(): void {
		$key = self::key_in_address();
		if ( 'profile' !== get_current_screen()->id || ! Address_Link::is_valid( get_current_user_id(), $key ) ) {
			return;
		}
		$wp_user = wp_get_current_user();
		/* translators: 1: login of a WordPress user, 2: an e-mail address. */
		$question = sprintf( __( 'You are logged in as %1$s. Is this account yours, and the address %2$s too? Then confirm it, and this account shows your Box files.', 'widgets-for-box' ), $wp_user->user_login, Addresses::present( $wp_user->ID ) );
		printf(
			'<div class="notice notice-warning"><form method="post" action="%1$s"><p>%2$s</p><p><input type="hidden" name="%3$s" value="%4$s">%5$s<button type="submit" class="button button-primary">%6$s</button></p></form></div>',
			esc_url( self_admin_url( 'profile.php' ) ),
			esc_html( $question ),
			esc_attr( Address_Link::PARAMETER ),
			esc_attr( $key ),
			wp_nonce_field( Address_Link::PARAMETER, '_wpnonce', false, false ), // phpcs:ignore WordPress.Security.EscapeOutput.OutputNotEscaped -- A field of WordPress's.
			esc_html__( 'Yes, both are mine', 'widgets-for-box' )
		);
	}

	/**
	 * Sends a person the link that they ask for on their profile page.
	 *
	 * @internal Callback of `admin_post_…`.
	 * @since 0.1.0
	 */
	public static function send_on_request(): void {
		check_admin_referer( self::ACTION );
		$sent = Address_Link::send( get_current_user_id() );
		wp_safe_redirect( add_query_arg( self::RESULT, $sent ? 'sent' : 'unsent', self_admin_url( 'profile.php' ) ) );
		exit;
	}

	/**
	 * The address that sends the link to whoever opens it.
	 *
	 * @since 0.1.0
	 */
	public static function request_url(): string {
		return wp_nonce_url( admin_url( 'admin-post.php?action=' . self::ACTION ), self::ACTION );
	}

	/**
	 * Says on the profile page what came of a link.
	 *
	 * @internal Callback of `admin_notices`.
	 * @since 0.1.0
	 */
	public static function tell_result(): void {
		// phpcs:ignore WordPress.Security.NonceVerification.Recommended -- It chooses a sentence.
		$result    = isset( $_GET[ self::RESULT ] ) ? sanitize_key( wp_unslash( $_GET[ self::RESULT ] ) ) : '';
		$sentences = array(
			'proved'  => __( 'Your e-mail address is confirmed for Box.', 'widgets-for-box' ),
			'refused' => __( 'This link is not valid: it was used before, is older than a week, or was sent to another account or address. You can ask for a new one below.', 'widgets-for-box' ),
			'sent'    => __( 'A link was sent to your e-mail address. Please open it within a week.', 'widgets-for-box' ),
			'unsent'  => __( 'No link was sent: there are at most three a day, or this site can’t send e-mail. Please try again tomorrow, or ask your administrator to confirm your address.', 'widgets-for-box' ),
		);
		if ( isset( $sentences[ $result ] ) ) {
			printf( '<div class="notice notice-%1$s"><p>%2$s</p></div>', in_array( $result, array( 'proved', 'sent' ), true ) ? 'success' : 'error', esc_html( $sentences[ $result ] ) );
		}
	}
}
