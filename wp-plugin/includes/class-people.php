<?php
/**
 * Which Box user a WordPress user is.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

use WP_User;

defined( 'ABSPATH' ) || exit;

/**
 * The mapping of people. It rests on what an administrator decided or a person has proved, never on
 * what a browser says.
 */
final class People {

	/**
	 * User meta: the Box user that an administrator assigned, as box_user() returns it.
	 */
	const ASSIGNED = 'widgets_for_box_account';

	/**
	 * User meta: the address that counts while the present one is not confirmed.
	 */
	const CONFIRMED_EMAIL = 'widgets_for_box_confirmed_email';

	/**
	 * In place of a confirmed address: there has never been one.
	 */
	const NEVER = '-';

	/**
	 * User meta: what makes the link to confirm an address good for once.
	 */
	const EMAIL_KEY = 'widgets_for_box_email_key';

	/**
	 * Option (of the network, where there is one): tells this site's app users from another's.
	 */
	const SITE_KEY = 'widgets_for_box_site_key';

	/**
	 * Hooks.
	 *
	 * @return void
	 */
	public static function register() {
		add_action( 'user_register', array( self::class, 'registered' ) );
		add_action( 'profile_update', array( self::class, 'profile_updated' ), 10, 2 );
		add_action( 'load-profile.php', array( self::class, 'confirm_email' ) );
	}

	/**
	 * The Box user of a WordPress user.
	 *
	 * @param WP_User $wp_user The WordPress user.
	 * @return array<string, string>|null One key: `login`, `id` or `external_app_user_id`; null if there is none.
	 */
	public static function box_user( WP_User $wp_user ): ?array {
		/**
		 * Filters the Box user that a WordPress user is taken for. The result decides whose files are
		 * shown: base it on nothing that the person can change.
		 *
		 * @param array   $user    `array( 'login' => … )`, `array( 'id' => … )` or `array( 'external_app_user_id' => … )`;
		 *                         an empty array if the person is to have no Box.
		 * @param WP_User $wp_user The WordPress user.
		 */
		$user = apply_filters( 'widgets_for_box_user', self::by_settings( $wp_user ), $wp_user );
		return self::is_box_user( $user ) ? $user : null;
	}

	/**
	 * The Box user by assignment or by the site's rule.
	 *
	 * @param WP_User $wp_user The WordPress user.
	 * @return array<string, string> Empty if there is none.
	 */
	private static function by_settings( WP_User $wp_user ): array {
		$assigned = get_user_meta( $wp_user->ID, self::ASSIGNED, true );
		if ( self::is_box_user( $assigned ) ) {
			return $assigned;
		}
		switch ( Settings::get( 'account' ) ) {
			case 'email':
				$confirmed = get_user_meta( $wp_user->ID, self::CONFIRMED_EMAIL, true );
				if ( self::NEVER === $confirmed ) {
					return array();
				}
				return array( 'login' => '' !== $confirmed ? $confirmed : $wp_user->user_email );
			case 'app_user':
				return array( 'external_app_user_id' => self::site_key() . '-' . $wp_user->ID );
			default:
				return array();
		}
	}

	/**
	 * Whether a value names exactly one Box user.
	 *
	 * @param mixed $user Anything.
	 */
	public static function is_box_user( $user ): bool {
		return is_array( $user ) && 1 === count( $user )
			&& in_array( key( $user ), array( 'login', 'id', 'external_app_user_id' ), true )
			&& is_string( current( $user ) ) && '' !== current( $user );
	}

	/**
	 * The prefix of this installation's app users: two sites that share a Box app have different people
	 * with the same ids.
	 */
	private static function site_key(): string {
		$key = get_site_option( self::SITE_KEY );
		if ( ! is_string( $key ) || '' === $key ) {
			add_site_option( self::SITE_KEY, 'wordpress-' . bin2hex( random_bytes( 8 ) ) );
			$key = (string) get_site_option( self::SITE_KEY );
		}
		return $key;
	}

	/**
	 * Looks at a new account: somebody who may make accounts but not decide who is who can't make one
	 * with another's address.
	 *
	 * @internal Callback of `user_register`.
	 *
	 * @param int $user_id The WordPress user.
	 * @return void
	 */
	public static function registered( $user_id ) {
		$wp_user = get_userdata( $user_id );
		if ( $wp_user && ! self::is_answered_for( $wp_user ) ) {
			update_user_meta( $user_id, self::CONFIRMED_EMAIL, self::NEVER );
			self::ask_for_confirmation( $wp_user );
		}
	}

