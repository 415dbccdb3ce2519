<?php
/**
 * Tests of the breaker.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox\Tests;

use WidgetsForBox\Breaker;
use WidgetsForBox\Lock;

/**
 * Two breakers of one socket are two requests, which know of each other through the file alone.
 */
final class BreakerTest extends TestCase {

	/**
	 * The socket.
	 *
	 * @var string
	 */
	private $socket;

	/**
	 * A socket that no other test knows.
	 */
	protected function setUp(): void {
		parent::setUp();
		$this->socket = '/run/' . wp_generate_uuid4();
	}

	/**
	 * Nothing of it is left.
	 */
	protected function tearDown(): void {
		( new Breaker( $this->socket ) )->answered();
		parent::tearDown();
	}

	/**
	 * Sets the time from when on somebody may try.
	 *
	 * @param int $time Unix time.
	 */
	private function retry_at( int $time ): void {
		touch( Lock::path( 'hung-' . substr( wp_hash( $this->socket ), 0, 20 ) ), $time );
	}

	/**
	 * Nobody asks for a while, then one, and everybody once that one has its answer.
	 */
	public function test_story(): void {
		$one   = new Breaker( $this->socket );
		$other = new Breaker( $this->socket );
		$this->assertSame( 20, $one->patience( 20 ) );
		$one->timed_out( 20 );
		$one->release();
		$this->assertSame( array( 0, 0 ), array( $one->patience( 20 ), $other->patience( 1 ) ) );
		$this->assertGreaterThan( 1, $other->retry_after() );
		$this->assertSame( 20, ( new Breaker( '/run/another.sock' ) )->patience( 20 ) );

		$this->retry_at( time() - 1 );
		$this->assertSame( array( Breaker::PATIENCE, 0 ), array( $one->patience( 20 ), $other->patience( 20 ) ) );
		$this->assertSame( 1, $other->retry_after() );
		$one->timed_out( 20 );
		$one->release();
		$this->assertSame( 0, $other->patience( 20 ) );

		$this->retry_at( time() - 1 );
		$this->assertSame( 1, $other->patience( 1 ), 'Not longer than on a good day.' );
		$other->answered();
		$other->release();
		$this->assertSame( array( 20, 20 ), array( $one->patience( 20 ), $other->patience( 20 ) ) );
	}

	/**
	 * A call that waits for a few seconds only says nothing about a sidecar that waits for Box; nor does it if it
	 * happens to be the one that tries.
	 */
	public function test_short_wait(): void {
		$breaker = new Breaker( $this->socket );
		$breaker->timed_out( 5 );
		$this->assertSame( 20, $breaker->patience( 20 ) );
		$this->retry_at( time() - 1 );
		$this->assertSame( 1, $breaker->patience( 1 ) );
		$breaker->timed_out( 1 );
		$breaker->release();
		$this->assertSame( Breaker::PATIENCE, $breaker->patience( 20 ) );
		$breaker->release();
	}

	/**
	 * A clock that was set back does not keep the breaker open.
	 */
	public function test_clock_that_was_set_back(): void {
		$this->retry_at( time() + DAY_IN_SECONDS );
		$breaker = new Breaker( $this->socket );
		$this->assertSame( Breaker::PATIENCE, $breaker->patience( 20 ) );
		$breaker->release();
	}

	/**
	 * As many locks as there are, and no file of one that was given back.
	 */
	public function test_locks(): void {
		$one = Lock::take_one_of( 'test', 2, 0.0 );
		$two = Lock::take_one_of( 'test', 2, 0.0 );
		$this->assertInstanceOf( Lock::class, $one );
		$this->assertInstanceOf( Lock::class, $two );
		$this->assertNull( Lock::take_one_of( 'test', 2, 0.1 ) );
		$two->release();
		$this->assertFileDoesNotExist( Lock::path( 'test-1' ) );
		$three = Lock::take_one_of( 'test', 2, 0.0 );
		$this->assertInstanceOf( Lock::class, $three );
		$one->release();
		$three->release();
		$this->assertSame( 0700, fileperms( dirname( Lock::path( 'test' ) ) ) & 0777 );
	}

	/**
	 * A folder that others have made, or may write to, is not used: they could lead us to files elsewhere.
	 */
	public function test_folder_of_others(): void {
		$folder = dirname( Lock::path( 'test' ) );
		$kept   = $folder . '-kept';
		$others = array(
			'open to all' => static function () use ( $folder ) {
				mkdir( $folder );
				chmod( $folder, 0777 );
			},
			'a link'      => static function () use ( $folder, $kept ) {
				symlink( $kept, $folder );
			},
			'another’s'   => static function () use ( $folder ) {
				mkdir( $folder, 0700 );
				chown( $folder, 'nobody' );
			},
		);
		if ( 0 !== posix_geteuid() ) {
			unset( $others['another’s'] );
		}
		foreach ( $others as $what => $make ) {
			rename( $folder, $kept );
			try {
				$make();
				$before  = glob( $folder . '/*' );
				$path    = Lock::path( 'test' );
				$one     = Lock::take( 'test' );
				$two     = Lock::take( 'test' );
				$breaker = new Breaker( $this->socket );
				$breaker->timed_out( 20 );
				$this->assertSame( 20, $breaker->patience( 20 ) );
				$found = glob( $folder . '/*' );
			} finally {
				is_link( $folder ) ? unlink( $folder ) : rmdir( $folder );
				rename( $kept, $folder );
			}
			$this->assertSame( array( '', $before ), array( $path, $found ), $what );
			$this->assertInstanceOf( Lock::class, $one, 'It spares the site, it guards nothing.' );
			$this->assertInstanceOf( Lock::class, $two );
		}
	}
}
