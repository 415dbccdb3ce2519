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
	 * What marks a widget in a post's text.
	 */
	const MARKS = array( '<!-- wp:widgets-for-box/', '[box_explorer', '[box_uploader', '[box_picker', '[box_preview' );

	/**
	 * Whether a text has a widget.
	 *
	 * @since 0.1.0
	 *
	 * @param string $content Of a post, as it is stored.
	 */
	public static function are_in( string $content ): bool {
		foreach ( self::MARKS as $mark ) {
			if ( false !== strpos( $content, $mark ) ) {
				return true;
			}
		}
		return false;
	}

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
					'render_callback' => static function ( $attributes, $content, $block ) use ( $element ) {
						return Widgets::block( $element, self::bound( $element, $attributes, $block ) );
					},
				)
			);
			add_filter(
				"block_bindings_supported_attributes_widgets-for-box/$element",
				static function ( $supported ) use ( $element ) {
					$supported[] = Elements::CATALOGUE[ $element ]['resource'];
					return $supported;
				}
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
	 * A block's attributes with the folder or file that it is bound to, such as to a field of its post.
	 *
	 * A source that says nothing names none. The block must not show the folder of its own attribute then, which is
	 * each visitor's root unless something else was chosen.
	 *
	 * @param string               $element    A key of Elements::CATALOGUE.
	 * @param array<string, mixed> $attributes Of the block.
	 * @param \WP_Block            $block      The block.
	 * @return array<string, mixed>
	 */
	private static function bound( string $element, array $attributes, $block ): array {
		$resource = Elements::CATALOGUE[ $element ]['resource'];
		$binding  = $attributes['metadata']['bindings'][ $resource ] ?? null;
		$named    = is_array( $binding ) && is_string( $binding['source'] ?? null ) ? $binding['source'] : '';
		// An override in a pattern's copy is in the attribute already; where there is none, the pattern's own stays.
		if ( null !== $binding && 'core/pattern-overrides' !== $named ) {
			$source = function_exists( 'get_block_bindings_source' ) ? get_block_bindings_source( $named ) : null;
			$value  = $source ? $source->get_value( (array) ( $binding['args'] ?? array() ), $block, $resource ) : null;

			$attributes[ $resource ] = is_scalar( $value ) ? (string) $value : '';
		}
		return $attributes;
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
