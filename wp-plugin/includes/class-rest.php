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
use WP_User;

defined( 'ABSPATH' ) || exit;

/**
 * The routes under `widgets-for-box/v1`.
 */
final class Rest {

	const SPACE = 'widgets-for-box/v1';

	/**
	 * Registers the routes.
	 *
	 * @internal Callback of `rest_api_init`.
	 *
	 * @return void
	 */
	public static function routes() {
		$administrator = static function () {
			return current_user_can( 'manage_options' ) && current_user_can( 'list_users' );
		};
		register_rest_route(
			self::SPACE,
			'/status',
			array(
				'methods'             => WP_REST_Server::READABLE,
				'callback'            => array( Status::class, 'report' ),
				'permission_callback' => static function () {
					return current_user_can( 'manage_options' );
				},
			)
		);
		register_rest_route(
			self::SPACE,
			'/trial',
			array(
				'methods'             => WP_REST_Server::CREATABLE,
				'callback'            => array( self::class, 'trial' ),
				'permission_callback' => $administrator,
				'args'                => array(
					'user' => array(
						'description' => __( 'Id of a WordPress user.', 'widgets-for-box' ),
						'type'        => 'integer',
						'required'    => true,
					),
				),
			)
		);
		register_rest_route(
			self::SPACE,
			'/account',
			array(
				'methods'             => WP_REST_Server::READABLE,
				'callback'            => array( self::class, 'account' ),
				'permission_callback' => static function () {
					return Profile::may_assign();
				},
				'args'                => array(
					'login' => array(
						'description' => __( 'Login of a Box user.', 'widgets-for-box' ),
						'type'        => 'string',
						'required'    => true,
						'minLength'   => 3,
						'maxLength'   => 320,
					),
				),
			)
		);
		register_rest_route(
			self::SPACE,
			'/descriptor',
			array(
				'methods'             => WP_REST_Server::CREATABLE,
				'callback'            => array( self::class, 'descriptor' ),
				'permission_callback' => static function () {
					return current_user_can( 'edit_posts' );
				},
				'args'                => array(
					'element'    => array(
						'description' => __( 'Name of an element.', 'widgets-for-box' ),
						'type'        => 'string',
						'enum'        => array_keys( Elements::CATALOGUE ),
						'required'    => true,
					),
					'attributes' => array(
						'description' => __( 'Attributes as of its block.', 'widgets-for-box' ),
						'type'        => 'object',
						'default'     => array(),
					),
				),
			)
		);
		register_rest_route(
			self::SPACE,
			'/token',
			array(
				'methods'             => WP_REST_Server::CREATABLE,
				'callback'            => array( self::class, 'token' ),
				'permission_callback' => array( self::class, 'may_ask_for_token' ),
				'args'                => array(
					'widget'  => array(
						'description' => __( 'The signed descriptor of a widget on the page.', 'widgets-for-box' ),
						'type'        => 'string',
						'required'    => true,
						'maxLength'   => Descriptor::MAX_LENGTH,
					),
					'refused' => array(
						'description' => __( 'SHA-256 in hexadecimal digits of a token that Box has refused, to get another one.', 'widgets-for-box' ),
						'type'        => 'string',
						'pattern'     => '^[0-9a-f]{64}$',
						'maxLength'   => 64,
					),
				),
			)
		);
	}

	/**
	 * Whether a request comes from a page that a logged-in person has open.
	 *
	 * The nonce is asked for in its header and nowhere else: a form or an image of another site can't
	 * send a header. A nonce alone proves no session, since WordPress makes it from whatever the cookie
	 * says; so a request that was let in by other means (an application password, a signed header) is
	 * refused unless it comes with a session of the same person.
	 *
	 * @internal Permission callback.
	 *
	 * @param WP_REST_Request $request The request.
	 * @return true|WP_Error
	 */
	public static function may_ask_for_token( WP_REST_Request $request ) {
		if ( ! self::has_session() || ! wp_verify_nonce( (string) $request->get_header( 'X-WP-Nonce' ), 'wp_rest' ) ) {
			return new WP_Error( 'rest_not_logged_in', __( 'Please log in to see your Box files.', 'widgets-for-box' ), array( 'status' => 401 ) );
		}
		if ( ! current_user_can( Permissions::CAPABILITY ) ) {
			$text = Settings::get( 'no_access_text' );
			return new WP_Error( 'box_not_allowed', '' !== $text ? $text : self::default_no_access_text(), array( 'status' => 403 ) );
		}
		return true;
	}

