<?php
/**
 * Pages and notices of the admin area.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

defined( 'ABSPATH' ) || exit;

/**
 * Every moment of the admin area at which the plugin acts, and who acts then.
 *
 * @since 0.1.0
 */
final class Admin_Area {

	/**
	 * Begins.
	 *
	 * @since 0.1.0
	 */
	public static function hook(): void {
		add_action( 'admin_init', array( Settings_Option::class, 'register' ) );
		add_action( 'admin_init', array( Privacy::class, 'suggest_policy' ) );
		add_action( 'admin_init', array( Usage::class, 'schedule' ) );
		add_action( 'admin_menu', array( Settings_Page::class, 'add_page' ) );
		add_action( 'admin_menu', array( Usage_Page::class, 'add_page' ) );
		add_action( 'network_admin_menu', array( Network_Page::class, 'add_page' ) );
		add_action( 'network_admin_edit_widgets_for_box', array( Network_Page::class, 'save' ) );
		add_action( 'admin_post_' . Network_Page::ACTION, array( Network_Page::class, 'save' ) );
		add_action( 'admin_post_' . Live_View::ACTION, array( Live_View::class, 'show' ) );
		add_action( 'admin_post_' . Settlement::ACTION, array( Settlement::class, 'settle' ) );
		add_filter( 'plugin_action_links_' . plugin_basename( FILE ), array( Settings_Page::class, 'link' ) );
		add_action( 'load-profile.php', array( Address_Link_Page::class, 'follow' ) );
		add_action( 'admin_post_' . Address_Link_Page::ACTION, array( Address_Link_Page::class, 'send_on_request' ) );
		add_action( 'admin_menu', array( People_Page::class, 'add_page' ) );
		add_action( 'admin_post_' . People_Page::BEGIN, array( People_Page::class, 'begin' ) );
		add_action( 'admin_post_' . People_Export::ACTION, array( People_Export::class, 'send' ) );
		add_filter( 'manage_users_columns', array( People_Page::class, 'add_column' ) );
		add_filter( 'manage_users_custom_column', array( People_Page::class, 'fill_column' ), 10, 3 );
		add_action( 'admin_post_' . First_Page::ACTION, array( First_Page::class, 'make' ) );
		add_action( 'admin_menu', array( Addresses_Page::class, 'add_page' ) );
		add_action( 'network_admin_menu', array( Addresses_Page::class, 'add_page' ) );
		add_action( 'admin_post_' . Addresses_Page::ACTION, array( Addresses_Page::class, 'confirm' ) );
		add_action( 'admin_post_' . Addresses_Page::SEEN, array( Addresses_Page::class, 'dismiss_setup' ) );
		add_action( 'admin_post_' . Addresses_Page::RECORD, array( Addresses_Page::class, 'record_setup' ) );
		add_action( 'admin_notices', array( Address_Link_Page::class, 'ask' ) );
		add_action( 'admin_notices', array( Address_Link_Page::class, 'tell_result' ) );
		foreach ( array( 'admin_notices', 'network_admin_notices' ) as $hook ) {
			add_action( $hook, array( Settings_Page::class, 'warn_after_activation' ) );
			add_action( $hook, array( Addresses_Page::class, 'tell_setup' ) );
			add_action( $hook, array( Addresses_Page::class, 'offer_setup' ) );
		}
	}
}
