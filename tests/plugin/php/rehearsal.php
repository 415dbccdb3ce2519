<?php
/**
 * Plugin Name: Rehearsal
 * Description: Begins and ends sessions at a test's word, without the forms: `?rehearse=STEP&user=ID`.
 *
 * @package WidgetsForBox
 */

// phpcs:disable WordPress.Security -- For tests alone; nothing of it is ever on a site.
add_filter(
	'wp_hash_password_options',
	static function () {
		return array( 'cost' => 4 );
	}
);

add_action(
	'init',
	static function () {
		$step = $_GET['rehearse'] ?? '';
		$user = (int) ( $_GET['user'] ?? 0 );
		if ( '' === $step ) {
			return;
		}
		switch ( $step ) {
			case 'begin':
				$end                         = time() + HOUR_IN_SECONDS;
				$token                       = WP_Session_Tokens::get_instance( $user )->create( $end );
				$cookie                      = wp_generate_auth_cookie( $user, $end, 'logged_in', $token );
				$_COOKIE[ LOGGED_IN_COOKIE ] = $cookie;
				wp_set_current_user( $user );
				wp_send_json(
					array(
						'name'  => LOGGED_IN_COOKIE,
						'value' => $cookie,
						'nonce' => wp_create_nonce( 'wp_rest' ),
					)
				);
				break;
			case 'password':
				wp_update_user(
					array(
						'ID'        => $user,
						'user_pass' => wp_generate_password(),
					)
				);
				break;
			case 'everywhere':
				WP_Session_Tokens::get_instance( $user )->destroy_all();
				break;
			case 'log_out':
				wp_logout();
				break;
			case 'delete':
				require_once ABSPATH . 'wp-admin/includes/user.php';
				wp_delete_user( $user );
				break;
			case 'everybody':
				WP_Session_Tokens::destroy_all_for_all_users();
				break;
			case 'assign':
				WidgetsForBox\People::assign( $user, array( 'login' => 'kenji@example.com' ) );
				break;
		}
		wp_send_json( array( 'done' => $step ) );
	}
);
