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
 * What the sidecar can be asked. A failure has the sidecar's own code, or one of Socket, or `sidecar_bad_answer`.
 *
 * @since 0.1.0
 */
final class Sidecar {

	/**
	 * Seconds for a whole call: a first token takes several round trips to Box, each of which the
	 * sidecar may repeat.
	 */
	const TIMEOUT = 20;

	/**
	 * Path of its socket.
	 *
	 * @var string
	 */
	private string $path;

	/**
	 * Its socket.
	 *
	 * @var Socket
	 */
	private Socket $socket;

	/**
	 * Whether the latest call was sent.
	 *
	 * @var bool
	 */
	private bool $sent = false;

	/**
	 * A sidecar listening at a path.
	 *
	 * @since 0.1.0
	 *
	 * @param string|null $path Path of its socket; the setting if left out.
	 */
	public function __construct( ?string $path = null ) {
		$this->path   = $path ?? Settings::get( 'socket' );
		$this->socket = new Socket( $this->path );
	}

	/**
	 * A downscoped token for a person and one widget.
	 *
	 * @since 0.1.0
	 *
	 * @param array<string, string> $user    The Box user; exactly one of `login`, `id`, `external_app_user_id`. With the
	 *                                       last also `name`, by which an app user is made who is not there yet.
	 * @param Widget                $widget  What the token is for.
	 * @param string                $refused SHA-256 of a token that Box refused, to get another; empty if none was.
	 * @param string                $id      Of the request, in the sidecar's audit; empty for any.
	 * @param array<string, mixed>  $report  For its statistics, as of Usage_Report::of().
	 * @return array{access_token: string, expires_in: int, scopes: string[], resource?: array{type: string, id: string}}|WP_Error
	 */
	public function token( array $user, Widget $widget, string $refused = '', string $id = '', array $report = array() ) {
		$answer = $this->ask(
			array(
				'user'    => $user,
				'element' => $widget->element,
				'scopes'  => $widget->scopes,
				$widget->resource() => $widget->id,
			) + array_filter(
				array(
					'path'    => $widget->path,
					'refused' => $refused,
				),
				'strlen'
			),
			$id,
			$report
		);
		if ( is_wp_error( $answer ) ) {
			return $answer;
		}
		if ( ! is_string( $answer['access_token'] ?? null ) || ! is_numeric( $answer['expires_in'] ?? null ) || ! is_array( $answer['scopes'] ?? null ) ) {
			return $this->bad_answer( 200 );
		}
		if ( '' !== $widget->path && ! self::is_below_root( $answer['resource'] ?? null ) ) {
			return $this->bad_answer( 200 );
		}
		return $answer;
	}

	/**
	 * Asks for a token. A sidecar that is a release older takes no report, and is strict about what it takes.
	 *
	 * @param array<string, mixed> $asked  Whose token, and what for.
	 * @param string               $id     Of the request; empty for any.
	 * @param array<string, mixed> $report For the statistics.
	 * @return array<string, mixed>|WP_Error
	 */
	private function ask( array $asked, string $id, array $report ) {
		$refuses = static function ( $answer ): bool {
			return is_wp_error( $answer ) && 'invalid_request' === $answer->get_error_code();
		};
		$told    = $report && ! get_transient( Usage_Report::NONE_TAKEN ) ? array( 'report' => $report ) : array();
		$answer  = $this->call( 'POST', '/v1/tokens', $asked + $told, self::TIMEOUT, $id );
		if ( $told && $this->sent && ! ( is_wp_error( $answer ) && in_array( $answer->get_error_code(), array( 'sidecar_unreachable', 'curl_missing' ), true ) ) ) {
			Usage_Report::note();
		}
		if ( $told && $refuses( $answer ) ) {
			$answer = $this->call( 'POST', '/v1/tokens', $asked, self::TIMEOUT, $id );
			if ( ! $refuses( $answer ) ) {
				set_transient( Usage_Report::NONE_TAKEN, 1, Usage_Report::PAUSE );
			}
		}
		return $answer;
	}

	/**
	 * Whether an answer tells to which folder a path has led, which is never the root.
	 *
	 * @param mixed $resource What it tells.
	 */
	private static function is_below_root( $resource ): bool {
		$id = is_array( $resource ) && 'folder' === ( $resource['type'] ?? null ) ? $resource['id'] ?? null : null;
		return '0' !== $id && Elements::is_id( 'explorer', $id );
	}

	/**
	 * Revokes every token of a person that the sidecar holds.
	 *
	 * @since 0.1.0
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
	 * @since 0.1.0
	 *
	 * @param array{login?: string, external_app_user_id?: string} $user The Box user; exactly one key.
	 * @return array{id: string, login: string, name: string, status: string, role: string}|WP_Error
	 */
	public function user( array $user ) {
		return $this->call( 'GET', '/v1/users?' . http_build_query( $user, '', '&', PHP_QUERY_RFC3986 ) );
	}

	/**
	 * What the sidecar has counted.
	 *
	 * @since 0.1.0
	 *
	 * @param int $days    So many, today's included.
	 * @param int $timeout Seconds.
	 * @return array<string, mixed>|WP_Error
	 */
	public function usage( int $days, int $timeout = self::TIMEOUT ) {
		return $this->call( 'GET', '/v1/usage?days=' . $days, null, $timeout );
	}

	/**
	 * What the sidecar finds when it examines its own set-up.
	 *
	 * @since 0.1.0
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
	 * @param string                    $id      Of the request; empty for any.
	 * @return array<string, mixed>|WP_Error The decoded answer.
	 */
	private function call( string $method, string $path, ?array $body = null, int $timeout = self::TIMEOUT, string $id = '' ) {
		$breaker  = new Breaker( $this->path );
		$patience = $breaker->patience( $timeout );

		$this->sent = 0 !== $patience;
		if ( ! $this->sent ) {
			return self::timed_out( $breaker );
		}
		try {
			$response = $this->socket->send( $method, $path, $body, $patience, $id );
			if ( ! is_wp_error( $response ) ) {
				$breaker->answered();
				return $this->read( $response );
			}
			if ( 'sidecar_timeout' !== $response->get_error_code() ) {
				return $response;
			}
			$breaker->timed_out( $timeout );
			return self::timed_out( $breaker );
		} finally {
			$breaker->release();
		}
	}

	/**
	 * The failure of a call without an answer, or that was not made because others had none.
	 *
	 * @param Breaker $breaker Knows when to try again.
	 */
	private static function timed_out( Breaker $breaker ): WP_Error {
		return Errors::make(
			'sidecar_timeout',
			array(
				'status'      => 503,
				'fix'         => __( 'The sidecar did not answer in time. Look at its log.', 'widgets-for-box' ),
				'retry_after' => $breaker->retry_after(),
			)
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
		return Errors::make( $answer['code'], $data );
	}

	/**
	 * An error for an answer that is not the sidecar's.
	 *
	 * @param int $status HTTP status.
	 */
	private function bad_answer( int $status ): WP_Error {
		return Errors::make(
			'sidecar_bad_answer',
			array(
				'status'      => 502,
				/* translators: 1: path of a socket, 2: HTTP status code. */
				'fix'         => sprintf( __( 'Something other than a current box-sidecar answers at %1$s (HTTP status %2$d). Compare the versions of plugin and sidecar.', 'widgets-for-box' ), $this->path, $status ),
				'retry_after' => 0,
			)
		);
	}
}
