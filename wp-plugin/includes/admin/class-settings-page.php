<?php
/**
 * The settings page.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

defined( 'ABSPATH' ) || exit;

/**
 * Settings → Widgets for Box; in a network the server settings are in the network's admin area.
 *
 * @since 0.1.0
 */
final class Settings_Page {

	const SLUG = 'widgets-for-box';

	/**
	 * Parameter and nonce of the button that checks again without a script.
	 */
	const RECHECK = 'widgets_for_box_recheck';

	/**
	 * What was found for a browser without scripts; null if the script is to ask.
	 *
	 * @var array<int, array<string, string>>|null
	 */
	private static ?array $checks = null;

	/**
	 * Adds the page of a site.
	 *
	 * @internal Callback of `admin_menu`.
	 * @since 0.1.0
	 */
	public static function add_page(): void {
		$title = __( 'Widgets for Box', 'widgets-for-box' );
		$hook  = add_options_page( $title, $title, 'manage_options', self::SLUG, array( self::class, 'render' ) );
		add_action( 'load-' . $hook, array( self::class, 'prepare' ) );
	}

	/**
	 * The link in the list of plugins.
	 *
	 * @internal Callback of `plugin_action_links_…`.
	 * @since 0.1.0
	 *
	 * @param string[] $links Links so far.
	 * @return string[]
	 */
	public static function link( $links ) {
		$links[] = sprintf( '<a href="%s">%s</a>', esc_url( menu_page_url( self::SLUG, false ) ), esc_html__( 'Settings', 'widgets-for-box' ) );
		return $links;
	}

	/**
	 * Says on the list of plugins, where one has just activated this one, that the sidecar is still missing.
	 *
	 * @internal Callback of `admin_notices` and `network_admin_notices`.
	 * @since 0.1.0
	 */
	public static function warn_after_activation(): void {
		$screen = get_current_screen();
		$may    = is_multisite() ? Network_Page::CAPABILITY : 'manage_options';
		if ( ! $screen || ! in_array( $screen->id, array( 'plugins', 'plugins-network' ), true ) || ! current_user_can( $may ) ) {
			return;
		}
		// phpcs:ignore WordPress.PHP.NoSilencedErrors, Generic.PHP.NoSilencedErrors -- Under open_basedir looking at the file warns.
		if ( @file_exists( Settings::get( 'socket' ) ) ) {
			return;
		}
		printf(
			'<div class="notice notice-warning"><p>%1$s <a href="%2$s">%3$s</a></p></div>',
			esc_html__( 'Widgets for Box needs box-sidecar, a service on this server that holds the key to Box. It is not running yet, or its socket is elsewhere.', 'widgets-for-box' ),
			esc_url( Network_Page::exists() ? network_admin_url( 'settings.php?page=' . self::SLUG ) : admin_url( 'options-general.php?page=' . self::SLUG ) ),
			esc_html__( 'See what is missing', 'widgets-for-box' )
		);
	}

	/**
	 * Script, style and contextual help.
	 *
	 * @internal Callback of `load-…`.
	 * @since 0.1.0
	 */
	public static function prepare(): void {
		Assets::enqueue_admin();
		if ( isset( $_GET[ self::RECHECK ] ) && wp_verify_nonce( sanitize_key( $_GET[ self::RECHECK ] ), self::RECHECK ) ) {
			self::$checks = Status::checks();
		}
		$screen = get_current_screen();
		$screen->add_help_tab(
			array(
				'id'      => 'widgets-for-box-overview',
				'title'   => __( 'Overview', 'widgets-for-box' ),
				'content' => '<p>' . esc_html__( 'People see their own Box files in your pages without logging in to Box. The key to Box is held by box-sidecar, a service on this server; WordPress only knows its socket and passes on tokens that are limited to one widget and about one hour.', 'widgets-for-box' ) . '</p><p>' . esc_html__( 'Put a widget on a page with the blocks Box explorer, Box uploader, Box picker and Box preview, or with a shortcode:', 'widgets-for-box' ) . ' <code>[box_explorer folder="0" can="preview,download,upload" height="600"]</code></p>',
			)
		);
		$screen->add_help_tab(
			array(
				'id'      => 'widgets-for-box-constants',
				'title'   => __( 'Settings in code', 'widgets-for-box' ),
				'content' => '<p>' . esc_html__( 'Each setting can be fixed in wp-config.php by a constant, which then wins over this page:', 'widgets-for-box' ) . '</p><p><code>' . implode( '</code> <code>', array_map( array( Settings::class, 'constant_name' ), array_keys( Settings::all() ) ) ) . '</code></p>',
			)
		);
		$screen->add_help_tab(
			array(
				'id'      => 'widgets-for-box-csp',
				'title'   => __( 'Content Security Policy', 'widgets-for-box' ),
				'content' => '<p>' . esc_html__( 'If your server sends a Content-Security-Policy, these are the sources that the widgets need:', 'widgets-for-box' ) . '</p><p><code>' . esc_html( widgets_for_box_csp() ) . '</code></p>',
			)
		);
	}

