<?php
/**
 * Runs WordPress' own installer: php install.php DOCROOT.
 *
 * @package Intranet
 */

define( 'WP_INSTALLING', true );

/**
 * Replaces the mail to the new administrator.
 */
function wp_new_blog_notification() {}

$_SERVER['HTTP_HOST']       = '127.0.0.1';
$_SERVER['REQUEST_URI']     = '/';
$_SERVER['SERVER_PROTOCOL'] = 'HTTP/1.1';

require $argv[1] . '/wp-load.php';
require ABSPATH . 'wp-admin/includes/upgrade.php';

wp_install( 'Intranet', 'admin', 'admin@example.com', true, '', wp_slash( wp_generate_password( 32 ) ) );

if ( ! is_blog_installed() ) {
	fwrite( STDERR, 'WordPress could not be installed.' . PHP_EOL );
	exit( 1 );
}
