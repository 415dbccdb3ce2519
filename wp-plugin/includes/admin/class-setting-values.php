<?php
/**
 * The values of settings.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

use WP_Error;

defined( 'ABSPATH' ) || exit;

/**
 * One function for each kind of setting. It gets a value that fits the setting's schema, and whether a form was
 * posted; it returns the value to store, or a WP_Error whose message says as HTML what is wrong with it.
 *
 * @since 0.1.0
 */
final class Setting_Values {

	/**
	 * The path of a socket.
	 *
	 * @since 0.1.0
	 *
	 * @param string $value What was entered.
	 * @return string|WP_Error
	 */
	public static function socket( string $value ) {
		$value = trim( $value );
		return '' === $value || preg_match( '#^/[^\x00-\x1f]{1,106}$#D', $value )
			? $value
			: self::wrong( __( 'The socket must be an absolute path of at most 107 bytes.', 'widgets-for-box' ) );
	}

	/**
	 * The version of the Elements.
	 *
	 * @since 0.1.0
	 *
	 * @param string $value What was entered.
	 * @return string|WP_Error
	 */
	public static function version( string $value ) {
		$value = trim( $value );
		return '' === $value || preg_match( '/^\d+\.\d+\.\d+(-[\w.]+)?$/D', $value )
			? $value
			: self::wrong( __( 'The version of the Elements must look like 26.3.0.', 'widgets-for-box' ) );
	}

	/**
	 * The address of a host.
	 *
	 * @since 0.1.0
	 *
	 * @param string $value What was entered.
	 * @return string|WP_Error
	 */
	public static function host( string $value ) {
		$value = self::address( $value );
		if ( is_wp_error( $value ) || '' === $value ) {
			return $value;
		}
		return wp_parse_url( $value, PHP_URL_PATH ) || null !== wp_parse_url( $value, PHP_URL_QUERY )
			? self::wrong( __( 'A host is an address without a path and without a slash at the end.', 'widgets-for-box' ) )
			: $value;
	}

	/**
	 * The address of the Elements, with places to fill in.
	 *
	 * @since 0.1.0
	 *
	 * @param string $value What was entered.
	 * @return string|WP_Error
	 */
	public static function template( string $value ) {
		$value = self::address( $value );
		return is_wp_error( $value ) || '' === $value || false !== strpos( $value, '{file}' )
			? $value
			: self::wrong( __( 'The source of the Elements must contain {file}.', 'widgets-for-box' ) );
	}

	/**
	 * Whom people turn to: by e-mail or on a page.
	 *
	 * @since 0.1.0
	 *
	 * @param string $value What was entered.
	 * @return string|WP_Error
	 */
	public static function contact( string $value ) {
		$value = trim( $value );
		if ( is_email( $value ) || ! is_wp_error( self::address( $value ) ) ) {
			return $value;
		}
		/* translators: %s: what was entered. */
		return self::wrong( sprintf( __( '%s is neither an e-mail address nor an https:// address.', 'widgets-for-box' ), esc_html( $value ) ) );
	}

	/**
	 * A text.
	 *
	 * @since 0.1.0
	 *
	 * @param string $value What was entered.
	 */
	public static function text( string $value ): string {
		return sanitize_text_field( $value );
	}

	/**
	 * A box to tick.
	 *
	 * @since 0.1.0
	 *
	 * @param string|int|bool $value What was posted; nothing but its '1' is a tick.
	 */
	public static function tick( $value ): string {
		return '1' === $value ? '1' : '';
	}

	/**
	 * The table of roles.
	 *
	 * @since 0.1.0
	 *
	 * @param array<string, mixed> $value  Ticked boxes by role; or, set by code, the setting's value.
	 * @param bool                 $posted Whether it is the former. WordPress passes a new option through here a
	 *                                     second time, when it is the latter.
	 * @return array<string, string[]|false> Scopes by role; false for a role that may not use Box.
	 */
	public static function roles( array $value, bool $posted ): array {
		if ( ! $posted ) {
			return $value;
		}
		$roles = array();
		foreach ( array_keys( wp_roles()->get_names() ) as $role ) {
			$ticked         = is_array( $value[ $role ] ?? null ) ? $value[ $role ] : array();
			$roles[ $role ] = in_array( 'use', $ticked, true ) ? array_values( array_intersect( Elements::all_scopes(), $ticked ) ) : false;
		}
		return $roles;
	}

	/**
	 * A safe address, whatever is behind its host.
	 *
	 * @param string $value What was entered.
	 * @return string|WP_Error
	 */
	private static function address( string $value ) {
		$value = trim( $value );
		$url   = wp_parse_url( strtr( $value, '{}', '__' ) );
		$own   = array( 'localhost', '127.0.0.1', '[::1]', wp_parse_url( home_url(), PHP_URL_HOST ) );
		$safe  = is_array( $url ) && isset( $url['scheme'], $url['host'] ) && ! isset( $url['user'] )
			&& ( 'https' === $url['scheme'] || ( 'http' === $url['scheme'] && in_array( $url['host'], $own, true ) ) );
		if ( '' === $value || ( $safe && ! preg_match( '/[\s"\'<>\\\\]/', $value ) ) ) {
			return $value;
		}
		/* translators: %s: what was entered. */
		return self::wrong( sprintf( __( '%s is not an https:// address.', 'widgets-for-box' ), esc_html( $value ) ) );
	}

	/**
	 * What is wrong with a value.
	 *
	 * @param string $sentence As HTML, which settings_errors() prints as it is.
	 */
	private static function wrong( string $sentence ): WP_Error {
		return new WP_Error( 'invalid_setting', $sentence );
	}
}
