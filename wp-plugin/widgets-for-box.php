<?php
/**
 * Widgets for Box
 *
 * @package   WidgetsForBox
 * @license   GPL-2.0-or-later
 *
 * @wordpress-plugin
 * Plugin Name:       Widgets for Box
 * Description:       Shows every employee their own Box folder inside the intranet: browse, preview, upload and pick files without a Box log-in. Needs the box-sidecar service, which holds the key.
 * Version:           0.1.0
 * Requires at least: 6.1
 * Requires PHP:      7.4
 * Author:            The Widgets for Box contributors
 * License:           GPL-2.0-or-later
 * License URI:       https://www.gnu.org/licenses/gpl-2.0.html
 * Text Domain:       widgets-for-box
 * Domain Path:       /languages
 */

namespace WidgetsForBox;

defined( 'ABSPATH' ) || exit;

const VERSION = '0.1.0';
const FILE    = __FILE__;

foreach ( array( 'elements', 'settings', 'descriptor', 'lock', 'breaker', 'sidecar', 'permissions', 'sealed-meta', 'addresses', 'address-link', 'people', 'snapshot', 'revocations', 'tokens', 'rest', 'widgets', 'status', 'settings-page', 'profile', 'addresses-page', 'site-health', 'privacy' ) as $widgets_for_box_class ) {
	require_once __DIR__ . '/includes/class-' . $widgets_for_box_class . '.php';
}
unset( $widgets_for_box_class );
require_once __DIR__ . '/includes/functions.php';

add_action(
	'init',
	static function () {
		load_plugin_textdomain( 'widgets-for-box', false, dirname( plugin_basename( __FILE__ ) ) . '/languages' );
	},
	0
);

// WordPress would ask the database for a missing option in each request. Other sites of a network have theirs once it
// is saved.
register_activation_hook(
	FILE,
	static function () {
		add_option( Settings::OPTION, array() );
		Addresses::record_setup();
	}
);
register_deactivation_hook(
	FILE,
	static function () {
		// What is pending has no other chance.
		Revocations::run();
		wp_unschedule_hook( Revocations::EVENT );
		delete_metadata( 'user', 0, Address_Link::META, '', true );
	}
);

Permissions::register();
Addresses::register();
Address_Link::register();
People::register();
Revocations::register();
Tokens::register();
Rest::register();
Widgets::register();
Settings_Page::register();
Profile::register();
Addresses_Page::register();
Site_Health::register();
Privacy::register();

if ( defined( 'WP_CLI' ) && WP_CLI ) {
	require_once __DIR__ . '/includes/class-command.php';
	\WP_CLI::add_command( 'box', Command::class );
}
