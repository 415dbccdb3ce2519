<?php
/**
 * Tests of settings.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox\Tests;

use WidgetsForBox\Elements;
use WidgetsForBox\Settings;
use WidgetsForBox\Settings_Option;
use WidgetsForBox\Settings_Page;
use WidgetsForBox\Status;

/**
 * What an administrator posts becomes a setting, or a sentence about why not.
 */
final class SettingsTest extends TestCase {

	/**
	 * Registers the option, and forgets errors of the test before.
	 */
	protected function setUp(): void {
		parent::setUp();
		Settings_Option::register();
		$GLOBALS['wp_settings_errors'] = array(); // phpcs:ignore WordPress.WP.GlobalVariablesOverride.Prohibited -- No function empties it.
	}

	/**
	 * Without anything stored, the defaults hold; the socket is this test run's by constant.
	 */
	public function test_defaults(): void {
		$this->assertSame( 'https://api.box.com', Settings::get( 'api_host' ) );
		$this->assertSame( Elements::CDN, Settings::get( 'elements_url' ) );
		$this->assertFalse( Elements::self_hosted() );
		$this->assertSame( 'https://cdn01.boxcdn.net/platform/elements/26.3.0/en-US/{file}', Elements::url() );
		$this->assertTrue( Settings::is_fixed( 'socket' ) );
		$this->assertSame( WIDGETS_FOR_BOX_SOCKET, Settings::get( 'socket' ) );
	}

	/**
	 * A constant wins over what is stored.
	 */
	public function test_constant_wins(): void {
		update_option( 'widgets_for_box', array( 'socket' => '/other.sock' ) );
		$this->assertSame( WIDGETS_FOR_BOX_SOCKET, Settings::get( 'socket' ) );
	}

	/**
	 * Values of the server that are refused, each with a sentence; what held before still holds.
	 *
	 * @dataProvider refused
	 *
	 * @param string $name  The setting.
	 * @param string $value What was posted.
	 */
	public function test_refused( string $name, string $value ): void {
		update_option( 'widgets_for_box', array( 'api_host' => 'https://api.example.com' ) );
		update_option(
			'widgets_for_box',
			array(
				'form' => '1',
				$name  => $value,
			)
		);
		$stored = get_option( 'widgets_for_box' );
		$this->assertSame( 'https://api.example.com', $stored['api_host'] );
		$this->assertNotContains( $value, $stored );
		$this->assertCount( 1, get_settings_errors( 'widgets_for_box' ) );
	}

	/**
	 * Data.
	 *
	 * @return array<int, array{string, string}>
	 */
	public function refused(): array {
		return array(
			array( 'socket', 'relative.sock' ),
			array( 'socket', '/' . str_repeat( 'x', 107 ) ),
			array( 'socket', "/a\nb" ),
			array( 'api_host', 'http://api.box.com' ),
			array( 'api_host', 'javascript:alert(1)' ),
			array( 'api_host', 'https://user@api.box.com' ),
			array( 'api_host', 'https://api.box.com/' ),
			array( 'api_host', 'https://api.box.com/2.0' ),
			array( 'api_host', 'https://api.box.com"><script>' ),
			array( 'api_host', 'api.box.com' ),
			array( 'elements_url', 'https://cdn.example.com/explorer.js' ),
			array( 'elements_url', 'http://cdn.example.com/{file}' ),
			array( 'elements_url', "https://cdn.example.com/{file}' onload='" ),
			array( 'elements_version', 'latest' ),
			array( 'elements_version', '../26' ),
		);
	}

	/**
	 * Values that are taken.
	 */
	public function test_taken(): void {
		$input = array(
			'form'             => '1',
			'api_host'         => ' http://127.0.0.1:8081 ',
			'upload_host'      => 'https://upload.box.com',
			'elements_url'     => 'https://static.example.com/box/{version}/{locale}/{file}',
			'elements_version' => '26.4.0-beta.1',
			'account'          => 'assigned',
			'no_account_text'  => "Ask <b>IT</b>\n",
			'unknown'          => 'x',
		);
		update_option( 'widgets_for_box', $input );
		$this->assertSame( array(), get_settings_errors( 'widgets_for_box' ) );
		$this->assertSame( 'http://127.0.0.1:8081', Settings::get( 'api_host' ) );
		$this->assertSame( 'https://static.example.com/box/26.4.0-beta.1/en-US/{file}', Elements::url() );
		$this->assertTrue( Elements::self_hosted() );
		$this->assertSame( 'assigned', Settings::get( 'account' ) );
		$this->assertSame( 'Ask IT', Settings::get( 'no_account_text' ) );
		$stored = get_option( 'widgets_for_box' );
		$this->assertArrayNotHasKey( 'unknown', $stored );
		$this->assertSame( '', $stored['upload_host'], 'A default is not stored.' );
	}

	/**
	 * The table of roles: what is not ticked is not allowed; a first save passes through WordPress twice.
	 */
	public function test_roles(): void {
		$input = array(
			'form'  => '1',
			'roles' => array(
				'administrator' => array( 'use', 'item_preview', 'item_download', 'root_readwrite' ),
				'editor'        => array( 'item_preview' ),
				'intruder'      => array( 'use', 'item_delete' ),
			),
		);
		update_option( 'widgets_for_box', $input );
		$roles = Settings::get( 'roles' );
		$this->assertSame( array( 'item_preview', 'item_download' ), $roles['administrator'] );
		$this->assertFalse( $roles['editor'], 'Without "use" nothing else counts.' );
		$this->assertFalse( $roles['subscriber'] );
		$this->assertArrayNotHasKey( 'intruder', $roles );
		update_option( 'widgets_for_box', get_option( 'widgets_for_box' ) );
		$this->assertSame( $roles, Settings::get( 'roles' ) );
	}

