<?php
/**
 * Tests of the tokens' beginning and end.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox\Tests;

use WidgetsForBox\Errors;
use WidgetsForBox\Issued;
use WidgetsForBox\Revocations;
use WidgetsForBox\Tokens;
use WidgetsForBox\Widget;
use WP_Error;
use WP_Session_Tokens;
use WP_User;

/**
 * A token is handed out only if, by the database's word, all is still so when the sidecar has answered.
 */
final class TokensTest extends TestCase {

	const WIDGET = array(
		'element' => 'explorer',
		'id'      => '7',
		'scopes'  => array( 'item_download', 'item_upload' ),
	);

	/**
	 * There is no browser for cookies.
	 */
	protected function setUp(): void {
		parent::setUp();
		add_filter( 'send_auth_cookies', '__return_false' );
	}

	/**
	 * Nothing is left for other tests.
	 */
	protected function tearDown(): void {
		parent::tearDown();
		Revocations::finish();
		$GLOBALS['wpdb']->delete( $GLOBALS['wpdb']->usermeta, array( 'meta_key' => Issued::PENDING ) );
		wp_clear_scheduled_hook( Revocations::EVENT );
	}

	/**
	 * Asks for a token while something happens behind the back of the request and of its caches.
	 *
	 * @param WP_User       $wp_user Who asks.
	 * @param callable|null $event   What happens when the sidecar is asked.
	 * @return array<string, mixed>|WP_Error
	 */
	private function ask( WP_User $wp_user, ?callable $event = null ) {
		$this->log_in( $wp_user );
		if ( $event ) {
			$once = static function () use ( $event, &$once ) {
				remove_action( 'http_api_curl', $once, 0 );
				$event();
			};
			add_action( 'http_api_curl', $once, 0 );
		}
		return Tokens::for_session( Widget::from_array( self::WIDGET ) );
	}

	/**
	 * The Box users in rows of user meta.
	 *
	 * @param string $key Name of the user meta.
	 * @return array<int, array<string, string>>
	 */
	private function rows( string $key ): array {
		$wpdb = $GLOBALS['wpdb'];
		$rows = $wpdb->get_col( $wpdb->prepare( "SELECT meta_value FROM {$wpdb->usermeta} WHERE meta_key = %s ORDER BY umeta_id", $key ) );
		return array_values( array_unique( array_column( array_map( 'maybe_unserialize', $rows ), 'user' ), SORT_REGULAR ) );
	}

	/**
	 * On a good day.
	 */
	public function test_token(): void {
		$wp_user = $this->user();
		$answer  = $this->ask( $wp_user );
		$this->assertSame( 'token-of-' . $wp_user->user_email, $answer['access_token'] );
		$this->assertSame( array( array( 'login' => $wp_user->user_email ) ), $this->rows( Issued::META ) );
		$this->assertSame( array(), $this->rows( Issued::PENDING ) );
		// Once more, and nothing is written.
		$this->assertIsArray( Tokens::for_session( Widget::from_array( self::WIDGET ) ) );
		$this->assertCount( 1, $this->rows( Issued::META ) );
	}

	/**
	 * What ends the session behind all caches.
	 *
	 * @return array<string, array{callable}>
	 */
	public function ends(): array {
		return array(
			'session'         => array(
				static function ( int $id ) {
					$GLOBALS['wpdb']->delete(
						$GLOBALS['wpdb']->usermeta,
						array(
							'user_id'  => $id,
							'meta_key' => 'session_tokens',
						)
					);
				},
			),
			'password'        => array(
				static function ( int $id ) {
					$GLOBALS['wpdb']->update( $GLOBALS['wpdb']->users, array( 'user_pass' => 'other' ), array( 'ID' => $id ) );
				},
			),
			'user'            => array(
				static function ( int $id ) {
					$GLOBALS['wpdb']->delete( $GLOBALS['wpdb']->users, array( 'ID' => $id ) );
				},
			),
			'another session' => array(
				static function ( int $id ) {
					$sessions = WP_Session_Tokens::get_instance( $id );
					$sessions->destroy( wp_get_session_token() );
					$sessions->create( time() + HOUR_IN_SECONDS );
				},
			),
		);
	}

