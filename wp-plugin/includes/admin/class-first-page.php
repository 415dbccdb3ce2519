<?php
/**
 * The first page with a widget.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

defined( 'ABSPATH' ) || exit;

/**
 * Made from a pattern, as a draft, and opened in the editor: its author sees their own files there before anybody else
 * sees the page.
 *
 * @since 0.1.0
 */
final class First_Page {

	const ACTION = 'widgets_for_box_first_page';

	/**
	 * Post meta of the page that was made here: there is to be no second one.
	 */
	const META = '_widgets_for_box_first_page';

	/**
	 * What marks a widget in a post.
	 */
	const MARKS = array( '<!-- wp:widgets-for-box/', '[box_explorer', '[box_uploader', '[box_picker', '[box_preview' );

	/**
	 * Whether the current user may make it.
	 *
	 * @since 0.1.0
	 */
	public static function is_allowed(): bool {
		return current_user_can( 'manage_options' ) && current_user_can( 'edit_pages' );
	}

	/**
	 * Makes it, unless it was, and opens it.
	 *
	 * @internal Callback of `admin_post_…`.
	 * @since 0.1.0
	 */
	public static function make(): void {
		check_admin_referer( self::ACTION );
		if ( ! self::is_allowed() ) {
			wp_die( esc_html__( 'You may not make pages here.', 'widgets-for-box' ), 403 );
		}
		// Of two clicks the second waits for the first, and finds its page.
		$turn = Lock::take_one_of( 'first-page-' . get_current_blog_id(), 1, 5.0 );
		$id   = self::made();
		$id   = $id ? $id : self::insert();
		if ( $turn ) {
			$turn->release();
		}
		wp_safe_redirect( (string) get_edit_post_link( $id, 'raw' ) );
		exit;
	}

	/**
	 * The page that was made here.
	 *
	 * @return int 0 if there is none, or it is in the trash.
	 */
	private static function made(): int {
		$ids = get_posts(
			array(
				'post_type'   => 'page',
				'post_status' => array( 'draft', 'pending', 'private', 'future', 'publish' ),
				'meta_key'    => self::META, // phpcs:ignore WordPress.DB.SlowDBQuery -- On an administrator's click.
				'numberposts' => 1,
				'fields'      => 'ids',
			)
		);
		return (int) ( $ids[0] ?? 0 );
	}

	/**
	 * Makes it.
	 *
	 * @return int Its id.
	 */
	private static function insert(): int {
		list( $title, $content ) = Patterns::page( 'my-files' );
		$id                      = wp_insert_post(
			wp_slash(
				array(
					'post_type'    => 'page',
					'post_status'  => 'draft',
					'post_title'   => $title,
					'post_content' => $content,
					'meta_input'   => array( self::META => '1' ),
				)
			),
			true
		);
		if ( is_wp_error( $id ) ) {
			wp_die( esc_html( $id->get_error_message() ), 500 );
		}
		return $id;
	}

	/**
	 * A published page or post with a widget. Reads the posts' texts, so it is no business of a page's rendering.
	 *
	 * @since 0.1.0
	 *
	 * @return int Its id; 0 if there is none.
	 */
	public static function published(): int {
		$wpdb  = $GLOBALS['wpdb'];
		$marks = array();
		foreach ( self::MARKS as $mark ) {
			$marks[] = $wpdb->prepare( 'post_content LIKE %s', '%' . $mark . '%' );
		}
		// phpcs:ignore WordPress.DB -- Prepared above; WordPress's own search finds no markup.
		return (int) $wpdb->get_var( "SELECT ID FROM $wpdb->posts WHERE post_status = 'publish' AND post_type <> 'revision' AND ( " . implode( ' OR ', $marks ) . ' ) LIMIT 1' );
	}
}
