<?php
/**
 * Removes everything that the plugin has stored.
 *
 * The site key is removed too: app users that were made for this site stay at Box, where their files are.
 *
 * @package WidgetsForBox
 */

defined( 'WP_UNINSTALL_PLUGIN' ) || exit;

// Those without the underscore are of versions before the first release.
foreach ( array( '_widgets_for_box_account', '_widgets_for_box_address', '_widgets_for_box_link', '_widgets_for_box_issued', '_widgets_for_box_revoke', '_widgets_for_box_viewed', '_widgets_for_box_found', 'widgets_for_box_account', 'widgets_for_box_confirmed_email', 'widgets_for_box_email_key', 'widgets_for_box_issued' ) as $widgets_for_box_key ) {
	delete_metadata( 'user', 0, $widgets_for_box_key, '', true );
}

// In a network the site's number follows, also of sites that are gone.
foreach ( $GLOBALS['wpdb']->get_col( $GLOBALS['wpdb']->prepare( "SELECT DISTINCT meta_key FROM {$GLOBALS['wpdb']->usermeta} WHERE meta_key LIKE %s", $GLOBALS['wpdb']->esc_like( '_widgets_for_box_found_' ) . '%' ) ) as $widgets_for_box_key ) { // phpcs:ignore WordPress.DB -- No function finds keys.
	delete_metadata( 'user', 0, $widgets_for_box_key, '', true );
}

$widgets_for_box_options = array( 'widgets_for_box', 'widgets_for_box_network', 'widgets_for_box_site_key', 'widgets_for_box_seal', 'widgets_for_box_baseline', 'widgets_for_box_look_up', 'widgets_for_box_look_up_pace', 'widgets_for_box_path', 'widgets_for_box_usage' );
$widgets_for_box_events  = array( 'widgets_for_box_revoke_again', 'widgets_for_box_look_up', 'widgets_for_box_usage' );

if ( is_multisite() ) {
	foreach ( get_sites(
		array(
			'fields' => 'ids',
			'number' => 0,
		)
	) as $widgets_for_box_site ) {
		switch_to_blog( $widgets_for_box_site );
		array_map( 'delete_option', $widgets_for_box_options );
		array_map( 'wp_unschedule_hook', $widgets_for_box_events );
		delete_metadata( 'post', 0, '_widgets_for_box_first_page', '', true );
		delete_transient( 'widgets_for_box_no_reports' );
		restore_current_blog();
	}
}
array_map( 'delete_option', $widgets_for_box_options );
array_map( 'delete_site_option', $widgets_for_box_options );
array_map( 'wp_unschedule_hook', $widgets_for_box_events );
delete_metadata( 'post', 0, '_widgets_for_box_first_page', '', true );
delete_transient( 'widgets_for_box_no_reports' );
