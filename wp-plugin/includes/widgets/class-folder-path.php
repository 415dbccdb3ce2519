<?php
/**
 * Paths below a folder.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

use WP_Error;

defined( 'ABSPATH' ) || exit;

/**
 * Names of folders below the one that a widget shows, such as `Receipts/2026`. Ids are unique to the enterprise, so names
 * are the only way to each person's own subfolder.
 *
 * The sidecar looks them up as the person. What it would not take is refused here already, while its author looks;
 * assets/editor-addresses.js reads the same in the editor.
 *
 * @since 0.1.0
 */
final class Folder_Path {

	/**
	 * One to eight names as Box takes them: none empty, blank at an end, `.` or `..`, none with a backslash or a control.
	 */
	const PATTERN = '~^(?!.*[\p{Cc}\p{Zl}\p{Zp}\\\\])((?!\.{1,2}(/|$)|[\s\p{Z}])[^/]{1,255}(?<![\s\p{Z}])(/(?!$)|$)){1,8}$~Dsu';

	/**
	 * Characters of a whole path.
	 */
	const MAX_LENGTH = 512;

	/**
	 * The path that a value is.
	 *
	 * @since 0.1.0
	 *
	 * @param string $element A key of Elements::CATALOGUE.
	 * @param mixed  $value   An attribute, or a part of a descriptor.
	 * @return string|null Empty for none; null if it is no path, or the element has none.
	 */
	public static function of( string $element, $value ): ?string {
		if ( null === $value || '' === $value ) {
			return '';
		}
		$fits = is_string( $value ) && mb_strlen( $value ) <= self::MAX_LENGTH && preg_match( self::PATTERN, $value );
		return $fits && 'folder' === Elements::CATALOGUE[ $element ]['resource'] ? $value : null;
	}

	/**
	 * Why attributes make no widget, as far as their path is the reason.
	 *
	 * @since 0.1.0
	 *
	 * @param string               $element    A key of Elements::CATALOGUE.
	 * @param array<string, mixed> $attributes Of a block or a shortcode.
	 * @return string|null Null if it is not.
	 */
	public static function refusal( string $element, array $attributes ): ?string {
		if ( null !== self::of( $element, $attributes['path'] ?? '' ) ) {
			return null;
		}
		if ( 'folder' !== Elements::CATALOGUE[ $element ]['resource'] ) {
			return __( 'A preview shows a file, so it has no folder path.', 'widgets-for-box' );
		}
		return __( 'This is no folder path. Write the names of at most eight folders with a slash between two, such as Receipts/2026.', 'widgets-for-box' );
	}

	/**
	 * A failure in the person's words, where it is about a path: they can mend it themselves.
	 *
	 * @since 0.1.0
	 *
	 * @param WP_Error $error The sidecar's.
	 * @param string   $path  The widget's path.
	 */
	public static function explain( WP_Error $error, string $path ): WP_Error {
		if ( '' === $path ) {
			return $error;
		}
		switch ( $error->get_error_code() ) {
			case 'folder_not_found':
				/* translators: %s: names of folders, such as Receipts/2026 */
				$text = __( 'There is no folder “%s” for you in Box yet. Create it there, then try again.', 'widgets-for-box' );
				break;
			case 'path_ambiguous':
				/* translators: %s: names of folders, such as Receipts/2026 */
				$text = __( 'More than one folder in your Box could be “%s”. Rename one of them there, then try again.', 'widgets-for-box' );
				break;
			default:
				return $error;
		}
		return new WP_Error( $error->get_error_code(), sprintf( $text, $path ), $error->get_error_data() );
	}
}
