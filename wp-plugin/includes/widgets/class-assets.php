<?php
/**
 * Scripts and style sheets.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

use WP_Scripts;
use WP_Styles;

defined( 'ABSPATH' ) || exit;

/**
 * What the browser loads for a widget, and when it learns of it.
 *
 * @since 0.1.0
 */
final class Assets {

	const HANDLE = 'widgets-for-box';

	/**
	 * The scripts of a page with widgets, each after those that it needs; the last one is HANDLE.
	 */
	const SCRIPTS = array(
		self::HANDLE . '-tokens'   => 'tokens',
		self::HANDLE . '-elements' => 'elements',
		self::HANDLE               => 'loader',
	);

	/**
	 * The script of pages with a picker; it hears events, and so needs no other.
	 */
	const PICKER = self::HANDLE . '-picker';

	/**
	 * The scripts of the block editor, each after those that it needs.
	 */
	const EDITOR_SCRIPTS = array( 'editor-addresses', 'editor-display', 'editor-transforms', 'editor-variations', 'editor-drawings', 'editor-view', 'editor' );

	/**
	 * Registers scripts, as soon as a request needs any: most REST requests need none.
	 *
	 * @internal Callback of `wp_default_scripts`.
	 * @since 0.1.0
	 *
	 * @param WP_Scripts $scripts WordPress's scripts.
	 */
	public static function register_scripts( $scripts ): void {
		$needed = array();
		foreach ( self::SCRIPTS as $handle => $file ) {
			$scripts->add( $handle, plugins_url( "assets/$file.js", FILE ), $needed, VERSION, 1 );
			$scripts->add_data( $handle, 'strategy', 'defer' );
			$needed = array( $handle );
		}
		$scripts->add( self::PICKER, plugins_url( 'assets/picker.js', FILE ), array(), VERSION, 1 );
		$scripts->add_data( self::PICKER, 'strategy', 'defer' );
		$needed = array( 'wp-api-fetch', 'wp-block-editor', 'wp-blocks', 'wp-components', 'wp-data', 'wp-element', 'wp-i18n', 'wp-notices', 'wp-shortcode', self::HANDLE );
		foreach ( self::EDITOR_SCRIPTS as $file ) {
			$handle = self::HANDLE . '-' . $file;
			$scripts->add( $handle, plugins_url( "assets/$file.js", FILE ), $needed, VERSION, 1 );
			$scripts->set_translations( $handle, 'widgets-for-box', plugin_dir_path( FILE ) . 'languages' );
			$needed = array( $handle );
		}
	}

	/**
	 * Registers style sheets.
	 *
	 * @internal Callback of `wp_default_styles`.
	 * @since 0.1.0
	 *
	 * @param WP_Styles $styles WordPress's style sheets.
	 */
	public static function register_styles( $styles ): void {
		$styles->add( self::HANDLE, plugins_url( 'assets/widgets.css', FILE ), array(), VERSION );
		$styles->add( self::HANDLE . '-editor', plugins_url( 'assets/editor.css', FILE ), array( self::HANDLE ), VERSION );
	}

	/**
	 * Whether the page being shown has a widget in its own content.
	 */
	private static function is_on_page(): bool {
		$post = is_singular() ? get_post() : null;
		return $post && preg_match( '/<!-- wp:widgets-for-box\/|\[box_(explorer|uploader|picker|preview)\b/', $post->post_content );
	}

	/**
	 * Whether a widget of that content loads without being asked to.
	 */
	private static function loads_by_itself(): bool {
		preg_match_all( '/<!-- wp:widgets-for-box\/.*?-->|\[box_(?:explorer|uploader|picker|preview)\b[^\]]*/s', self::is_on_page() ? get_post()->post_content : '', $widgets );
		return '' === Usage::brake() && array() !== preg_grep( '/load"?[:=]["\' ]*click\b/i', $widgets[0], PREG_GREP_INVERT );
	}

	/**
	 * Puts the style sheet into the head where the widget can be foreseen.
	 *
	 * @internal Callback of `wp_enqueue_scripts`.
	 * @since 0.1.0
	 */
	public static function enqueue_early(): void {
		if ( self::is_on_page() ) {
			wp_enqueue_style( self::HANDLE );
		}
	}

	/**
	 * Lets the browser open its connections early.
	 *
	 * @internal Callback of `wp_resource_hints`.
	 * @since 0.1.0
	 *
	 * @param array<int, mixed> $urls     URLs so far.
	 * @param string            $relation Kind of hint.
	 * @return array<int, mixed>
	 */
	public static function preconnect( $urls, $relation ) {
		if ( 'preconnect' === $relation && self::loads_by_itself() ) {
			$urls[] = Elements::url();
			// The API is called with CORS, so on a connection of its own.
			$urls[] = array(
				'href'        => Settings::get( 'api_host' ),
				'crossorigin' => 'anonymous',
			);
		}
		return $urls;
	}

	/**
	 * Defers the scripts where WordPress knows no strategies, and leaves alone what others attach to it.
	 *
	 * @internal Callback of `script_loader_tag`.
	 * @since 0.1.0
	 *
	 * @param string $tag    The script's markup, inline scripts included.
	 * @param string $handle Its handle.
	 * @param string $src    Its address.
	 * @return string
	 */
	public static function defer( $tag, $handle, $src ) {
		$own = " src='$src' id='$handle-js'";
		return isset( self::SCRIPTS[ $handle ] ) || self::PICKER === $handle ? str_replace( $own, ' defer' . $own, $tag ) : $tag;
	}

	/**
	 * Script and style of the plugin's places in the admin area.
	 *
	 * @since 0.1.0
	 */
	public static function enqueue_admin(): void {
		wp_enqueue_style( self::HANDLE . '-admin', plugins_url( 'assets/admin.css', FILE ), array(), VERSION );
		wp_enqueue_script( self::HANDLE . '-admin', plugins_url( 'assets/admin.js', FILE ), array( 'wp-api-fetch', 'wp-i18n' ), VERSION, true );
		wp_set_script_translations( self::HANDLE . '-admin', 'widgets-for-box', plugin_dir_path( FILE ) . 'languages' );
	}
}
