<?php
/**
 * The plugin's settings.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

defined( 'ABSPATH' ) || exit;

/**
 * Reads settings: a constant wins over the stored value, which wins over the default.
 *
 * Where the sidecar is and where scripts come from is the business of whoever runs the server; in a
 * network these are stored once for all sites. Texts, roles and the mapping belong to each site.
 *
 * @since 0.1.0
 */
final class Settings {

	/**
	 * Name of a site's option: one autoloaded array.
	 */
	const OPTION = 'widgets_for_box';

	/**
	 * Name of a network's option, which holds the server settings. Not the same name: WordPress would
	 * put it through the check of the site's.
	 */
	const NETWORK_OPTION = 'widgets_for_box_network';

	/**
	 * Every setting with its default; '' for a text means the translated default text.
	 */
	const DEFAULTS = array(
		'socket'           => '/run/box-sidecar/box-sidecar.sock',
		'api_host'         => 'https://api.box.com',
		'upload_host'      => 'https://upload.box.com',
		'static_host'      => 'https://cdn01.boxcdn.net',
		'elements_url'     => Elements::CDN,
		'elements_version' => Elements::VERSION,
		'account'          => 'email',
		'directory'        => '',
		'roles'            => array(),
		'no_account_text'  => '',
		'no_access_text'   => '',
	);

	/**
	 * Settings that concern the server; in a network only its administrators may change them.
	 */
	const SERVER = array( 'socket', 'api_host', 'upload_host', 'static_host', 'elements_url', 'elements_version' );

	/**
	 * Settings that a network has once for all of its sites: those, and who answers for the addresses of
	 * users, whom the sites share.
	 */
	const NETWORK = array( 'socket', 'api_host', 'upload_host', 'static_host', 'elements_url', 'elements_version', 'directory' );

	/**
	 * A setting's value in force.
	 *
	 * @since 0.1.0
	 *
	 * @param string $name A key of DEFAULTS.
	 * @return mixed A string, but for `roles`, which is an array.
	 */
	public static function get( string $name ) {
		if ( self::is_fixed( $name ) ) {
			return constant( self::constant_name( $name ) );
		}
		$network = is_multisite() && in_array( $name, self::NETWORK, true );
		$stored  = $network ? get_site_option( self::NETWORK_OPTION, array() ) : get_option( self::OPTION, array() );
		$value   = is_array( $stored ) ? ( $stored[ $name ] ?? '' ) : '';
		return '' === $value ? self::DEFAULTS[ $name ] : $value;
	}

	/**
	 * Whether a directory writes the addresses of all accounts, so that they count as they are.
	 *
	 * @since 0.1.0
	 */
	public static function directory(): bool {
		return in_array( self::get( 'directory' ), array( '1', 1, true ), true );
	}

	/**
	 * What the plugin keeps once for the whole installation: an option of the network, where there is one.
	 * A site that became a network brings it along.
	 *
	 * @since 0.1.0
	 *
	 * @param string $name Name of the option.
	 * @return mixed False if there is none.
	 */
	public static function kept( string $name ) {
		$value = get_site_option( $name );
		if ( false === $value && is_multisite() ) {
			$value = get_blog_option( get_main_site_id(), $name );
			if ( false !== $value ) {
				add_site_option( $name, $value );
			}
		}
		return $value;
	}

	/**
	 * Whether a constant in wp-config.php decides a setting.
	 *
	 * @since 0.1.0
	 *
	 * @param string $name A key of DEFAULTS.
	 */
	public static function is_fixed( string $name ): bool {
		return defined( self::constant_name( $name ) );
	}

	/**
	 * The constant that decides a setting.
	 *
	 * @since 0.1.0
	 *
	 * @param string $name A key of DEFAULTS.
	 */
	public static function constant_name( string $name ): string {
		return 'WIDGETS_FOR_BOX_' . strtoupper( $name );
	}
}