	/**
	 * Whatever is posted, nothing breaks.
	 */
	public function test_nonsense(): void {
		foreach ( array(
			null,
			'',
			'x',
			array(
				'roles' => 'x',
				'form'  => '1',
			),
			array(
				'api_host' => array( 'x' ),
				'account'  => array(),
			),
		) as $input ) {
			$this->assertIsArray( Settings_Option::sanitize( $input ) );
		}
	}

	/**
	 * The page prints, escaped, and says which settings a constant fixes.
	 */
	public function test_page(): void {
		wp_set_current_user( $this->user( 'administrator' )->ID );
		add_filter(
			'option_widgets_for_box',
			static function () {
				return array( 'no_access_text' => '"><script>alert(1)</script>' );
			}
		);
		add_role( 'evil', '<script>alert(2)</script>' );
		ob_start();
		Settings_Page::render();
		$html = ob_get_clean();
		remove_role( 'evil' );
		$this->assertStringContainsString( 'WIDGETS_FOR_BOX_SOCKET', $html );
		$this->assertStringContainsString( 'name="widgets_for_box[roles][subscriber][]"', $html );
		$this->assertStringNotContainsString( '<script>alert', $html );
	}

	/**
	 * The worst finding decides.
	 */
	public function test_worst(): void {
		$of = static function ( ...$statuses ) {
			return Status::worst(
				array_map(
					static function ( $status ) {
						return array( 'status' => $status );
					},
					$statuses
				)
			);
		};
		$this->assertSame( 'pass', $of() );
		$this->assertSame( 'pass', $of( 'pass', 'pass' ) );
		$this->assertSame( 'warn', $of( 'pass', 'warn', 'pass' ) );
		$this->assertSame( 'fail', $of( 'fail', 'warn', 'pass' ) );
	}

	/**
	 * Open registration is dangerous where addresses count as they are, and only there.
	 */
	public function test_open_registration(): void {
		$status = static function () {
			return array_column( Status::site(), 'status', 'id' )['registration'] ?? null;
		};
		update_option( 'users_can_register', '1' );
		$this->assertSame( 'pass', $status() );
		update_option( 'widgets_for_box', array( 'directory' => '1' ) );
		$this->assertSame( 'fail', $status() );
		update_option( 'users_can_register', '0' );
		$this->assertSame( 'pass', $status() );
		update_option( 'widgets_for_box', array( 'account' => 'assigned' ) );
		$this->assertNull( $status() );
	}

	/**
	 * People whose address is not proved are counted.
	 */
	public function test_people_without_proof(): void {
		$of = static function () {
			$checks = array_column( Status::site(), null, 'id' );
			return $checks['addresses']['status'] . ': ' . $checks['addresses']['summary'];
		};
		$this->user();
		$this->assertStringStartsWith( 'pass: ', $of() );
		$this->stranger();
		$this->assertStringStartsWith( 'warn: 1 person has no Box', $of() );
		$this->stranger();
		$this->assertStringStartsWith( 'warn: 2 people have no Box', $of() );
		update_option( 'widgets_for_box', array( 'directory' => '1' ) );
		$this->assertStringStartsWith( 'pass: ', $of() );
	}

	/**
	 * That a directory writes the addresses is said with a tick, and by nothing else.
	 */
	public function test_directory_is_ticked(): void {
		update_option( 'widgets_for_box', array( 'directory' => 'yes' ) );
		$this->assertFalse( Settings::directory() );
		$form = array( 'form' => '1' );
		update_option( 'widgets_for_box', $form + array( 'directory' => '1' ) );
		$this->assertTrue( Settings::directory() );
		update_option( 'widgets_for_box', array( 'no_access_text' => 'set by code' ) );
		$this->assertTrue( Settings::directory() );
		update_option( 'widgets_for_box', $form );
		$this->assertFalse( Settings::directory() );
	}

	/**
	 * Uninstalling removes every trace.
	 */
	public function test_uninstall(): void {
		$user = $this->user();
		update_option( 'widgets_for_box', array( 'account' => 'app_user' ) );
		\WidgetsForBox\People::box_user( $user );
		\WidgetsForBox\People::assign( $user->ID, array( 'id' => '1' ) );
		\WidgetsForBox\Address_Link::send( $this->stranger()->ID );
		foreach ( array( 'account', 'confirmed_email', 'email_key', 'issued' ) as $old ) {
			update_user_meta( $user->ID, 'widgets_for_box_' . $old, 'x' );
		}
		define( 'WP_UNINSTALL_PLUGIN', 'widgets-for-box/widgets-for-box.php' );
		require WP_PLUGIN_DIR . '/widgets-for-box/uninstall.php';
		global $wpdb;
		// phpcs:disable WordPress.DB.DirectDatabaseQuery -- The question is what is in the tables.
		$this->assertSame( '0', (string) $wpdb->get_var( "SELECT COUNT(*) FROM $wpdb->options WHERE option_name LIKE '%widgets_for_box%'" ) );
		$this->assertSame( '0', (string) $wpdb->get_var( "SELECT COUNT(*) FROM $wpdb->usermeta WHERE meta_key LIKE '%widgets_for_box%'" ) );
		// phpcs:enable
		// The site goes on as if the plugin had been installed again.
		\WidgetsForBox\Address_Book::record_setup();
	}
}
