<?php
/**
 * The Unix socket, as the WordPress HTTP API sees it.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

use WP_Error;

defined( 'ABSPATH' ) || exit;

/**
 * Sends a request through the sidecar's socket.
 *
 * It uses the WordPress HTTP API, so that the site's own hooks see the calls, with one cURL option added. What only
 * logs does not see the answers, for there are tokens in them. A failure has the code `sidecar_unreachable`,
 * `sidecar_timeout` or `curl_missing`.
 *
 * @since 0.1.0
 */
final class Socket {

	/**
	 * Milliseconds to be connected. A socket without a listener fails at once; this bounds a full queue.
	 */
	const CONNECT_TIMEOUT_MS = 1500;

	/**
	 * The private request argument that carries the socket's path to the cURL handle.
	 */
	const ARGUMENT = 'widgets_for_box_socket';

	/**
	 * Longest answer in bytes that is read.
	 */
	const MAX_ANSWER = 4194304;

	/**
	 * Longest path that fits the kernel's socket address.
	 */
	const MAX_PATH = 107;

	/**
	 * Functions without which there is no socket; a host may have disabled any of them.
	 */
	const FUNCTIONS = array( 'curl_init', 'curl_exec', 'curl_version', 'curl_setopt', 'curl_setopt_array' );

	/**
	 * Hooks of WordPress and its HTTP library that would be told the answer, and with it a token, between the
	 * moment when the socket is set and the end of the call.
	 */
	const TELLTALES = array( 'all', 'http_api_debug', 'requests-curl.before_send', 'requests-curl.after_send', 'requests-curl.after_request', 'requests-request.progress', 'requests-requests.before_parse', 'requests-requests.before_redirect_check', 'requests-requests.after_request' );

	/**
	 * Path of the socket.
	 *
	 * @var string
	 */
	private string $path;

	/**
	 * Other code's callbacks of TELLTALES while the call is under way.
	 *
	 * @var array<string, \WP_Hook>
	 */
	private array $muted = array();

	/**
	 * Whether the call under way was put on the socket.
	 *
	 * @var bool
	 */
	private bool $on_socket = false;

	/**
	 * A socket.
	 *
	 * @since 0.1.0
	 *
	 * @param string $path Its path.
	 */
	public function __construct( string $path ) {
		$this->path = $path;
	}

	/**
	 * Sends a request through the socket.
	 *
	 * @since 0.1.0
	 *
	 * @param string                    $method  HTTP method.
	 * @param string                    $path    Path and query.
	 * @param array<string, mixed>|null $body    Sent as JSON.
	 * @param int                       $timeout Seconds.
	 * @param string                    $id      Of the request; empty for any.
	 * @return array<string, mixed>|WP_Error What the HTTP API returns.
	 */
	public function send( string $method, string $path, ?array $body, int $timeout, string $id = '' ) {
		if ( array_filter( self::FUNCTIONS, 'function_exists' ) !== self::FUNCTIONS || ! defined( 'CURLOPT_UNIX_SOCKET_PATH' ) ) {
			// Without it WordPress would fall back to a transport that knows no Unix sockets.
			return self::error( 'curl_missing', __( 'Install the cURL extension of PHP and restart PHP.', 'widgets-for-box' ) );
		}
		if ( strlen( $this->path ) > self::MAX_PATH ) {
			return self::error( 'sidecar_unreachable', $this->fix() );
		}

		$this->on_socket = false;
		// Last, so that nobody's own cURL options (a proxy, say) get the final word on this handle.
		add_action( 'http_api_curl', array( $this, 'use_socket' ), PHP_INT_MAX, 2 );
		try {
			$response = wp_remote_request( $this->url( $path ), $this->arguments( $method, $body, $timeout, $id ) );
		} finally {
			remove_action( 'http_api_curl', array( $this, 'use_socket' ), PHP_INT_MAX );
			$this->unmute();
		}

		if ( is_wp_error( $response ) ) {
			$timed_out = $this->on_socket && false !== strpos( $response->get_error_message(), 'error 28' );
			return $timed_out ? self::error( 'sidecar_timeout', '' ) : self::error( 'sidecar_unreachable', $this->fix() );
		}
		if ( ! $this->on_socket ) {
			// Someone else answered, or it went out over TCP: nothing of that may be believed.
			return self::error( 'sidecar_unreachable', __( 'Another plugin replaces the HTTP transport of WordPress, so the request did not go through the socket. Deactivate that plugin or let it pass requests to this site.', 'widgets-for-box' ) );
		}
		return $response;
	}

	/**
	 * Puts a request of ours on the socket.
	 *
	 * @internal Callback of `http_api_curl`.
	 * @since 0.1.0
	 *
	 * @param resource|object      $handle    The handle: a CurlHandle from PHP 8.0 on.
	 * @param array<string, mixed> $arguments The request's arguments.
	 */
	public function use_socket( $handle, $arguments ): void {
		if ( ( $arguments[ self::ARGUMENT ] ?? null ) !== $this->path ) {
			return;
		}
		// phpcs:disable WordPress.WP.AlternativeFunctions.curl_curl_setopt_array -- The HTTP API has no argument for it; this hook is its way.
		$this->on_socket = curl_setopt_array(
			$handle,
			array(
				CURLOPT_UNIX_SOCKET_PATH  => $this->path,
				CURLOPT_CONNECTTIMEOUT_MS => self::CONNECT_TIMEOUT_MS,
				CURLOPT_PROXY             => '',
				CURLOPT_NOPROXY           => '*',
			)
		);
		// phpcs:enable
		$this->mute();
		if ( ! $this->on_socket ) {
			// No socket, no request: a handle without a protocol it may use fails before it connects.
			curl_setopt( $handle, CURLOPT_PROTOCOLS, 0 ); // phpcs:ignore WordPress.WP.AlternativeFunctions.curl_curl_setopt
		}
	}

