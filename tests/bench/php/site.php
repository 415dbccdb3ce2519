<?php
/**
 * Plugin Name: Bench
 * Description: Lets one site be measured with and without the plugin, and tells what a request cost.
 *
 * A must-use plugin: it is there before all others. A request with the header X-Bench-Plain runs without the plugin.
 * Each answer carries X-Bench: milliseconds since the request arrived, and how many HTTP calls were made.
 *
 * @package WidgetsForBox
 */

defined( 'ABSPATH' ) || exit;

add_filter(
	'option_active_plugins',
	static function ( $plugins ) {
		return isset( $_SERVER['HTTP_X_BENCH_PLAIN'] ) ? array_diff( $plugins, array( 'widgets-for-box/widgets-for-box.php' ) ) : $plugins;
	}
);

add_action(
	'rest_api_init',
	static function () {
		register_rest_route(
			'bench/v1',
			'/empty',
			array(
				'methods'             => 'POST',
				'permission_callback' => 'is_user_logged_in',
				'callback'            => static function () {
					return array( 'token' => '' );
				},
			)
		);
	}
);

$GLOBALS['bench_calls'] = 0;
add_filter(
	'http_request_args',
	static function ( $arguments ) {
		++$GLOBALS['bench_calls'];
		return $arguments;
	}
);

ob_start();
add_action(
	'shutdown',
	static function () {
		$ms = ( microtime( true ) - $_SERVER['REQUEST_TIME_FLOAT'] ) * 1000;
		header( sprintf( 'X-Bench: %.3f %d', $ms, $GLOBALS['bench_calls'] ) );
	},
	0
);
