<?php
/**
 * Tests of the mapping of people.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox\Tests;

use WidgetsForBox\People;
use WidgetsForBox\Privacy;
use WidgetsForBox\Tokens;

/**
 * Who somebody is at Box rests on what an administrator decided or the person has proved.
 */
final class PeopleTest extends TestCase {

	/**
	 * Mails that were sent.
	 *
	 * @var array<int, array<string, mixed>>
	 */
	private $mails = array();

	/**
	 * Catches mails.
	 */
	protected function setUp(): void {
		parent::setUp();
		$this->mails = array();
		add_filter(
			'pre_wp_mail',
			function ( $sent, $mail ) {
				$this->mails[] = $mail;
				return true;
			},
			10,
			2
		);
	}

	/**
	 * Changes a person's address as themselves, as the REST route of WordPress does.
	 *
	 * @param \WP_User $user  The person.
	 * @param string   $email The new address.
	 */
	private function change_own_email( \WP_User $user, string $email ): void {
		wp_set_current_user( $user->ID );
		wp_update_user(
			array(
				'ID'         => $user->ID,
				'user_email' => $email,
			)
		);
		wp_set_current_user( 0 );
	}

	/**
	 * The rule that is the default: the account's address.
	 */
	public function test_by_email(): void {
		$user = $this->user();
		$this->assertSame( array( 'login' => $user->user_email ), People::box_user( $user ) );
	}

	/**
	 * An address that someone gives themselves does not make them its owner at Box.
	 */
	public function test_own_change_of_address_has_to_be_confirmed(): void {
		$user   = $this->user();
		$before = $user->user_email;
		$this->change_own_email( $user, 'victim@example.com' );
		$this->assertSame( 'victim@example.com', get_userdata( $user->ID )->user_email );
		$this->assertSame( array( 'login' => $before ), People::box_user( get_userdata( $user->ID ) ) );
		// Nor does doing it twice.
		$this->change_own_email( $user, 'boss@example.com' );
		$this->assertSame( array( 'login' => $before ), People::box_user( get_userdata( $user->ID ) ) );
	}

	/**
	 * The link goes to the new address and nowhere else.
	 */
	public function test_link_is_sent_to_the_new_address(): void {
		$user = $this->user();
		$this->change_own_email( $user, 'new@example.com' );
		$links = array_filter(
			$this->mails,
			static function ( $mail ) {
				return false !== strpos( $mail['message'], 'widgets_for_box_email=' );
			}
		);
		$this->assertSame( array( 'new@example.com' ), array_column( $links, 'to' ) );
	}

	/**
	 * Back to the former address: nothing is open any more.
	 */
	public function test_change_back(): void {
		$user   = $this->user();
		$before = $user->user_email;
		$this->change_own_email( $user, 'victim@example.com' );
		$this->change_own_email( $user, $before );
		$this->assertSame( '', get_user_meta( $user->ID, People::CONFIRMED_EMAIL, true ) );
		$this->assertSame( array( 'login' => $before ), People::box_user( get_userdata( $user->ID ) ) );
	}

	/**
	 * An administrator answers for an address, and so does a program of the server.
	 */
	public function test_administrators_change_counts(): void {
		$user = $this->user();
		wp_set_current_user( $this->user( 'administrator' )->ID );
		wp_update_user(
			array(
				'ID'         => $user->ID,
				'user_email' => 'moved@example.com',
			)
		);
		$this->assertSame( array( 'login' => 'moved@example.com' ), People::box_user( get_userdata( $user->ID ) ) );
		wp_set_current_user( 0 );
		wp_update_user(
			array(
				'ID'         => $user->ID,
				'user_email' => 'synchronised@example.com',
			)
		);
		$this->assertSame( array( 'login' => 'synchronised@example.com' ), People::box_user( get_userdata( $user->ID ) ) );
	}

	/**
	 * Who may edit users but not manage the site answers for nobody: not in a change, not in a new account.
	 */
	public function test_people_who_only_manage_users_answer_for_nobody(): void {
		add_role(
			'clerk',
			'Clerk',
			array(
				'read'         => true,
				'create_users' => true,
				'edit_users'   => true,
			)
		);
		$clerk  = $this->user( 'clerk' );
		$other  = $this->user();
		$before = $other->user_email;
		$this->change_own_email( $clerk, 'boss@example.com' );
		$this->assertNotSame( array( 'login' => 'boss@example.com' ), People::box_user( get_userdata( $clerk->ID ) ) );
		wp_set_current_user( $clerk->ID );
		wp_update_user(
			array(
				'ID'         => $other->ID,
				'user_email' => 'victim@example.com',
			)
		);
		$made = $this->user();
		remove_role( 'clerk' );
		$this->assertSame( array( 'login' => $before ), People::box_user( get_userdata( $other->ID ) ) );
		$this->assertNull( People::box_user( $made ) );
		$this->assertSame( $made->user_email, end( $this->mails )['to'] );
	}

