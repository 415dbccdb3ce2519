<?php
/**
 * The list of people as a file.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

use WP_User;

defined( 'ABSPATH' ) || exit;

/**
 * What Coverage remembers, for spreadsheets and for the command line, some people at a time.
 *
 * @since 0.1.0
 */
final class People_Export {

	const ACTION = 'widgets_for_box_people_csv';

	/**
	 * How many people are read at once.
	 */
	const BATCH = 500;

	/**
	 * Address of the file.
	 *
	 * @since 0.1.0
	 *
	 * @param string $state Whom it has; empty for all.
	 */
	public static function url( string $state ): string {
		return wp_nonce_url( add_query_arg( 'state', $state, admin_url( 'admin-post.php?action=' . self::ACTION ) ), self::ACTION );
	}

	/**
	 * Each person as a row.
	 *
	 * @since 0.1.0
	 *
	 * @param string $state Whom; empty for all.
	 * @return iterable<array{login: string, name: string, email: string, status: string, looked_up: string}>
	 */
	public static function rows( string $state ): iterable {
		$after = 0;
		do {
			$ids = Coverage_Book::listed( $state, $after, self::BATCH );
			cache_users( $ids );
			foreach ( $ids as $id ) {
				$after   = $id;
				$wp_user = get_userdata( $id );
				if ( $wp_user ) {
					yield self::row( $wp_user );
				}
				if ( ! wp_using_ext_object_cache() ) {
					// Ten thousand people are not kept in memory for a line each. A cache that lasts is everybody's.
					wp_cache_delete( $id, 'user_meta' );
					wp_cache_delete( $id, 'users' );
				}
			}
		} while ( count( $ids ) === self::BATCH );
	}

	/**
	 * A person as a row.
	 *
	 * @param WP_User $wp_user The person.
	 * @return array{login: string, name: string, email: string, status: string, looked_up: string}
	 */
	private static function row( WP_User $wp_user ): array {
		$known = Coverage::of( $wp_user );
		return array(
			'login'     => $wp_user->user_login,
			'name'      => $wp_user->display_name,
			'email'     => (string) $wp_user->data->user_email,
			'status'    => $known['state'],
			'looked_up' => $known['when'] ? gmdate( 'c', $known['when'] ) : '',
		);
	}

	/**
	 * A text of which no spreadsheet takes any part for a formula: people choose their own names, and where a semicolon
	 * is the separator, one in a name begins a cell.
	 *
	 * @since 0.1.0
	 *
	 * @param string $text The text.
	 */
	public static function harmless( string $text ): string {
		if ( ! preg_match( '//u', $text ) ) {
			$text = "'" . preg_replace( '/[\x80-\xff]/', '?', $text );
		}
		// What stands before it may be dropped by the program that reads it; some take the wide forms for the usual.
		return (string) preg_replace( '/(\A|[;\t\r\n])([\p{C}\p{Z}"\']*[=+\-@|%\x{FF1D}\x{FF0B}\x{FF0D}\x{FF20}])/u', "$1'$2", $text );
	}

	/**
	 * Sends the file.
	 *
	 * @internal Callback of `admin_post_…`.
	 * @since 0.1.0
	 */
	public static function send(): void {
		check_admin_referer( self::ACTION );
		if ( ! People_Page::is_allowed() ) {
			wp_die( esc_html__( 'You may not look people up at Box.', 'widgets-for-box' ), 403 );
		}
		$state = isset( $_GET['state'] ) ? sanitize_key( $_GET['state'] ) : '';
		$state = in_array( $state, Coverage::STATES, true ) ? $state : '';
		nocache_headers();
		header( 'Content-Type: text/csv; charset=utf-8' );
		header( 'Content-Disposition: attachment; filename="people-at-box.csv"' );
		header( 'X-Content-Type-Options: nosniff' );
		// phpcs:disable WordPress.WP.AlternativeFunctions -- It is the answer that is written, row by row.
		$file = fopen( 'php://output', 'w' );
		fwrite( $file, "\xEF\xBB\xBF" ); // Else Excel takes it for another encoding.
		fputcsv( $file, array( 'login', 'name', 'email', 'status', 'looked_up' ), ',', '"', '' );
		foreach ( self::rows( $state ) as $row ) {
			fputcsv( $file, array_map( array( self::class, 'harmless' ), $row ), ',', '"', '' );
		}
		fclose( $file );
		// phpcs:enable
		exit;
	}
}
