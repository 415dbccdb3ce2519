<?php
/**
 * The sidecar, as PHP sees it.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

use WP_Error;

defined( 'ABSPATH' ) || exit;

/**
 * The only class that talks to the sidecar's Unix socket.
 *
 * It uses the WordPress HTTP API, so that the site's own hooks see the calls, with one cURL option added. What
 * only logs does not see the answers, for there are tokens in them. Every failure is a WP_Error whose code is
 * the sidecar's, or one of `sidecar_unreachable`, `sidecar_timeout`, `sidecar_bad_answer`, `curl_missing`, and
 * whose data holds `status` (HTTP), `fix` (what an administrator does about it), `detail`, `request_id` and
 * `retry_after` (seconds), as far as known.
 */
final class Sidecar {

	/**
	 * Seconds for a whole call: a first token takes several round trips to Box, each of which the
	 * sidecar may repeat.
	 */
	const TIMEOUT = 20;

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
	const MAX_ANSWER = 1048576;

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
	private $socket;

	/**
	 * Other code's callbacks of TELLTALES while the call is under way.
	 *
	 * @var array<string, \WP_Hook>
	 */
	private $muted = array();

	/**
	 * Whether the call under way was put on the socket.
	 *
	 * @var bool
	 */
	private $on_socket = false;

	/**
	 * A sidecar listening at a path.
	 *
	 * @param string|null $socket Path of its socket; the setting if left out.
	 */
	public function __construct( ?string $socket = null ) {
		$this->socket = $socket ?? Settings::get( 'socket' );
	}

	/**
	 * A downscoped token for a person, an element and one folder or file.
	 *
	 * @param array{login?: string, id?: string, external_app_user_id?: string} $user    The Box user; exactly one key.
	 * @param string                                                            $element A key of Elements::CATALOGUE.
	 * @param string[]                                                          $scopes  Box's names of feature scopes.
	 * @param string                                                            $id      Id of the folder or file.
	 * @param string                                                            $refused SHA-256 of a token that Box refused, to get another; empty if none was.
	 * @return array{access_token: string, expires_in: int, scopes: string[]}|WP_Error
	 */
	public function token( array $user, string $element, array $scopes, string $id, string $refused = '' ) {
		$answer = $this->call(
			'POST',
			'/v1/tokens',
			array(
				'user'    => $user,
				'element' => $element,
				'scopes'  => $scopes,
				Elements::CATALOGUE[ $element ]['resource'] => $id,
			) + ( '' === $refused ? array() : array( 'refused' => $refused ) )
		);
		if ( is_wp_error( $answer ) ) {
			return $answer;
		}
		if ( ! is_string( $answer['access_token'] ?? null ) || ! is_numeric( $answer['expires_in'] ?? null ) || ! is_array( $answer['scopes'] ?? null ) ) {
			return $this->bad_answer( 200 );
		}
		return $answer;
	}

	/**
	 * Revokes every token of a person that the sidecar holds.
	 *
	 * @param array<string, string> $user    The Box user; exactly one key.
	 * @param int                   $timeout Seconds.
	 * @return array{revoked: int}|WP_Error
	 */
	public function revoke( array $user, int $timeout = self::TIMEOUT ) {
		return $this->call( 'POST', '/v1/tokens/revoke', array( 'user' => $user ), $timeout );
	}

	/**
	 * Looks a person up at Box.
	 *
	 * @param array{login?: string, external_app_user_id?: string} $user The Box user; exactly one key.
	 * @return array{id: string, login: string, name: string, status: string, role: string}|WP_Error
	 */
	public function user( array $user ) {
		return $this->call( 'GET', '/v1/users?' . http_build_query( $user, '', '&', PHP_QUERY_RFC3986 ) );
	}

	/**
	 * Makes a Box app user, or finds the one made before.
	 *
	 * @param string $external_id The id by which it is found again.
	 * @param string $name        Name to be shown in Box.
	 * @return array<string, mixed>|WP_Error
	 */
	public function create_user( string $external_id, string $name ) {
		return $this->call(
			'POST',
			'/v1/users',
			array(
				'external_app_user_id' => $external_id,
				'name'                 => $name,
			)
		);
	}

	/**
	 * What the sidecar finds when it examines its own set-up.
	 *
	 * @return array{status: string, checks: array<int, array{id: string, status: string, summary: string, fix: ?string}>}|WP_Error
	 */
	public function doctor() {
		return $this->call( 'GET', '/v1/doctor' );
	}

