<?php
/**
 * The route by which a page gets its tokens.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

use WP_Error;
use WP_REST_Request;
use WP_REST_Response;
use WP_REST_Server;
use WP_User;

defined( 'ABSPATH' ) || exit;

/**
 * `POST widgets-for-box/v1/token`. The person comes from the session, what the token is for from a signed widget;
 * the browser decides neither.
 *
 * @since 0.1.0
 */
final class Token_Route {

	/**
	 * Registers the route.
	 *
	 * @internal Callback of `rest_api_init`.
	 * @since 0.1.0
	 */
	public static function register(): void {
		register_rest_route(
			Rest::SPACE,
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
	 * @since 0.1.0
	 *
	 * @param WP_REST_Request $request The request.
	 * @return true|WP_Error
	 */
	public static function may_ask_for_token( WP_REST_Request $request ) {
		if ( ! self::has_session() || ! wp_verify_nonce( (string) $request->get_header( 'X-WP-Nonce' ), 'wp_rest' ) ) {
			return Errors::not_logged_in();
		}
		if ( ! current_user_can( Permissions::CAPABILITY ) ) {
			return Language::in( Language::texts( Language::of_person() ), array( Errors::class, 'not_allowed' ) );
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
	 * A token for one widget and the person who is logged in, or why there is none, in that person's language.
	 *
	 * @internal Callback of the route.
	 * @since 0.1.0
	 *
	 * @param WP_REST_Request $request The request.
	 * @return WP_REST_Response|WP_Error
	 */
	public static function token( WP_REST_Request $request ) {
		$answer = Language::in(
			Language::texts( Language::of_person() ),
			static function () use ( $request ) {
				return self::answer( $request );
			}
		);
		if ( $answer instanceof WP_REST_Response && Usage_Report::was_told() ) {
			$answer->header( Usage_Report::HEADER, 'taken' );
		}
		return $answer;
	}

	/**
	 * The same, in the language of the request.
	 *
	 * @param WP_REST_Request $request The request.
	 * @return WP_REST_Response|WP_Error
	 */
	private static function answer( WP_REST_Request $request ) {
		$widget = Descriptor::verify( $request['widget'] );
		$view   = null === $widget ? View_As::verify( $request['widget'] ) : null;
		$widget = $view ? $view->widget : $widget;
		if ( null === $widget ) {
			return new WP_Error( 'invalid_widget', __( 'This widget does not belong to this page any more. Please reload the page.', 'widgets-for-box' ), array( 'status' => 400 ) );
		}

		$answer = Tokens::for_session( $widget, (string) $request['refused'], $view, Usage_Report::of( $request['report'] ) );
		if ( is_wp_error( $answer ) ) {
			$answer = Folder_Path::explain( $answer, $widget->path );
			return $view ? Rest::for_administrator( $answer ) : Rest::for_visitor( $answer );
		}
		// Where a path leads differs from person to person, and so is not in the descriptor.
		$id = '' === $widget->path ? $widget->id : $answer['resource']['id'];

		if ( $view ) {
			/**
			 * Fires after an administrator got a token that lists what somebody else would see.
			 *
			 * @since 0.1.0
			 *
			 * @param WP_User $viewer The administrator.
			 * @param WP_User $person The person.
			 * @param string  $id     Id of the folder that the widget shows.
			 */
			do_action( 'widgets_for_box_viewed_as', wp_get_current_user(), $view->person, $id );
			return self::issued( $answer, $widget );
		}

		/**
		 * Fires after a token was issued. The token itself is not passed on.
		 *
		 * @param WP_User  $wp_user The person who got it.
		 * @param string   $element `explorer`, `uploader`, `picker` or `preview`.
		 * @param string[] $scopes  All scopes of the token, by Box's names.
		 * @param string   $id      Id of the folder or file that the widget shows.
		 */
		do_action( 'widgets_for_box_token_issued', wp_get_current_user(), $widget->element, $answer['scopes'], $id );

		return self::issued( $answer, $widget );
	}

	/**
	 * What the page is told.
	 *
	 * @param array<string, mixed> $answer Of the sidecar.
	 * @param Widget               $widget What the token is for.
	 */
	private static function issued( array $answer, Widget $widget ): WP_REST_Response {
		return new WP_REST_Response(
			array(
				'token'      => $answer['access_token'],
				'expires_in' => (int) $answer['expires_in'],
				'scopes'     => $answer['scopes'],
			)
			+ ( '' === $widget->path ? array() : array( 'folder' => $answer['resource']['id'] ) )
			// Who is to be told what only an administrator can mend.
			+ ( current_user_can( 'manage_options' ) ? array( 'manages' => true ) : array() )
		);
	}
}