	/**
	 * Takes the callbacks of TELLTALES away. From here on all events are of this call, until unmute().
	 */
	private function mute(): void {
		$this->muted += array_intersect_key( $GLOBALS['wp_filter'], array_flip( self::TELLTALES ) );
		foreach ( self::TELLTALES as $hook ) {
			unset( $GLOBALS['wp_filter'][ $hook ] );
		}
	}

	/**
	 * Puts them back.
	 */
	private function unmute(): void {
		foreach ( $this->muted as $hook => $callbacks ) {
			$GLOBALS['wp_filter'][ $hook ] = $callbacks; // phpcs:ignore WordPress.WP.GlobalVariablesOverride.Prohibited -- Put back.
		}
		$this->muted = array();
	}

	/**
	 * The URL of a path. Its host only matters to WordPress, which lets requests to the site itself
	 * pass where it blocks others.
	 *
	 * @param string $path Path and query.
	 */
	private function url( string $path ): string {
		return 'http://' . wp_parse_url( home_url(), PHP_URL_HOST ) . $path;
	}

	/**
	 * The trace that this request is a part of, by whoever is in front of WordPress (W3C Trace Context); empty without a
	 * valid one.
	 */
	private static function traceparent(): string {
		$given = sanitize_text_field( wp_unslash( $_SERVER['HTTP_TRACEPARENT'] ?? '' ) );
		return preg_match( '/^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/D', $given ) ? $given : '';
	}

	/**
	 * Arguments for the HTTP API.
	 *
	 * @param string                    $method  HTTP method.
	 * @param array<string, mixed>|null $body    Sent as JSON.
	 * @param int                       $timeout Seconds.
	 * @param string                    $id      Of the request; empty for any.
	 * @return array<string, mixed>
	 */
	private function arguments( string $method, ?array $body, int $timeout, string $id ): array {
		$headers = array(
			'Accept'       => 'application/json',
			'Box-Sidecar'  => '1',
			'X-Request-Id' => '' !== $id ? $id : wp_generate_uuid4(),
		);
		if ( '' !== self::traceparent() ) {
			$headers['traceparent'] = self::traceparent();
		}
		if ( null !== $body ) {
			$headers['Content-Type'] = 'application/json';
		}
		return array(
			'method'              => $method,
			'headers'             => $headers,
			'body'                => null === $body ? null : wp_json_encode( $body ),
			'timeout'             => $timeout,
			'redirection'         => 0,
			'cookies'             => array(),
			'compress'            => false,
			'decompress'          => false,
			'limit_response_size' => self::MAX_ANSWER,
			'reject_unsafe_urls'  => false,
			'user-agent'          => 'widgets-for-box/' . VERSION,
			self::ARGUMENT        => $this->path,
		);
	}

	/**
	 * A failure of this side.
	 *
	 * @param string $code The code.
	 * @param string $fix  What the administrator does about it.
	 */
	private static function error( string $code, string $fix ): WP_Error {
		return Errors::make(
			$code,
			array(
				'status'      => 503,
				'fix'         => $fix,
				'retry_after' => 0,
			)
		);
	}

	/**
	 * Why the socket can't be used, by looking at the file: cURL says "error 7" to everything.
	 */
	private function fix(): string {
		$path = $this->path;
		clearstatcache( true, $path );
		// phpcs:disable WordPress.PHP.NoSilencedErrors, Generic.PHP.NoSilencedErrors -- Under open_basedir looking at the file warns; connecting to it works.
		if ( strlen( $path ) > self::MAX_PATH ) {
			/* translators: 1: path of a socket, 2: number of bytes. */
			$fix = __( 'The path %1$s is longer than a socket’s path may be (%2$d bytes). Choose a shorter one in the sidecar’s configuration and here.', 'widgets-for-box' );
		} elseif ( ! @file_exists( $path ) ) {
			/* translators: 1: path of a socket, 3: name of a system account. */
			$fix = __( 'PHP finds no socket at %1$s. Start the sidecar (systemctl start box-sidecar), compare the path with its configuration, and let the account %3$s enter the folder.', 'widgets-for-box' );
		} elseif ( 'socket' !== @filetype( $path ) ) {
			/* translators: 1: path of a socket. */
			$fix = __( 'The file %1$s is not a socket. Compare the path with the sidecar’s configuration.', 'widgets-for-box' );
		} elseif ( ! @is_writable( $path ) ) { // phpcs:ignore WordPress.WP.AlternativeFunctions.file_system_operations_is_writable
			/* translators: 1: path of a socket, 3: name of a system account. */
			$fix = __( 'The account %3$s, under which PHP runs, may not use the socket %1$s. Set socket_group in the sidecar’s configuration to a group of that account.', 'widgets-for-box' );
		} else {
			/* translators: 1: path of a socket, 3: name of a system account. */
			$fix = __( 'Nothing answers at the socket %1$s, or it turns the account %3$s away. Start the sidecar (systemctl start box-sidecar) and look at its log.', 'widgets-for-box' );
		}
		// phpcs:enable
		return sprintf( $fix, $path, self::MAX_PATH, self::account() );
	}

	/**
	 * Name of the system account under which PHP runs.
	 */
	private static function account(): string {
		// Hosts disable these one by one.
		$entry = function_exists( 'posix_geteuid' ) && function_exists( 'posix_getpwuid' ) ? posix_getpwuid( posix_geteuid() ) : false;
		$owner = function_exists( 'get_current_user' ) ? get_current_user() : '?';
		return $entry ? $entry['name'] : $owner;
	}
}