	/**
	 * Caches may say what they like.
	 *
	 * @dataProvider ends
	 *
	 * @param callable $end Gets the user's id.
	 */
	public function test_session_that_ended_meanwhile( callable $end ): void {
		$wp_user = $this->user();
		$answer  = $this->ask(
			$wp_user,
			static function () use ( $end, $wp_user ) {
				$end( $wp_user->ID );
			}
		);
		$this->assertInstanceOf( WP_Error::class, $answer );
		$this->assertSame( 'rest_not_logged_in', $answer->get_error_code() );
		$this->assertSame( 401, $answer->get_error_data()['status'] );
		$this->assertSame( array(), $this->rows( Issued::META ) );
		$this->assertSame( array( array( 'login' => $wp_user->user_email ) ), $this->rows( Issued::PENDING ) );
		Revocations::finish();
		$this->assertSame( array(), $this->rows( Issued::PENDING ), 'Revoked.' );
	}

	/**
	 * Who is let in without a session gets no token.
	 */
	public function test_no_session(): void {
		wp_set_current_user( $this->user()->ID );
		$answer = Tokens::for_session( Widget::from_array( self::WIDGET ) );
		$this->assertSame( 'rest_not_logged_in', $answer->get_error_code() );
	}

	/**
	 * The person became somebody else at Box.
	 */
	public function test_mapping_that_changed_meanwhile(): void {
		$wp_user = $this->user();
		$answer  = $this->ask(
			$wp_user,
			static function () use ( $wp_user ) {
				\WidgetsForBox\Sealed_Meta::set( $wp_user->ID, \WidgetsForBox\People::ASSIGNED, array( 'user' => array( 'id' => '4711' ) ) );
			}
		);
		$this->assertSame( 'tokens_revoked', $answer->get_error_code() );
		$this->assertSame( 1, $answer->get_error_data()['retry_after'] );
		$this->assertSame( array( array( 'login' => $wp_user->user_email ) ), $this->rows( Issued::PENDING ) );
	}

	/**
	 * The person may do less now, or nothing.
	 */
	public function test_rights_that_changed_meanwhile(): void {
		update_option( 'widgets_for_box', array( 'roles' => array( 'subscriber' => array( 'item_download' ) ) ) );
		foreach ( array( 'subscriber', '' ) as $role ) {
			wp_set_current_user( 0 );
			$wp_user = $this->user( 'editor' );
			$answer  = $this->ask(
				$wp_user,
				static function () use ( $role, $wp_user ) {
					get_userdata( $wp_user->ID )->set_role( $role );
				}
			);
			$this->assertSame( 'tokens_revoked', $answer->get_error_code() );
		}
	}

	/**
	 * So may everybody of their role, or nobody is found by address any more.
	 */
	public function test_settings_that_changed_meanwhile(): void {
		$settings = array(
			array( 'roles' => array( 'subscriber' => array( 'item_download' ) ) ),
			array( 'roles' => array( 'subscriber' => false ) ),
			array( 'account' => 'assigned' ),
		);
		update_option( 'widgets_for_box', array( 'no_access_text' => 'No.' ) );
		get_option( 'widgets_for_box' );
		foreach ( $settings as $changed ) {
			wp_set_current_user( 0 );
			$answer = $this->ask(
				$this->user(),
				static function () use ( $changed ) {
					// By another process: it is in no cache of this one.
					$value = array( 'option_value' => maybe_serialize( $changed ) );
					$GLOBALS['wpdb']->update( $GLOBALS['wpdb']->options, $value, array( 'option_name' => 'widgets_for_box' ) );
				}
			);
			$this->assertInstanceOf( WP_Error::class, $answer );
			$this->assertSame( 'tokens_revoked', $answer->get_error_code() );
			update_option( 'widgets_for_box', array( 'no_access_text' => 'No.' ) );
			$GLOBALS['wpdb']->update( $GLOBALS['wpdb']->options, array( 'option_value' => maybe_serialize( array() ) ), array( 'option_name' => 'widgets_for_box' ) );
		}
	}

