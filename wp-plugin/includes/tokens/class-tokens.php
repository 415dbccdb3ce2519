<?php
/**
 * The tokens of a person.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

use Throwable;
use WP_Error;
use WP_User;

defined( 'ABSPATH' ) || exit;

/**
 * Asks the sidecar for a person's tokens, and ends them when the person's session, rights or identity end.
 *
 * A token that is asked for while the session ends must not outlive it. So whoever ends something does it first
 * and revokes then; and whoever asks looks again after the sidecar has answered. If the session was still there
 * then, its end is yet to come, and with it the revocation; if not, the token is revoked and not handed out.
 *
 * @since 0.1.0
 */
final class Tokens {

	/**
	 * Longest name of an app user at Box, in characters.
	 */
	const MAX_NAME = 50;

	/**
	 * Requests of one person that may wait for the sidecar at the same time, and seconds that others wait for
	 * their turn: each of them keeps a PHP process from everybody else.
	 */
	const AT_ONCE  = 3;
	const PATIENCE = 2.0;

	/**
	 * A token for one widget and the session in which it is asked for.
	 *
	 * @since 0.1.0
	 *
	 * @param Widget       $widget  What the token is for.
	 * @param string       $refused SHA-256 of a token that Box refused, to get another; empty if none was.
	 * @param View_As|null $view    In whose place the widget is seen; null if in nobody's.
	 * @param array        $report  For the sidecar's statistics, as of Usage_Report::of().
	 * @return array{access_token: string, expires_in: int, scopes: string[], resource?: array{type: string, id: string}}|WP_Error
	 *
	 * @phpstan-param array{page?: int, calls?: array<string, int>} $report
	 */
	public static function for_session( Widget $widget, string $refused = '', ?View_As $view = null, array $report = array() ) {
		$wp_user = $view ? $view->person : wp_get_current_user();
		$user    = People::box_user( $wp_user );
		if ( null === $user ) {
			return self::no_account( $wp_user );
		}
		$turn = Lock::take_one_of( 'person-' . $wp_user->ID, self::AT_ONCE, self::PATIENCE );
		if ( ! $turn ) {
			return Errors::passing( 'rate_limited', 429 );
		}
		try {
			$unsettled = Revocations::settle( $wp_user->ID );
			if ( $unsettled ) {
				return $unsettled;
			}
			if ( $view ) {
				$view->note();
			}
			// Before, in case that this process does not come to its end.
			self::remember( $wp_user->ID, $user, HOUR_IN_SECONDS, get_user_meta( $wp_user->ID, Issued::META ) );
			// Who this person was at Box until now may be the same there by another name.
			Revocations::finish();
			$allowed = Permissions::narrow( $widget, $wp_user );
			$answer  = self::ask( $wp_user, $user, $allowed, $refused, $view ? $view->request_id() : '', $report );
			// After an error too: the sidecar may have made a token that nobody waited for.
			$objection = self::look_again( $wp_user, $user, $widget, $allowed, is_wp_error( $answer ) ? 0 : (int) $answer['expires_in'], $view );
			return $objection ?? $answer;
		} finally {
			$turn->release();
		}
	}

	/**
	 * Whether a person would get a token, and as whom. The token is thrown away: nobody holds it, so nobody has to
	 * be kept from it later. No app user is made: that is left to whom it is for.
	 *
	 * @since 0.1.0
	 *
	 * @param WP_User $wp_user The WordPress user.
	 * @return array{user: array<string, mixed>}|WP_Error
	 */
	public static function trial( WP_User $wp_user ) {
		$user = People::box_user( $wp_user );
		if ( null === $user ) {
			return self::no_account( $wp_user );
		}
		$answer = ( new Sidecar() )->token( $user, new Widget( 'explorer', '0' ) );
		if ( is_wp_error( $answer ) && 'user_not_found' === $answer->get_error_code() && isset( $user['external_app_user_id'] ) ) {
			return Errors::made_on_first_use();
		}
		return is_wp_error( $answer ) ? $answer : array( 'user' => (array) ( $answer['user'] ?? array() ) );
	}

	/**
	 * Asks the sidecar, and has an app user made on first use.
	 *
	 * @param WP_User               $wp_user The WordPress user.
	 * @param array<string, string> $user    The Box user.
	 * @param Widget                $widget  What the token is for.
	 * @param string                $refused SHA-256 of a token that Box refused; empty if none was.
	 * @param string                $id      Of the request; empty for any.
	 * @param array<string, mixed>  $report  As of for_session().
	 * @return array{access_token: string, expires_in: int, scopes: string[]}|WP_Error
	 */
	private static function ask( WP_User $wp_user, array $user, Widget $widget, string $refused = '', string $id = '', array $report = array() ) {
		if ( isset( $user['external_app_user_id'] ) ) {
			$user['name'] = self::name( $wp_user );
		}
		return ( new Sidecar() )->token( $user, $widget, $refused, $id, $report );
	}