	/**
	 * Whether the current user is logged in by cookie, in a session that has not ended.
	 */
	private static function has_session(): bool {
		return is_user_logged_in() && wp_validate_auth_cookie( '', 'logged_in' ) === get_current_user_id();
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

		$answer = Tokens::for_session( $widget, (string) $request['refused'] );
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
		do_action( 'widgets_for_box_token_issued', wp_get_current_user(), $widget['element'], $answer['scopes'], $widget['id'] );

		return new WP_REST_Response(
			array(
				'token'      => $answer['access_token'],
				'expires_in' => (int) $answer['expires_in'],
				'scopes'     => $answer['scopes'],
			)
		);
	}

	/**
	 * Whether a person would get a token, and as whom; the token itself is thrown away.
	 *
	 * @internal Callback of the route.
	 *
	 * @param WP_REST_Request $request The request.
	 * @return WP_REST_Response|WP_Error
	 */
	public static function trial( WP_REST_Request $request ) {
		$wp_user = get_userdata( $request['user'] );
		if ( ! $wp_user || ( is_multisite() && ! is_user_member_of_blog( $wp_user->ID ) ) ) {
			return new WP_Error( 'rest_user_invalid_id', __( 'There is no such user on this site.', 'widgets-for-box' ), array( 'status' => 404 ) );
		}
		if ( ! user_can( $wp_user, Permissions::CAPABILITY ) ) {
			return new WP_Error( 'box_not_allowed', __( 'The roles of this person may not use Box here.', 'widgets-for-box' ), array( 'status' => 403 ) );
		}
		$answer = Tokens::trial( $wp_user );
		if ( is_wp_error( $answer ) ) {
			return self::for_visitor( $answer );
		}
		return new WP_REST_Response( array( 'user' => array_intersect_key( (array) ( $answer['user'] ?? array() ), array_flip( array( 'id', 'login', 'name' ) ) ) ) );
	}

	/**
	 * Looks a Box user up for an administrator who assigns one.
	 *
	 * @internal Callback of the route.
	 *
	 * @param WP_REST_Request $request The request.
	 * @return WP_REST_Response|WP_Error
	 */
	public static function account( WP_REST_Request $request ) {
		$answer = ( new Sidecar() )->user( array( 'login' => $request['login'] ) );
		if ( is_wp_error( $answer ) ) {
			return self::for_visitor( $answer );
		}
		return new WP_REST_Response( array_intersect_key( $answer, array_flip( array( 'id', 'login', 'name', 'status', 'role' ) ) ) );
	}

	/**
	 * Signs a widget for someone who writes posts, and so could publish the same one.
	 *
	 * @internal Callback of the route.
	 *
	 * @param WP_REST_Request $request The request.
	 * @return WP_REST_Response|WP_Error
	 */
	public static function descriptor( WP_REST_Request $request ) {
		$widget = Widgets::widget( $request['element'], (array) $request['attributes'] );
		if ( null === $widget ) {
			return new WP_Error( 'rest_invalid_param', __( 'A folder or file has an id of digits only.', 'widgets-for-box' ), array( 'status' => 400 ) );
		}
		return new WP_REST_Response( array( 'widget' => Descriptor::sign( $widget ) ) );
	}

	/**
	 * What people who may not use Box are told unless the administrator words it.
	 */
	public static function default_no_access_text(): string {
		return __( 'Box is not available here for your account.', 'widgets-for-box' );
	}

	/**
	 * A failure as the person may see it: what an administrator would do about it only for those.
	 *
	 * @param WP_Error $error Of the sidecar.
	 */
	private static function for_visitor( WP_Error $error ): WP_REST_Response {
		$data   = (array) $error->get_error_data();
		$public = array( 'status' => $data['status'] ?? 500 ) + array_intersect_key( $data, array( 'profile' => true ) );
		if ( current_user_can( 'manage_options' ) ) {
			$public += array_filter( array_intersect_key( $data, array_flip( array( 'fix', 'detail', 'request_id' ) ) ) );
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
		if ( 0 !== stripos( $request->get_route(), '/' . self::SPACE . '/' ) || headers_sent() ) {
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
