<?php
/**
 * Tests of what proves an address.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox\Tests;

use WidgetsForBox\Address_Book;
use WidgetsForBox\Address_Link;
use WidgetsForBox\Addresses;
use WidgetsForBox\People;
use WidgetsForBox\Privacy;
use WidgetsForBox\Profile;
use WidgetsForBox\Sealed_Meta;
use WidgetsForBox\Settings;
use WidgetsForBox\Status;

/**
 * Whatever is done to an account in whatever order, it is found at Box by the address that it has and that was
 * proved to be its person's, or not at all.
 */
final class AddressesTest extends TestCase {

	/**
	 * What people, programs and accidents write into an account.
	 */
	const POOL = array( 'own@example.com', 'OWN@Example.com', 'victim@example.com', 'Victim@example.com', 'boss@example.com', '', ' ', null );

	/**
	 * What only the database can hold.
	 */
	const ODD = array( 'victim@example.com ', "own@example.com\t", 'ővn@example.com', 'oKn@example.com' );

	/**
	 * Keys of the links that were sent, with their addresses.
	 *
	 * @var array<int, array{key: string, to: string}>
	 */
	private $links = array();

	/**
	 * The person.
	 *
	 * @var int
	 */
	private $person;

	/**
	 * An administrator.
	 *
	 * @var int
	 */
	private $administrator;

	/**
	 * What the test knows to be proved: an address in lower case, or nothing.
	 *
	 * @var ?string
	 */
	private $proved;

	/**
	 * Whether only an administrator may decide.
	 *
	 * @var bool
	 */
	private $erased;

	/**
	 * The profile page as the administrator has it open: an address.
	 *
	 * @var string
	 */
	private $open_form = '';

	/**
	 * Catches mails.
	 */
	protected function setUp(): void {
		parent::setUp();
		$this->links = array();
		add_filter(
			'pre_wp_mail',
			function ( $sent, $mail ) {
				if ( preg_match( '/widgets_for_box_email=([0-9a-f]{32})/', $mail['message'], $found ) ) {
					$this->links[] = array(
						'key' => $found[1],
						'to'  => $mail['to'],
					);
				}
				return true;
			},
			10,
			2
		);
	}

	/**
	 * No form is left posted, and no address that WordPress can't delete without a complaint.
	 */
	protected function tearDown(): void {
		$_POST = array();
		if ( $this->person ) {
			$GLOBALS['wpdb']->update( $GLOBALS['wpdb']->users, array( 'user_email' => '' ), array( 'ID' => $this->person ) ); // phpcs:ignore WordPress.DB.DirectDatabaseQuery -- As it was written.
			clean_user_cache( $this->person );
		}
		parent::tearDown();
	}

	/**
	 * Random histories of one account.
	 *
	 * @dataProvider seeds
	 *
	 * @param int $seed Which history.
	 */
	public function test_only_what_was_proved_counts( int $seed ): void {
		mt_srand( $seed ); // phpcs:ignore WordPress.WP.AlternativeFunctions.rand_seeding_mt_srand -- The same history each time.
		// WordPress complains when an address of spaces is read from the database.
		add_filter( 'doing_it_wrong_trigger_error', '__return_false' );
		$this->administrator = $this->user( 'administrator' )->ID;
		$this->person        = $this->stranger()->ID;
		$this->proved        = null;
		$this->erased        = false;
		$acts                = array( 'own_change', 'own_change', 'open_form', 'administrators_form', 'follow_link', 'confirm_in_list', 'write_to_database', 'program', 'while_inactive', 'erase', 'forge' );
		$history             = array();
		for ( $step = 0; $step < 60; $step++ ) {
			$act       = $this->pick( $acts );
			$history[] = $act . ' ' . wp_json_encode( $this->$act() );
			wp_set_current_user( 0 );
			$address  = $this->stored_address();
			$expected = '' !== $address && ! $this->erased && $this->lower( $address ) === $this->proved ? array( 'login' => $address ) : null;
			$this->assertSame( $expected, People::box_user( get_userdata( $this->person ) ), "Seed $seed, address '$address':\n" . implode( "\n", $history ) );
		}
	}

	/**
	 * Data.
	 *
	 * @return array<int, array{int}>
	 */
	public function seeds(): array {
		return array_map(
			static function ( $seed ) {
				return array( $seed );
			},
			range( 1, 12 )
		);
	}

