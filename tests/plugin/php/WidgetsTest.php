<?php
/**
 * Tests of what attributes become.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox\Tests;

use WidgetsForBox\Descriptor;
use WidgetsForBox\Elements;
use WidgetsForBox\Widget;
use WidgetsForBox\Widgets;

/**
 * Attributes come from anyone who may write a post.
 */
final class WidgetsTest extends TestCase {

	/**
	 * Ids that make a widget, and those that make none.
	 *
	 * @dataProvider ids
	 *
	 * @param mixed $id    The attribute.
	 * @param bool  $valid Whether it is an id.
	 */
	public function test_ids( $id, bool $valid ): void {
		$widget = Widget::from_attributes( 'explorer', array( 'folder' => $id ) );
		$this->assertSame( $valid ? (string) $id : null, $widget->id ?? null );
	}

	/**
	 * Data.
	 *
	 * @return array<int, array{mixed, bool}>
	 */
	public function ids(): array {
		return array(
			array( '0', true ),
			array( 0, true ),
			array( '123', true ),
			array( '99999999999999999999', true ),
			array( '999999999999999999999', false ),
			array( '', false ),
			array( '00', false ),
			array( '-1', false ),
			array( '1 ', false ),
			array( "1\n", false ),
			array( '1/../2', false ),
			array( '１', false ),
			array( '1e3', false ),
			array( array( '1' ), false ),
		);
	}

	/**
	 * An address of Box's web app stands for what it leads to; whatever is not clearly one is refused in a sentence.
	 *
	 * @dataProvider addresses
	 *
	 * @param string $resource What the element shows.
	 * @param string $text     What the author has written.
	 * @param string $expected The id, or words of the refusal.
	 */
	public function test_addresses( string $resource, string $text, string $expected ): void {
		$element = 'file' === $resource ? 'preview' : 'explorer';
		$widget  = Widget::from_attributes( $element, array( $resource => $text ) );
		$html    = do_shortcode( sprintf( '[box_%1$s %2$s="%3$s"]', $element, $resource, $text ) );
		if ( ctype_digit( $expected ) ) {
			$this->assertSame( $expected, $widget->id ?? null );
			$this->assertStringContainsString( 'data-widget', $html );
		} else {
			$this->assertNull( $widget );
			$this->assertStringNotContainsString( 'data-widget', $html );
			$this->assertStringContainsString( $expected, $html );
		}
	}

	/**
	 * Data, the same as for the editor.
	 *
	 * @return array<int, array{string, string, string}>
	 */
	public function addresses(): array {
		return json_decode( (string) file_get_contents( dirname( __DIR__ ) . '/addresses.json' ), true );
	}

	/**
	 * Paths below a folder, those that the sidecar would not take, and those of a shortcode as editors write it.
	 *
	 * @dataProvider paths
	 *
	 * @param mixed $path  The attribute.
	 * @param bool  $valid Whether it is a path.
	 */
	public function test_paths( $path, bool $valid ): void {
		foreach ( array( 'explorer', 'uploader', 'picker' ) as $element ) {
			$widget = Widget::from_attributes( $element, array( 'path' => $path ) );
			$this->assertSame( $valid ? $path : null, $widget->path ?? null );
		}
		$this->assertSame( $valid, false !== strpos( Widgets::html( 'explorer', array( 'path' => $path ) ), 'data-widget' ) );
		$this->assertNull( Widget::from_attributes( 'preview', array( 'file' => '7', 'path' => 'x' ) ) );
	}

	/**
	 * Data.
	 *
	 * @return array<int, array{mixed, bool}>
	 */
	public function paths(): array {
		return array(
			array( '', true ),
			array( 'Receipts', true ),
			array( 'Receipts/2026', true ),
			array( '経費/東京 支店', true ),
			array( 'R&D/"x" <y>', true ),
			array( '.../a.', true ),
			array( implode( '/', range( 'a', 'h' ) ), true ),
			array( implode( '/', range( 'a', 'i' ) ), false ),
			array( str_repeat( 'é', 255 ), true ),
			array( str_repeat( 'é', 256 ), false ),
			array( implode( '/', array_fill( 0, 3, str_repeat( 'x', 200 ) ) ), false ),
			array( '/Receipts', false ),
			array( 'Receipts/', false ),
			array( 'a//b', false ),
			array( '..', false ),
			array( 'a/../b', false ),
			array( './a', false ),
			array( ' a', false ),
			array( 'a /b', false ),
			array( "a\u{a0}", false ),
			array( "\u{3000}a", false ),
			array( 'a\\b', false ),
			array( "a\n", false ),
			array( "a\nb", false ),
			array( "a\0", false ),
			array( "a\u{85}b", false ),
			array( "a\u{2028}b", false ),
			array( "a\xffb", false ),
			array( 7, false ),
			array( array( 'a' ), false ),
		);
	}

