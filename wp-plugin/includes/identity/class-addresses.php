<?php
/**
 * Which e-mail addresses are proved.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

use WP_User;

defined( 'ABSPATH' ) || exit;

/**
 * An account's address counts for Box only while it is the one that was proved to be this person's: when
 * the plugin was set up, by a link that was sent to it, or by an administrator. Each proof is recorded.
 * What is not recorded is not proved, whoever wrote the address: the person, a registration form, a
 * program, or the database.
 *
 * Users and their addresses are a network's where there is one, and so are the proofs.
 *
 * @since 0.1.0
 */
final class Addresses {

	/**
	 * User meta, sealed: the address that was proved, how (BASELINE, LINK, ADMINISTRATOR, or ERASED for
	 * none), when, and by which administrator.
	 */
	const MARK = '_widgets_for_box_address';

	const BASELINE      = 'baseline';
	const LINK          = 'link';
	const ADMINISTRATOR = 'administrator';
	const ERASED        = 'erased';

	/**
	 * An address whatever its letter case, as the sidecar compares them: only letters that are each
	 * other's upper and lower case are the same.
	 *
	 * @since 0.1.0
	 *
	 * @param string $address An address.
	 */
	public static function normalize( string $address ): string {
		if ( ! preg_match( '/[^\x00-\x7f]/', $address ) ) {
			return strtolower( $address );
		}
		$letters = preg_split( '//u', $address, -1, PREG_SPLIT_NO_EMPTY );
		if ( ! $letters || ! function_exists( 'mb_strtolower' ) ) {
			return $address;
		}
		$fold = static function ( $letter ) {
			$lower = mb_strtolower( $letter, 'UTF-8' );
			return mb_strtoupper( $lower, 'UTF-8' ) === $letter ? $lower : $letter;
		};
		return implode( '', array_map( $fold, $letters ) );
	}

	/**
	 * The address that a person is found by at Box.
	 *
	 * @since 0.1.0
	 *
	 * @param WP_User $wp_user The WordPress user; their address is taken as it is there, and not as it is
	 *                         prepared for a form.
	 * @return string Empty if the address does not count.
	 */
	public static function login( WP_User $wp_user ): string {
		$address = (string) ( $wp_user->data->user_email ?? '' );
		$counts  = Settings::directory() || self::proves( self::mark( $wp_user->ID ), $address );
		return $counts && ! self::is_erased( $wp_user->ID ) ? $address : '';
	}

	/**
	 * The address in a person's account at present.
	 *
	 * @since 0.1.0
	 *
	 * @param int $user_id The WordPress user.
	 */
	public static function present( int $user_id ): string {
		$wp_user = get_userdata( $user_id );
		return $wp_user ? (string) $wp_user->data->user_email : '';
	}

	/**
	 * Whether the address in a person's account is the one that was proved.
	 *
	 * @since 0.1.0
	 *
	 * @param int $user_id The WordPress user.
	 */
	public static function is_proved( int $user_id ): bool {
		return self::proves( self::mark( $user_id ), self::present( $user_id ) );
	}

	/**
	 * Whether a mark proves an address.
	 *
	 * @since 0.1.0
	 *
	 * @param array<string, mixed> $mark    As mark() returns it.
	 * @param string               $address An address.
	 */
	public static function proves( array $mark, string $address ): bool {
		return $mark && self::ERASED !== $mark['how'] && '' !== $address && self::normalize( $mark['email'] ) === self::normalize( $address );
	}

	/**
	 * What is recorded about a person's address.
	 *
	 * @since 0.1.0
	 *
	 * @param int $user_id The WordPress user.
	 * @return array{email?: string, how?: string, when?: int, by?: int} Empty if nothing was ever proved.
	 */
	public static function mark( int $user_id ): array {
		return Sealed_Meta::get( $user_id, self::MARK );
	}

	/**
	 * Whether a person's data was erased and no administrator has decided since. No seal is asked for what
	 * takes rights away.
	 *
	 * @since 0.1.0
	 *
	 * @param int $user_id The WordPress user.
	 */
	public static function is_erased( int $user_id ): bool {
		$mark = get_user_meta( $user_id, self::MARK, true );
		return is_array( $mark ) && self::ERASED === ( $mark['how'] ?? '' );
	}