	/**
	 * What a site's code makes of its settings holds at the second look, too.
	 */
	public function test_filtered_settings(): void {
		update_option( 'widgets_for_box', array() );
		add_filter(
			'option_widgets_for_box',
			static function () {
				return array( 'roles' => array( 'subscriber' => array( 'item_download' ) ) );
			}
		);
		$this->assertSame( array( 'base_explorer', 'item_download' ), $this->ask( $this->user() )['scopes'] );
	}

	/**
	 * A filter makes the person somebody else: the former one's tokens end, and the new ones live.
	 */
	public function test_former_box_user(): void {
		$wp_user = $this->user();
		$this->assertIsArray( $this->ask( $wp_user ) );
		$revoked = array();
		add_filter(
			'http_request_args',
			static function ( $arguments, $url ) use ( &$revoked ) {
				if ( strpos( $url, '/v1/tokens/revoke' ) ) {
					$revoked[] = json_decode( $arguments['body'], true )['user'];
				}
				return $arguments;
			},
			10,
			2
		);
		add_filter(
			'widgets_for_box_user',
			static function () {
				return array( 'id' => '4711' );
			}
		);
		$this->assertSame( 'token-of-4711', Tokens::for_session( Widget::from_array( self::WIDGET ) )['access_token'] );
		Revocations::finish();
		$this->assertSame( array( array( 'login' => $wp_user->user_email ) ), $revoked );
		$this->assertSame( array( array( 'id' => '4711' ) ), $this->rows( Issued::META ) );
	}

	/**
	 * Sessions that are kept elsewhere than in user meta.
	 */
	public function test_own_store_of_sessions(): void {
		require_once __DIR__ . '/class-option-sessions.php';
		add_filter(
			'session_token_manager',
			static function () {
				return Option_Sessions::class;
			}
		);
		$wp_user = $this->user();
		$this->assertIsArray( $this->ask( $wp_user ) );
		$this->assertSame( '', get_user_meta( $wp_user->ID, 'session_tokens', true ) );
		wp_logout();
		$this->assertSame( array( array( 'login' => $wp_user->user_email ) ), $this->rows( Issued::PENDING ) );

		$other  = $this->user();
		$answer = $this->ask(
			$other,
			static function () use ( $other ) {
				WP_Session_Tokens::get_instance( $other->ID )->destroy_all();
			}
		);
		$this->assertSame( 'rest_not_logged_in', $answer->get_error_code() );
		delete_option( 'option_sessions' );
	}

	/**
	 * Every way to end something ends the tokens; what ends nothing does not.
	 *
	 * @dataProvider changes
	 *
	 * @param callable $change Gets the user.
	 * @param bool     $ends   Whether it ends tokens.
	 */
	public function test_what_ends_tokens( callable $change, bool $ends ): void {
		$wp_user = $this->user();
		WP_Session_Tokens::get_instance( $wp_user->ID )->create( time() + HOUR_IN_SECONDS );
		$issued = array(
			'user'  => array( 'login' => $wp_user->user_email ),
			'until' => time() + HOUR_IN_SECONDS,
		);
		add_user_meta( $wp_user->ID, Issued::META, $issued );
		$change( $wp_user );
		$this->assertCount( $ends ? 1 : 0, $this->rows( Issued::PENDING ) );
		$this->assertCount( $ends ? 0 : 1, $this->rows( Issued::META ) );
		if ( $ends ) {
			$this->assertNotFalse( wp_next_scheduled( Revocations::EVENT ) );
			Revocations::finish();
			$this->assertSame( array(), $this->rows( Issued::PENDING ) );
		}
	}

