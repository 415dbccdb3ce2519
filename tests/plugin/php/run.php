<?php
/**
 * Runs PHPUnit inside a WordPress: run.php DOCROOT [PHPUnit's arguments].
 *
 * WordPress is loaded here, in the global scope that it expects, and not in PHPUnit's bootstrap.
 *
 * @package WidgetsForBox
 */

$_SERVER['HTTP_HOST']       = '127.0.0.1';
$_SERVER['REQUEST_URI']     = '/';
$_SERVER['REQUEST_METHOD']  = 'GET';
$_SERVER['SERVER_PROTOCOL'] = 'HTTP/1.1';

require $argv[1] . '/wp-load.php';
require_once ABSPATH . 'wp-admin/includes/admin.php';
require 'PHPUnit/Autoload.php';
require_once __DIR__ . '/class-testcase.php';

exit( ( new PHPUnit\TextUI\Command() )->run( array_merge( array( 'phpunit', '--colors=never', '--fail-on-risky', '--fail-on-warning' ), array_slice( $argv, 2 ) ), false ) );
