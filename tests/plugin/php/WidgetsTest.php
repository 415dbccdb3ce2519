<?php
/**
 * Tests of what attributes become.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox\Tests;

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
