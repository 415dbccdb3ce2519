<?php
/**
 * Whom people turn to.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

defined( 'ABSPATH' ) || exit;

/**
 * What helps a person for whom trying again is of no use: somebody else has to do something first.
 *
 * @since 0.1.0
 */
final class Contact {

	/**
	 * Failures that stay until somebody did something about an account.
	 */
	const FINAL = array( 'user_not_found', 'user_inactive', 'user_ambiguous', 'login_not_allowed', 'role_not_allowed', 'box_not_allowed' );

	/**
	 * What a person is offered with a failure: `final`, that it is no use to try again, and a link, if the
	 * administrator has set one.
	 *
	 * @since 0.1.0
	 *
	 * @param string $code    The failure's.
	 * @param string $message What the person reads about it.
	 * @return array{final?: true, contact?: string, contact_text?: string} Nothing for a failure that may pass.
	 */
	public static function about( string $code, string $message ): array {
		if ( ! in_array( $code, self::FINAL, true ) ) {
			return array();
		}
		$offer   = array( 'final' => true );
		$contact = Settings::get( 'contact' );
		// Whoever can write to the database can't make a script of it.
		$contact = is_email( $contact ) ? $contact : esc_url_raw( $contact, array( 'https' ) );
		if ( '' === $contact ) {
			return $offer;
		}
		$text = Settings::get( 'contact_text' );
		return $offer + array(
			'contact'      => is_email( $contact ) ? self::letter( $contact, $message ) : $contact,
			'contact_text' => '' !== $text ? $text : self::default_text(),
		);
	}

	/**
	 * What the button says unless the administrator words it.
	 *
	 * @since 0.1.0
	 */
	public static function default_text(): string {
		return __( 'Ask for help', 'widgets-for-box' );
	}

	/**
	 * A link that opens a letter, filled in so far that it can be sent as it is.
	 *
	 * @param string $address Whom to write to.
	 * @param string $message What the person reads about the failure.
	 */
	private static function letter( string $address, string $message ): string {
		$wp_user = wp_get_current_user();
		$site    = wp_specialchars_decode( get_bloginfo( 'name' ), ENT_QUOTES );
		/* translators: %s: name of the site. */
		$subject = sprintf( __( 'Box on %s', 'widgets-for-box' ), $site );
		/* translators: 1: name of the site, 2: its address, 3: what the person read, 4: the person's name, 5: e-mail address. */
		$body = sprintf( __( "Hello,\n\nI would like to use Box on %1\$s (%2\$s), but it says: “%3\$s”\n\nMy e-mail address there is %5\$s.\n\n%4\$s", 'widgets-for-box' ), $site, home_url( '/' ), $message, $wp_user->display_name, $wp_user->user_email );
		return 'mailto:' . str_replace( '%40', '@', rawurlencode( $address ) ) . '?subject=' . rawurlencode( $subject ) . '&body=' . rawurlencode( str_replace( "\n", "\r\n", $body ) );
	}
}
