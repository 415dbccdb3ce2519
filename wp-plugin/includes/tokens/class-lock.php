<?php
/**
 * A lock between the PHP processes of this machine.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

defined( 'ABSPATH' ) || exit;

/**
 * Ends with the process that holds it, however that comes to its end, and costs no query.
 *
 * The kernel's lock on a file. Not one in the database: the socket is this machine's, and so is what waits
 * for it. Where files can't be locked everybody gets every lock: it spares the site, it guards nothing.
 *
 * @since 0.1.0
 */
final class Lock {

	/**
	 * The open file; null where there is none.
	 *
	 * @var resource|null
	 */
	private $file;

	/**
	 * Its path.
	 *
	 * @var string
	 */
	private string $path;

	/**
	 * A lock that is held.
	 *
	 * @param resource|null $file The open file.
	 * @param string        $path Its path.
	 */
	private function __construct( $file, string $path ) {
		$this->file = $file;
		$this->path = $path;
	}

	/**
	 * Takes a lock, without waiting.
	 *
	 * @since 0.1.0
	 *
	 * @param string $name Its name, fit for a file.
	 * @return self|null Null if another process has it.
	 */
	public static function take( string $name ): ?self {
		$path = self::path( $name );
		// phpcs:ignore WordPress.PHP.NoSilencedErrors, Generic.PHP.NoSilencedErrors, WordPress.WP.AlternativeFunctions -- See the class.
		$file = '' !== $path && function_exists( 'flock' ) ? @fopen( $path, 'c' ) : false;
		if ( ! $file ) {
			return new self( null, '' );
		}
		$busy   = 0;
		$locked = flock( $file, LOCK_EX | LOCK_NB, $busy );
		clearstatcache( true, $path );
		// A file that was removed since it was opened is the one of a lock that was given back.
		if ( $locked ? fstat( $file )['ino'] !== @fileinode( $path ) : $busy ) { // phpcs:ignore WordPress.PHP.NoSilencedErrors, Generic.PHP.NoSilencedErrors -- It may be gone.
			fclose( $file ); // phpcs:ignore WordPress.WP.AlternativeFunctions
			return null;
		}
		return new self( $file, $path );
	}

	/**
	 * Takes one of a few locks, and waits a while for it.
	 *
	 * @since 0.1.0
	 *
	 * @param string $name     Their common name.
	 * @param int    $count    How many there are.
	 * @param float  $patience Seconds.
	 * @return self|null Null if all were held all the time.
	 */
	public static function take_one_of( string $name, int $count, float $patience ): ?self {
		$end = microtime( true ) + $patience;
		do {
			for ( $number = 0; $number < $count; $number++ ) {
				$lock = self::take( $name . '-' . $number );
				if ( $lock ) {
					return $lock;
				}
			}
			usleep( 50000 );
		} while ( microtime( true ) < $end );
		return null;
	}

	/**
	 * Gives it back. Its file goes too, so that there are no more than locks in use.
	 *
	 * @since 0.1.0
	 */
	public function release(): void {
		if ( $this->file ) {
			@unlink( $this->path ); // phpcs:ignore WordPress.PHP.NoSilencedErrors, Generic.PHP.NoSilencedErrors, WordPress.WP.AlternativeFunctions -- It may be gone.
			fclose( $this->file ); // phpcs:ignore WordPress.WP.AlternativeFunctions
			$this->file = null;
		}
	}

	/**
	 * Where a file of that name lies; '' if there is no place.
	 *
	 * In a folder of this account's own, with a name that nobody can foresee: the folder for temporary files
	 * belongs to all. Who has seen the name may have made one of theirs since ours was cleared away; whoever owns
	 * it could lead us to other files and hold every lock.
	 *
	 * @since 0.1.0
	 *
	 * @param string $name A name, fit for a file.
	 */
	public static function path( string $name ): string {
		static $account = null, $folder = '';
		if ( null === $account ) {
			$account = self::account();
			$folder  = get_temp_dir() . 'widgets-for-box-' . substr( wp_hash( 'locks-' . $account . ABSPATH ), 0, 20 );
		}
		clearstatcache( true, $folder );
		// phpcs:ignore WordPress.PHP.NoSilencedErrors, Generic.PHP.NoSilencedErrors, WordPress.WP.AlternativeFunctions -- Another process may be faster; open_basedir may forbid it.
		$found = @is_dir( $folder ) || @mkdir( $folder, 0700 ) || @is_dir( $folder ) ? @lstat( $folder ) : false;
		// A folder and no link, with no right for anybody else.
		$own = $found && 0040000 === ( $found['mode'] & 0170077 ) && $found['uid'] === $account;
		return $own ? $folder . '/' . $name : '';
	}

	/**
	 * Id of the system account under which PHP runs: whose a new file is, where the host has disabled the
	 * function that tells.
	 *
	 * @return int -1 if nothing tells.
	 */
	private static function account(): int {
		if ( function_exists( 'posix_geteuid' ) ) {
			return posix_geteuid();
		}
		$file = function_exists( 'tmpfile' ) ? @tmpfile() : false; // phpcs:ignore WordPress.PHP.NoSilencedErrors, Generic.PHP.NoSilencedErrors -- There may be no place for it.
		return $file ? fstat( $file )['uid'] : -1;
	}
}
