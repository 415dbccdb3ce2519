<?php
/**
 * Plugin Name: Offline
 * Description: Keeps this WordPress, and the browsers that visit it, from talking to any host but its own.
 *
 * @package Intranet
 */

defined( 'ABSPATH' ) || exit;

add_filter(
	'pre_http_request',
	static function ( $answer, $arguments, $url ) {
		$own = wp_parse_url( home_url(), PHP_URL_HOST );
		return wp_parse_url( $url, PHP_URL_HOST ) === $own ? $answer : new WP_Error( 'offline', "Refused: $url" );
	},
	10,
	3
);

foreach ( array( 'update_core', 'update_plugins', 'update_themes' ) as $offline_transient ) {
	add_filter(
		"pre_site_transient_$offline_transient",
		static function () {
			return (object) array(
				'last_checked'    => time(),
				'version_checked' => get_bloginfo( 'version' ),
				'updates'         => array(),
				'response'        => array(),
				'checked'         => array(),
			);
		}
	);
}

add_filter(
	'translations_api',
	static function () {
		return array( 'translations' => array() );
	}
);
add_filter( 'pre_wp_mail', '__return_true' );
add_filter( 'pre_option_show_avatars', '__return_zero' );
add_filter( 'emoji_svg_url', '__return_false' );
add_filter( 'should_load_remote_block_patterns', '__return_false' );
add_filter(
	'block_editor_settings_all',
	static function ( $settings ) {
		$settings['enableOpenverseMediaCategory'] = false;
		return $settings;
	}
);
add_action(
	'init',
	static function () {
		foreach ( array( 'wp_head', 'admin_print_scripts', 'embed_head' ) as $hook ) {
			remove_action( $hook, 'print_emoji_detection_script', 7 );
			remove_action( $hook, 'print_emoji_detection_script' );
		}
		remove_action( 'wp_print_styles', 'print_emoji_styles' );
		remove_action( 'admin_print_styles', 'print_emoji_styles' );
		remove_action( 'enqueue_block_editor_assets', 'wp_enqueue_editor_block_directory_assets' );
	}
);
add_action(
	'wp_dashboard_setup',
	static function () {
		remove_meta_box( 'dashboard_primary', 'dashboard', 'side' );
	}
);
