<?php
/**
 * The memory of a sidecar that did not answer.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

defined( 'ABSPATH' ) || exit;

/**
 * After a time-out nobody waits for the sidecar for a while; then one request tries, and the others go on
 * failing at once until it has its answer.
 *
 * Shared by all PHP processes of this machine through one file, which is there only while something is
 * wrong: its time of modification is when somebody may try.
 *
 * @since 0.1.0
 */
final class Breaker {

	/**
	 * Seconds during which nobody asks.
	 */
	const PAUSE = 10;

	/**
	 * Seconds that the one request may wait which tries.
	 */
	const PATIENCE = 5;

	/**
	 * Name of the file.
	 *
	 * @var string
	 */
	private string $name;

	/**
	 * Held by the request that tries.
	 *
	 * @var Lock|null
	 */
	private ?Lock $probe = null;

	/**
	 * The breaker of a socket.
	 *
	 * @since 0.1.0
	 *
	 * @param string $socket Its path.
	 */
	public function __construct( string $socket ) {
		$this->name = 'hung-' . substr( wp_hash( $socket ), 0, 20 );
	}

	/**
	 * Seconds that a request may wait for its answer.
	 *
	 * @since 0.1.0
	 *
	 * @param int $patience What it would wait on a good day.
	 * @return int 0 if it may not even ask.
	 */
	public function patience( int $patience ): int {
		$retry_at = $this->retry_at();
		if ( 0 === $retry_at ) {
			return $patience;
		}
		if ( $retry_at <= time() ) {
			$this->probe = Lock::take( $this->name . '-probe' );
		}
		// Looked at again: another request may have tried in between.
		return $this->probe && $this->retry_at() <= time() ? min( $patience, self::PATIENCE ) : 0;
	}

	/**
	 * Seconds until it may be worth asking.
	 *
	 * @since 0.1.0
	 */
	public function retry_after(): int {
		return max( 1, $this->retry_at() - time() );
	}

	/**
	 * Takes note of an answer, whatever it says.
	 *
	 * @since 0.1.0
	 */
	public function answered(): void {
		if ( 0 !== $this->retry_at() ) {
			@unlink( Lock::path( $this->name ) ); // phpcs:ignore WordPress.PHP.NoSilencedErrors, Generic.PHP.NoSilencedErrors, WordPress.WP.AlternativeFunctions -- Another process may be faster.
		}
	}

	/**
	 * Takes note of a time-out. That of a call with less patience than most says nothing: Box may be slow to do
	 * what it is about, and others may ask for what the sidecar has in memory.
	 *
	 * @since 0.1.0
	 *
	 * @param int $patience Seconds that the call would wait on a good day.
	 */
	public function timed_out( int $patience ): void {
		$path = Lock::path( $this->name );
		if ( '' !== $path && $patience >= Sidecar::TIMEOUT ) {
			@touch( $path, time() + self::PAUSE ); // phpcs:ignore WordPress.PHP.NoSilencedErrors, Generic.PHP.NoSilencedErrors, WordPress.WP.AlternativeFunctions -- Without a memory, the next one waits as long.
		}
	}

	/**
	 * Lets somebody else try. To be called after every patience().
	 *
	 * @since 0.1.0
	 */
	public function release(): void {
		if ( $this->probe ) {
			$this->probe->release();
			$this->probe = null;
		}
	}

	/**
	 * From when on somebody may try; 0 if nothing is wrong.
	 */
	private function retry_at(): int {
		$path = Lock::path( $this->name );
		clearstatcache( true, $path );
		$time = '' !== $path && file_exists( $path ) ? (int) @filemtime( $path ) : 0; // phpcs:ignore WordPress.PHP.NoSilencedErrors, Generic.PHP.NoSilencedErrors -- It may go meanwhile.
		// Further ahead than a pause: the clock was set back.
		return $time > time() + self::PAUSE ? 1 : $time;
	}
}
