<?php
/**
 * The link that proves an address.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

defined( 'ABSPATH' ) || exit;

/**
 * A link is sent to an account's present address, when the person has changed it or asks for the link on
 * their profile page. It counts once, for that address, and only for the person who is logged in.
 *
 * @since 0.1.0
 */
final class Address_Link {

	/**
	 * User meta, sealed: for which address a link was sent, a hash of its key, until when it counts, and
	 * when the latest links were sent; and under `wordpress` the same about WordPress's own link.
	 */
	const META = '_widgets_for_box_link';

	/**
	 * Seconds for which a link counts.
	 */
	const LIFE = WEEK_IN_SECONDS;

	/**
	 * Links that are sent for one account within a day: whoever keeps changing their address sends no more
	 * mails than that to others.
	 */
	const A_DAY = 3;

	/**
	 * Carries a link's key: in the address of the page that asks, and in the form that answers.
	 */
	const PARAMETER = 'widgets_for_box_email';

	/**
	 * Notes the link that WordPress sends to an address before it changes the account. What WordPress itself
	 * notes may be written by whatever writes user meta.
	 *
	 * @internal Callback of `new_user_email_content`.
	 * @since 0.1.0
	 *
	 * @param string                                 $text Text of the mail.
	 * @param array{hash?: string, newemail?: string} $new  The link's key and the address.
	 * @return string The same text.
	 */
	public static function note_that_of_wordpress( $text, $new ) {
		if ( is_array( $new ) && is_string( $new['hash'] ?? null ) && is_string( $new['newemail'] ?? null ) ) {
			$sent = array(
				'email' => trim( $new['newemail'] ),
				'hash'  => hash( 'sha256', $new['hash'] ),
				'until' => time() + self::LIFE,
			);
			$link = Sealed_Meta::get( get_current_user_id(), self::META );
			Sealed_Meta::set( get_current_user_id(), self::META, array( 'wordpress' => $sent ) + $link );
		}
		return $text;
	}

	/**
	 * Whether this request follows the link that WordPress itself sent to an address; the link is used up by it.
	 *
	 * @since 0.1.0
	 *
	 * @param int    $user_id The WordPress user.
	 * @param string $address Their new address.
	 */
	public static function take_that_of_wordpress( int $user_id, string $address ): bool {
		// phpcs:ignore WordPress.Security.NonceVerification.Recommended -- The hash is the proof, as it is to WordPress itself.
		$hash = isset( $_GET['newuseremail'] ) ? sanitize_text_field( wp_unslash( $_GET['newuseremail'] ) ) : '';
		$link = Sealed_Meta::get( $user_id, self::META );
		$sent = $link['wordpress'] ?? null;
		if ( ! did_action( 'load-profile.php' ) || get_current_user_id() !== $user_id || ! $sent || ! hash_equals( $sent['hash'], hash( 'sha256', $hash ) )
			|| $sent['until'] < time() || Addresses::normalize( $sent['email'] ) !== Addresses::normalize( $address ) ) {
			return false;
		}
		Sealed_Meta::set( $user_id, self::META, array_diff_key( $link, array( 'wordpress' => 0 ) ) );
		return true;
	}

	/**
	 * Sends a link to a person's present address, where it is of use.
	 *
	 * @since 0.1.0
	 *
	 * @param int $user_id The WordPress user.
	 * @return bool Whether it was sent.
	 */
	public static function send( int $user_id ): bool {
		$turn = Lock::take( 'link-' . $user_id );
		if ( ! $turn ) {
			return false; // Another request sends one at this moment.
		}
		try {
			wp_cache_delete( $user_id, 'user_meta' );
			$address = Addresses::present( $user_id );
			$key     = self::make( $user_id, $address );
		} finally {
			$turn->release();
		}
		// To the address that was noted, whatever the account's is by now.
		return '' !== $key && self::mail( $user_id, $address, $key );
	}

	/**
	 * Makes a link for an address and notes it.
	 *
	 * @param int    $user_id The WordPress user.
	 * @param string $address Their present address.
	 * @return string Its key; empty if it is of no use, or there were too many.
	 */
	private static function make( int $user_id, string $address ): string {
		$yet = self::sent_today( $user_id );
		if ( ! self::is_of_use( $user_id ) || ! is_email( $address ) || count( $yet ) >= self::A_DAY ) {
			return '';
		}
		return self::note( $user_id, $address, array_merge( $yet, array( time() ) ) );
	}

