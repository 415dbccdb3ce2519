<?php
/**
 * A widget by itself, for the editor.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

defined( 'ABSPATH' ) || exit;

/**
 * The page that the block editor frames to show an author their own files where visitors will see theirs.
 *
 * A page of its own, since the editor's canvas is sometimes a frame and sometimes not, and has its own styles: here
 * the Element finds what it finds on a page. It takes signed widgets alone and asks for tokens as any page does.
 *
 * @since 0.1.0
 */
final class Live_View {

	/**
	 * Action of admin-post.php.
	 */
	const ACTION = 'widgets_for_box_view';

	/**
	 * Where a widget can be seen by itself.
	 *
	 * @since 0.1.0
	 *
	 * @param string $descriptor As of Descriptor::sign().
	 */
	public static function address( string $descriptor ): string {
		return add_query_arg(
			array(
				'action' => self::ACTION,
				'widget' => $descriptor,
			),
			admin_url( 'admin-post.php' )
		);
	}

	/**
	 * Shows the page.
	 *
	 * @internal Callback of `admin_post_{action}`.
	 * @since 0.1.0
	 */
	public static function show(): void {
		// phpcs:ignore WordPress.Security.NonceVerification.Recommended -- It changes nothing, and the widget is signed.
		$descriptor = isset( $_GET['widget'] ) ? sanitize_text_field( wp_unslash( $_GET['widget'] ) ) : '';
		$view       = View_As::verify( $descriptor );
		$widget     = $view ? $view->widget : Descriptor::verify( $descriptor );
		$widget     = current_user_can( 'edit_posts' ) ? $widget : null;
		if ( null === $widget ) {
			wp_die( esc_html__( 'This widget does not belong to this page any more. Please reload the page.', 'widgets-for-box' ), '', array( 'response' => 403 ) );
		}
		nocache_headers();
		wp_enqueue_script( Assets::HANDLE );
		?>
<!DOCTYPE html>
<html <?php language_attributes(); ?>>
<head>
	<meta charset="<?php bloginfo( 'charset' ); ?>">
	<meta name="viewport" content="width=device-width, initial-scale=1">
	<title><?php echo esc_html( $view ? $view->person->display_name : __( 'Your own Box files', 'widgets-for-box' ) ); ?></title>
		<?php wp_print_styles( array( 'buttons', Assets::HANDLE ) ); ?>
</head>
<body class="wp-core-ui widgets-for-box-view">
	<div class="widgets-for-box widgets-for-box-alone widgets-for-box-<?php echo esc_attr( $widget->element ); ?>" data-widget="<?php echo esc_attr( $descriptor ); ?>"></div>
		<?php
		Loader::print_configuration();
		wp_print_scripts( array( Assets::HANDLE ) );
		?>
</body>
</html>
		<?php
	}
}