	/**
	 * Data.
	 *
	 * @return array<string, array{callable, bool}>
	 */
	public function changes(): array {
		$sessions = static function ( WP_User $wp_user ) {
			return WP_Session_Tokens::get_instance( $wp_user->ID );
		};
		return array(
			'log-in elsewhere'  => array(
				static function ( $wp_user ) use ( $sessions ) {
					$sessions( $wp_user )->create( time() + 60 );
				},
				false,
			),
			'profile'           => array(
				static function ( $wp_user ) {
					update_user_meta( $wp_user->ID, 'description', 'Likes cats.' );
				},
				false,
			),
			'same role'         => array(
				static function ( $wp_user ) {
					$wp_user->set_role( 'subscriber' );
				},
				false,
			),
			'role'              => array(
				static function ( $wp_user ) {
					$wp_user->set_role( 'author' );
				},
				true,
			),
			'capability'        => array(
				static function ( $wp_user ) {
					$wp_user->add_cap( 'read', false );
				},
				true,
			),
			'all capabilities'  => array(
				static function ( $wp_user ) {
					$wp_user->remove_all_caps();
				},
				true,
			),
			'one of sessions'   => array(
				static function ( $wp_user ) use ( $sessions ) {
					$sessions( $wp_user )->destroy( $sessions( $wp_user )->create( time() + 60 ) );
				},
				true,
			),
			'all sessions'      => array(
				static function ( $wp_user ) use ( $sessions ) {
					$sessions( $wp_user )->destroy_all();
				},
				true,
			),
			'everybody’s'       => array(
				static function () {
					\WP_User_Meta_Session_Tokens::destroy_all_for_all_users();
				},
				true,
			),
			'password reset'    => array(
				static function ( $wp_user ) {
					reset_password( $wp_user, 'other' );
				},
				true,
			),
			'deletion'          => array(
				static function ( $wp_user ) {
					wp_delete_user( $wp_user->ID );
				},
				true,
			),
			'cleared user meta' => array(
				static function ( $wp_user ) {
					delete_user_meta( $wp_user->ID, Issued::META );
				},
				true,
			),
		);
	}

	/**
	 * What WordPress issues to others between a revocation and the change that it was for ends, too.
	 */
	public function test_tokens_issued_between_revocation_and_change(): void {
		$wp_user = $this->user();
		Tokens::revoke( $wp_user->ID );
		$issued = array(
			'user'  => array( 'login' => 'between@example.com' ),
			'until' => time() + HOUR_IN_SECONDS,
		);
		add_user_meta( $wp_user->ID, Issued::META, $issued );
		Revocations::finish();
		$this->assertSame( array(), $this->rows( Issued::META ) );
		$this->assertSame( array(), $this->rows( Issued::PENDING ) );
	}

	/**
	 * Whatever breaks in here, people can log out.
	 */
	public function test_no_exception_breaks_a_log_out(): void {
		$wp_user = $this->user();
		$this->log_in( $wp_user );
		$sessions = WP_Session_Tokens::get_instance( $wp_user->ID );
		$throw    = static function ( $query ) {
			if ( false !== strpos( $query, 'widgets_for_box' ) ) {
				throw new \RuntimeException( 'The database is on fire.' );
			}
			return $query;
		};
		add_filter( 'query', $throw );
		wp_logout();
		Revocations::finish();
		wp_set_password( 'other', $wp_user->ID );
		wp_delete_user( $wp_user->ID );
		remove_filter( 'query', $throw );
		$this->assertSame( array(), $sessions->get_all() );
		$this->assertFalse( get_userdata( $wp_user->ID ) );
	}

	/**
	 * A trial leaves no trace, and no token.
	 */
	public function test_trial(): void {
		$wp_user = $this->user();
		$answer  = Tokens::trial( $wp_user );
		$this->assertSame( array( 'user' ), array_keys( $answer ) );
		$this->assertSame( $wp_user->user_email, $answer['user']['login'] );
		$this->assertSame( array(), $this->rows( Issued::META ) );
	}

	/**
	 * The sentence for somebody whose tokens were revoked meanwhile.
	 */
	public function test_sentence(): void {
		$this->assertStringContainsString( 'try again', Errors::sentence( 'tokens_revoked' ) );
	}
}
