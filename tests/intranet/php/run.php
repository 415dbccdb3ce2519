<?php
/**
 * Runs PHP code inside a loaded WordPress.
 *
 * Reads JSON from standard input: docroot, url, code, and data, which the code sees as $data.
 *
 * @package Intranet
 */

call_user_func(
	static function () {
		$job = json_decode( stream_get_contents( STDIN ), true, 512, JSON_THROW_ON_ERROR );

		$_SERVER['HTTP_HOST']       = substr( $job['url'], strlen( 'http://' ) );
		$_SERVER['REQUEST_URI']     = '/';
		$_SERVER['REQUEST_METHOD']  = 'GET';
		$_SERVER['SERVER_PROTOCOL'] = 'HTTP/1.1';
		$_SERVER['REMOTE_ADDR']     = '127.0.0.1';

		$GLOBALS['intranet_job'] = $job;
	}
);

require $intranet_job['docroot'] . '/wp-load.php';

call_user_func(
	static function ( $data ) {
		// phpcs:ignore Squiz.PHP.Eval.Discouraged -- Running code is what this file is for.
		eval( $GLOBALS['intranet_job']['code'] );
	},
	$intranet_job['data']
);
