<?php
/**
 * What became of a site that is at another address.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

defined( 'ABSPATH' ) || exit;

/**
 * The question whether the site has moved or is a copy, and the answer.
 *
 * @since 0.1.0
 */
final class Settlement {

	const ACTION = 'widgets_for_box_settle';

	/**
	 * Asks what became of a site that is at another address than the one for which its app users were made.
	 *
	 * @since 0.1.0
	 */
	public static function render(): void {
		if ( '' === People::foreign_home() || ! Profile::may_assign() ) {
			return;
		}
		/* translators: 1 and 2: addresses of a site. */
		printf( '<div class="notice notice-error inline"><p>%s</p>', esc_html( sprintf( __( 'The app users of this database were made for %1$s. This site is at %2$s, so nobody gets one here until you say what it is.', 'widgets-for-box' ), People::foreign_home(), People::home() ) ) );
		printf( '<form action="%s" method="post">', esc_url( admin_url( 'admin-post.php?action=' . self::ACTION ) ) );
		wp_nonce_field( self::ACTION );
		printf(
			'<p><button class="button" name="site" value="copy">%1$s</button> <button class="button" name="site" value="moved">%2$s</button></p></form></div>',
			esc_html__( 'A copy, for trying things out: people get app users of its own', 'widgets-for-box' ),
			esc_html__( 'The same site, which has moved: people keep their app users', 'widgets-for-box' )
		);
	}

	/**
	 * Takes the answer.
	 *
	 * @internal Callback of `admin_post_…`.
	 * @since 0.1.0
	 */
	public static function settle(): void {
		check_admin_referer( self::ACTION );
		if ( ! Profile::may_assign() ) {
			wp_die( esc_html__( 'You may not decide who somebody is at Box.', 'widgets-for-box' ), 403 );
		}
		$site = isset( $_POST['site'] ) ? sanitize_key( $_POST['site'] ) : '';
		if ( in_array( $site, array( 'copy', 'moved' ), true ) ) {
			People::settle( 'moved' === $site );
		}
		wp_safe_redirect( admin_url( 'options-general.php?page=' . Settings_Page::SLUG ) );
		exit;
	}
}
