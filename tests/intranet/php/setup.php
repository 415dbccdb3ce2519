<?php
/**
 * Makes an installed WordPress the intranet: its people, its permalinks, its plugin. May run again on the same site.
 *
 * Sees $data: people (list of login, email, name, role, password, locale) and plugin (main file, or null).
 *
 * @package Intranet
 */

require_once ABSPATH . 'wp-admin/includes/plugin.php';

foreach ( $data['people'] as $person ) {
	$known = get_user_by( 'login', $person['login'] );
	$user  = wp_slash(
		array(
			'user_login'   => $person['login'],
			'user_email'   => $person['email'],
			'display_name' => $person['name'],
			'first_name'   => $person['name'],
			'nickname'     => $person['name'],
			'role'         => $person['role'],
			'user_pass'    => $person['password'],
			'locale'       => $person['locale'],
		)
	);
	if ( $known ) {
		if ( wp_check_password( $person['password'], $known->user_pass, $known->ID ) ) {
			continue;
		}
		$user['ID'] = $known->ID;
		// No mail about the change, and no confirmation of it.
		add_filter( 'send_password_change_email', '__return_false' );
		add_filter( 'send_email_change_email', '__return_false' );
	}
	$made = $known ? wp_update_user( $user ) : wp_insert_user( $user );
	if ( is_wp_error( $made ) ) {
		throw new RuntimeException( $person['login'] . ': ' . $made->get_error_message() );
	}
}

if ( '/%postname%/' !== get_option( 'permalink_structure' ) ) {
	global $wp_rewrite;
	$wp_rewrite->set_permalink_structure( '/%postname%/' );
	flush_rewrite_rules( false );
}

if ( $data['plugin'] && ! is_plugin_active( $data['plugin'] ) ) {
	$made = activate_plugin( $data['plugin'] );
	if ( is_wp_error( $made ) ) {
		throw new RuntimeException( $made->get_error_message() );
	}
}

// People who were made after the activation, or before a version that asks for it: an administrator knows them.
if ( $data['plugin'] && method_exists( 'WidgetsForBox\\Addresses', 'prove' ) ) {
	wp_set_current_user( 1 );
	foreach ( $data['people'] as $person ) {
		WidgetsForBox\Addresses::prove( get_user_by( 'login', $person['login'] )->ID, $person['email'], WidgetsForBox\Addresses::ADMINISTRATOR );
	}
}
