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
	 * Whether the current user may make it.
	 *
	 * @since 0.1.0
	 */
	public static function is_allowed(): bool {
		return current_user_can( 'manage_options' ) && current_user_can( 'edit_pages' );
	}

	/**
	 * Makes it, unless it was, and opens it; or takes an administrator's word that there is one.
	 *
	 * @internal Callback of `admin_post_…`.
	 * @since 0.1.0
	 */
	public static function make(): void {
		check_admin_referer( self::ACTION );
		if ( ! self::is_allowed() ) {
			wp_die( esc_html__( 'You may not make pages here.', 'widgets-for-box' ), 403 );
		}
		if ( isset( $_POST['there'] ) ) {
			Checklist::tick();
			wp_safe_redirect( admin_url( 'options-general.php?page=' . Settings_Page::SLUG ) );
			exit;
		}
		// Of two clicks the second waits for the first, and finds its page.
		$turn = Lock::take_one_of( 'first-page-' . get_current_blog_id(), 1, 5.0 );
		$id   = self::made();
		$id   = $id ? $id : self::insert();
		if ( $turn ) {
			$turn->release();
		}
		$edit = get_edit_post_link( $id, 'raw' );
		// Another administrator's page may not be everybody's to edit.
		wp_safe_redirect( $edit ? $edit : admin_url( 'edit.php?post_type=page' ) );
		exit;
	}

	/**
	 * The page that was made here.
	 *
	 * @since 0.1.0
	 *
	 * @return int 0 if there is none, or it is in the trash.
	 */
	public static function made(): int {
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
		// In the language of those who will read it, not of the administrator.
		$locale                  = Language::texts( get_locale() );
		list( $title, $content ) = Language::in( '' === $locale ? 'en_US' : $locale, static fn(): array => Patterns::page( 'my-files' ) );
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
	 * Whether a post is published and has a widget in its text.
	 *
	 * @since 0.1.0
	 *
	 * @param int $id Its id; 0 for none.
	 */
	public static function is_published( int $id ): bool {
		$post = $id ? get_post( $id ) : null;
		return $post && 'publish' === $post->post_status && Blocks::are_in( $post->post_content );
	}

	/**
	 * A published page or post with a widget. Until one is known it reads the posts' texts, so it is no business of a
	 * page's rendering.
	 *
	 * @since 0.1.0
	 *
	 * @param int $known The one that was found before; 0 for none.
	 * @return int Its id; 0 if there is none.
	 */
	public static function published( int $known = 0 ): int {
		if ( self::is_published( $known ) ) {
			return $known;
		}
		$wpdb  = $GLOBALS['wpdb'];
		$types = array_values( get_post_types( array( 'public' => true ) ) );
		$where = implode( ' OR ', array_fill( 0, count( Blocks::MARKS ), 'post_content LIKE %s' ) );
		$marks = array_map( static fn( string $mark ): string => '%' . $wpdb->esc_like( $mark ) . '%', Blocks::MARKS );
		$in    = implode( ', ', array_fill( 0, count( $types ), '%s' ) );
		// phpcs:ignore WordPress.DB -- Only placeholders are put in; WordPress's own search finds no markup.
		return (int) $wpdb->get_var( $wpdb->prepare( "SELECT ID FROM $wpdb->posts WHERE post_status = 'publish' AND post_type IN ( $in ) AND ( $where ) LIMIT 1", array_merge( $types, $marks ) ) );
	}
}
