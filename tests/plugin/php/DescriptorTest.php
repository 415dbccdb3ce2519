<?php
/**
 * Tests of the signed descriptor.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox\Tests;

use WidgetsForBox\Descriptor;
use WidgetsForBox\Elements;
use WidgetsForBox\Widget;

/**
 * A descriptor is believed if, and only if, this site signed exactly this text.
 */
final class DescriptorTest extends TestCase {

	const WIDGET = array(
		'element' => 'explorer',
		'id'      => '0',
		'scopes'  => array( 'item_download' ),
	);

	/**
	 * A descriptor that this site signed, now or in an older release, by the format alone.
	 *
	 * @param array<string, mixed> $data What it says.
	 */
	private static function signed( array $data ): string {
		// phpcs:ignore WordPress.PHP.DiscouragedPHPFunctions.obfuscation_base64_encode -- RFC 4648.
		$payload   = rtrim( strtr( base64_encode( wp_json_encode( array( 'v' => 1 ) + $data ) ), '+/', '-_' ), '=' );
		$signature = hash_hmac( 'sha256', 'widgets-for-box:1:' . get_current_blog_id() . ':' . $payload, wp_salt( 'auth' ), true );
		// phpcs:ignore WordPress.PHP.DiscouragedPHPFunctions.obfuscation_base64_encode -- RFC 4648.
		return $payload . '.' . rtrim( strtr( base64_encode( $signature ), '+/', '-_' ), '=' );
	}

	/**
	 * What was signed comes back.
	 */
	public function test_round_trip(): void {
		$descriptor = Descriptor::sign( Widget::from_array( self::WIDGET ) );
		$this->assertSame( self::signed( self::WIDGET ), $descriptor );
		$this->assertMatchesRegularExpression( '/^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{43}$/', $descriptor );
		$this->assertSame( self::WIDGET, Descriptor::verify( $descriptor )->to_array() );
	}

	/**
	 * The same widget is the same text, or page caches would see a new page each time.
	 */
	public function test_deterministic(): void {
		$this->assertSame( Descriptor::sign( Widget::from_array( self::WIDGET ) ), Descriptor::sign( Widget::from_array( self::WIDGET ) ) );
	}

	/**
	 * Every single changed character is noticed.
	 */
	public function test_any_changed_character_is_noticed(): void {
		$descriptor = self::signed( self::WIDGET );
		for ( $place = 0; $place < strlen( $descriptor ); $place++ ) {
			$changed           = $descriptor;
			$changed[ $place ] = 'A' === $descriptor[ $place ] ? 'B' : 'A';
			$this->assertNull( Descriptor::verify( $changed ), "place $place" );
		}
	}

	/**
	 * Cut and lengthened texts are refused.
	 */
	public function test_other_lengths_are_refused(): void {
		$descriptor = self::signed( self::WIDGET );
		for ( $length = 0; $length < strlen( $descriptor ); $length++ ) {
			$this->assertNull( Descriptor::verify( substr( $descriptor, 0, $length ) ) );
		}
		foreach ( array( 'A', '.', "\n", "\0", '=' ) as $more ) {
			$this->assertNull( Descriptor::verify( $descriptor . $more ) );
			$this->assertNull( Descriptor::verify( $more . $descriptor ) );
		}
	}

	/**
	 * A sister site in a network has the same salts and another id.
	 */
	public function test_other_site_of_the_network(): void {
		$descriptor         = self::signed( self::WIDGET );
		$here               = $GLOBALS['blog_id'];
		$GLOBALS['blog_id'] = 2; // phpcs:ignore WordPress.WP.GlobalVariablesOverride.Prohibited -- As switch_to_blog() does.
		$there              = Descriptor::verify( $descriptor );
		$GLOBALS['blog_id'] = $here; // phpcs:ignore WordPress.WP.GlobalVariablesOverride.Prohibited -- Put back.
		$this->assertNull( $there );
	}

	/**
	 * New salts, which an administrator sets after a break-in, void all descriptors.
	 */
	public function test_other_salts(): void {
		$descriptor = self::signed( self::WIDGET );
		add_filter(
			'salt',
			static function () {
				return 'other';
			}
		);
		$this->assertNull( Descriptor::verify( $descriptor ) );
	}

	/**
	 * The longest widget that attributes can make still fits.
	 */
	public function test_longest_widget_is_not_too_long(): void {
		$widget = Widget::from_attributes(
			'picker',
			array(
				'folder'     => str_repeat( '9', 20 ),
				'can'        => 'share,upload',
				'type'       => 'file,folder,web_link',
				'max'        => 1000,
				'extensions' => implode( ',', array_fill( 0, 500, str_repeat( 'x', 500 ) ) ),
				'path'       => implode( '/', array_fill( 0, 8, str_repeat( '📁', 63 ) ) ),
			)
		);
		$this->assertEquals( $widget, Descriptor::verify( Descriptor::sign( $widget ) ) );
	}

	/**
	 * A scope that the plugin no longer knows is dropped, an element that it no longer knows refused.
	 */
	public function test_descriptor_of_an_older_release(): void {
		$old = array( 'scopes' => array( 'item_download', 'item_fly' ) ) + self::WIDGET;
		$this->assertSame( array( 'item_download' ), Descriptor::verify( self::signed( $old ) )->scopes );
		$this->assertNull( Descriptor::verify( self::signed( array( 'element' => 'carousel' ) + self::WIDGET ) ) );
		$this->assertArrayNotHasKey( 'carousel', Elements::CATALOGUE );
	}

	/**
	 * What an older release signed with other types, or not at all, is refused and no error.
	 *
	 * @dataProvider odd
	 *
	 * @param array<string, mixed> $odd What differs from a widget.
	 */
	public function test_odd_types( array $odd ): void {
		$this->assertNull( Descriptor::verify( self::signed( $odd + self::WIDGET ) ) );
	}

	/**
	 * Data.
	 *
	 * @return array<int, array{array<string, mixed>}>
	 */
	public function odd(): array {
		return array(
			array( array( 'element' => null ) ),
			array( array( 'element' => 1 ) ),
			array( array( 'element' => array( 'explorer' ) ) ),
			array( array( 'id' => null ) ),
			array( array( 'id' => 0 ) ),
			array( array( 'id' => array( '0' ) ) ),
			array( array( 'id' => '../1' ) ),
			array( array( 'id' => "0\n" ) ),
			array(
				array(
					'element' => 'preview',
					'id'      => '0',
				),
			),
			array( array( 'scopes' => null ) ),
			array( array( 'scopes' => 'item_download' ) ),
			array( array( 'scopes' => array( array( 'item_download' ) ) ) ),
			array( array( 'scopes' => array( 1 ) ) ),
			array( array( 'path' => 7 ) ),
			array( array( 'path' => array( 'Receipts' ) ) ),
			array( array( 'path' => '../Receipts' ) ),
			array( array( 'path' => 'Receipts/' ) ),
			array(
				array(
					'element' => 'preview',
					'id'      => '7',
					'path'    => 'Receipts',
				),
			),
		);
	}

	/**
	 * A payload without one of its fields.
	 */
	public function test_missing_fields(): void {
		foreach ( array_keys( self::WIDGET ) as $name ) {
			$this->assertNull( Descriptor::verify( self::signed( array_diff_key( self::WIDGET, array( $name => 1 ) ) ) ) );
		}
	}
}
