<?php
/**
 * The markup of widgets.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

defined( 'ABSPATH' ) || exit;

/**
 * What blocks, shortcodes and the template tag print.
 *
 * Rendering makes no call to anyone, and prints the same for every visitor: the loader in the browser
 * finds out who is there.
 *
 * @since 0.1.0
 */
final class Widgets {

	/**
	 * Heights in pixels.
	 */
	const MIN_HEIGHT     = 200;
	const MAX_HEIGHT     = 2000;
	const DEFAULT_HEIGHT = 600;

	/**
	 * Names of form fields, without the brackets at the end that make a list of them.
	 */
	const FIELD = '/^[A-Za-z][\w.:-]*(\[[\w.:-]+\])*$/D';

	/**
	 * The markup of a widget outside the block editor: shortcode and template tag.
	 *
	 * @since 0.1.0
	 *
	 * @param string               $element    A key of Elements::CATALOGUE.
	 * @param array<string, mixed> $attributes See widgets_for_box().
	 */
	public static function html( string $element, array $attributes ): string {
		$wrapper = '';
		foreach ( self::wrapper( $element, $attributes ) as $name => $value ) {
			$wrapper .= sprintf( ' %s="%s"', $name, esc_attr( $value ) );
		}
		return self::render( $element, $attributes, ltrim( $wrapper ) );
	}

	/**
	 * The markup of a block.
	 *
	 * @since 0.1.0
	 *
	 * @param string               $element    A key of Elements::CATALOGUE.
	 * @param array<string, mixed> $attributes Of the block.
	 */
	public static function block( string $element, array $attributes ): string {
		return self::render( $element, $attributes, get_block_wrapper_attributes( self::wrapper( $element, $attributes ) ) );
	}

	/**
	 * Attributes of the container.
	 *
	 * @param string               $element    A key of Elements::CATALOGUE.
	 * @param array<string, mixed> $attributes Of a block or a shortcode.
	 * @return array{class: string, style: string, id?: string}
	 */
	private static function wrapper( string $element, array $attributes ): array {
		$height = (int) ( $attributes['height'] ?? self::DEFAULT_HEIGHT );
		$height = max( self::MIN_HEIGHT, min( self::MAX_HEIGHT, $height ) );
		$anchor = $attributes['anchor'] ?? '';
		return array(
			'class' => 'widgets-for-box widgets-for-box-' . $element,
			'style' => 'height:' . $height . 'px',
		) + ( is_string( $anchor ) && '' !== $anchor ? array( 'id' => $anchor ) : array() );
	}

	/**
	 * A widget's container.
	 *
	 * @param string               $element    A key of Elements::CATALOGUE.
	 * @param array<string, mixed> $attributes Of a block or a shortcode.
	 * @param string               $wrapper    Attributes of the container, escaped.
	 */
	private static function render( string $element, array $attributes, string $wrapper ): string {
		wp_enqueue_style( Assets::HANDLE );
		$widget = Widget::from_attributes( $element, $attributes );
		if ( null === $widget ) {
			return sprintf(
				'<div class="widgets-for-box-empty"><p>%s</p></div>',
				esc_html( Folder_Path::refusal( $element, $attributes ) ?? self::refusal( $element, $attributes[ Elements::CATALOGUE[ $element ]['resource'] ] ?? '' ) )
			);
		}
		if ( is_feed() ) {
			return self::link();
		}
		wp_enqueue_script( Assets::HANDLE );
		if ( 'picker' === $element ) {
			wp_enqueue_script( Assets::PICKER );
			$wrapper .= self::field( $attributes, $widget );
		}
		$title = is_scalar( $attributes['title'] ?? '' ) ? sanitize_text_field( (string) ( $attributes['title'] ?? '' ) ) : '';
		if ( '' !== $title ) {
			// Its author's words stay in its author's language.
			$wrapper .= ' data-titled';
		}
		if ( is_string( $attributes['load'] ?? null ) && 'click' === strtolower( trim( $attributes['load'] ) ) ) {
			$wrapper .= ' data-load="click"';
		}
		return sprintf(
			'<div %1$s data-widget="%2$s" role="group" aria-label="%3$s">%4$s</div>',
			$wrapper,
			esc_attr( Descriptor::sign( $widget ) ),
			esc_attr( '' === $title ? self::label( $element ) : $title ),
			// What shows a REST answer, or a post mailed by a scheduled job, has no loader, or gets it from the page around it.
			defined( 'REST_REQUEST' ) || wp_doing_cron() ? self::link() : '<noscript><p>' . esc_html__( 'Please turn on JavaScript to see your Box files here.', 'widgets-for-box' ) . '</p></noscript>'
		);
	}

	/**
	 * How the choice of a picker becomes part of the form around it, as attributes of the container.
	 *
	 * @param array<string, mixed> $attributes Of a block or a shortcode.
	 * @param Widget               $widget     The picker.
	 */
	private static function field( array $attributes, Widget $widget ): string {
		$name  = $attributes['name'] ?? '';
		$field = is_string( $name ) && preg_match( self::FIELD, $name ) ? sprintf( ' data-name="%s"', esc_attr( $name ) ) : '';
		return $field . ( empty( $widget->options['max'] ) ? '' : sprintf( ' data-max="%d"', $widget->options['max'] ) );
	}

	/**
	 * Why a widget shows nothing.
	 *
	 * @param string $element A key of Elements::CATALOGUE.
	 * @param mixed  $named   What its author has named.
	 */
	private static function refusal( string $element, $named ): string {
		$named = is_scalar( $named ) ? (string) $named : '';
		if ( '' === $named ) {
			return 'preview' === $element ? __( 'No Box file was chosen for this preview.', 'widgets-for-box' ) : __( 'No Box folder was chosen for this widget.', 'widgets-for-box' );
		}
		return Box_Address::refusal( $element, $named );
	}

	/**
	 * What stands for a widget where no scripts run: a link to the page that it is on.
	 */
	private static function link(): string {
		$page = get_permalink();
		return sprintf( '<p><a href="%1$s">%2$s</a></p>', esc_url( $page ? $page : home_url( '/' ) ), esc_html__( 'Open the page to see your Box files.', 'widgets-for-box' ) );
	}

	/**
	 * A widget's name for assistive technology, unless its author has given it one.
	 *
	 * @since 0.1.0
	 *
	 * @param string $element A key of Elements::CATALOGUE.
	 */
	public static function label( string $element ): string {
		$labels = array(
			'explorer' => __( 'Box files', 'widgets-for-box' ),
			'uploader' => __( 'Upload to Box', 'widgets-for-box' ),
			'picker'   => __( 'Choose from Box', 'widgets-for-box' ),
			'preview'  => __( 'Preview of a Box file', 'widgets-for-box' ),
		);
		return $labels[ $element ];
	}
}
