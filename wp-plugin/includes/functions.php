<?php
/**
 * Functions for themes.
 *
 * @package WidgetsForBox
 */

defined( 'ABSPATH' ) || exit;

if ( ! function_exists( 'widgets_for_box' ) ) {
	/**
	 * Prints a widget, as the shortcodes do.
	 *
	 * @since 0.1.0
	 *
	 * @param string               $element    `explorer`, `uploader`, `picker` or `preview`.
	 * @param array<string, mixed> $attributes {
	 *     Optional but for `file`.
	 *
	 *     @type string          $folder     Id or address of the folder, `'0'` for the person's own root. Not for `preview`.
	 *     @type string          $path       Names of folders below it, such as `'Receipts/2026'`. Not for `preview`.
	 *     @type string          $file       Id or address of the file. Only for `preview`.
	 *     @type string|string[] $can        What visitors may do, such as `'preview,download,upload'`.
	 *     @type int             $height     Height in pixels, 200 to 2000.
	 *     @type string|string[] $type       What a picker offers: `file`, `folder`, `web_link`.
	 *     @type int             $max        How many items a picker lets people choose; 0 for any number.
	 *     @type string|string[] $extensions File name extensions that a picker offers.
	 *     @type string          $name       Name of the form fields that hold what was chosen in a picker.
	 *     @type string          $title      The widget's name for screen readers.
	 *     @type string|int|bool ...$options  `view`, `sort`, `order`, `folders`, `limit`, `choose`, `cancel`, `logo`: see Options.
	 * }
	 */
	function widgets_for_box( string $element, array $attributes = array() ): void {
		if ( isset( WidgetsForBox\Elements::CATALOGUE[ $element ] ) ) {
			echo WidgetsForBox\Widgets::html( $element, $attributes ); // phpcs:ignore WordPress.Security.EscapeOutput.OutputNotEscaped -- Escaped where it is made.
		}
	}
}

if ( ! function_exists( 'widgets_for_box_csp' ) ) {
	/**
	 * The sources that pages with widgets need, as the value of a Content-Security-Policy header, for
	 * servers that send one: `header( 'Content-Security-Policy: ' . widgets_for_box_csp() )`.
	 *
	 * @since 0.1.0
	 *
	 * @param array<string, string|string[]> $sources Further directives and sources, such as
	 *                                                `array( 'script-src' => "'nonce-…'", 'frame-ancestors' => "'self'" )`.
	 */
	function widgets_for_box_csp( array $sources = array() ): string {
		return WidgetsForBox\Content_Security_Policy::header( $sources );
	}
}