	/**
	 * Upper and lower case are no change.
	 */
	public function test_case_is_no_change(): void {
		$user = $this->user();
		$this->change_own_email( $user, strtoupper( $user->user_email ) );
		$this->assertSame( '', get_user_meta( $user->ID, People::CONFIRMED_EMAIL, true ) );
	}

	/**
	 * The link that WordPress itself sends counts as a proof, and only with its hash.
	 */
	public function test_wordpress_own_confirmation_counts(): void {
		$user = $this->user();
		update_user_meta(
			$user->ID,
			'_new_email',
			array(
				'hash'     => 'abc',
				'newemail' => 'new@example.com',
			)
		);
		$_GET['newuseremail'] = 'wrong';
		$this->change_own_email( $user, 'new@example.com' );
		$this->assertNotSame( '', get_user_meta( $user->ID, People::CONFIRMED_EMAIL, true ) );

		$other = $this->user();
		update_user_meta(
			$other->ID,
			'_new_email',
			array(
				'hash'     => 'abc',
				'newemail' => 'other@example.com',
			)
		);
		$_GET['newuseremail'] = 'abc';
		$this->change_own_email( $other, 'elsewhere@example.com' );
		$this->assertNotSame( '', get_user_meta( $other->ID, People::CONFIRMED_EMAIL, true ) );
		$third = $this->user();
		update_user_meta(
			$third->ID,
			'_new_email',
			array(
				'hash'     => 'abc',
				'newemail' => 'third@example.com',
			)
		);
		$this->change_own_email( $third, 'third@example.com' );
		unset( $_GET['newuseremail'] );
		$this->assertSame( array( 'login' => 'third@example.com' ), People::box_user( get_userdata( $third->ID ) ) );
	}

	/**
	 * What an administrator assigned comes before the rule.
	 */
	public function test_assigned(): void {
		$user = $this->user();
		update_user_meta( $user->ID, People::ASSIGNED, array( 'id' => '4711' ) );
		$this->assertSame( array( 'id' => '4711' ), People::box_user( $user ) );
	}

	/**
	 * Where only assignments count, nobody else has Box.
	 */
	public function test_only_assigned(): void {
		update_option( 'widgets_for_box', array( 'account' => 'assigned' ) );
		$this->assertNull( People::box_user( $this->user() ) );
		$answer = Tokens::token( $this->user(), 'explorer', array(), '0' );
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
	 * The user's tokens are remembered without being stored, exported, and gone after erasure.
	 */
	public function test_privacy(): void {
		$user = $this->user();
		$this->assertSame( array(), Privacy::export( $user->user_email )['data'] );
		$this->assertIsArray( Tokens::token( $user, 'explorer', array(), '0' ) );
		$stored = wp_json_encode( get_user_meta( $user->ID ) );
		$this->assertStringNotContainsString( 'token-of', $stored );
		$exported = Privacy::export( $user->user_email );
		$this->assertTrue( $exported['done'] );
		$this->assertContains( $user->user_email, array_column( $exported['data'][0]['data'], 'value' ) );
		$erased = Privacy::erase( $user->user_email );
		$this->assertTrue( $erased['items_removed'] );
		$this->assertFalse( $erased['items_retained'] );
		$this->assertSame( array(), Privacy::export( $user->user_email )['data'] );
		$this->assertTrue( Privacy::erase( 'nobody@example.com' )['done'] );
	}

	/**
	 * Erasure does not make an unconfirmed address count.
	 */
	public function test_erasure_keeps_what_protects_others(): void {
		$user   = $this->user();
		$before = $user->user_email;
		$this->change_own_email( $user, 'victim@example.com' );
		$erased = Privacy::erase( 'victim@example.com' );
		$this->assertTrue( $erased['items_retained'] );
		$this->assertSame( array( 'login' => $before ), People::box_user( get_userdata( $user->ID ) ) );
	}
}
