<?php
/**
 * Removes everything that the plugin has stored.
 *
 * The site key is removed too: app users that were made for this site stay at Box, where their files are.
 *
 * @package WidgetsForBox
 */

defined( 'WP_UNINSTALL_PLUGIN' ) || exit;

foreach ( array( 'widgets_for_box_account', 'widgets_for_box_confirmed_email', 'widgets_for_box_issued' ) as $widgets_for_box_key ) {
	delete_metadata( 'user', 0, $widgets_for_box_key, '', true );
}

if ( is_multisite() ) {
	foreach ( get_sites(
		array(
			'fields' => 'ids',
			'number' => 0,
		)
	) as $widgets_for_box_site ) {
		delete_blog_option( $widgets_for_box_site, 'widgets_for_box' );
	}
}
delete_option( 'widgets_for_box' );
delete_site_option( 'widgets_for_box_network' );
delete_site_option( 'widgets_for_box_site_key' );
