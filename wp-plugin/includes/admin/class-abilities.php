<?php
/**
 * Abilities, for programs and assistants that a site lets in.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

use WP_Error;

defined( 'ABSPATH' ) || exit;

/**
 * Two abilities of WordPress's Abilities API (6.9 and newer), for administrators, and only to read: whether all is well,
 * and which Box user somebody is. Neither makes a token.
 *
 * Neither is public: they are found by code on this site, and not over REST or by agents (`public`, `show_in_rest` and
 * `mcp.public` are false). Who wants otherwise says so in code of their own (filter `wp_register_ability_args`).
 *
 * @since 0.1.0
 */
final class Abilities {

	const CATEGORY  = 'widgets-for-box';
	const CHECK     = 'widgets-for-box/check';
	const FIND_USER = 'widgets-for-box/find-user';

	/**
	 * Nobody finds them who was not told of them.
	 */
	const META = array(
		'public'       => false,
		'show_in_rest' => false,
		'mcp'          => array( 'public' => false ),
		'annotations'  => array(
			'readonly'    => true,
			'destructive' => false,
			'idempotent'  => true,
		),
	);

	/**
	 * Adds the category.
	 *
	 * @internal Callback of `wp_abilities_api_categories_init`.
	 * @since 0.1.0
	 */
	public static function add_category(): void {
		wp_register_ability_category(
			self::CATEGORY,
			array(
				'label'       => __( 'Widgets for Box', 'widgets-for-box' ),
				'description' => __( 'The connection of this site to Box.', 'widgets-for-box' ),
			)
		);
	}

	/**
	 * Adds the abilities.
	 *
	 * @internal Callback of `wp_abilities_api_init`.
	 * @since 0.1.0
	 */
	public static function add(): void {
		$text = array( 'type' => 'string' );
		wp_register_ability(
			self::CHECK,
			array(
				'label'               => __( 'Check the connection to Box', 'widgets-for-box' ),
				'description'         => __( 'Examines the set-up from the socket to the app’s settings at Box, and says what to do about what is wrong.', 'widgets-for-box' ),
				'category'            => self::CATEGORY,
				'output_schema'       => self::schema(
					array(
						'status' => $text,
						'checks' => array(
							'type'  => 'array',
							'items' => self::schema( array_fill_keys( array( 'id', 'status', 'summary', 'fix' ), $text ) ),
						),
					)
				),
				'execute_callback'    => array( self::class, 'check' ),
				'permission_callback' => static function () {
					return current_user_can( 'manage_options' );
				},
				'meta'                => self::META,
			)
		);
		wp_register_ability(
			self::FIND_USER,
			array(
				'label'               => __( 'Find somebody’s Box user', 'widgets-for-box' ),
				'description'         => __( 'Tells which Box user a WordPress user is, or why none.', 'widgets-for-box' ),
				'category'            => self::CATEGORY,
				'input_schema'        => array( 'required' => array( 'user' ) ) + self::schema(
					array(
						'user' => array(
							'description' => __( 'Login, e-mail address or id of the WordPress user.', 'widgets-for-box' ),
							'type'        => 'string',
							'minLength'   => 1,
							'maxLength'   => 320,
						),
					)
				),
				'output_schema'       => self::schema(
					array(
						'status' => $text,
						'box'    => array( 'type' => array( 'object', 'null' ) ) + self::schema( array_fill_keys( array( 'id', 'login', 'name', 'status', 'role' ), $text ) ),
						'reason' => $text,
					)
				),
				'execute_callback'    => array( self::class, 'find_user' ),
				'permission_callback' => array( People_Page::class, 'is_allowed' ),
				'meta'                => self::META,
			)
		);
	}

	/**
	 * Examines the set-up.
	 *
	 * @internal Callback of the ability.
	 * @since 0.1.0
	 *
	 * @return array{status: string, checks: array<int, array<string, string>>}
	 */
	public static function check(): array {
		$checks = Status::checks();
		$fields = array_fill_keys( array( 'id', 'status', 'summary', 'fix' ), '' );
		return array(
			'status' => Status::worst( $checks ),
			'checks' => array_map(
				static function ( array $check ) use ( $fields ): array {
					return array_map( 'strval', array_intersect_key( $check, $fields ) ) + $fields;
				},
				$checks
			),
		);
	}

	/**
	 * Tells which Box user somebody is.
	 *
	 * @internal Callback of the ability.
	 * @since 0.1.0
	 *
	 * @param array{user: string} $input Whom.
	 * @return array{status: string, box: array<string, string>|null, reason: string}|WP_Error `status` as of Coverage; an
	 *                                                                                         error where nothing can be told.
	 */
	public static function find_user( $input ) {
		$wp_user = Look_Up::person( (string) $input['user'] );
		if ( ! $wp_user || ( is_multisite() && ! is_user_member_of_blog( $wp_user->ID ) ) ) {
			return new WP_Error( 'rest_user_invalid_id', __( 'There is no such user on this site.', 'widgets-for-box' ), array( 'status' => 404 ) );
		}
		$found = Look_Up::now( $wp_user );
		if ( is_wp_error( $found ) ) {
			$data = (array) $found->get_error_data();
			return new WP_Error( $found->get_error_code(), $found->get_error_message(), array_intersect_key( $data, array_flip( array( 'status', 'fix' ) ) ) );
		}
		return $found;
	}

	/**
	 * A schema of an object with these properties and no others.
	 *
	 * @param array<string, array<string, mixed>> $properties By name.
	 * @return array<string, mixed>
	 */
	private static function schema( array $properties ): array {
		return array(
			'type'                 => 'object',
			'properties'           => $properties,
			'additionalProperties' => false,
		);
	}
}