	/**
	 * One call, unless the sidecar has lately left one without an answer.
	 *
	 * @param string                    $method  HTTP method.
	 * @param string                    $path    Path and query.
	 * @param array<string, mixed>|null $body    Sent as JSON.
	 * @param int                       $timeout Seconds.
	 * @return array<string, mixed>|WP_Error The decoded answer.
	 */
	private function call( string $method, string $path, ?array $body = null, int $timeout = self::TIMEOUT ) {
		$breaker  = new Breaker( $this->socket );
		$patience = $breaker->patience( $timeout );
		if ( 0 === $patience ) {
			return $this->timed_out( $breaker );
		}
		try {
			$response = $this->send( $method, $path, $body, $patience );
			if ( ! is_wp_error( $response ) ) {
				$breaker->answered();
				return $this->read( $response );
			}
			if ( 'sidecar_timeout' !== $response->get_error_code() ) {
				return $response;
			}
			$breaker->timed_out( $timeout );
			return $this->timed_out( $breaker );
		} finally {
			$breaker->release();
		}
	}

	/**
	 * Sends a request through the socket.
	 *
	 * @param string                    $method  HTTP method.
	 * @param string                    $path    Path and query.
	 * @param array<string, mixed>|null $body    Sent as JSON.
	 * @param int                       $timeout Seconds.
	 * @return array<string, mixed>|WP_Error What the HTTP API returns.
	 */
	private function send( string $method, string $path, ?array $body, int $timeout ) {
		if ( array_filter( self::FUNCTIONS, 'function_exists' ) !== self::FUNCTIONS || ! defined( 'CURLOPT_UNIX_SOCKET_PATH' ) ) {
			// Without it WordPress would fall back to a transport that knows no Unix sockets.
			return $this->error( 'curl_missing', __( 'Install the cURL extension of PHP and restart PHP.', 'widgets-for-box' ) );
		}
		if ( strlen( $this->socket ) > self::MAX_PATH ) {
			return $this->error( 'sidecar_unreachable', $this->socket_fix() );
		}

		$this->on_socket = false;
		// Last, so that nobody's own cURL options (a proxy, say) get the final word on this handle.
		add_action( 'http_api_curl', array( $this, 'use_socket' ), PHP_INT_MAX, 2 );
		try {
			$response = wp_remote_request( $this->url( $path ), $this->arguments( $method, $body, $timeout ) );
		} finally {
			remove_action( 'http_api_curl', array( $this, 'use_socket' ), PHP_INT_MAX );
			$this->unmute();
		}

		if ( is_wp_error( $response ) ) {
			$timed_out = $this->on_socket && false !== strpos( $response->get_error_message(), 'error 28' );
			return $this->error( $timed_out ? 'sidecar_timeout' : 'sidecar_unreachable', $timed_out ? '' : $this->socket_fix() );
		}
		if ( ! $this->on_socket ) {
			// Someone else answered, or it went out over TCP: nothing of that may be believed.
			return $this->error( 'sidecar_unreachable', __( 'Another plugin replaces the HTTP transport of WordPress, so the request did not go through the socket. Deactivate that plugin or let it pass requests to this site.', 'widgets-for-box' ) );
		}
		return $response;
	}

	/**
	 * The failure of a call without an answer, or that was not made because others had none.
	 *
	 * @param Breaker $breaker Knows when to try again.
	 */
	private function timed_out( Breaker $breaker ): WP_Error {
		return $this->error( 'sidecar_timeout', __( 'The sidecar did not answer in time. Look at its log.', 'widgets-for-box' ), 503, $breaker->retry_after() );
	}