	/**
	 * A path is never lost on its way: without it the widget would show the folder above, a root even.
	 */
	public function test_path_stays(): void {
		$widget = Widget::from_attributes( 'picker', array( 'path' => 'Receipts/2026' ) );
		$this->assertSame( 'Receipts/2026', $widget->with_scopes( array() )->path );
		$this->assertSame( 'Receipts/2026', Widget::from_array( $widget->to_array() )->path );
		$this->assertSame( 'Receipts/2026', Descriptor::verify( Descriptor::sign( $widget ) )->path );
		$this->assertArrayNotHasKey( 'path', Widget::from_attributes( 'picker', array() )->to_array() );
		preg_match( '/data-widget="([^"]+)"/', do_shortcode( '[box_explorer path="R&amp;D/It’s"]' ), $found );
		$this->assertSame( 'R&D/It’s', Descriptor::verify( $found[1] )->path );
		$this->assertStringContainsString( 'no folder path', do_shortcode( '[box_explorer path="/Receipts"]' ) );
		$this->assertStringContainsString( 'A preview shows a file', do_shortcode( '[box_preview file="7" path="Receipts"]' ) );
	}

	/**
	 * Names of permissions, Box's and short ones; what an element does not know is not granted.
	 */
	public function test_permissions(): void {
		$scopes = static function ( string $element, $can ) {
			return Widget::from_attributes( $element, array( 'can' => $can ) )->scopes;
		};
		$this->assertSame( array( 'item_download', 'item_upload' ), $scopes( 'explorer', 'upload, download' ) );
		$this->assertSame( array( 'item_delete' ), $scopes( 'explorer', array( 'item_delete', 'base_explorer', 'root_readwrite' ) ) );
		$this->assertSame( array(), $scopes( 'explorer', '' ) );
		$this->assertSame( array(), $scopes( 'uploader', 'upload,download,delete' ) );
		$this->assertSame( array( 'item_share' ), $scopes( 'picker', 'share,delete' ) );
		$this->assertSame( array( 'item_preview', 'item_download' ), Widget::from_attributes( 'explorer', array() )->scopes );
	}

	/**
	 * A preview needs its file.
	 */
	public function test_preview_without_file(): void {
		$this->assertNull( Widget::from_attributes( 'preview', array() ) );
		$this->assertNull( Widget::from_attributes( 'preview', array( 'file' => '0' ) ) );
		$this->assertStringNotContainsString( 'data-widget', do_shortcode( '[box_preview]' ) );
	}

	/**
	 * Nothing that an author writes gets out of the attribute that it is written into.
	 */
	public function test_markup_is_escaped(): void {
		foreach ( array( '"><script>alert(1)</script>', "'onmouseover='x", '600px;background:url(//evil)' ) as $evil ) {
			$html = Widgets::html( 'explorer', array( 'height' => $evil ) ) . Widgets::html(
				'picker',
				array(
					'extensions' => $evil,
					'type'       => $evil,
					'can'        => $evil,
					'max'        => $evil,
				)
			);
			$this->assertStringNotContainsString( '<script', $html );
			$this->assertStringNotContainsString( 'onmouseover', $html );
			$this->assertStringNotContainsString( 'evil', $html );
		}
	}

	/**
	 * Height is bounded.
	 */
	public function test_height(): void {
		$this->assertStringContainsString( 'height:600px', Widgets::html( 'explorer', array() ) );
		$this->assertStringContainsString( 'height:450px', Widgets::html( 'explorer', array( 'height' => '450px' ) ) );
		$this->assertStringContainsString( 'height:200px', Widgets::html( 'explorer', array( 'height' => '-1' ) ) );
		$this->assertStringContainsString( 'height:2000px', Widgets::html( 'explorer', array( 'height' => '1e9' ) ) );
	}

