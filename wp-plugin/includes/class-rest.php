<?php
/**
 * What the REST routes have in common.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

use WP_Error;
use WP_HTTP_Response;
use WP_REST_Request;
use WP_REST_Response;

defined( 'ABSPATH' ) || exit;

/**
 * The answers of the routes under `widgets-for-box/v1`.
 *
 * @since 0.1.0
 */
final class Rest {

	const SPACE = 'widgets-for-box/v1';

	/**
	 * A failure as the person may see it: what an administrator would do about it only for those.
	 *
	 * @since 0.1.0
	 *
	 * @param WP_Error $error Of the sidecar.
	 */
	public static function for_visitor( WP_Error $error ): WP_REST_Response {
		$profile = array_intersect_key( (array) $error->get_error_data(), array( 'profile' => true ) );
		return self::failure( $error, $profile + Contact::about( (string) $error->get_error_code(), $error->get_error_message() ) );
	}

	/**
	 * A person's failure as an administrator who looks them up may see it: with nothing for the person to do.
	 *
	 * @since 0.1.0
	 *
	 * @param WP_Error $error Of the sidecar.
	 */
	public static function for_administrator( WP_Error $error ): WP_REST_Response {
		return self::failure( Errors::about_somebody( $error ), array() );
	}

	/**
	 * A failure as an answer; with what an administrator does about it for those alone.
	 *
	 * @param WP_Error             $error  Of the sidecar.
	 * @param array<string, mixed> $public What else everybody may read.
	 */
	private static function failure( WP_Error $error, array $public ): WP_REST_Response {
		$data    = (array) $error->get_error_data();
		$public += array( 'status' => $data['status'] ?? 500 );
		if ( current_user_can( 'manage_options' ) ) {
			$public += array_filter( array_intersect_key( $data, array_flip( array( 'fix', 'detail', 'request_id' ) ) ) );
			foreach ( array_intersect( array( 'fix', 'detail' ), array_keys( $public ) ) as $part ) {
				$public[ $part ] = Findings::translate( $public[ $part ] );
			}
		}
		$answer = rest_convert_error_to_response( new WP_Error( $error->get_error_code(), $error->get_error_message(), $public ) );
		$wait   = (int) ( $data['retry_after'] ?? 0 );
		if ( $wait > 0 ) {
			$answer->header( 'Retry-After', (string) $wait );
		}
		return $answer;
	}

	/**
	 * Keeps every answer of these routes, errors too, out of all caches, and takes back WordPress's
	 * permission for every other origin to read it. Texts are nobody's in particular.
	 *
	 * @internal Callback of `rest_pre_serve_request`.
	 * @since 0.1.0
	 *
	 * @param bool             $served  Whether the answer was sent already.
	 * @param WP_HTTP_Response $result  The answer.
	 * @param WP_REST_Request  $request The request.
	 * @return bool
	 */
	public static function keep_private( $served, $result, $request ) {
		$route = $request->get_route();
		if ( 0 !== stripos( $route, '/' . self::SPACE . '/' ) || preg_match( '#^/' . self::SPACE . '/texts/\w+$#D', $route ) || headers_sent() ) {
			return $served;
		}
		$no_store = static function ( $headers ) {
			return array( 'Cache-Control' => 'no-store, private' ) + (array) $headers;
		};
		// Depending on its version, WordPress sends its own headers before this filter or after it.
		header( 'Cache-Control: no-store, private' );
		add_filter( 'rest_send_nocache_headers', '__return_true', PHP_INT_MAX );
		add_filter( 'nocache_headers', $no_store, PHP_INT_MAX );
		// At the last moment, whoever allowed it and when. The page that asks is of the site's own origin and needs no leave.
		header_register_callback(
			static function () {
				header_remove( 'Access-Control-Allow-Origin' );
				header_remove( 'Access-Control-Allow-Credentials' );
			}
		);
		return $served;
	}
}
