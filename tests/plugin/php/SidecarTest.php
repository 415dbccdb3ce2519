<?php
/**
 * Tests of the sidecar's client.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox\Tests;

use WidgetsForBox\Errors;
use WidgetsForBox\Sidecar;
use WidgetsForBox\Widget;
use WP_Error;

/**
 * A call goes through the socket or nowhere.
 */
final class SidecarTest extends TestCase {

	/**
	 * The sidecar that the test run provides answers.
	 */
	public function test_call(): void {
		$answer = ( new Sidecar() )->token( array( 'login' => "o'brien+box@example.com" ), new Widget( 'explorer', '0', array( 'item_download' ) ) );
		$this->assertIsArray( $answer );
		$this->assertSame( "token-of-o'brien+box@example.com", $answer['access_token'] );
	}

	/**
	 * The trace of whoever is in front of WordPress goes on, and no other is begun.
	 */
	public function test_trace_goes_on(): void {
		$sent = array();
		add_filter(
			'http_request_args',
			static function ( $arguments ) use ( &$sent ) {
				$sent[] = $arguments['headers']['traceparent'] ?? '';
				return $arguments;
			}
		);
		$valid = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
		foreach ( array( $valid, null, '', "$valid\n", "$valid-x", str_replace( '0af7', 'XXXX', $valid ), 'ff' . substr( $valid, 2 ), '00-' . str_repeat( '0', 32 ) . '-b7ad6b7169203331-01' ) as $given ) {
			$_SERVER['HTTP_TRACEPARENT'] = $given;
			( new Sidecar() )->user( array( 'login' => 'ana@example.com' ) );
		}
		unset( $_SERVER['HTTP_TRACEPARENT'] );
		$this->assertSame( array( $valid, '', '', $valid, '', '', '', '' ), $sent );
	}

	/**
	 * A transport that another plugin puts in place never sees the call's answer believed.
	 */
	public function test_answer_of_another_transport_is_not_believed(): void {
		add_filter(
			'pre_http_request',
			static function () {
				return array(
					'headers'  => array(),
					'body'     => '{"access_token":"forged","expires_in":3600,"scopes":[]}',
					'response' => array(
						'code'    => 200,
						'message' => 'OK',
					),
					'cookies'  => array(),
				);
			}
		);
		$answer = ( new Sidecar() )->token( array( 'login' => 'ana@example.com' ), new Widget( 'explorer', '0' ) );
		$this->assertInstanceOf( WP_Error::class, $answer );
		$this->assertSame( 'sidecar_unreachable', $answer->get_error_code() );
		$this->assertStringContainsString( 'Another plugin', $answer->get_error_data()['fix'] );
	}

	/**
	 * Someone else's cURL options have no say, a proxy least of all.
	 */
	public function test_proxy_of_another_plugin_is_not_used(): void {
		$set = static function ( $handle ) {
			curl_setopt( $handle, CURLOPT_PROXY, 'http://127.0.0.1:9' ); // phpcs:ignore WordPress.WP.AlternativeFunctions.curl_curl_setopt -- What such plugins do.
			curl_setopt( $handle, CURLOPT_UNIX_SOCKET_PATH, '/nonexistent' ); // phpcs:ignore WordPress.WP.AlternativeFunctions.curl_curl_setopt -- What such plugins do.
		};
		add_action( 'http_api_curl', $set, 99999 );
		putenv( 'http_proxy=http://127.0.0.1:9' );
		$answer = ( new Sidecar() )->token( array( 'login' => 'ana@example.com' ), new Widget( 'explorer', '0' ) );
		putenv( 'http_proxy' );
		$this->assertIsArray( $answer );
	}

	/**
	 * Requests of others are left alone, also those that are made during a call.
	 */
	public function test_requests_of_others_do_not_go_to_the_socket(): void {
		$other = null;
		add_action(
			'requests-requests.before_request',
			static function () use ( &$other ) {
				if ( null === $other ) {
					$other = true;
					$other = wp_remote_get( 'http://127.0.0.1:9/', array( 'timeout' => 1 ) );
				}
			}
		);
		$answer = ( new Sidecar() )->token( array( 'login' => 'ana@example.com' ), new Widget( 'explorer', '0' ) );
		$this->assertIsArray( $answer );
		$this->assertInstanceOf( WP_Error::class, $other );
	}