	/**
	 * Looks at a saved profile: a new password or address ends the tokens, and a new address is
	 * believed only once someone answers for it.
	 *
	 * WordPress itself asks for a confirmation on the profile page, but its REST route and other plugins'
	 * account pages let people write any address into their profile.
	 *
	 * @internal Callback of `profile_update`.
	 *
	 * @param int     $user_id The WordPress user.
	 * @param WP_User $before  Their data before.
	 * @return void
	 */
	public static function profile_updated( $user_id, $before ) {
		$wp_user = get_userdata( $user_id );
		if ( ! $wp_user ) {
			return;
		}
		if ( $wp_user->user_pass !== $before->user_pass ) {
			Tokens::revoke( $user_id );
		}
		if ( 0 === strcasecmp( $wp_user->user_email, $before->user_email ) ) {
			return;
		}
		Tokens::revoke( $user_id );
		$confirmed = get_user_meta( $user_id, self::CONFIRMED_EMAIL, true );
		if ( 0 === strcasecmp( $wp_user->user_email, $confirmed ) || self::is_answered_for( $wp_user ) ) {
			delete_user_meta( $user_id, self::CONFIRMED_EMAIL );
			return;
		}
		if ( '' === $confirmed ) {
			update_user_meta( $user_id, self::CONFIRMED_EMAIL, $before->user_email );
		}
		self::ask_for_confirmation( $wp_user );
	}

	/**
	 * Whether whoever is changing a person's address may answer for it: an administrator, a program of
	 * the server (a directory's synchronisation, WP-CLI), or the person through the link that WordPress
	 * sent to the new address.
	 *
	 * @param WP_User $wp_user The person, with the new address.
	 */
	private static function is_answered_for( WP_User $wp_user ): bool {
		if ( 0 === get_current_user_id() || Profile::may_assign() ) {
			return true;
		}
		// phpcs:ignore WordPress.Security.NonceVerification.Recommended -- The hash is the proof, as it is to WordPress itself.
		$hash    = isset( $_GET['newuseremail'] ) ? sanitize_text_field( wp_unslash( $_GET['newuseremail'] ) ) : '';
		$pending = get_user_meta( $wp_user->ID, '_new_email', true );
		return '' !== $hash && is_array( $pending ) && get_current_user_id() === $wp_user->ID
			&& hash_equals( (string) $pending['hash'], $hash )
			&& in_array( $wp_user->user_email, array( trim( $pending['newemail'] ), esc_html( trim( $pending['newemail'] ) ) ), true );
	}

	/**
	 * Sends a link to a new address.
	 *
	 * @param WP_User $wp_user The person, with the new address.
	 * @return void
	 */
	private static function ask_for_confirmation( WP_User $wp_user ) {
		update_user_meta( $wp_user->ID, self::EMAIL_KEY, bin2hex( random_bytes( 16 ) ) );
		$link = add_query_arg( 'widgets_for_box_email', self::email_proof( $wp_user ), self_admin_url( 'profile.php' ) );
		$site = wp_specialchars_decode( get_option( 'blogname' ), ENT_QUOTES );
		wp_mail(
			$wp_user->user_email,
			/* translators: %s: name of the site. */
			sprintf( __( '[%s] Confirm your address for Box', 'widgets-for-box' ), $site ),
			/* translators: 1: name of the site, 2: a link. */
			sprintf( __( "Your account at %1\$s has this e-mail address now. Your Box files there are found by it.\n\nIf that was you, please log in and open this link:\n%2\$s\n\nOtherwise please tell the administrator.", 'widgets-for-box' ), $site, $link )
		);
	}

	/**
	 * What only the owner of an address can know.
	 *
	 * @param WP_User $wp_user The person with the address.
	 */
	private static function email_proof( WP_User $wp_user ): string {
		$key = (string) get_user_meta( $wp_user->ID, self::EMAIL_KEY, true );
		return '' === $key ? '' : hash_hmac( 'sha256', 'widgets-for-box-email:' . $wp_user->ID . ':' . $wp_user->user_email, $key . wp_salt( 'auth' ) );
	}

	/**
	 * Takes the link that was sent to a new address.
	 *
	 * @internal Callback of `load-profile.php`.
	 *
	 * @return void
	 */
	public static function confirm_email() {
		// phpcs:ignore WordPress.Security.NonceVerification.Recommended -- The link is the proof.
		$proof = isset( $_GET['widgets_for_box_email'] ) ? sanitize_key( wp_unslash( $_GET['widgets_for_box_email'] ) ) : '';
		if ( '' !== $proof && hash_equals( self::email_proof( wp_get_current_user() ), $proof ) ) {
			delete_user_meta( get_current_user_id(), self::CONFIRMED_EMAIL );
			delete_user_meta( get_current_user_id(), self::EMAIL_KEY );
			Tokens::revoke( get_current_user_id() );
			wp_safe_redirect( self_admin_url( 'profile.php?updated=1' ) );
			exit;
		}
	}
}