	/**
	 * Notes a new key for an address; the one before does not count any more.
	 *
	 * @param int    $user_id The WordPress user.
	 * @param string $address Their present address.
	 * @param int[]  $sent    When links were sent within the last day.
	 * @return string The key.
	 */
	private static function note( int $user_id, string $address, array $sent ): string {
		$key = bin2hex( random_bytes( 16 ) );
		Sealed_Meta::set(
			$user_id,
			self::META,
			array(
				'email' => $address,
				'hash'  => hash( 'sha256', $key ),
				'until' => time() + self::LIFE,
				'sent'  => $sent,
			) + Sealed_Meta::get( $user_id, self::META )
		);
		return $key;
	}

	/**
	 * Asks a person who has followed WordPress's own link what ours asks: that link has proved the address, but not
	 * that whoever opened it knew for whom.
	 *
	 * @since 0.1.0
	 *
	 * @param int    $user_id The WordPress user.
	 * @param string $address Their present address.
	 */
	public static function ask_after_that_of_wordpress( int $user_id, string $address ): void {
		$key = self::note( $user_id, $address, self::sent_today( $user_id ) );
		add_filter(
			'wp_redirect',
			static function ( $location ) use ( $key ) {
				return add_query_arg( self::PARAMETER, $key, $location );
			}
		);
	}

	/**
	 * Mails a link. It says for which account it is: whoever is made to use another's browser session unawares
	 * would open it for that one.
	 *
	 * @param int    $user_id The WordPress user.
	 * @param string $address To whom.
	 * @param string $key     The link's key.
	 * @return bool Whether it was sent.
	 */
	private static function mail( int $user_id, string $address, string $key ): bool {
		$wp_user = get_userdata( $user_id );
		$site    = wp_specialchars_decode( get_option( 'blogname' ), ENT_QUOTES );
		return (bool) wp_mail(
			$address,
			/* translators: %s: name of the site. */
			sprintf( __( '[%s] Confirm your address for Box', 'widgets-for-box' ), $site ),
			/* translators: 1: name of the site, 2: a link. */
			sprintf( __( "Your account at %1\$s has this e-mail address now. Your Box files there are found by it.\n\nIf that was you, please log in and open this link within a week:\n%2\$s\n\nOtherwise please tell your administrator.", 'widgets-for-box' ), $site, add_query_arg( self::PARAMETER, $key, self_admin_url( 'profile.php' ) ) )
			/* translators: %s: login of a WordPress user. */
			. "\n\n" . sprintf( __( 'The account is %s. If that is not yours, do not open the link.', 'widgets-for-box' ), $wp_user ? $wp_user->user_login : '' )
		);
	}

	/**
	 * Whether a link would make a person's address count.
	 *
	 * @since 0.1.0
	 *
	 * @param int $user_id The WordPress user.
	 */
	public static function is_of_use( int $user_id ): bool {
		return 'email' === Settings::get( 'account' ) && ! Settings::directory()
			&& ! Addresses::is_proved( $user_id ) && ! Addresses::is_erased( $user_id );
	}

	/**
	 * When links were sent for an account within the last day.
	 *
	 * @param int $user_id The WordPress user.
	 * @return int[]
	 */
	private static function sent_today( int $user_id ): array {
		$sent = Sealed_Meta::get( $user_id, self::META )['sent'] ?? array();
		return array_values(
			array_filter(
				$sent,
				static function ( $when ) {
					return $when > time() - DAY_IN_SECONDS;
				}
			)
		);
	}

	/**
	 * Whether a key is the one of a person's latest link, and the link neither used nor too old.
	 *
	 * @since 0.1.0
	 *
	 * @param int    $user_id The WordPress user.
	 * @param string $key     The key.
	 */
	public static function is_valid( int $user_id, string $key ): bool {
		$link = Sealed_Meta::get( $user_id, self::META );
		return isset( $link['hash'] ) && hash_equals( $link['hash'], hash( 'sha256', $key ) ) && $link['until'] >= time();
	}

	/**
	 * Proves a person's address by the key of a link, which is used up by it.
	 *
	 * @since 0.1.0
	 *
	 * @param int    $user_id The WordPress user.
	 * @param string $key     The key.
	 * @return bool Whether the address is proved.
	 */
	public static function take( int $user_id, string $key ): bool {
		if ( ! self::is_valid( $user_id, $key ) ) {
			return false;
		}
		$link = Sealed_Meta::get( $user_id, self::META );
		Sealed_Meta::set( $user_id, self::META, array_diff_key( $link, array_flip( array( 'email', 'hash', 'until' ) ) ) );
		return Addresses::prove( $user_id, $link['email'], Addresses::LINK );
	}
}