	/**
	 * What logs HTTP sees no token, and goes on seeing all else.
	 */
	public function test_logs_of_http_hold_no_token(): void {
		$seen  = array();
		$spy   = static function ( ...$arguments ) use ( &$seen ) {
			$seen[] = wp_json_encode( $arguments );
		};
		$hooks = array( 'all', 'http_api_debug', 'requests-curl.after_request', 'requests-request.progress', 'requests-requests.before_parse', 'requests-requests.before_redirect_check', 'requests-requests.after_request' );
		foreach ( $hooks as $hook ) {
			add_action( $hook, $spy, 10, 9 );
		}
		$answer = ( new Sidecar() )->token( array( 'login' => 'ana@example.com' ), new Widget( 'explorer', '0' ) );
		$this->assertSame( 'token-of-ana@example.com', $answer['access_token'] );
		$this->assertStringNotContainsString( 'token-of-ana', implode( ' ', $seen ) );
		$seen = array();
		wp_remote_get( 'http://127.0.0.1:9/', array( 'timeout' => 1 ) );
		$this->assertStringContainsString( 'http_api_debug', implode( ' ', $seen ) );
		foreach ( $hooks as $hook ) {
			$this->assertNotFalse( has_action( $hook, $spy ), $hook );
		}
	}

	/**
	 * A call that fails gives the callbacks back, too.
	 */
	public function test_callbacks_come_back_after_a_failure(): void {
		add_action( 'http_api_debug', '__return_true' );
		( new Sidecar( '/nonexistent/sidecar.sock' ) )->doctor();
		$this->assertNotFalse( has_action( 'http_api_debug', '__return_true' ) );
	}

	/**
	 * WP_HTTP_BLOCK_EXTERNAL and the check of unsafe addresses let the site's own host pass.
	 */
	public function test_strict_settings_of_the_site_let_it_pass(): void {
		define( 'WP_HTTP_BLOCK_EXTERNAL', true );
		add_filter( 'http_request_reject_unsafe_urls', '__return_true' );
		$this->assertIsArray( ( new Sidecar() )->token( array( 'login' => 'ana@example.com' ), new Widget( 'explorer', '0' ) ) );
	}

	/**
	 * What is wrong with a socket is told apart, and told within two seconds.
	 *
	 * @dataProvider broken_sockets
	 *
	 * @param string $path Where it is.
	 * @param string $fix  Words of the fix.
	 */
	public function test_broken_socket( string $path, string $fix ): void {
		$began  = microtime( true );
		$answer = ( new Sidecar( $path ) )->doctor();
		$this->assertLessThan( 2, microtime( true ) - $began );
		$this->assertInstanceOf( WP_Error::class, $answer );
		$this->assertSame( 'sidecar_unreachable', $answer->get_error_code() );
		$this->assertSame( 503, $answer->get_error_data()['status'] );
		$this->assertStringContainsString( $fix, $answer->get_error_data()['fix'] );
	}

	/**
	 * Data.
	 *
	 * @return array<string, array{string, string}>
	 */
	public function broken_sockets(): array {
		$dead = sys_get_temp_dir() . '/wfb-dead-' . getmypid();
		$full = sys_get_temp_dir() . '/wfb-full-' . getmypid();
		$own  = socket_create( AF_UNIX, SOCK_STREAM, 0 );
		socket_bind( $own, $dead );
		socket_close( $own );
		// Listens, but never accepts: a sidecar that is stopped, with its queue full.
		$GLOBALS['widgets_for_box_full'] = stream_socket_server( 'unix://' . $full, $code, $message, STREAM_SERVER_BIND | STREAM_SERVER_LISTEN, stream_context_create( array( 'socket' => array( 'backlog' => 0 ) ) ) );
		stream_socket_client( 'unix://' . $full );
		register_shutdown_function(
			static function () use ( $dead, $full ) {
				array_map( 'unlink', array( $dead, $full ) );
			}
		);
		return array(
			'missing'      => array( '/nonexistent/sidecar.sock', 'finds no socket' ),
			'not a socket' => array( __FILE__, 'not a socket' ),
			'too long'     => array( '/' . str_repeat( 'x', 200 ), 'longer' ),
			'nobody there' => array( $dead, 'Nothing answers' ),
			'queue full'   => array( $full, 'Nothing answers' ),
		);
	}

	/**
	 * Every code has a sentence that people understand, without the code in it.
	 */
	public function test_sentences(): void {
		foreach ( array( 'user_not_found', 'user_inactive', 'role_not_allowed', 'folder_not_allowed', 'resource_not_found', 'rate_limited', 'issuing_stopped', 'box_unavailable', 'clock_skew', 'unheard_of' ) as $code ) {
			$this->assertMatchesRegularExpression( '/^[A-Z].{20,}\.$/', Errors::sentence( $code ) );
			$this->assertStringNotContainsString( '_', Errors::sentence( $code ) );
		}
	}

	/**
	 * The administrator's own words for people without an account.
	 */
	public function test_own_words(): void {
		update_option( 'widgets_for_box', array( 'no_account_text' => 'Ring 4711.' ) );
		$this->assertSame( 'Ring 4711.', Errors::sentence( 'user_not_found' ) );
	}
}
