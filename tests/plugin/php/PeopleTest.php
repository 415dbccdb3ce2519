<?php
/**
 * Tests of the mapping of people.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox\Tests;

use WidgetsForBox\People;
use WidgetsForBox\Privacy;
use WidgetsForBox\Status;
use WidgetsForBox\Tokens;
use WidgetsForBox\Widget;

/**
 * Who somebody is at Box rests on what an administrator decided or the person has proved.
 */
final class PeopleTest extends TestCase {

	/**
	 * No app users yet.
	 */
	protected function setUp(): void {
		parent::setUp();
		delete_site_option( People::SITE_KEY );
	}

	/**
	 * The rule that is the default: the account's address.
	 */
	public function test_by_email(): void {
		$user = $this->user();
		$this->assertSame( array( 'login' => $user->user_email ), People::box_user( $user ) );
	}

	/**
	 * Without a proof there is nobody, whatever the address.
	 */
	public function test_address_without_proof(): void {
		$this->assertNull( People::box_user( $this->stranger() ) );
	}

	/**
	 * An object that is handed around may have another address than the account: prepared for a form, or changed by
	 * a plugin. It has to be the one that was proved.
	 */
	public function test_object_proves_nothing(): void {
		$user                      = $this->user();
		$login                     = array( 'login' => $user->user_email );
		$changed                   = clone $user;
		$changed->data             = clone $changed->data;
		$changed->data->user_email = 'victim@example.com';
		$this->assertNull( People::box_user( $changed ) );
		$this->assertSame( $login, People::box_user( get_user_to_edit( $user->ID ) ) );
	}

	/**
	 * What an administrator assigned comes before the rule.
	 */
	public function test_assigned(): void {
		$user = $this->user();
		People::assign( $user->ID, array( 'id' => '4711' ) );
		$this->assertSame( array( 'id' => '4711' ), People::box_user( $user ) );
		People::assign( $user->ID, array() );
		$this->assertSame( array( 'login' => $user->user_email ), People::box_user( $user ) );
	}

	/**
	 * Where only assignments count, nobody else has Box.
	 */
	public function test_only_assigned(): void {
		update_option( 'widgets_for_box', array( 'account' => 'assigned' ) );
		$this->assertNull( People::box_user( $this->user() ) );
		$answer = Tokens::trial( $this->user() );
		$this->assertSame( 'user_not_found', $answer->get_error_code() );
	}

	/**
	 * App users have ids that no other site's people have.
	 */
	public function test_app_users(): void {
		update_option( 'widgets_for_box', array( 'account' => 'app_user' ) );
		$user = $this->user();
		$id   = People::box_user( $user )['external_app_user_id'];
		$this->assertMatchesRegularExpression( '/^wordpress-[0-9a-f]{16}-' . $user->ID . '$/', $id );
		$this->assertSame( $id, People::box_user( $user )['external_app_user_id'] );
		delete_site_option( People::SITE_KEY );
		$this->assertNotSame( $id, People::box_user( $user )['external_app_user_id'] );
	}

	/**
	 * A copy of the site has no app users until somebody says what it is: the original's people have the same ids.
	 */
	public function test_copied_and_moved_site(): void {
		update_option( 'widgets_for_box', array( 'account' => 'app_user' ) );
		$user   = $this->user();
		$before = People::box_user( $user );
		$status = static function () {
			return array_column( Status::site(), 'status', 'id' )['site'] ?? null;
		};
		$this->assertNull( $status() );
		$elsewhere = static function () {
			return 'https://staging.example.com';
		};
		add_filter( 'pre_option_home', $elsewhere );
		$this->assertNull( People::box_user( $user ) );
		$this->assertSame( 'fail', $status() );
		$this->assertNotSame( '', People::foreign_home() );
		People::settle( true );
		$this->assertSame( $before, People::box_user( $user ) );
		$this->assertNull( $status() );
		remove_filter( 'pre_option_home', $elsewhere );
		$this->assertNull( People::box_user( $user ) );
		People::settle( false );
		$this->assertNotNull( People::box_user( $user ) );
		$this->assertNotSame( $before, People::box_user( $user ) );
	}

	/**
	 * With or without TLS, it is the same site.
	 */
	public function test_scheme_is_no_other_site(): void {
		update_option( 'widgets_for_box', array( 'account' => 'app_user' ) );
		$user   = $this->user();
		$before = People::box_user( $user );
		$home   = 'https://' . People::home() . '/';
		add_filter(
			'pre_option_home',
			static function () use ( $home ) {
				return $home;
			}
		);
		$this->assertSame( $before, People::box_user( $user ) );
	}

	/**
	 * A filter decides last; what names no one, or several, is nobody.
	 *
	 * @dataProvider filtered
	 *
	 * @param mixed      $result   What the filter returns.
	 * @param array|null $expected What comes of it.
	 */
	public function test_filter( $result, ?array $expected ): void {
		add_filter(
			'widgets_for_box_user',
			static function () use ( $result ) {
				return $result;
			}
		);
		$this->assertSame( $expected, People::box_user( $this->user() ) );
	}

	/**
	 * Data.
	 *
	 * @return array<int, array{mixed, ?array}>
	 */
	public function filtered(): array {
		return array(
			array( array( 'id' => '7' ), array( 'id' => '7' ) ),
			array( array(), null ),
			array( null, null ),
			array( 'ana@example.com', null ),
			array( array( 'login' => '' ), null ),
			array( array( 'login' => null ), null ),
			array( array( 'login' => array( 'a' ) ), null ),
			array(
				array(
					'login' => 'a@example.com',
					'id'    => '7',
				),
				null,
			),
			array( array( 'sub' => '7' ), null ),
		);
	}

	/**
	 * What is stored is exported; after erasure they are nobody, which is on record.
	 */
	public function test_privacy(): void {
		$user = $this->user();
		$this->assertSame( array(), Privacy::export( $this->stranger()->user_email )['data'] );
		$this->log_in( $user );
		$this->assertIsArray( Tokens::for_session( new Widget( 'explorer', '0' ) ) );
		$stored = wp_json_encode( get_user_meta( $user->ID ) );
		$this->assertStringNotContainsString( 'token-of', $stored );
		$exported = Privacy::export( $user->user_email );
		$this->assertTrue( $exported['done'] );
		$this->assertStringContainsString( $user->user_email . ' was confirmed by', wp_json_encode( $exported ) );
		$erased = Privacy::erase( $user->user_email );
		$this->assertTrue( $erased['items_removed'] );
		$this->assertTrue( $erased['items_retained'] );
		$this->assertCount( 1, $erased['messages'] );
		$this->assertNull( People::box_user( $user ) );
		$exported = Privacy::export( $user->user_email );
		$this->assertCount( 1, $exported['data'][0]['data'] );
		$this->assertStringContainsString( 'was erased on', wp_json_encode( $exported ) );
		$this->assertTrue( Privacy::erase( 'nobody@example.com' )['done'] );
	}

	/**
	 * Erasure makes an assigned person nobody under every rule, until an administrator decides.
	 */
	public function test_erased_under_every_rule(): void {
		foreach ( array( 'email', 'app_user', 'assigned' ) as $rule ) {
			update_option(
				'widgets_for_box',
				array(
					'account'   => $rule,
					'directory' => '1',
				)
			);
			$user = $this->user();
			People::assign( $user->ID, array( 'id' => '7' ) );
			Privacy::erase( $user->user_email );
			$this->assertNull( People::box_user( $user ), $rule );
			People::assign( $user->ID, array( 'id' => '8' ) );
			$this->assertSame( array( 'id' => '8' ), People::box_user( $user ), $rule );
		}
	}
}
