<?php
/**
 * How an Element looks and begins.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

defined( 'ABSPATH' ) || exit;

/**
 * The options of Box UI Elements that authors may choose, under the names that shortcodes and blocks have for them.
 *
 * A descriptor carries those that differ from the Element's own; `OPTIONS` in options.js says what Box calls each.
 * None of them allows anything: that is what scopes are for.
 *
 * @since 0.1.0
 */
final class Options {

	/**
	 * For each element the names that it knows.
	 */
	const ALL = array(
		'explorer' => array( 'view', 'sort', 'order', 'logo' ),
		'uploader' => array( 'folders', 'limit' ),
		'picker'   => array( 'type', 'max', 'extensions', 'sort', 'order', 'choose', 'cancel', 'logo' ),
		'preview'  => array( 'logo' ),
	);

	/**
	 * Files at once, of a picker or an uploader.
	 */
	const MOST_FILES = 1000;

	/**
	 * Characters of a button's text, and of the address of a logo.
	 */
	const LONGEST_TEXT    = 30;
	const LONGEST_ADDRESS = 300;

	/**
	 * Pictures that browsers show.
	 */
	const PICTURE = '/^(?!.*(?:\.|%2e){2})[^?#\s"\'<>\\\\]+\.(avif|gif|jpe?g|png|svg|webp)$/Di';

	/**
	 * The options that attributes choose. What makes no sense is left out, and the Element does what it does by itself.
	 *
	 * @since 0.1.0
	 *
	 * @param string               $element    A key of Elements::CATALOGUE.
	 * @param array<string, mixed> $attributes Of a block or a shortcode, so by anyone who may write a post.
	 * @param string               $id         Id of the folder or file that is shown.
	 * @return array<string, mixed>
	 */
	public static function from_attributes( string $element, array $attributes, string $id ): array {
		$options = array();
		foreach ( self::ALL[ $element ] as $name ) {
			$options[ $name ] = self::value( $name, $attributes[ $name ] ?? '', $id );
		}
		return array_filter(
			$options,
			static function ( $value ): bool {
				return null !== $value;
			}
		);
	}

	/**
	 * One option.
	 *
	 * @param string $name  Its name.
	 * @param mixed  $named What the author has written.
	 * @param string $id    Id of the folder or file that is shown.
	 * @return string|int|bool|string[]|null Null for the Element's own.
	 */
	private static function value( string $name, $named, string $id ) {
		$text = is_scalar( $named ) ? trim( (string) $named ) : '';
		switch ( $name ) {
			case 'view':
				// Box lists a person's recent files wherever they are: a widget for one folder must not.
				return '0' === $id && 'recents' === strtolower( $text ) ? 'recents' : null;
			case 'sort':
				return in_array( strtolower( $text ), array( 'name', 'date', 'size' ), true ) ? strtolower( $text ) : null;
			case 'order':
				return in_array( strtoupper( $text ), array( 'ASC', 'DESC' ), true ) ? strtoupper( $text ) : null;
			case 'folders':
				return filter_var( $text, FILTER_VALIDATE_BOOLEAN ) ? true : null;
			case 'limit':
				return self::number( $text ) > 0 ? self::number( $text ) : null;
			case 'max':
				return self::number( $text );
			case 'type':
				$types = array_intersect( array( 'file', 'folder', 'web_link' ), wp_parse_list( $named ) );
				return $types ? implode( ',', $types ) : 'file,web_link';
			case 'extensions':
				return self::extensions( $named );
			case 'logo':
				return self::logo( $text );
			default:
				$text = mb_substr( sanitize_text_field( $text ), 0, self::LONGEST_TEXT );
				return '' === $text ? null : $text;
		}
	}

	/**
	 * A number of files; 0 for any.
	 *
	 * @param string $text What the author has written.
	 */
	private static function number( string $text ): int {
		return max( 0, min( self::MOST_FILES, (int) $text ) );
	}

	/**
	 * File name extensions, without dots.
	 *
	 * @param mixed $named What the author has written.
	 * @return string[]
	 */
	private static function extensions( $named ): array {
		$extensions = array();
		foreach ( array_slice( wp_parse_list( $named ), 0, 50 ) as $extension ) {
			$extensions[] = substr( sanitize_key( $extension ), 0, 12 );
		}
		return array_values( array_filter( $extensions ) );
	}

	/**
	 * The address of a picture in this site's own media library: nobody else learns who looks at the page.
	 *
	 * @param string $named What the author has written.
	 * @return string|null Empty for none, null for Box's.
	 */
	private static function logo( string $named ): ?string {
		if ( '' === $named ) {
			return null;
		}
		if ( 'none' === strtolower( $named ) ) {
			return '';
		}
		$library = set_url_scheme( trailingslashit( wp_get_upload_dir()['baseurl'] ), 'https' );
		$address = set_url_scheme( $named, 'https' );
		$inside  = strlen( $named ) <= self::LONGEST_ADDRESS && 0 === strpos( $address, $library )
			&& preg_match( self::PICTURE, substr( $address, strlen( $library ) ) );
		return $inside ? esc_url_raw( set_url_scheme( $named ) ) : null;
	}
}
