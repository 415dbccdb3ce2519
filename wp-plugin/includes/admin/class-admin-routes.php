<?php
/**
 * The routes of the admin area.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

use WP_Error;
use WP_REST_Request;
use WP_REST_Response;
use WP_REST_Server;

defined( 'ABSPATH' ) || exit;

/**
 * What the settings page and profile pages ask.
 *
 * @since 0.1.0
 */
final class Admin_Routes {

	/**
	 * Registers the routes.
	 *
	 * @internal Callback of `rest_api_init`.
	 * @since 0.1.0
	 */
	public static function register(): void {
		$administrator = static function () {
			return current_user_can( 'manage_options' ) && current_user_can( 'list_users' );
		};
		register_rest_route(
			Rest::SPACE,
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
			Rest::SPACE,
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
			Rest::SPACE,
			'/coverage',
			array(
				'methods'             => WP_REST_Server::CREATABLE,
				'callback'            => array( self::class, 'coverage' ),
				'permission_callback' => array( People_Page::class, 'is_allowed' ),
			)
		);
		register_rest_route(
			Rest::SPACE,
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
	}

	/**
	 * Whether a person would get a token, and as whom; the token itself is thrown away.
	 *
	 * @internal Callback of the route.
	 * @since 0.1.0
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
			return Errors::roles_not_allowed();
		}
		$answer = Tokens::trial( $wp_user );
		if ( is_wp_error( $answer ) ) {
			return Rest::for_administrator( $answer );
		}
		return new WP_REST_Response( array( 'user' => array_intersect_key( (array) ( $answer['user'] ?? array() ), array_flip( array( 'id', 'login', 'name' ) ) ) ) );
	}

	/**
	 * Looks a few people up, while an administrator looks on.
	 *
	 * @internal Callback of the route.
	 * @since 0.1.0
	 */
	public static function coverage(): WP_REST_Response {
		Look_Up::run();
		return new WP_REST_Response( Look_Up_Pace::progress() );
	}

	/**
	 * Looks a Box user up for an administrator who assigns one.
	 *
	 * @internal Callback of the route.
	 * @since 0.1.0
	 *
	 * @param WP_REST_Request $request The request.
	 * @return WP_REST_Response|WP_Error
	 */
	public static function account( WP_REST_Request $request ) {
		$answer = ( new Sidecar() )->user( array( 'login' => $request['login'] ) );
		if ( is_wp_error( $answer ) ) {
			return Rest::for_administrator( $answer );
		}
		return new WP_REST_Response( array_intersect_key( $answer, array_flip( array( 'id', 'login', 'name', 'status', 'role' ) ) ) );
	}
}