	/**
	 * One of several.
	 *
	 * @param array<int, mixed> $choices The choices.
	 * @return mixed
	 */
	private function pick( array $choices ) {
		return $choices[ mt_rand( 0, count( $choices ) - 1 ) ]; // phpcs:ignore WordPress.WP.AlternativeFunctions.rand_mt_rand -- Seeded.
	}

	/**
	 * The address as the database has it.
	 */
	private function stored_address(): string {
		$wpdb = $GLOBALS['wpdb'];
		return (string) $wpdb->get_var( $wpdb->prepare( "SELECT user_email FROM $wpdb->users WHERE ID = %d", $this->person ) ); // phpcs:ignore WordPress.DB.DirectDatabaseQuery -- Past all caches.
	}

	/**
	 * An address in lower case, as far as it is ASCII.
	 *
	 * @param string $address The address.
	 */
	private function lower( string $address ): string {
		return strtr( $address, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz' );
	}

	/**
	 * What the test learns from a change by somebody else than the person.
	 *
	 * @param string $before The address before.
	 */
	private function changed_by_others( string $before ): void {
		if ( ! $this->erased && $this->lower( $before ) !== $this->lower( $this->stored_address() ) ) {
			$this->proved = null;
		}
	}

	/**
	 * The person changes their address over REST.
	 *
	 * @return mixed For the history, as in all of these.
	 */
	private function own_change() {
		wp_set_current_user( $this->person );
		$request = new \WP_REST_Request( 'POST', '/wp/v2/users/me' );
		$email   = $this->pick( self::POOL );
		$request->set_header( 'Content-Type', 'application/json' );
		$request->set_body( wp_json_encode( array( 'email' => $email ) ) );
		return array( $email, rest_do_request( $request )->get_status() );
	}

	/**
	 * The administrator opens the profile page; it is posted later.
	 */
	private function open_form() {
		$this->open_form = $this->stored_address();
		return $this->open_form;
	}

	/**
	 * The administrator saves the page that they opened: with or without the tick, the same address or another,
	 * and sometimes with a mistake.
	 */
	private function administrators_form() {
		wp_set_current_user( $this->administrator );
		$before = $this->stored_address();
		$email  = $this->pick( array( $this->open_form, $this->pick( self::POOL ) ) ) ?? '';
		$tick   = $this->pick( array( null, $this->open_form ) );
		$_POST  = wp_slash(
			array_filter(
				array(
					'email'          => $email,
					'nickname'       => $this->pick( array( 'Somebody', 'Somebody', '' ) ),
					Profile::FIELD   => '',
					Profile::SHOWN   => $this->open_form,
					Profile::CONFIRM => $tick,
					Profile::NONCE   => wp_create_nonce( Profile::FIELD . $this->person ),
				),
				'is_string'
			)
		);
		$result = edit_user( $this->person );
		$_POST  = array();
		if ( is_int( $result ) ) {
			$this->changed_by_others( $before );
			$now    = $this->lower( $this->stored_address() );
			$typed  = $this->lower( trim( $email ) );
			$ticked = $this->lower( (string) $tick );
			if ( '' !== $now && ( ( $typed === $now && $typed !== $this->lower( $this->open_form ) ) || $ticked === $now ) ) {
				$this->proved = $now;
				$this->erased = false;
			}
		}
		return array( $this->open_form, $email, $tick, is_int( $result ) ? 'saved' : $result->get_error_codes() );
	}

	/**
	 * The person opens one of the links that were sent, seldom the latest.
	 */
	private function follow_link() {
		if ( ! $this->links ) {
			return null;
		}
		$link   = $this->pick( array( $this->pick( $this->links ), end( $this->links ) ) );
		$latest = end( $this->links ) === $link;
		wp_set_current_user( $this->person );
		Address_Link::take( $this->person, $link['key'] );
		if ( $latest ) {
			// Used up, whatever came of it.
			$this->links[] = array(
				'key' => str_repeat( '0', 32 ),
				'to'  => 'nobody@example.com',
			);
			if ( ! $this->erased && $this->lower( $link['to'] ) === $this->lower( $this->stored_address() ) ) {
				$this->proved = $this->lower( $link['to'] );
			}
		}
		return array( $link['to'], $latest );
	}

	/**
	 * The administrator confirms in the list what it showed when it was opened.
	 */
	private function confirm_in_list() {
		wp_set_current_user( $this->administrator );
		$shown = $this->open_form;
		Addresses::prove( $this->person, $shown, Addresses::ADMINISTRATOR );
		if ( '' !== $shown && $this->lower( $shown ) === $this->lower( $this->stored_address() ) ) {
			$this->proved = $this->lower( $shown );
			$this->erased = false;
		}
		return $shown;
	}

	/**
	 * Something writes the address past WordPress.
	 */
	private function write_to_database() {
		$email = $this->pick( array_merge( self::POOL, self::ODD ) ) ?? '';
		$GLOBALS['wpdb']->update( $GLOBALS['wpdb']->users, array( 'user_email' => $email ), array( 'ID' => $this->person ) ); // phpcs:ignore WordPress.DB.DirectDatabaseQuery -- This is the attack.
		clean_user_cache( $this->person );
		return $email;
	}

	/**
	 * A program changes the address, with nobody logged in.
	 */
	private function program() {
		$before = $this->stored_address();
		$email  = $this->pick( self::POOL ) ?? '';
		wp_update_user(
			array(
				'ID'         => $this->person,
				'user_email' => $email,
			)
		);
		$this->changed_by_others( $before );
		return $email;
	}

	/**
	 * The plugin is off for a while, and people go on.
	 */
	private function while_inactive() {
		$proved = $this->proved;
		$hooks  = array_map(
			static function ( $hook ) {
				return clone $hook;
			},
			$GLOBALS['wp_filter']
		);
		$plugin = plugin_basename( \WidgetsForBox\FILE );
		do_action( 'deactivate_' . $plugin, false );
		foreach ( $GLOBALS['wp_filter'] as $name => $hook ) {
			foreach ( $hook->callbacks as $priority => $callbacks ) {
				foreach ( $callbacks as $callback ) {
					$function = $callback['function'];
					if ( is_array( $function ) && is_string( $function[0] ) && 0 === strpos( $function[0], 'WidgetsForBox\\' ) && false === strpos( $function[0], 'Tests' ) ) {
						remove_filter( $name, $function, $priority );
					}
				}
			}
		}
		$done = array();
		for ( $i = 0; $i < 2; $i++ ) {
			$act    = $this->pick( array( 'own_change', 'program', 'write_to_database' ) );
			$done[] = array( $act, $this->$act() );
			wp_set_current_user( 0 );
		}
		$GLOBALS['wp_filter'] = $hooks; // phpcs:ignore WordPress.WP.GlobalVariablesOverride.Prohibited -- Active again.
		wp_set_current_user( $this->administrator );
		do_action( 'activate_' . $plugin, false );
		$this->proved  = $proved;
		$this->links[] = array(
			'key' => str_repeat( '0', 32 ),
			'to'  => 'nobody@example.com',
		);
		return $done;
	}

	/**
	 * The administrator has the person's data erased.
	 */
	private function erase() {
		if ( $this->pick( array( true, true, false ) ) ) {
			return null;
		}
		$address = $this->stored_address();
		$found   = get_user_by( 'email', $address );
		Privacy::erase( $address );
		if ( $found && $found->ID === $this->person ) {
			$this->erased  = true;
			$this->proved  = null;
			$this->links[] = array(
				'key' => str_repeat( '0', 32 ),
				'to'  => 'nobody@example.com',
			);
		}
		return $address;
	}

	/**
	 * An import writes a mark that it has seen elsewhere. While it is there it proves nothing.
	 */
	private function forge() {
		$mark = get_user_meta( $this->person, Addresses::MARK, true );
		$copy = get_user_meta( $this->administrator, Addresses::MARK, true );
		$fake = array( 'email' => $this->stored_address() ) + $copy;
		if ( ! $this->erased ) {
			update_user_meta( $this->person, Addresses::MARK, $this->pick( array( $copy, $fake ) ) );
			$this->assertNull( People::box_user( get_userdata( $this->person ) ) );
			update_user_meta( $this->person, Addresses::MARK, $mark );
		}
		return null;
	}

	/**
	 * Letter case as the sidecar sees it: only letters that are each other's upper and lower case are the same.
	 */
	public function test_normalize(): void {
		$this->assertSame( 'ana@example.com', Addresses::normalize( 'ANA@Example.com' ) );
		$this->assertSame( 'élodie@example.com', Addresses::normalize( 'Élodie@EXAMPLE.com' ) );
		// The Kelvin sign, the long s, the sharp s, a dotted capital I; bytes that are no text.
		foreach ( array( "\u{212A}@example.com", "\u{17F}@example.com", "\u{DF}@example.com", "\u{130}@example.com", "\xff@example.com" ) as $address ) {
			$this->assertSame( $address, Addresses::normalize( $address ) );
		}
		$this->assertSame( ' a@example.com ', Addresses::normalize( ' A@example.com ' ) );
	}

	/**
	 * The addresses of the set-up are recorded once, for those who may decide who is who.
	 */
	public function test_setup_is_recorded_once(): void {
		$setup = get_site_option( Address_Book::SETUP );
		$this->assertGreaterThan( 0, $setup['count'], 'This site was set up.' );
		$late = $this->stranger();
		wp_set_current_user( $this->user( 'administrator' )->ID );
		Address_Book::record_setup();
		$this->assertFalse( Addresses::is_proved( $late->ID ) );

		delete_site_option( Address_Book::SETUP );
		wp_set_current_user( $this->user( 'editor' )->ID );
		Address_Book::record_setup();
		$this->assertFalse( get_site_option( Address_Book::SETUP ) );
		$this->assertFalse( Addresses::is_proved( $late->ID ) );

		$erased = $this->user();
		Privacy::erase( $erased->user_email );
		wp_set_current_user( $this->user( 'administrator' )->ID );
		Address_Book::record_setup();
		$this->assertTrue( Addresses::is_proved( $late->ID ) );
		$this->assertSame( Addresses::BASELINE, Addresses::mark( $late->ID )['how'] );
		$this->assertNull( People::box_user( $erased ) );
		update_site_option( Address_Book::SETUP, $setup );
	}

	/**
	 * Versions before the first release had marked whose address was not confirmed: they are not taken for confirmed
	 * by the update, and the mark stays until it was looked at.
	 */
	public function test_setup_leaves_out_who_was_not_confirmed_before(): void {
		$setup   = get_site_option( Address_Book::SETUP );
		$waiting = $this->stranger();
		$settled = $this->stranger();
		update_user_meta( $waiting->ID, Address_Book::UNCONFIRMED, 'former@example.com' );
		delete_site_option( Address_Book::SETUP );
		$this->assertTrue( Address_Book::awaits_setup() );

		wp_set_current_user( $this->user( 'editor' )->ID );
		Address_Book::record_setup();
		$this->assertSame( 'former@example.com', get_user_meta( $waiting->ID, Address_Book::UNCONFIRMED, true ) );

		wp_set_current_user( $this->user( 'administrator' )->ID );
		Address_Book::record_setup();
		$this->assertTrue( Addresses::is_proved( $settled->ID ) );
		$this->assertFalse( Addresses::is_proved( $waiting->ID ) );
		$this->assertSame( '', get_user_meta( $waiting->ID, Address_Book::UNCONFIRMED, true ) );
		$this->assertFalse( Address_Book::awaits_setup() );
		update_site_option( Address_Book::SETUP, $setup );
	}

	/**
	 * More people than are read at once.
	 */
	public function test_many_people(): void {
		$wpdb  = $GLOBALS['wpdb'];
		$setup = get_site_option( Address_Book::SETUP );
		$first = $this->stranger()->ID;
		$rows  = array();
		for ( $i = 1; $i <= 1200; $i++ ) {
			$rows[] = $wpdb->prepare( '(%s, %s, %s)', "crowd$i", "crowd$i@example.com", '2026-01-01 00:00:00' );
		}
		// phpcs:disable WordPress.DB -- Thousands of users, quickly.
		$wpdb->query( "INSERT INTO $wpdb->users (user_login, user_email, user_registered) VALUES " . implode( ', ', $rows ) );
		$this->assertCount( 1201, Address_Book::unproved( $first - 1 ) );
		$seen  = array();
		$after = $first - 1;
		do {
			$page  = Address_Book::unproved( $after, 170 );
			$seen  = array_merge( $seen, array_keys( $page ) );
			$after = $page ? max( array_keys( $page ) ) : $after;
		} while ( $page );
		$this->assertCount( 1201, array_unique( $seen ) );
		$this->assertCount( 1201, $seen );
		$this->assertStringContainsString( '1,20', array_column( Status::site(), 'summary', 'id' )['addresses'] );

		delete_site_option( Address_Book::SETUP );
		Address_Book::record_setup();
		$this->assertSame( array(), Address_Book::unproved( $first - 1 ) );
		$this->assertGreaterThanOrEqual( 1201, get_site_option( Address_Book::SETUP )['count'] );
		$wpdb->query( "DELETE FROM $wpdb->usermeta WHERE user_id > $first" );
		$wpdb->query( "DELETE FROM $wpdb->users WHERE user_login LIKE 'crowd%'" );
		// phpcs:enable
		update_site_option( Address_Book::SETUP, $setup );
	}

	/**
	 * A directory answers for all addresses if a setting says so, and only if it says exactly that.
	 */
	public function test_directory(): void {
		$user = $this->stranger();
		foreach ( array( '', '0', 'false', 'no', array( '1' ), false, 0 ) as $off ) {
			add_filter(
				'option_widgets_for_box',
				static function () use ( $off ) {
					return array( 'directory' => $off );
				}
			);
			$this->assertFalse( Settings::directory() );
			$this->assertNull( People::box_user( $user ) );
		}
		remove_all_filters( 'option_widgets_for_box' );
		update_option( 'widgets_for_box', array( 'directory' => '1' ) );
		$this->assertSame( array( 'login' => $user->user_email ), People::box_user( $user ) );
	}

	/**
	 * A seal is for one user, one key and one value.
	 */
	public function test_seal(): void {
		$value  = array( 'a' => 1 );
		$sealed = Sealed_Meta::seal( 1, 'x', $value );
		$this->assertSame( $value, Sealed_Meta::open( 1, 'x', $sealed ) );
		$this->assertSame( array(), Sealed_Meta::open( 2, 'x', $sealed ) );
		$this->assertSame( array(), Sealed_Meta::open( 1, 'y', $sealed ) );
		$this->assertSame( array(), Sealed_Meta::open( 1, 'x', array( 'a' => '1' ) + $sealed ) );
		$this->assertSame( array(), Sealed_Meta::open( 1, 'x', array( 'b' => 1 ) + $sealed ) );
		foreach ( array( '', null, false, 'x', $value, array( 'seal' => array() ), array( 'seal' => '' ) ) as $other ) {
			$this->assertSame( array(), Sealed_Meta::open( 1, 'x', $other ) );
		}
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
		$other = $this->user();
		wp_set_current_user( $this->stranger( 'clerk' )->ID );
		$_POST = array(
			'user_login' => 'made',
			'email'      => 'made@example.com',
			'pass1'      => 'x',
			'pass2'      => 'x',
			'role'       => '',
		);
		$made  = edit_user();
		$_POST = array(
			'email'          => 'victim@example.com',
			'nickname'       => 'x',
			Profile::FIELD   => 'boss@example.com',
			Profile::SHOWN   => '',
			Profile::CONFIRM => 'victim@example.com',
			Profile::NONCE   => wp_create_nonce( Profile::FIELD . $other->ID ),
		);
		$this->assertSame( $other->ID, edit_user( $other->ID ) );
		remove_role( 'clerk' );
		$this->assertNull( People::box_user( get_userdata( $other->ID ) ) );
		$this->assertNull( People::box_user( get_userdata( $made ) ) );
		$this->assertSame( array(), $this->links );
		wp_delete_user( $made );
	}

	/**
	 * An administrator who makes an account in the admin area answers for its address; a program that has their
	 * session does not.
	 */
	public function test_administrator_makes_an_account(): void {
		wp_set_current_user( $this->user( 'administrator' )->ID );
		$_POST = array(
			'user_login' => 'made',
			'email'      => 'made@example.com',
			'pass1'      => 'x',
			'pass2'      => 'x',
			'role'       => '',
		);
		$made  = edit_user();
		$this->assertSame( array( 'login' => 'made@example.com' ), People::box_user( get_userdata( $made ) ) );
		$this->assertNull( People::box_user( $this->stranger() ) );
		wp_delete_user( $made );
	}
}