	/**
	 * Prints the page of a site.
	 *
	 * @internal Callback of add_options_page().
	 * @since 0.1.0
	 */
	public static function render(): void {
		echo '<div class="wrap"><h1>', esc_html( get_admin_page_title() ), '</h1>';
		Checklist_View::render( null === self::$checks ? Checklist::known() : Checklist::take( self::$checks ) );
		self::render_status();
		Settlement::render();
		echo '<form action="options.php" method="post">';
		settings_fields( self::SLUG );
		if ( is_multisite() && ( Network_Page::exists() || ! current_user_can( Network_Page::CAPABILITY ) ) ) {
			echo '<p>', esc_html__( 'The connection to Box is set by the administrators of the network.', 'widgets-for-box' ), '</p>';
		}
		Settings_Fields::render( self::SLUG, is_multisite() ? array( Settings::SITE ) : array( Settings::SERVER, Settings::NETWORK, Settings::SITE ) );
		submit_button();
		echo '</form>';
		if ( is_multisite() && ! Network_Page::exists() && current_user_can( Network_Page::CAPABILITY ) ) {
			echo '<h2>', esc_html__( 'For the whole network', 'widgets-for-box' ), '</h2>';
			Network_Page::render_form( admin_url( 'admin-post.php?action=' . Network_Page::ACTION ) );
		}
		echo '</div>';
	}

	/**
	 * Prints the status panel; a script fills it, so that a sidecar that hangs does not hold up the page.
	 *
	 * @since 0.1.0
	 */
	public static function render_status(): void {
		echo '<h2>', esc_html__( 'Status', 'widgets-for-box' ), '</h2>';
		if ( null === self::$checks ) {
			echo '<div class="widgets-for-box-checks" data-check role="status"><p>', esc_html__( 'Asking the sidecar…', 'widgets-for-box' ), '</p></div>';
		} else {
			self::render_findings( self::$checks );
		}
		Checklist_View::render_recheck();
		echo '<p>', wp_kses( Status::probe_hint(), array( 'code' => array( 'class' => true ) ) ), '</p>';
		if ( ! is_network_admin() && current_user_can( 'list_users' ) ) {
			People_Page::render_try();
		}
		Checklist_View::render_off();
	}

	/**
	 * Prints what was found, where no script does.
	 *
	 * @param array<int, array<string, string>> $checks As of Status::checks().
	 */
	private static function render_findings( array $checks ): void {
		$labels = array(
			'pass' => __( 'All right', 'widgets-for-box' ),
			'warn' => __( 'Worth a look', 'widgets-for-box' ),
			'fail' => __( 'Needs mending', 'widgets-for-box' ),
		);
		echo '<div class="widgets-for-box-checks" role="status"><ul>';
		foreach ( $checks as $check ) {
			printf( '<li class="is-%1$s"><strong>%2$s</strong><span>%3$s</span>', esc_attr( $check['status'] ), esc_html( $labels[ $check['status'] ] ), esc_html( $check['summary'] ) );
			if ( 'pass' !== $check['status'] && '' !== $check['fix'] ) {
				echo '<p>', esc_html( $check['fix'] ), '</p>';
			}
			echo '</li>';
		}
		echo '</ul></div>';
	}
}
