<?php
/**
 * Looks people up at Box, a few at a time.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

use WP_Error;
use WP_User;

defined( 'ABSPATH' ) || exit;

/**
 * In batches that are far below what sidecar and Box take, by schedule and while an administrator looks on. Looking
 * somebody up makes no token. It begins when an administrator wants it: each look-up is one of the calls that Box counts.
 *
 * @since 0.1.0
 */
final class Look_Up {

	/**
	 * How many people are asked about in one batch, and how many are looked at for that.
	 */
	const BATCH = 10;
	const SCAN  = 200;

	/**
	 * Seconds after which a batch asks about nobody further.
	 */
	const BUDGET = 15;

	/**
	 * What failures about one person mean.
	 */
	const STATES = array(
		'user_not_found'    => Coverage::NO_ACCOUNT,
		'user_ambiguous'    => Coverage::AMBIGUOUS,
		'user_inactive'     => Coverage::INACTIVE,
		'role_not_allowed'  => Coverage::ROLE,
		'login_not_allowed' => Coverage::DENIED,
	);

	/**
	 * Failures that may be about the one person who was asked about. All others are about everybody, and pass once
	 * something is mended.
	 */
	const PERSONAL = array( 'box_refused', 'internal_error', 'invalid_request' );

	/**
	 * Statuses of an account that can be used, as the sidecar's policy has them.
	 */
	const ACTIVE = array( 'active', 'cannot_delete_edit', 'cannot_delete_edit_upload' );

	/**
	 * Begins, or has those looked up again who were not found.
	 *
	 * @since 0.1.0
	 */
	public static function begin(): void {
		if ( Look_Up_Pace::is_begun() ) {
			Coverage_Book::forget_unfound();
		} else {
			Look_Up_Pace::begin();
		}
		self::run();
	}

	/**
	 * One batch, and the schedule of the next.
	 *
	 * @internal Callback of the scheduled event, too.
	 * @since 0.1.0
	 */
	public static function run(): void {
		if ( Look_Up_Pace::is_begun() ) {
			self::batch();
			Look_Up_Pace::schedule();
		}
	}

	/**
	 * Looks a few people up, unless somebody else does at this moment or it is too early.
	 *
	 * @since 0.1.0
	 *
	 * @return int About how many the sidecar was asked.
	 */
	public static function batch(): int {
		$turn = Lock::take( 'look-up' );
		if ( ! $turn ) {
			return 0;
		}
		try {
			Look_Up_Pace::read_again();
			if ( Look_Up_Pace::wait() > 0 ) {
				return 0;
			}
			// Before, in case that this process does not come to its end.
			Look_Up_Pace::pause( Look_Up_Pace::PAUSE );
			return self::ask_about( Coverage_Book::due( self::SCAN ) );
		} finally {
			$turn->release();
		}
	}

	/**
	 * Finds out about people, until a batch is full or something else than a person is the matter.
	 *
	 * @param int[] $ids Whom.
	 * @return int About how many the sidecar was asked.
	 */
	private static function ask_about( array $ids ): int {
		$asked = 0;
		$end   = time() + self::BUDGET;
		cache_users( $ids );
		foreach ( $ids as $id ) {
			$wp_user = get_userdata( $id );
			if ( ! $wp_user || self::is_known( $wp_user ) ) {
				continue;
			}
			if ( self::BATCH === $asked || time() >= $end ) {
				break;
			}
			++$asked;
			if ( ! self::ask( $wp_user ) ) {
				break;
			}
		}
		return $asked;
	}

	/**
	 * The WordPress user whom a text names.
	 *
	 * @since 0.1.0
	 *
	 * @param string $text Login, e-mail address or id.
	 */
	public static function person( string $text ): ?WP_User {
		$wp_user = get_user_by( 'login', $text );
		$wp_user = $wp_user ? $wp_user : get_user_by( is_email( $text ) ? 'email' : 'id', $text );
		return $wp_user ? $wp_user : null;
	}

