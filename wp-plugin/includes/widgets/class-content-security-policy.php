<?php
/**
 * Content Security Policy.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

defined( 'ABSPATH' ) || exit;

/**
 * Which sources pages with widgets need.
 *
 * @since 0.1.0
 */
final class Content_Security_Policy {

	/**
	 * The Content-Security-Policy that the widgets need.
	 *
	 * @since 0.1.0
	 *
	 * @param array<string, string|string[]> $more Further sources by directive.
	 */
	public static function header( array $more = array() ): string {
		$elements = preg_replace( '#^(https?://[^/]+).*$#', '$1', Elements::url() );
		$static   = Settings::get( 'static_host' );
		$api      = Settings::get( 'api_host' );
		$sources  = array(
			'default-src' => array( "'self'" ),
			'script-src'  => array( "'self'", $elements, $static ),
			// The Elements set styles from their script.
			'style-src'   => array( "'self'", "'unsafe-inline'", $elements, $static ),
			'font-src'    => array( "'self'", 'data:', $elements, $static ),
			'img-src'     => array( "'self'", 'data:', 'blob:', $elements, $static, $api, 'https://*.box.com', 'https://*.boxcloud.com' ),
			'media-src'   => array( "'self'", 'blob:', 'https://*.boxcloud.com' ),
			'connect-src' => array( "'self'", $elements, $static, $api, Settings::get( 'upload_host' ), 'https://*.box.com', 'https://*.boxcloud.com' ),
			'frame-src'   => array( "'self'", $api, 'https://*.boxcloud.com' ),
			'worker-src'  => array( "'self'", 'blob:' ),
		);
		foreach ( $more as $directive => $list ) {
			$directive             = strtolower( $directive );
			$sources[ $directive ] = array_merge( $sources[ $directive ] ?? array(), (array) $list );
		}
		$policy = array();
		foreach ( $sources as $directive => $list ) {
			$policy[] = rtrim( $directive . ' ' . implode( ' ', array_unique( $list ) ) );
		}
		return implode( '; ', $policy );
	}
}
