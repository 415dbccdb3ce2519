<?php
/**
 * REST routes.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

use WP_Error;
use WP_HTTP_Response;
use WP_REST_Request;
use WP_REST_Response;
use WP_REST_Server;

defined( 'ABSPATH' ) || exit;

/**
 * The routes under `widgets-for-box/v1`.
 */
final class Rest {

	const SPACE = 'widgets-for-box/v1';

	/**
	 * Hooks.
	 *
	 * @return void
	 */
	public static function register() {
		add_action( 'rest_api_init', array( self::class, 'routes' ) );
		add_filter( 'rest_pre_serve_request', array( self::class, 'keep_private' ), PHP_INT_MAX, 3 );
	}

	/**
	 * Registers the routes.
	 *
	 * @internal Callback of `rest_api_init`.
	 *
	 * @return void
	 */
	public static function routes() {
		register_rest_route(
			self::SPACE,
			'/token',
			array(
				'methods'             => WP_REST_Server::CREATABLE,
				'callback'            => array( self::class, 'token' ),
				'permission_callback' => array( self::class, 'may_ask_for_token' ),
				'args'                => array(
					'widget' => array(
						'description' => __( 'The signed descriptor of a widget on the page.', 'widgets-for-box' ),
						'type'        => 'string',
						'required'    => true,
						'maxLength'   => Descriptor::MAX_LENGTH,
					),
				),
			)
		);
	}

	/**
	 * Whether a request comes from a page that a logged-in person has open.
	 *
	 * The nonce is asked for in its header and nowhere else: a form or an image of another site can't
	 * send a header, and a request that was let in by other means (an application password, say) has
	 * no session whose nonce it could carry.
	 *
	 * @internal Permission callback.
	 *
	 * @param WP_REST_Request $request The request.
	 * @return true|WP_Error
	 */
	public static function may_ask_for_token( WP_REST_Request $request ) {
		if ( ! is_user_logged_in() || ! wp_verify_nonce( (string) $request->get_header( 'X-WP-Nonce' ), 'wp_rest' ) ) {
			return new WP_Error( 'rest_not_logged_in', __( 'Please log in to see your Box files.', 'widgets-for-box' ), array( 'status' => 401 ) );
		}
		if ( ! current_user_can( Permissions::CAPABILITY ) ) {
			$text = Settings::get( 'no_access_text' );
			return new WP_Error( 'box_not_allowed', '' !== $text ? $text : __( 'Box is not available here for your account.', 'widgets-for-box' ), array( 'status' => 403 ) );
		}
		return true;
	}

	/**
	 * A token for one widget and the person who is logged in.
	 *
	 * @internal Callback of the route.
	 *
	 * @param WP_REST_Request $request The request.
	 * @return WP_REST_Response|WP_Error
	 */
	public static function token( WP_REST_Request $request ) {
		$widget = Descriptor::verify( $request['widget'] );
		if ( null === $widget ) {
			return new WP_Error( 'invalid_widget', __( 'This widget does not belong to this page any more. Please reload the page.', 'widgets-for-box' ), array( 'status' => 400 ) );
		}

		$wp_user = wp_get_current_user();
		$scopes  = Permissions::narrow( $widget['scopes'], $widget['element'], $wp_user );
		$answer  = People::token( $wp_user, $widget['element'], $scopes, $widget['id'] );
		if ( is_wp_error( $answer ) ) {
			return self::for_visitor( $answer );
		}

		/**
		 * Fires after a token was issued. The token itself is not passed on.
		 *
		 * @param WP_User  $wp_user The person who got it.
		 * @param string   $element `explorer`, `uploader`, `picker` or `preview`.
		 * @param string[] $scopes  All scopes of the token, by Box's names.
		 * @param string   $id      Id of the folder or file that the widget shows.
		 */
		do_action( 'widgets_for_box_token_issued', $wp_user, $widget['element'], $answer['scopes'], $widget['id'] );

		return new WP_REST_Response(
			array(
				'token'      => $answer['access_token'],
				'expires_in' => (int) $answer['expires_in'],
				'scopes'     => $answer['scopes'],
			)
		);
	}

	/**
	 * A failure as the person may see it: what an administrator would do about it only for those.
	 *
	 * @param WP_Error $error Of the sidecar.
	 */
	private static function for_visitor( WP_Error $error ): WP_Error {
		$data   = (array) $error->get_error_data();
		$public = array( 'status' => $data['status'] ?? 500 );
		if ( ! empty( $data['retry_after'] ) ) {
			$public['retry_after'] = $data['retry_after'];
		}
		if ( current_user_can( 'manage_options' ) ) {
			$public += array_filter( array_intersect_key( $data, array_flip( array( 'fix', 'detail', 'request_id' ) ) ) );
		}
		return new WP_Error( $error->get_error_code(), $error->get_error_message(), $public );
	}

	/**
	 * Keeps every answer of these routes, errors too, out of all caches, and takes back WordPress's
	 * permission for every other origin to read it.
	 *
	 * @internal Callback of `rest_pre_serve_request`.
	 *
	 * @param bool             $served  Whether the answer was sent already.
	 * @param WP_HTTP_Response $result  The answer.
	 * @param WP_REST_Request  $request The request.
	 * @return bool
	 */
	public static function keep_private( $served, $result, $request ) {
		if ( 0 !== strpos( $request->get_route(), '/' . self::SPACE . '/' ) || headers_sent() ) {
			return $served;
		}
		$no_store = static function ( $headers ) {
			return array( 'Cache-Control' => 'no-store, private' ) + (array) $headers;
		};
		// Depending on its version, WordPress sends its own headers before this filter or after it.
		header( 'Cache-Control: no-store, private' );
		add_filter( 'rest_send_nocache_headers', '__return_true', PHP_INT_MAX );
		add_filter( 'nocache_headers', $no_store, PHP_INT_MAX );
		if ( ! is_allowed_http_origin() ) {
			header_remove( 'Access-Control-Allow-Origin' );
			header_remove( 'Access-Control-Allow-Credentials' );
		}
		return $served;
	}
}
