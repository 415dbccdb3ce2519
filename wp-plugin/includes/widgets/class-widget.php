<?php
/**
 * One widget.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

defined( 'ABSPATH' ) || exit;

/**
 * What a widget shows and what it allows, as its author placed it. A value: it never changes.
 *
 * @since 0.1.0
 */
final class Widget {

	/**
	 * A key of Elements::CATALOGUE.
	 *
	 * @var string
	 */
	public string $element;

	/**
	 * Id of the folder or file that it shows.
	 *
	 * @var string
	 */
	public string $id;

	/**
	 * Box's names of the feature scopes that it grants at most.
	 *
	 * @var string[]
	 */
	public array $scopes;

	/**
	 * How the Element looks and begins: of Options::ALL.
	 *
	 * @var array<string, mixed>
	 */
	public array $options;

	/**
	 * Names of folders below that folder, of which it shows the last; empty if it shows the folder itself.
	 *
	 * @var string
	 */
	public string $path;

	/**
	 * A widget.
	 *
	 * @since 0.1.0
	 *
	 * @param string               $element A key of Elements::CATALOGUE.
	 * @param string               $id      Id of the folder or file.
	 * @param string[]             $scopes  Box's names of feature scopes.
	 * @param array<string, mixed> $options Of Options::ALL.
	 * @param string               $path    Names of folders below that folder.
	 */
	public function __construct( string $element, string $id, array $scopes = array(), array $options = array(), string $path = '' ) {
		$this->element = $element;
		$this->id      = $id;
		$this->scopes  = $scopes;
		$this->options = $options;
		$this->path    = $path;
	}

	/**
	 * The widget that attributes describe.
	 *
	 * @since 0.1.0
	 *
	 * @param string               $element    A key of Elements::CATALOGUE.
	 * @param array<string, mixed> $attributes Of a block or a shortcode, so by anyone who may write a post.
	 * @return self|null Null if they name no folder or file, or have no path where they should.
	 */
	public static function from_attributes( string $element, array $attributes ): ?self {
		$resource = Elements::CATALOGUE[ $element ]['resource'];
		$id       = $attributes[ $resource ] ?? ( 'folder' === $resource ? '0' : '' );
		$id       = is_scalar( $id ) ? Box_Address::id( $element, (string) $id ) : null;
		$path     = Folder_Path::of( $element, $attributes['path'] ?? '' );
		if ( null === $id || null === $path ) {
			return null;
		}
		$can = $attributes['can'] ?? Elements::CATALOGUE[ $element ]['default'];
		return new self(
			$element,
			$id,
			Elements::scopes( $element, wp_parse_list( $can ) ),
			// Whatever is said of a whole root is not said of a folder below it.
			Options::from_attributes( $element, $attributes, '' === $path ? $id : '' ),
			$path
		);
	}

	/**
	 * The widget that a signed text has described, which an older release of the plugin may have signed.
	 *
	 * @since 0.1.0
	 *
	 * @param array<string, mixed> $data As of to_array().
	 * @return self|null Null if it is not known any more, or in another shape.
	 */
	public static function from_array( array $data ): ?self {
		$element = $data['element'] ?? null;
		$scopes  = $data['scopes'] ?? null;
		$options = $data['options'] ?? array();
		if ( ! is_string( $element ) || ! isset( Elements::CATALOGUE[ $element ] ) || ! Elements::is_id( $element, $data['id'] ?? null ) ) {
			return null;
		}
		if ( ! is_array( $scopes ) || array_filter( $scopes, 'is_string' ) !== $scopes ) {
			return null;
		}
		$path = Folder_Path::of( $element, $data['path'] ?? '' );
		if ( null === $path ) {
			return null;
		}
		return new self( $element, $data['id'], Elements::scopes( $element, $scopes ), is_array( $options ) ? $options : array(), $path );
	}

	/**
	 * The widget as data.
	 *
	 * @since 0.1.0
	 *
	 * @return array{element: string, id: string, scopes: string[], path?: string, options?: array<string, mixed>}
	 */
	public function to_array(): array {
		$data = array(
			'element' => $this->element,
			'id'      => $this->id,
			'scopes'  => $this->scopes,
		);
		if ( '' !== $this->path ) {
			$data['path'] = $this->path;
		}
		return $this->options ? $data + array( 'options' => $this->options ) : $data;
	}

	/**
	 * The same widget for somebody who may do less.
	 *
	 * @since 0.1.0
	 *
	 * @param string[] $scopes Box's names of feature scopes.
	 */
	public function with_scopes( array $scopes ): self {
		return new self( $this->element, $this->id, $scopes, $this->options, $this->path );
	}

	/**
	 * Whether it shows a `folder` or a `file`.
	 *
	 * @since 0.1.0
	 */
	public function resource(): string {
		return Elements::CATALOGUE[ $this->element ]['resource'];
	}
}
