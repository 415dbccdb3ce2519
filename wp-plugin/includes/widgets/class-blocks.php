<?php
/**
 * Blocks and shortcodes.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

defined( 'ABSPATH' ) || exit;

/**
 * The ways in which an author places a widget.
 *
 * @since 0.1.0
 */
final class Blocks {

	/**
	 * Registers blocks and shortcodes.
	 *
	 * @internal Callback of `init`.
	 * @since 0.1.0
	 */
	public static function register(): void {
		foreach ( array_keys( Elements::CATALOGUE ) as $element ) {
			register_block_type(
				plugin_dir_path( FILE ) . 'blocks/' . $element,
				array(
					'render_callback' => static function ( $attributes ) use ( $element ) {
						return Widgets::block( $element, $attributes );
					},
				)
			);
			add_shortcode(
				'box_' . $element,
				static function ( $attributes ) use ( $element ) {
					return Widgets::html( $element, (array) $attributes );
				}
			);
		}
	}
}
