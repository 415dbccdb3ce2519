<?php
/**
 * What people are told when something fails.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

use WP_Error;

defined( 'ABSPATH' ) || exit;

/**
 * The sentences of all failures on the way to a token, in one place. Every failure is a WP_Error whose code is the
 * sidecar's or the plugin's own, and whose data holds `status` (HTTP), `fix` (what an administrator does about it),
 * `detail`, `request_id` and `retry_after` (seconds), as far as known.
 *
 * @since 0.1.0
 */
final class Errors {

	/**
	 * A failure.
	 *
	 * @since 0.1.0
	 *
	 * @param string               $code A code of sentence().
	 * @param array<string, mixed> $data See the class.
	 */
	public static function make( string $code, array $data ): WP_Error {
		return new WP_Error( sanitize_key( $code ), self::sentence( $code ), $data );
	}

	/**
	 * A failure that is over in a moment.
	 *
	 * @since 0.1.0
	 *
	 * @param string $code   A code of sentence().
	 * @param int    $status HTTP status.
	 */
	public static function passing( string $code, int $status ): WP_Error {
		return self::make(
			$code,
			array(
				'status'      => $status,
				'retry_after' => 1,
			)
		);
	}

	/**
	 * The failure of somebody without a session.
	 *
	 * @since 0.1.0
	 */
	public static function not_logged_in(): WP_Error {
		return new WP_Error( 'rest_not_logged_in', __( 'Please log in to see your Box files.', 'widgets-for-box' ), array( 'status' => 401 ) );
	}

	/**
	 * The failure of somebody whose roles may not use Box.
	 *
	 * @since 0.1.0
	 */
	public static function not_allowed(): WP_Error {
		$text = Settings::get( 'no_access_text' );
		$text = '' !== $text ? $text : self::default_no_access_text();
		return new WP_Error( 'box_not_allowed', $text, array( 'status' => 403 ) + Contact::about( 'box_not_allowed', $text ) );
	}

	/**
	 * The failure of a person whose roles may not use Box, as an administrator reads it.
	 *
	 * @since 0.1.0
	 */
	public static function roles_not_allowed(): WP_Error {
		return new WP_Error( 'box_not_allowed', __( 'The roles of this person may not use Box here.', 'widgets-for-box' ), array( 'status' => 403 ) );
	}

	/**
	 * The failure of a person whose app user is not made yet, as an administrator reads it.
	 *
	 * @since 0.1.0
	 */
	public static function made_on_first_use(): WP_Error {
		return new WP_Error( 'app_user_not_made', __( 'The Box app user of this person is made when they open their first widget, if the sidecar’s policy allows that.', 'widgets-for-box' ), array( 'status' => 404 ) );
	}

	/**
	 * What a visitor is told about a failure.
	 *
	 * @since 0.1.0
	 *
	 * @param string $code The sidecar's code, or one of Socket.
	 */
	public static function sentence( string $code ): string {
		switch ( $code ) {
			case 'user_not_found':
				$text = Settings::get( 'no_account_text' );
				return '' !== $text ? $text : self::default_no_account_text();
			case 'user_inactive':
				return __( 'Your Box account is not active. Please ask your administrator to activate it.', 'widgets-for-box' );
			case 'user_ambiguous':
			case 'login_not_allowed':
				return __( 'Box is not available here for your account.', 'widgets-for-box' );
			case 'role_not_allowed':
				return __( 'You administer Box, or have another role there whose power is not for a page; so your Box account shows no files here. Please use an ordinary Box account.', 'widgets-for-box' );
			case 'element_not_allowed':
			case 'scope_not_allowed':
			case 'folder_not_allowed':
				return __( 'This widget asks for more than your organisation allows. Please tell the author of this page.', 'widgets-for-box' );
			case 'resource_not_found':
				return __( 'Box does not show you this folder or file: it was deleted, or it is not shared with you.', 'widgets-for-box' );
			case 'issuing_stopped':
				return __( 'Box is switched off here at the moment. Your files are safe.', 'widgets-for-box' );
			case 'rate_limited':
			case 'box_rate_limited':
				return __( 'Too many requests at once. Please try again in a minute.', 'widgets-for-box' );
			case 'tokens_revoked':
				return __( 'Box has ended this session. Please try again.', 'widgets-for-box' );
			case 'box_unavailable':
			case 'sidecar_timeout':
				return __( 'Box does not answer at the moment. Please try again in a minute.', 'widgets-for-box' );
			case 'sidecar_unreachable':
			case 'sidecar_bad_answer':
			case 'key_unavailable':
			case 'curl_missing':
				return __( 'The connection to Box is down. Your files are safe; please try again later.', 'widgets-for-box' );
			default:
				return self::default_sentence();
		}
	}

	/**
	 * A person's failure as told to an administrator who looks them up: it is about somebody else.
	 *
	 * @since 0.1.0
	 *
	 * @param WP_Error $error The failure as the person meets it.
	 */
	public static function about_somebody( WP_Error $error ): WP_Error {
		$sentences = array(
			'user_not_found'    => __( 'There is no Box account for this person yet.', 'widgets-for-box' ),
			'user_inactive'     => __( 'The Box account of this person is not active.', 'widgets-for-box' ),
			'user_ambiguous'    => __( 'More than one Box account could be this person’s.', 'widgets-for-box' ),
			'login_not_allowed' => __( 'The sidecar’s policy lets nobody in with the Box account of this person.', 'widgets-for-box' ),
			'role_not_allowed'  => __( 'This person administers Box, or has another role there that the sidecar’s policy denies; so they see no files here. They need an ordinary Box account.', 'widgets-for-box' ),
		);
		$code      = $error->get_error_code();
		$data      = (array) $error->get_error_data();
		if ( isset( $data['profile'] ) ) {
			return new WP_Error( $code, __( 'The e-mail address of this person is not confirmed, so it counts for nothing at Box.', 'widgets-for-box' ), $data );
		}
		if ( self::default_sentence() === $error->get_error_message() ) {
			return new WP_Error( $code, __( 'The connection to Box is not set up properly.', 'widgets-for-box' ), $data );
		}
		return isset( $sentences[ $code ] ) ? new WP_Error( $code, $sentences[ $code ], $data ) : $error;
	}

	/**
	 * What people are told about a failure that only an administrator can mend.
	 */
	private static function default_sentence(): string {
		return __( 'The connection to Box is not set up properly. Please tell your administrator.', 'widgets-for-box' );
	}

	/**
	 * What people without a Box account are told unless the administrator words it.
	 *
	 * @since 0.1.0
	 */
	public static function default_no_account_text(): string {
		return __( 'There is no Box account for you yet. Please ask your administrator for one.', 'widgets-for-box' );
	}

	/**
	 * What people who may not use Box are told unless the administrator words it.
	 *
	 * @since 0.1.0
	 */
	public static function default_no_access_text(): string {
		return __( 'Box is not available here for your account.', 'widgets-for-box' );
	}
}
