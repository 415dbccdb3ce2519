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
		$folder = plugin_dir_path( FILE ) . 'blocks';
		if ( function_exists( 'wp_register_block_metadata_collection' ) ) {
			// From WordPress 6.7 on: one compiled file, in place of four that are read and parsed in each request.
			wp_register_block_metadata_collection( $folder, $folder . '/blocks-manifest.php' );
		}
		add_filter( 'block_categories_all', array( self::class, 'add_category' ) );
		foreach ( array_keys( Elements::CATALOGUE ) as $element ) {
			register_block_type(
				$folder . '/' . $element,
				array(
					'render_callback' => static function ( $attributes ) use ( $element ) {
						return Widgets::block( $element, $attributes );
					},
				)
			);
			add_shortcode(
				'box_' . $element,
				static function ( $attributes ) use ( $element ) {
					$attributes = (array) $attributes;
					if ( isset( $attributes['path'] ) ) {
						// Editors write an ampersand as HTML does.
						$attributes['path'] = wp_specialchars_decode( $attributes['path'] );
					}
					return Widgets::html( $element, $attributes );
				}
			);
		}
	}
	/**
	 * The place of the blocks in the inserter.
	 *
	 * @internal Callback of `block_categories_all`.
	 * @since 0.1.0
	 *
	 * @param array<int, array<string, mixed>> $categories Categories so far.
	 * @return array<int, array<string, mixed>>
	 */
	public static function add_category( $categories ) {
		$categories[] = array(
			'slug'  => 'widgets-for-box',
			'title' => __( 'Box files', 'widgets-for-box' ),
			'icon'  => null,
		);
		return $categories;
	}
}