	/**
	 * The template tag prints what the shortcode prints, and nothing for an element that there is not.
	 */
	public function test_template_tag(): void {
		ob_start();
		widgets_for_box(
			'explorer',
			array(
				'folder' => '7',
				'can'    => 'download',
			)
		);
		widgets_for_box( 'carousel' );
		$this->assertSame( do_shortcode( '[box_explorer folder="7" can="download"]' ), ob_get_clean() );
	}

	/**
	 * Each WordPress language finds the Elements' own.
	 *
	 * @dataProvider locales
	 *
	 * @param string $wordpress A WordPress locale.
	 * @param string $elements  An Elements locale.
	 */
	public function test_locales( string $wordpress, string $elements ): void {
		$this->assertSame( $elements, Elements::locale( $wordpress ) );
	}

	/**
	 * Data.
	 *
	 * @return array<int, array{string, string}>
	 */
	public function locales(): array {
		return array(
			array( 'en_US', 'en-US' ),
			array( 'en_GB', 'en-GB' ),
			array( 'de_DE_formal', 'de-DE' ),
			array( 'de_CH', 'de-DE' ),
			array( 'ja', 'ja-JP' ),
			array( 'fr_CA', 'fr-CA' ),
			array( 'fr_BE', 'fr-FR' ),
			array( 'es_MX', 'es-ES' ),
			array( 'pt_BR', 'pt-BR' ),
			array( 'zh_TW', 'zh-TW' ),
			array( 'zh_CN', 'zh-CN' ),
			array( 'eo', 'en-US' ),
		);
	}

	/**
	 * The policy names every host that the settings name, and allows neither inline scripts nor eval.
	 */
	public function test_content_security_policy(): void {
		update_option(
			'widgets_for_box',
			array(
				'api_host'     => 'https://api.example.com',
				'elements_url' => 'https://elements.example.com/x/{file}',
			)
		);
		$policy = widgets_for_box_csp( array( 'script-src' => "'nonce-abc'" ) );
		$this->assertMatchesRegularExpression( "#script-src 'self' https://elements.example.com https://cdn01.boxcdn.net 'nonce-abc';#", $policy );
		$this->assertMatchesRegularExpression( '#connect-src [^;]*https://api.example.com#', $policy );
		$this->assertStringNotContainsString( 'unsafe-eval', $policy );
		$this->assertDoesNotMatchRegularExpression( "#script-src [^;]*'unsafe-inline'#", $policy );
	}

	/**
	 * A post that a scheduled job sends by mail links to its page.
	 */
	public function test_link_in_mails(): void {
		$this->assertStringContainsString( '<noscript>', Widgets::html( 'explorer', array() ) );
		add_filter( 'wp_doing_cron', '__return_true' );
		$html = Widgets::html( 'explorer', array() );
		$this->assertStringNotContainsString( 'JavaScript', $html );
		$this->assertMatchesRegularExpression( '#<a href="http[^"]+">Open the page#', $html );
	}

	/**
	 * What the caller adds stands in the policy, whether or not the widgets need that directive.
	 */
	public function test_content_security_policy_keeps_what_is_added(): void {
		$policy     = widgets_for_box_csp(
			array(
				'frame-ancestors'           => "'self'",
				'Base-URI'                  => array( "'none'" ),
				'script-src'                => array( "'nonce-abc'", 'https://cdn.example.com' ),
				'Connect-Src'               => 'https://metrics.example.com',
				'upgrade-insecure-requests' => array(),
				'block-all-mixed-content'   => '',
			)
		);
		$directives = array();
		foreach ( explode( '; ', $policy ) as $directive ) {
			list( $name, $sources ) = explode( ' ', $directive, 2 ) + array( 1 => '' );
			$this->assertArrayNotHasKey( $name, $directives, 'Browsers ignore a second one.' );
			$directives[ $name ] = $sources;
		}
		$this->assertSame( "'self'", $directives['frame-ancestors'] );
		$this->assertSame( "'none'", $directives['base-uri'] );
		$this->assertSame( '', $directives['upgrade-insecure-requests'] );
		$this->assertSame( '', $directives['block-all-mixed-content'] );
		$this->assertStringEndsWith( " 'nonce-abc' https://cdn.example.com", $directives['script-src'] );
		$this->assertStringEndsWith( ' https://metrics.example.com', $directives['connect-src'] );
		$this->assertStringStartsWith( "'self' ", $directives['connect-src'] );
		$this->assertSame( "'self'", $directives['default-src'] );
	}
}
