<?php
/**
 * Router for PHP's built-in web server: files as they are, all else to WordPress.
 *
 * @package Intranet
 */

// phpcs:disable WordPress.Security.ValidatedSanitizedInput, WordPress.WP.AlternativeFunctions -- No WordPress is loaded here.
$intranet_path = rawurldecode( (string) parse_url( $_SERVER['REQUEST_URI'], PHP_URL_PATH ) );
$intranet_file = $_SERVER['DOCUMENT_ROOT'] . $intranet_path;

if ( false !== strpos( $intranet_path, '/.' ) || false !== strpos( $intranet_path, "\0" ) ) {
	http_response_code( 404 );
	return true;
}
if ( is_dir( $intranet_file ) && '/' !== substr( $intranet_path, -1 ) ) {
	header( 'Location: ' . $intranet_path . '/', true, 301 );
	return true;
}
if ( is_file( $intranet_file ) || is_file( $intranet_file . 'index.php' ) ) {
	return false;
}

// A route of WordPress' own, perhaps with a dot in it, which the server would take for a missing file.
$_SERVER['SCRIPT_NAME']     = '/index.php';
$_SERVER['PHP_SELF']        = '/index.php';
$_SERVER['SCRIPT_FILENAME'] = $_SERVER['DOCUMENT_ROOT'] . '/index.php';
unset( $_SERVER['PATH_INFO'] );
chdir( $_SERVER['DOCUMENT_ROOT'] );
require $_SERVER['SCRIPT_FILENAME'];
