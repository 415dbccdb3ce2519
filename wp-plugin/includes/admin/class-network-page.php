<?php
/**
 * The settings of a network.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

defined( 'ABSPATH' ) || exit;

/**
 * Settings → Widgets for Box in the network's admin area; on a site's page where the plugin is not active for all.
 *
 * @since 0.1.0
 */
final class Network_Page {

	const CAPABILITY = 'manage_network_options';
	const ACTION     = 'widgets_for_box_network';

	/**
	 * Adds the page of a network.
	 *
	 * @internal Callback of `network_admin_menu`.
	 * @since 0.1.0
	 */
	public static function add_page(): void {
		$title = __( 'Widgets for Box', 'widgets-for-box' );
		$hook  = add_submenu_page( 'settings.php', $title, $title, self::CAPABILITY, Settings_Page::SLUG, array( self::class, 'render' ) );
		add_action( 'load-' . $hook, array( Settings_Page::class, 'prepare' ) );
	}

	/**
	 * Prints the page of a network.
	 *
	 * @internal Callback of add_submenu_page().
	 * @since 0.1.0
	 */
	public static function render(): void {
		echo '<div class="wrap"><h1>', esc_html( get_admin_page_title() ), '</h1>';
		settings_errors( Settings::OPTION );
		Settings_Page::render_status();
		self::render_form( network_admin_url( 'edit.php?action=widgets_for_box' ) );
		echo '</div>';
	}

	/**
	 * Prints the settings that a network has once.
	 *
	 * @since 0.1.0
	 *
	 * @param string $target Where they are sent.
	 */
	public static function render_form( string $target ): void {
		printf( '<form action="%s" method="post">', esc_url( $target ) );
		wp_nonce_field( Settings_Page::SLUG );
		Settings_Fields::render( 'widgets-for-box-network', array( Settings::SERVER, Settings::NETWORK ) );
		submit_button();
		echo '</form>';
	}

	/**
	 * Saves the page of a network.
	 *
	 * @internal Callback of `network_admin_edit_…`.
	 * @since 0.1.0
	 */
	public static function save(): void {
		check_admin_referer( Settings_Page::SLUG );
		if ( ! current_user_can( self::CAPABILITY ) ) {
			wp_die( esc_html__( 'You may not change the settings of this network.', 'widgets-for-box' ), 403 );
		}
		// phpcs:ignore WordPress.Security.ValidatedSanitizedInput.InputNotSanitized -- Settings_Option does.
		$input = isset( $_POST[ Settings::OPTION ] ) ? (array) wp_unslash( $_POST[ Settings::OPTION ] ) : array();
		update_site_option( Settings::NETWORK_OPTION, Settings_Option::sanitize_for_network( $input ) );
		if ( ! get_settings_errors( Settings::OPTION ) ) {
			add_settings_error( Settings::OPTION, 'settings_updated', __( 'Settings saved.', 'widgets-for-box' ), 'success' );
		}
		set_transient( 'settings_errors', get_settings_errors(), 30 );
		$page = self::exists() ? network_admin_url( 'settings.php' ) : admin_url( 'options-general.php' );
		wp_safe_redirect( $page . '?page=' . Settings_Page::SLUG . '&settings-updated=true' );
		exit;
	}

	/**
	 * Whether the plugin has a page in the network's admin area: not where it is active on single sites only.
	 *
	 * @since 0.1.0
	 */
	public static function exists(): bool {
		return is_multisite() && is_plugin_active_for_network( plugin_basename( FILE ) );
	}
}
