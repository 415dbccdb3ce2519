<?php
/**
 * Who may use Box on this site, and for what.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

use WP_User;

defined( 'ABSPATH' ) || exit;

/**
 * Narrows what a widget's author granted. Nothing here can widen it.
 *
 * @since 0.1.0
 */
final class Permissions {

	/**
	 * The capability to see any widget at all. It is derived: whoever may read this site has it,
	 * unless the settings exclude all of their roles.
	 */
	const CAPABILITY = 'use_widgets_for_box';

	/**
	 * Maps the capability.
	 *
	 * @internal Callback of `map_meta_cap`.
	 * @since 0.1.0
	 *
	 * @param string[] $caps    Primitive capabilities.
	 * @param string   $cap     The capability asked for.
	 * @param int      $user_id The user.
	 * @return string[]
	 */
	public static function map( $caps, $cap, $user_id ) {
		if ( self::CAPABILITY !== $cap ) {
			return $caps;
		}
		$user = get_userdata( $user_id );
		return $user && null !== self::of_roles( $user ) ? array( 'read' ) : array( 'do_not_allow' );
	}

	/**
	 * A widget with the scopes that a person gets out of those it grants.
	 *
	 * @since 0.1.0
	 *
	 * @param Widget  $widget What the descriptor says.
	 * @param WP_User $user   The person.
	 */
	public static function narrow( Widget $widget, WP_User $user ): Widget {
		$scopes = array_values( array_intersect( $widget->scopes, self::of_roles( $user ) ?? array() ) );
		/**
		 * Filters the scopes of a token before it is asked for. What was not there before is ignored.
		 *
		 * @param string[] $scopes  Box's names of feature scopes.
		 * @param string   $element `explorer`, `uploader`, `picker` or `preview`.
		 * @param WP_User  $user    The person who will hold the token.
		 */
		$filtered = apply_filters( 'widgets_for_box_scopes', $scopes, $widget->element, $user );
		return $widget->with_scopes( is_array( $filtered ) ? array_values( array_intersect( $scopes, $filtered ) ) : array() );
	}

	/**
	 * The scopes that any of a person's roles may have; null if none of the roles may use Box.
	 *
	 * A role without an entry in the settings is not narrowed: the descriptor and the sidecar's policy
	 * still are in force.
	 *
	 * @param WP_User $user The person.
	 * @return string[]|null
	 */
	private static function of_roles( WP_User $user ): ?array {
		$table = Settings::get( 'roles' );
		if ( ! is_array( $table ) ) {
			return null;
		}
		// A network's administrator need not have a role on each site.
		$roles   = $user->roles ? $user->roles : array( is_multisite() && is_super_admin( $user->ID ) ? 'administrator' : '' );
		$allowed = null;
		foreach ( array_filter( $roles ) as $role ) {
			$entry = array_key_exists( $role, $table ) ? $table[ $role ] : Elements::all_scopes();
			if ( is_array( $entry ) ) {
				$allowed = array_merge( $allowed ?? array(), $entry );
			}
		}
		return $allowed;
	}
}
