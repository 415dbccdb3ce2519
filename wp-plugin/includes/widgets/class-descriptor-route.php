<?php
/**
 * The route that signs a widget.
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
 * `POST widgets-for-box/v1/descriptor`, for the preview in the editor.
 *
 * @since 0.1.0
 */
final class Descriptor_Route {

	/**
	 * Registers the route.
	 *
	 * @internal Callback of `rest_api_init`.
	 * @since 0.1.0
	 */
	public static function register(): void {
		register_rest_route(
			Rest::SPACE,
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
					'person'     => array(
						'description' => __( 'Id of a user in whose place an administrator is to see it.', 'widgets-for-box' ),
						'type'        => 'integer',
						'minimum'     => 0,
						'default'     => 0,
					),
				),
			)
		);
	}

	/**
	 * Signs a widget for someone who writes posts, and so could publish the same one.
	 *
	 * @internal Callback of the route.
	 * @since 0.1.0
	 *
	 * @param WP_REST_Request $request The request.
	 * @return WP_REST_Response|WP_Error
	 */
	public static function descriptor( WP_REST_Request $request ) {
		$widget = Widget::from_attributes( $request['element'], (array) $request['attributes'] );
		if ( null === $widget ) {
			$named   = $request['attributes'][ Elements::CATALOGUE[ $request['element'] ]['resource'] ] ?? '';
			$refusal = Folder_Path::refusal( $request['element'], (array) $request['attributes'] );
			return new WP_Error( 'rest_invalid_param', $refusal ?? Box_Address::refusal( $request['element'], is_scalar( $named ) ? (string) $named : '' ), array( 'status' => 400 ) );
		}
		$descriptor = $request['person'] ? View_As::sign( $widget, $request['person'] ) : Descriptor::sign( $widget );
		if ( null === $descriptor ) {
			return new WP_Error( 'rest_forbidden', __( 'You can’t see this in the place of that person.', 'widgets-for-box' ), array( 'status' => 403 ) );
		}
		return new WP_REST_Response(
			array(
				'widget' => $descriptor,
				'view'   => Live_View::address( $descriptor ),
				// Whether there is a choice of people.
				'viewAs' => 'explorer' === $widget->element && View_As::is_allowed(),
			)
		);
	}
}
