<?php
/**
 * Tests of who may do what.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox\Tests;

use WidgetsForBox\Permissions;
use WidgetsForBox\Widget;

/**
 * Roles and filters narrow; nothing widens.
 */
final class PermissionsTest extends TestCase {

	const ASKED = array( 'item_preview', 'item_download', 'item_upload' );

	/**
	 * The scopes that a person gets of a widget with all that were asked for.
	 *
	 * @param \WP_User $user The person.
	 * @return string[]
	 */
	private function narrowed( \WP_User $user ): array {
		return Permissions::narrow( new Widget( 'explorer', '0', self::ASKED ), $user )->scopes;
	}

	/**
	 * Without settings a role is not narrowed.
	 */
	public function test_default(): void {
		$this->assertSame( self::ASKED, $this->narrowed( $this->user() ) );
		$this->assertTrue( user_can( $this->user(), Permissions::CAPABILITY ) );
	}

	/**
	 * A role's entry bounds what its people get; the other roles stay as they are.
	 */
	public function test_role(): void {
		update_option( 'widgets_for_box', array( 'roles' => array( 'subscriber' => array( 'item_preview', 'item_delete' ) ) ) );
		$this->assertSame( array( 'item_preview' ), $this->narrowed( $this->user() ) );
		$this->assertSame( self::ASKED, $this->narrowed( $this->user( 'editor' ) ) );
	}

	/**
	 * Of several roles the most generous counts, for each scope.
	 */
	public function test_several_roles(): void {
		$roles = array(
			'subscriber' => array( 'item_preview' ),
			'author'     => array( 'item_upload' ),
			'editor'     => false,
		);
		update_option( 'widgets_for_box', array( 'roles' => $roles ) );
		$user = $this->user();
		$user->add_role( 'author' );
		$user->add_role( 'editor' );
		$this->assertSame( array( 'item_preview', 'item_upload' ), $this->narrowed( $user ) );
	}

	/**
	 * Who may not use Box lacks the capability and gets no scope.
	 */
	public function test_role_that_may_not_use_box(): void {
		update_option( 'widgets_for_box', array( 'roles' => array( 'subscriber' => false ) ) );
		$user = $this->user();
		$this->assertFalse( user_can( $user, Permissions::CAPABILITY ) );
		$this->assertSame( array(), $this->narrowed( $user ) );
	}

	/**
	 * A table that is no table denies.
	 */
	public function test_broken_table_denies(): void {
		update_option( 'widgets_for_box', array( 'roles' => array( 'subscriber' => 'everything' ) ) );
		$this->assertFalse( user_can( $this->user(), Permissions::CAPABILITY ) );
		update_option( 'widgets_for_box', array( 'roles' => 'everyone' ) );
		$this->assertFalse( user_can( $this->user(), Permissions::CAPABILITY ) );
		$this->assertSame( array(), $this->narrowed( $this->user() ) );
	}

	/**
	 * Nobody, and people without a role on this site, may not.
	 */
	public function test_people_without_a_role(): void {
		$this->assertFalse( user_can( $this->user( '' ), Permissions::CAPABILITY ) );
		$this->assertFalse( current_user_can( Permissions::CAPABILITY ) );
		$this->assertSame( array(), $this->narrowed( $this->user( '' ) ) );
	}

	/**
	 * A filter can take scopes away and add none.
	 */
	public function test_filter(): void {
		$seen = array();
		add_filter(
			'widgets_for_box_scopes',
			static function ( $scopes, $element, $user ) use ( &$seen ) {
				$seen = array( $scopes, $element, $user->user_login );
				return array( 'item_preview', 'item_delete', 'root_readwrite' );
			},
			10,
			3
		);
		$user = $this->user();
		$this->assertSame( array( 'item_preview' ), $this->narrowed( $user ) );
		$this->assertSame( array( self::ASKED, 'explorer', $user->user_login ), $seen );
	}

	/**
	 * A filter that returns nonsense denies.
	 */
	public function test_broken_filter_denies(): void {
		add_filter( 'widgets_for_box_scopes', '__return_null' );
		$this->assertSame( array(), $this->narrowed( $this->user() ) );
	}
}