	/**
	 * Looks, after a token was made, whether all is still so that it could be asked for.
	 *
	 * @param WP_User               $wp_user The WordPress user as the request has begun with.
	 * @param array<string, string> $user    The Box user.
	 * @param Widget                $widget  As of for_session().
	 * @param Widget                $allowed What was asked for.
	 * @param int                   $life    The token's, in seconds; 0 if there is none.
	 * @param View_As|null          $view    As of for_session(): then the session is not this person's.
	 * @return WP_Error|null Null if it is; else the tokens are revoked.
	 */
	private static function look_again( WP_User $wp_user, array $user, Widget $widget, Widget $allowed, int $life, ?View_As $view ): ?WP_Error {
		$now = new Snapshot( $wp_user->ID );
		// In the person's own session its end is seen below; of somebody else's view only this row tells.
		$revoked = $view && ! $now->meta( Issued::META );
		if ( self::remember( $wp_user->ID, $user, $life, $now->meta( Issued::META ) ) ) {
			// Only what is written is found by whoever ends the session after this look.
			$now = new Snapshot( $wp_user->ID );
		}
		$objection = $now->view(
			static function ( ?WP_User $fresh ) use ( $wp_user, $user, $widget, $allowed, $view ) {
				$session = $view || ( $fresh && \WP_Session_Tokens::get_instance( $fresh->ID )->verify( wp_get_session_token() ) );
				if ( ! $fresh || $fresh->user_pass !== $wp_user->user_pass || ! $session ) {
					return Errors::not_logged_in();
				}
				$same = People::box_user( $fresh ) === $user && user_can( $fresh, Permissions::CAPABILITY )
					&& Permissions::narrow( $widget, $fresh )->scopes === $allowed->scopes;
				return $same ? null : Errors::passing( 'tokens_revoked', 409 );
			}
		);
		if ( $revoked ) {
			$objection = Errors::passing( 'tokens_revoked', 409 );
		} elseif ( $view && ! $view->is_still_allowed() ) {
			$objection = Errors::not_logged_in();
		}
		if ( $objection ) {
			self::revoke( $wp_user->ID );
		} elseif ( $now->meta( Issued::PENDING ) || ! $now->meta( Issued::META ) ) {
			// Revoked meanwhile, for whatever reason: this token too, or it is about to be.
			$objection = Errors::passing( 'tokens_revoked', 409 );
		}
		return $objection;
	}

	/**
	 * The failure of a person who is nobody at Box, and the way out where they can help themselves.
	 *
	 * @param WP_User $wp_user The WordPress user.
	 */
	private static function no_account( WP_User $wp_user ): WP_Error {
		$data = array( 'status' => 404 );
		if ( People::assigned( $wp_user->ID ) || ! Address_Link::is_of_use( $wp_user->ID ) ) {
			return Errors::make( 'user_not_found', $data );
		}
		$data['profile'] = self_admin_url( 'profile.php#' . Profile::ANCHOR );
		$data['fix']     = Profile::proof( $wp_user->ID ) . ' ' . __( 'Confirm it on the person’s profile page or under Users → Addresses for Box.', 'widgets-for-box' );
		return new WP_Error( 'user_not_found', __( 'Your Box files can’t be shown yet, because your e-mail address is not confirmed. You can confirm it on your profile page.', 'widgets-for-box' ), $data );
	}

	/**
	 * The name of a person's app user.
	 *
	 * @param WP_User $wp_user The WordPress user.
	 */
	private static function name( WP_User $wp_user ): string {
		$name = trim( (string) preg_replace( '/[[:cntrl:]]+/u', ' ', $wp_user->display_name ) );
		return mb_substr( '' !== $name ? $name : $wp_user->user_login, 0, self::MAX_NAME );
	}

	/**
	 * Remembers until when a person may hold tokens. Written once in a while, not for every token.
	 *
	 * @param int                   $user_id The WordPress user.
	 * @param array<string, string> $user    The Box user.
	 * @param int                   $life    Seconds.
	 * @param array<int, mixed>     $known   What is remembered already.
	 * @return bool Whether anything was written.
	 */
	private static function remember( int $user_id, array $user, int $life, array $known ): bool {
		$until  = time() + $life;
		$before = null;
		foreach ( $known as $issued ) {
			if ( ! is_array( $issued ) || ! isset( $issued['until'] ) || ( $issued['user'] ?? null ) !== $user ) {
				Revocations::add_former( $user_id, (array) $issued );
			} elseif ( $issued['until'] >= $until ) {
				return false;
			} else {
				$before = $issued;
			}
		}
		$issued = array(
			'user'  => $user,
			'until' => $until + HOUR_IN_SECONDS,
		);
		// The row may have been renamed meanwhile; then there is to be another.
		if ( null === $before || ! update_user_meta( $user_id, Issued::META, wp_slash( $issued ), $before ) ) {
			add_user_meta( $user_id, Issued::META, wp_slash( $issued ) );
		}
		return true;
	}

	/**
	 * Ends the tokens of a person, at the end of this request.
	 *
	 * @internal Callback of several actions, too.
	 * @since 0.1.0
	 *
	 * @param int $user_id The WordPress user.
	 */
	public static function revoke( $user_id ): void {
		try {
			Revocations::add( (int) $user_id );
			View_As::end( (int) $user_id );
		} catch ( Throwable $error ) {
			// No log-out, no deletion and no change of a password may fail for what we do about it.
			unset( $error );
		}
	}
}