	/**
	 * Records that an address was proved to be a person's.
	 *
	 * @since 0.1.0
	 *
	 * @param int    $user_id The WordPress user.
	 * @param string $address The address that was proved.
	 * @param string $how     LINK or ADMINISTRATOR.
	 * @return bool Whether the account's present address is proved now: not if it has become another
	 *              meanwhile, or if only an administrator may decide.
	 */
	public static function prove( int $user_id, string $address, string $how ): bool {
		$present = self::present( $user_id );
		if ( '' === $present || self::normalize( $present ) !== self::normalize( $address ) ) {
			return false;
		}
		if ( self::is_proved( $user_id ) ) {
			return true;
		}
		if ( self::is_erased( $user_id ) && self::ADMINISTRATOR !== $how ) {
			return false;
		}
		Sealed_Meta::set( $user_id, self::MARK, self::record( $present, $how ) );
		Tokens::revoke( $user_id );
		return true;
	}

	/**
	 * Records that a person has no Box until an administrator decides otherwise.
	 *
	 * @since 0.1.0
	 *
	 * @param int $user_id The WordPress user.
	 */
	public static function erase( int $user_id ): void {
		Sealed_Meta::set( $user_id, self::MARK, self::record( '', self::ERASED ) );
	}

	/**
	 * A mark.
	 *
	 * @since 0.1.0
	 *
	 * @param string $address The address.
	 * @param string $how     How it was proved.
	 * @return array{email: string, how: string, when: int, by: int}
	 */
	public static function record( string $address, string $how ): array {
		return array(
			'email' => $address,
			'how'   => $how,
			'when'  => time(),
			'by'    => self::ADMINISTRATOR === $how ? get_current_user_id() : 0,
		);
	}

	/**
	 * Looks at a changed address: it ends the tokens, and it is proved by the link that WordPress sent to
	 * it, or has to be proved by one of ours.
	 *
	 * Somebody who goes back to the address that they had proved needs no new proof. If others gave them
	 * another address, the former one is theirs no more.
	 *
	 * @internal Callback of `profile_update`.
	 * @since 0.1.0
	 *
	 * @param int     $user_id The WordPress user.
	 * @param WP_User $before  Their data before.
	 */
	public static function profile_updated( $user_id, $before ): void {
		$user_id = (int) $user_id;
		$address = self::present( $user_id );
		if ( self::normalize( $address ) === self::normalize( (string) $before->user_email ) ) {
			return;
		}
		Tokens::revoke( $user_id );
		if ( Address_Link::take_that_of_wordpress( $user_id, $address ) ) {
			Address_Link::ask_after_that_of_wordpress( $user_id, $address );
		} elseif ( get_current_user_id() === $user_id ) {
			Address_Link::send( $user_id );
		} elseif ( ! self::is_erased( $user_id ) ) {
			delete_user_meta( $user_id, self::MARK );
		}
	}

	/**
	 * An administrator who makes an account answers for the address that they typed.
	 *
	 * @internal Callback of `edit_user_created_user` and `network_user_new_created_user`, which fire for
	 * WordPress's own forms and not for whatever else makes users.
	 *
	 * @since 0.1.0
	 *
	 * @param int $user_id The WordPress user.
	 */
	public static function made_by_administrator( $user_id ): void {
		if ( Profile::may_assign() ) {
			self::prove( (int) $user_id, self::present( (int) $user_id ), self::ADMINISTRATOR );
		}
	}

	/**
	 * The same for an account that an administrator makes over WordPress's own REST route. A change over
	 * it proves nothing: clients send back whole users, with an address that nobody looked at.
	 *
	 * @internal Callback of `rest_after_insert_user`.
	 * @since 0.1.0
	 *
	 * @param WP_User          $wp_user  The WordPress user.
	 * @param \WP_REST_Request $request  The request.
	 * @param bool             $creating Whether the account is new.
	 */
	public static function made_over_rest( $wp_user, $request, $creating ): void {
		if ( $creating ) {
			self::made_by_administrator( $wp_user->ID );
		}
	}

	/**
	 * The same for an account that a network's administrator makes on a site without a confirmation. An
	 * activation by the link of a sign-up proves nothing: its key is in the database for whoever looks after
	 * sign-ups, and several plugins show it.
	 *
	 * @internal Callback of `wpmu_activate_user`.
	 * @since 0.1.0
	 *
	 * @param int $user_id The WordPress user.
	 */
	public static function made_on_site_of_network( $user_id ): void {
		if ( did_action( 'load-user-new.php' ) ) {
			self::made_by_administrator( $user_id );
		}
	}
}
