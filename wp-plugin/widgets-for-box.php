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

require_once __DIR__ . '/includes/class-plugin.php';
require_once __DIR__ . '/includes/functions.php';

Plugin::begin();
