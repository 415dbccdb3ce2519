<?php
/**
 * Tests of what authors may choose for an Element.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox\Tests;

use WidgetsForBox\Descriptor;
use WidgetsForBox\Elements;
use WidgetsForBox\Options;
use WidgetsForBox\Widget;

/**
 * Options come from anyone who may write a post, and are signed as they come out of here.
 */
final class OptionsTest extends TestCase {

	/**
	 * The options of a widget.
	 *
	 * @param string               $element    A key of the catalogue.
	 * @param array<string, mixed> $attributes What its author has written.
	 * @return array<string, mixed>
	 */
	private static function options( string $element, array $attributes ): array {
		return Widget::from_attributes( $element, $attributes )->options;
	}

	/**
	 * What is understood is signed, and comes back out of the descriptor.
	 *
	 * @dataProvider understood
	 *
	 * @param string $element  A key of the catalogue.
	 * @param string $name     Its option.
	 * @param mixed  $named    What its author has written.
	 * @param mixed  $expected What is signed.
	 */
	public function test_what_is_understood_is_signed( string $element, string $name, $named, $expected ): void {
		$widget = Widget::from_attributes( $element, array( $name => $named ) + ( 'preview' === $element ? array( 'file' => '7' ) : array() ) );
		$this->assertSame( $expected, $widget->options[ $name ] ?? null );
		$this->assertSame( $widget->options, Descriptor::verify( Descriptor::sign( $widget ) )->options );
	}

	/**
	 * Data.
	 *
	 * @return array<int, array{string, string, mixed, mixed}>
	 */
	public function understood(): array {
		return array(
			array( 'explorer', 'view', 'recents', 'recents' ),
			array( 'explorer', 'view', 'files', null ),
			array( 'explorer', 'view', 'metadata', null ),
			array( 'explorer', 'sort', 'Date', 'date' ),
			array( 'explorer', 'sort', 'colour', null ),
			array( 'explorer', 'sort', array( 'date' ), null ),
			array( 'picker', 'order', 'desc', 'DESC' ),
			array( 'explorer', 'order', 'asc; drop', null ),
			array( 'uploader', 'folders', 'yes', true ),
			array( 'uploader', 'folders', true, true ),
			array( 'uploader', 'folders', 'no', null ),
			array( 'uploader', 'folders', '', null ),
			array( 'uploader', 'limit', '3', 3 ),
			array( 'uploader', 'limit', 5, 5 ),
			array( 'uploader', 'limit', '1e9', 1000 ),
			array( 'uploader', 'limit', '-1', null ),
			array( 'uploader', 'sort', 'date', null ),
			array( 'preview', 'view', 'recents', null ),
			array( 'picker', 'view', 'recents', null ),
			array( 'picker', 'choose', ' Attach <b>it</b> ', 'Attach it' ),
			array( 'picker', 'choose', str_repeat( 'ű', 99 ), str_repeat( 'ű', 30 ) ),
			array( 'picker', 'cancel', array( 'x' ), null ),
			array( 'explorer', 'choose', 'Attach', null ),
			array( 'preview', 'logo', 'none', '' ),
			array( 'explorer', 'apiHost', 'https://evil.example', null ),
		);
	}

	/**
	 * Recent files are those of a person: a widget for one folder does not list what is elsewhere.
	 */
	public function test_recent_files_only_of_the_root(): void {
		$this->assertSame(
			array(),
			self::options(
				'explorer',
				array(
					'folder' => '7',
					'view'   => 'recents',
				)
			)
		);
	}

	/**
	 * A logo is a picture of this site's media library. Everything else is Box's.
	 */
	public function test_logo_is_the_sites_own(): void {
		$library = wp_get_upload_dir()['baseurl'];
		foreach ( array( '/logo.png', '/2026/05/Unser%20Zeichen.svg', '/徽标.webp' ) as $file ) {
			$this->assertSame( array( 'logo' => esc_url_raw( $library . $file ) ), self::options( 'explorer', array( 'logo' => $library . $file ) ) );
		}
		$other = array(
			'box',
			'https://elsewhere.example/logo.png',
			'//elsewhere.example/wp-content/uploads/logo.png',
			$library . '.elsewhere.example/logo.png',
			$library . '/../../wp-admin/images/x.png',
			$library . '/logo.png?to=elsewhere',
			$library . '/logo.php',
			$library . "/a\n.png",
			'javascript:alert(1)//' . $library . '/logo.png',
			'data:image/png;base64,AAAA',
			$library . '/' . str_repeat( 'a', 300 ) . '.png',
			array( $library . '/logo.png' ),
		);
		foreach ( $other as $named ) {
			$this->assertSame( array(), self::options( 'explorer', array( 'logo' => $named ) ), (string) wp_json_encode( $named ) );
		}
	}

	/**
	 * Every element has its options, and the longest of all still fit into a descriptor that is accepted.
	 */
	public function test_the_longest_descriptor_is_accepted(): void {
		$this->assertSame( array_keys( Elements::CATALOGUE ), array_keys( Options::ALL ) );
		$library = wp_get_upload_dir()['baseurl'] . '/';
		$widget  = Widget::from_attributes(
			'picker',
			array(
				'folder'     => '99999999999999999999',
				'can'        => 'share,upload',
				'type'       => 'file,folder,web_link',
				'max'        => 1000,
				'extensions' => implode( ',', array_fill( 0, 60, str_repeat( 'x', 20 ) ) ),
				'sort'       => 'date',
				'order'      => 'desc',
				'choose'     => str_repeat( '😀', 40 ),
				'cancel'     => str_repeat( '😀', 40 ),
				'logo'       => $library . str_repeat( 'a', Options::LONGEST_ADDRESS - strlen( $library ) - 4 ) . '.png',
			)
		);
		$this->assertCount( 8, $widget->options );
		$this->assertSame( $widget->to_array(), Descriptor::verify( Descriptor::sign( $widget ) )->to_array() );
	}
}