	/**
	 * Puts a request of ours on the socket.
	 *
	 * @internal Callback of `http_api_curl`.
	 *
	 * @param resource|\CurlHandle $handle    The handle.
	 * @param array<string, mixed> $arguments The request's arguments.
	 * @return void
	 */
	public function use_socket( $handle, $arguments ) {
		if ( ( $arguments[ self::ARGUMENT ] ?? null ) !== $this->socket ) {
			return;
		}
		// phpcs:disable WordPress.WP.AlternativeFunctions.curl_curl_setopt_array -- The HTTP API has no argument for it; this hook is its way.
		$this->on_socket = curl_setopt_array(
			$handle,
			array(
				CURLOPT_UNIX_SOCKET_PATH  => $this->socket,
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
	 *
	 * @return void
	 */
	private function mute() {
		$this->muted += array_intersect_key( $GLOBALS['wp_filter'], array_flip( self::TELLTALES ) );
		foreach ( self::TELLTALES as $hook ) {
			unset( $GLOBALS['wp_filter'][ $hook ] );
		}
	}

	/**
	 * Puts them back.
	 *
	 * @return void
	 */
	private function unmute() {
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
	 * Arguments for the HTTP API.
	 *
	 * @param string                    $method  HTTP method.
	 * @param array<string, mixed>|null $body    Sent as JSON.
	 * @param int                       $timeout Seconds.
	 * @return array<string, mixed>
	 */
	private function arguments( string $method, ?array $body, int $timeout ): array {
		$headers = array(
			'Accept'       => 'application/json',
			'Box-Sidecar'  => '1',
			'X-Request-Id' => wp_generate_uuid4(),
		);
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
			self::ARGUMENT        => $this->socket,
		);
	}

	/**
	 * Reads an answer.
	 *
	 * @param array<string, mixed> $response Of the HTTP API.
	 * @return array<string, mixed>|WP_Error
	 */
	private function read( array $response ) {
		$status = (int) wp_remote_retrieve_response_code( $response );
		$answer = json_decode( wp_remote_retrieve_body( $response ), true );
		if ( ! is_array( $answer ) ) {
			return $this->bad_answer( $status );
		}
		if ( $status >= 200 && $status < 300 ) {
			return $answer;
		}
		if ( ! is_string( $answer['code'] ?? null ) ) {
			return $this->bad_answer( $status );
		}
		$data = array(
			'status'      => $status,
			'fix'         => is_string( $answer['fix'] ?? null ) ? $answer['fix'] : '',
			'detail'      => is_string( $answer['detail'] ?? null ) ? $answer['detail'] : '',
			'request_id'  => is_string( $answer['request_id'] ?? null ) ? $answer['request_id'] : '',
			'retry_after' => (int) wp_remote_retrieve_header( $response, 'retry-after' ),
		);
		return new WP_Error( sanitize_key( $answer['code'] ), self::sentence( $answer['code'] ), $data );
	}

	/**
	 * An error for an answer that is not the sidecar's.
	 *
	 * @param int $status HTTP status.
	 */
	private function bad_answer( int $status ): WP_Error {
		/* translators: 1: path of a socket, 2: HTTP status code. */
		return $this->error( 'sidecar_bad_answer', sprintf( __( 'Something other than a current box-sidecar answers at %1$s (HTTP status %2$d). Compare the versions of plugin and sidecar.', 'widgets-for-box' ), $this->socket, $status ), 502 );
	}

	/**
	 * An error of this side.
	 *
	 * @param string $code        The code.
	 * @param string $fix         What the administrator does about it.
	 * @param int    $status      HTTP status.
	 * @param int    $retry_after Seconds; 0 if nobody knows.
	 */
	private function error( string $code, string $fix, int $status = 503, int $retry_after = 0 ): WP_Error {
		return new WP_Error(
			$code,
			self::sentence( $code ),
			array(
				'status'      => $status,
				'fix'         => $fix,
				'retry_after' => $retry_after,
			)
		);
	}

	/**
	 * Why the socket can't be used, by looking at the file: cURL says "error 7" to everything.
	 */
	private function socket_fix(): string {
		$path = $this->socket;
		clearstatcache( true, $path );
		// phpcs:disable WordPress.PHP.NoSilencedErrors.Discouraged -- Under open_basedir looking at the file warns; connecting to it works.
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

	/**
	 * What a visitor is told about a failure.
	 *
	 * @param string $code The sidecar's code, or one of this class.
	 */
	public static function sentence( string $code ): string {
		switch ( $code ) {
			case 'user_not_found':
				$text = Settings::get( 'no_account_text' );
				return '' !== $text ? $text : self::default_no_account_text();
			case 'user_inactive':
				return __( 'Your Box account is not active. Please ask your administrator to activate it.', 'widgets-for-box' );
			case 'user_ambiguous':
			case 'login_not_allowed':
			case 'role_not_allowed':
				return __( 'Box is not available here for your account.', 'widgets-for-box' );
			case 'element_not_allowed':
			case 'scope_not_allowed':
			case 'folder_not_allowed':
				return __( 'This widget asks for more than your organisation allows. Please tell the author of this page.', 'widgets-for-box' );
			case 'resource_not_found':
				return __( 'Box does not show you this folder or file: it was deleted, or it is not shared with you.', 'widgets-for-box' );
			case 'rate_limited':
			case 'box_rate_limited':
				return __( 'Too many requests at once. Please try again in a minute.', 'widgets-for-box' );
			case 'tokens_revoked':
				return __( 'Box has ended this session. Please try again.', 'widgets-for-box' );
			case 'box_unavailable':
			case 'sidecar_timeout':
				return __( 'Box does not answer at the moment. Please try again in a minute.', 'widgets-for-box' );
			case 'sidecar_unreachable':
			case 'sidecar_bad_answer':
			case 'curl_missing':
				return __( 'The connection to Box is down. Your files are safe; please try again later.', 'widgets-for-box' );
			default:
				return __( 'The connection to Box is not set up properly. Please tell your administrator.', 'widgets-for-box' );
		}
	}

	/**
	 * What people without a Box account are told unless the administrator words it.
	 */
	public static function default_no_account_text(): string {
		return __( 'There is no Box account for you yet. Please ask your administrator for one.', 'widgets-for-box' );
	}
}