	/**
	 * Which Box user one person is, asked at this moment and at nobody's pace; nothing is remembered.
	 *
	 * @since 0.1.0
	 *
	 * @param WP_User $wp_user The person.
	 * @return array{status: string, box: array<string, string>|null, reason: string}|WP_Error An error where nothing can
	 *                                                                                         be told about the person.
	 */
	public static function now( WP_User $wp_user ) {
		$user   = People::box_user( $wp_user );
		$state  = Coverage::without_asking( $wp_user, $user );
		$box    = null;
		$reason = Coverage::NO_ACCESS === $state ? Errors::roles_not_allowed()->get_error_message() : '';
		if ( '' === $state ) {
			$answer = ( new Sidecar() )->user( (array) $user );
			$state  = is_wp_error( $answer ) ? self::state_of( $answer, (array) $user ) : self::judge( $answer );
			if ( is_wp_error( $answer ) && '' === $state ) {
				return $answer;
			}
			$reason = is_wp_error( $answer ) && Coverage::FIRST_USE !== $state ? Errors::about_somebody( $answer )->get_error_message() : '';
			$box    = is_wp_error( $answer ) ? null : array_map( 'strval', array_filter( array_intersect_key( $answer, array_flip( array( 'id', 'login', 'name', 'status', 'role' ) ) ), 'is_scalar' ) );
		}
		return array(
			'status' => $state,
			'box'    => $box,
			'reason' => '' === $reason && Coverage::MATCHED !== $state ? Coverage::label( $state ) : $reason,
		);
	}

	/**
	 * Remembers what is known about a person without asking: by the site itself, or still from before other settings.
	 *
	 * @param WP_User $wp_user The person.
	 */
	private static function is_known( WP_User $wp_user ): bool {
		$user = People::box_user( $wp_user );
		$own  = Coverage::without_asking( $wp_user, $user );
		if ( '' !== $own ) {
			// Of somebody whose data was erased nothing is stored again; see Coverage_Book.
			if ( ! Addresses::is_erased( $wp_user->ID ) || metadata_exists( 'user', $wp_user->ID, People::ASSIGNED ) ) {
				Coverage::remember( $wp_user->ID, null, $own, time() );
			}
			return true;
		}
		$kept = Coverage::kept( $wp_user->ID, $user );
		if ( null === $kept || $kept['when'] <= time() - Coverage::LIFE ) {
			return false;
		}
		Coverage::remember( $wp_user->ID, $user, $kept['state'], $kept['when'] );
		return true;
	}

	/**
	 * Asks the sidecar about one person.
	 *
	 * @param WP_User $wp_user The person.
	 * @return bool Whether others may be asked about now.
	 */
	private static function ask( WP_User $wp_user ): bool {
		$user   = (array) People::box_user( $wp_user );
		$answer = ( new Sidecar() )->user( $user );
		if ( ! is_wp_error( $answer ) ) {
			Coverage::remember( $wp_user->ID, $user, self::judge( $answer ), time() );
			return true;
		}
		$state = self::state_of( $answer, $user );
		if ( '' !== $state ) {
			Coverage::remember( $wp_user->ID, $user, $state, time() );
			return true;
		}
		if ( in_array( $answer->get_error_code(), self::PERSONAL, true ) ) {
			// It is not to keep the others waiting for ever.
			Coverage::remember( $wp_user->ID, $user, Coverage::FAILED, time() );
		}
		$wait = (int) ( ( (array) $answer->get_error_data() )['retry_after'] ?? 0 );
		Look_Up_Pace::pause( max( $wait, Look_Up_Pace::EVENT_PAUSE ), $answer );
		return false;
	}

	/**
	 * What Box's record of a person means.
	 *
	 * @param array<string, mixed> $found The sidecar's answer.
	 */
	private static function judge( array $found ): string {
		if ( ! is_string( $found['id'] ?? null ) || ! is_string( $found['role'] ?? null ) || ! is_string( $found['status'] ?? null ) ) {
			return Coverage::FAILED;
		}
		if ( ! in_array( $found['status'], self::ACTIVE, true ) ) {
			return Coverage::INACTIVE;
		}
		return 'user' === $found['role'] ? Coverage::MATCHED : Coverage::ROLE;
	}

	/**
	 * What a failure means for the person who was asked about.
	 *
	 * @param WP_Error              $error The failure.
	 * @param array<string, string> $user  The Box user.
	 * @return string Empty if it tells nothing about them.
	 */
	private static function state_of( WP_Error $error, array $user ): string {
		$code = (string) $error->get_error_code();
		if ( 'user_not_found' === $code && isset( $user['external_app_user_id'] ) ) {
			return Coverage::FIRST_USE;
		}
		return self::STATES[ $code ] ?? '';
	}
}
