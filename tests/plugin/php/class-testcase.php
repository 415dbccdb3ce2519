<?php
/**
 * What the plugin's tests share.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox\Tests;

use WidgetsForBox\Addresses;
use WidgetsForBox\Revocations;
use WP_User;

/**
 * A test inside a loaded WordPress. Users, options and hooks are as before after each.
 */
abstract class TestCase extends \PHPUnit\Framework\TestCase {

	/**
	 * Hooks before the test.
	 *
	 * @var array<string, \WP_Hook>
	 */
	private $hooks;

	/**
	 * Users made by the test.
	 *
	 * @var int[]
	 */
	private $users = array();

	/**
	 * Keeps the hooks.
	 */
	protected function setUp(): void {
		$this->hooks = array_map(
			static function ( $hook ) {
				return clone $hook;
			},
			$GLOBALS['wp_filter']
		);
	}

	/**
	 * Undoes what the test did.
	 */
	protected function tearDown(): void {
		wp_set_current_user( 0 );
		unset( $_COOKIE[ LOGGED_IN_COOKIE ] );
		$GLOBALS['wp_filter'] = $this->hooks; // phpcs:ignore WordPress.WP.GlobalVariablesOverride.Prohibited -- Put back.
		delete_option( 'widgets_for_box' );
		foreach ( $this->users as $id ) {
			wp_delete_user( $id );
		}
		$this->users = array();
	}

	/**
	 * A new user whose address an administrator has confirmed.
	 *
	 * @param string $role Their role.
	 */
	protected function user( string $role = 'subscriber' ): WP_User {
		$user = $this->stranger( $role );
		Addresses::prove( $user->ID, $user->user_email, Addresses::ADMINISTRATOR );
		// As at the end of the request in which it was confirmed.
		Revocations::finish();
		return $user;
	}

	/**
	 * A new user as a registration form or a program makes them.
	 *
	 * @param string $role Their role.
	 */
	protected function stranger( string $role = 'subscriber' ): WP_User {
		static $count = 0;
		++$count;
		$id            = wp_insert_user(
			array(
				'user_login' => 'person' . $count,
				'user_email' => 'person' . $count . '@example.com',
				'user_pass'  => wp_generate_password(),
				'role'       => $role,
			)
		);
		$this->users[] = $id;
		return get_userdata( $id );
	}

	/**
	 * Begins a session of a user, who becomes the current one.
	 *
	 * @param WP_User $wp_user The user.
	 */
	protected function log_in( WP_User $wp_user ): void {
		$end                         = time() + HOUR_IN_SECONDS;
		$token                       = \WP_Session_Tokens::get_instance( $wp_user->ID )->create( $end );
		$_COOKIE[ LOGGED_IN_COOKIE ] = wp_generate_auth_cookie( $wp_user->ID, $end, 'logged_in', $token );
		wp_set_current_user( $wp_user->ID );
	}
}
