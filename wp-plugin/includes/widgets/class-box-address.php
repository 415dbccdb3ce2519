<?php
/**
 * Addresses of Box's web app.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

defined( 'ABSPATH' ) || exit;

/**
 * What authors write to name a folder or file: its id, or the address that their browser shows for it.
 *
 * A wrong id would show another folder. So nothing is guessed: a text that is neither is refused with the reason.
 * assets/editor-addresses.js reads the same in the editor.
 *
 * @since 0.1.0
 */
final class Box_Address {

	/**
	 * Box's web app: `app.box.com`, and companies' own such as `example.app.box.com` and `example.ent.box.com`.
	 */
	const ADDRESS = '~^(?:https?://)?(?:(?:[a-z0-9-]+\.)?(?:app|ent)|[a-z0-9-]+)\.box\.com(/[^?#\s]*)(?:[?#]\S*)?$~iD';

	/**
	 * Paths of a folder's and a file's own page; a shared link names neither to anyone but Box.
	 */
	const PAGE   = '~^/(folder|file)/(0|[1-9]\d{0,19})/?$~D';
	const SHARED = '~^/(?:embed(?:_widget)?/)?[sv]/~';

	/**
	 * The id that a text gives.
	 *
	 * @since 0.1.0
	 *
	 * @param string $element A key of Elements::CATALOGUE.
	 * @param string $text    An id or an address.
	 * @return string|null Null if the text names nothing that the element shows.
	 */
	public static function id( string $element, string $text ): ?string {
		list( $kind, $id ) = self::read( $text );
		if ( null !== $kind ) {
			$text = Elements::CATALOGUE[ $element ]['resource'] === $kind ? $id : '';
		}
		return Elements::is_id( $element, $text ) ? $text : null;
	}

	/**
	 * Why a text gives no id, in a sentence for whoever wrote it.
	 *
	 * @since 0.1.0
	 *
	 * @param string $element A key of Elements::CATALOGUE.
	 * @param string $text    An id or an address that id() has refused.
	 */
	public static function refusal( string $element, string $text ): string {
		$file         = 'file' === Elements::CATALOGUE[ $element ]['resource'];
		list( $kind ) = self::read( $text );
		if ( 'shared' === $kind ) {
			return $file
				? __( 'A shared link does not say which file it leads to. Open the file in Box and copy the address of that page.', 'widgets-for-box' )
				: __( 'A shared link does not say which folder it leads to. Open the folder in Box and copy the address of that page.', 'widgets-for-box' );
		}
		if ( $file ) {
			return 'folder' === $kind ? __( 'This is the address of a folder; a preview shows a file.', 'widgets-for-box' )
				: __( 'This is neither the id nor the address of a Box file, such as https://app.box.com/file/123456789.', 'widgets-for-box' );
		}
		return 'file' === $kind ? __( 'This is the address of a file; here a folder is needed.', 'widgets-for-box' )
			: __( 'This is neither the id nor the address of a Box folder, such as https://app.box.com/folder/123456789.', 'widgets-for-box' );
	}

	/**
	 * What an address leads to.
	 *
	 * @param string $text Any text.
	 * @return array{?string, string} `folder`, `file`, `shared` or null, and the id of a folder or file.
	 */
	private static function read( string $text ): array {
		if ( ! preg_match( self::ADDRESS, $text, $address ) ) {
			return array( null, '' );
		}
		if ( preg_match( self::PAGE, $address[1], $page ) ) {
			return array( $page[1], $page[2] );
		}
		return array( preg_match( self::SHARED, $address[1] ) ? 'shared' : null, '' );
	}
}
