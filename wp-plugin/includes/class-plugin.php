<?php
/**
 * Where the plugin begins.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

defined( 'ABSPATH' ) || exit;

/**
 * Every moment of WordPress at which the plugin acts, and who acts then. A class is loaded when it is first
 * needed: most pages need few of them.
 *
 * @since 0.1.0
 */
final class Plugin {

	/**
	 * The folder under includes/ that each class is in.
	 */
	const FOLDERS = array(
		'Settings'                => '',
		'Rest'                    => '',
		'Elements'                => 'widgets/',
		'Box_Address'             => 'widgets/',
		'Folder_Path'             => 'widgets/',
		'Descriptor'              => 'widgets/',
		'Descriptor_Route'        => 'widgets/',
		'Options'                 => 'widgets/',
		'Widget'                  => 'widgets/',
		'Widgets'                 => 'widgets/',
		'Blocks'                  => 'widgets/',
		'Patterns'                => 'widgets/',
		'Assets'                  => 'widgets/',
		'Loader'                  => 'widgets/',
		'Language'                => 'widgets/',
		'Content_Security_Policy' => 'widgets/',
		'Token_Route'             => 'tokens/',
		'View_As'                 => 'tokens/',
		'Tokens'                  => 'tokens/',
		'Session_Watch'           => 'tokens/',
		'Issued'                  => 'tokens/',
		'Contact'                 => 'tokens/',
		'Errors'                  => 'tokens/',
		'Socket'                  => 'tokens/',
		'Revocations'             => 'tokens/',
		'Sidecar'                 => 'tokens/',
		'Breaker'                 => 'tokens/',
		'Lock'                    => 'tokens/',
		'Usage'                   => 'tokens/',
		'Usage_Report'            => 'tokens/',
		'People'                  => 'identity/',
		'Permissions'             => 'identity/',
		'Addresses'               => 'identity/',
		'Address_Book'            => 'identity/',
		'Address_Link'            => 'identity/',
		'Sealed_Meta'             => 'identity/',
		'Coverage'                => 'identity/',
		'Coverage_Book'           => 'identity/',
		'Snapshot'                => 'identity/',
		'Setting_Values'          => 'admin/',
		'Settings_Option'         => 'admin/',
		'Settings_Fields'         => 'admin/',
		'Role_Table'              => 'admin/',
		'Settings_Page'           => 'admin/',
		'Network_Page'            => 'admin/',
		'Settlement'              => 'admin/',
		'Addresses_Page'          => 'admin/',
		'Address_Link_Page'       => 'admin/',
		'Profile'                 => 'admin/',
		'Privacy'                 => 'admin/',
		'Site_Health'             => 'admin/',
		'Admin_Routes'            => 'admin/',
		'Status'                  => 'admin/',
		'Findings'                => 'admin/',
		'Elements_Copy'           => 'admin/',
		'Command'                 => 'admin/',
		'Live_View'               => 'admin/',
		'Admin_Area'              => 'admin/',
		'Checklist'               => 'admin/',
		'Checklist_View'          => 'admin/',
		'Drawings'                => 'admin/',
		'First_Page'              => 'admin/',
		'Look_Up'                 => 'admin/',
		'Look_Up_Pace'            => 'admin/',
		'People_Page'             => 'admin/',
		'People_Export'           => 'admin/',
		'Coverage_Picture'        => 'admin/',
		'Abilities'               => 'admin/',
		'Usage_Page'              => 'admin/',
		'Usage_Plot'              => 'admin/',
		'Bill'                    => 'admin/',
	);

	/**
	 * The scheduled event of Revocations.
	 */
	const REVOKE_AGAIN = 'widgets_for_box_revoke_again';

	/**
	 * The scheduled event of Look_Up.
	 */
	const LOOK_UP = 'widgets_for_box_look_up';

	/**
	 * Begins.
	 *
	 * @since 0.1.0
	 */
	public static function begin(): void {
		spl_autoload_register( array( self::class, 'load' ) );
		register_activation_hook( FILE, array( self::class, 'activate' ) );
		register_deactivation_hook( FILE, array( self::class, 'deactivate' ) );
		add_filter( 'upgrader_pre_install', array( self::class, 'load_all' ) );
		add_action( 'init', array( self::class, 'load_translations' ), 0 );
		self::hook_widgets();
		self::hook_tokens();
		self::hook_identity();
		self::hook_settings();
		if ( is_admin() ) {
			Admin_Area::hook();
		}
		if ( defined( 'WP_CLI' ) && WP_CLI ) {
			\WP_CLI::add_command( 'box', Command::class );
		}
	}

	/**
	 * Loads a class.
	 *
	 * @internal Callback of spl_autoload_register().
	 * @since 0.1.0
	 *
	 * @param string $name Its name.
	 */
	public static function load( $name ): void {
		$own = strlen( __NAMESPACE__ ) + 1;
		if ( 0 === strncmp( $name, __NAMESPACE__ . '\\', $own ) && isset( self::FOLDERS[ substr( $name, $own ) ] ) ) {
			$name = substr( $name, $own );
			require __DIR__ . '/' . self::FOLDERS[ $name ] . 'class-' . strtolower( strtr( $name, '_', '-' ) ) . '.php';
		}
	}

	/**
	 * Loads all classes before files are replaced: a request that updates the plugin goes on afterwards, and must not
	 * meet the classes of another release.
	 *
	 * @internal Callback of `upgrader_pre_install`.
	 * @since 0.1.0
	 *
	 * @param mixed $response Whether the installation may go on.
	 * @return mixed
	 */
	public static function load_all( $response ) {
		foreach ( array_keys( self::FOLDERS ) as $name ) {
			class_exists( __NAMESPACE__ . '\\' . $name );
		}
		return $response;
	}

	/**
	 * Prepares what WordPress would look for in each request, and records the addresses of the set-up.
	 *
	 * WordPress would ask the database for a missing option in each request. Other sites of a network have theirs
	 * once it is saved.
	 *
	 * @internal Callback of register_activation_hook().
	 * @since 0.1.0
	 */
	public static function activate(): void {
		add_option( Settings::OPTION, array() );
		Usage::schedule();
		Address_Book::record_setup();
	}

	/**
	 * Ends what is pending: it has no other chance.
	 *
	 * @internal Callback of register_deactivation_hook().
	 * @since 0.1.0
	 *
	 * @param bool $everywhere Whether on all sites of the network.
	 */
	public static function deactivate( $everywhere = false ): void {
		Revocations::run();
		foreach ( $everywhere && is_multisite() ? get_sites( 'fields=ids&number=0' ) : array( get_current_blog_id() ) as $site ) {
			$other = get_current_blog_id() !== (int) $site && switch_to_blog( $site );
			wp_unschedule_hook( self::REVOKE_AGAIN );
			wp_unschedule_hook( Usage::EVENT );
			Look_Up_Pace::end();
			$other && restore_current_blog();
		}
		delete_metadata( 'user', 0, Address_Link::META, '', true );
	}

	/**
	 * Translations, of releases of WordPress that do not find them by themselves.
	 *
	 * @internal Callback of `init`.
	 * @since 0.1.0
	 */
	public static function load_translations(): void {
		load_plugin_textdomain( 'widgets-for-box', false, dirname( plugin_basename( FILE ) ) . '/languages' );
	}

	/**
	 * What is on pages.
	 */
	private static function hook_widgets(): void {
		add_action( 'init', array( Blocks::class, 'register' ) );
		// Editors ask for them; pages need none: what was inserted is a copy.
		add_filter( 'rest_dispatch_request', array( Patterns::class, 'register_when_asked' ), 10, 3 );
		add_action( 'wp_default_scripts', array( Assets::class, 'register_scripts' ) );
		add_action( 'wp_default_styles', array( Assets::class, 'register_styles' ) );
		if ( did_action( 'wp_default_styles' ) ) {
			// Some other plugin was early; unlike that of scripts, the hook does not come again.
			Assets::register_styles( wp_styles() );
		}
		add_action( 'wp_enqueue_scripts', array( Assets::class, 'enqueue_early' ) );
		add_filter( 'wp_resource_hints', array( Assets::class, 'preconnect' ), 10, 2 );
		if ( ! is_wp_version_compatible( '6.3' ) ) {
			add_filter( 'script_loader_tag', array( Assets::class, 'defer' ), 10, 3 );
		}
		add_action( 'rest_api_init', array( Descriptor_Route::class, 'register' ) );
		add_action( 'rest_api_init', array( Language::class, 'register' ) );
		add_action( 'wp_ajax_rest-nonce', array( Language::class, 'tell' ), 0 );
		add_action( 'wp_footer', array( Loader::class, 'print_configuration' ), 19 );
		add_action( 'admin_footer', array( Loader::class, 'print_configuration' ), 19 );
	}

	/**
	 * How tokens are asked for, and what ends them. Whatever ends them comes after the change that it tells of, but
	 * for those that note what there was before.
	 */
	private static function hook_tokens(): void {
		add_action( 'rest_api_init', array( Token_Route::class, 'register' ) );
		add_filter( 'rest_pre_serve_request', array( Rest::class, 'keep_private' ), PHP_INT_MAX, 3 );
		// These pass the user's id first.
		foreach ( array( 'wp_logout', 'deleted_user', 'make_spam_user', 'revoked_super_admin' ) as $hook ) {
			add_action( $hook, array( Tokens::class, 'revoke' ) );
		}
		add_action( 'after_password_reset', array( Session_Watch::class, 'password_changed' ) );
		add_action( 'wp_set_password', array( Session_Watch::class, 'password_set' ), 10, 2 );
		// Sessions that are ended one by one or all at once, and roles and capabilities, by whatever button or plugin.
		add_action( 'update_user_meta', array( Session_Watch::class, 'meta_changes' ), 10, 4 );
		add_action( 'delete_user_meta', array( Session_Watch::class, 'meta_goes' ), 10, 4 );
		add_action( 'updated_user_meta', array( Session_Watch::class, 'meta_changed' ), 10, 4 );
		add_action( 'deleted_user_meta', array( Session_Watch::class, 'meta_gone' ), 10, 3 );
		add_action( self::REVOKE_AGAIN, array( Revocations::class, 'run' ) );
		add_action( 'widgets_for_box_usage', array( Usage::class, 'look' ) );
	}

	/**
	 * Who somebody is at Box, and what they may do.
	 */
	private static function hook_identity(): void {
		add_filter( 'map_meta_cap', array( Permissions::class, 'map' ), 10, 3 );
		add_action( 'profile_update', array( Addresses::class, 'profile_updated' ), 10, 2 );
		add_action( 'profile_update', array( People::class, 'profile_updated' ), 10, 2 );
		add_action( 'edit_user_created_user', array( Addresses::class, 'made_by_administrator' ) );
		add_action( 'network_user_new_created_user', array( Addresses::class, 'made_by_administrator' ) );
		add_action( 'rest_after_insert_user', array( Addresses::class, 'made_over_rest' ), 10, 3 );
		add_action( 'wpmu_activate_user', array( Addresses::class, 'made_on_site_of_network' ) );
		add_filter( 'new_user_email_content', array( Address_Link::class, 'note_that_of_wordpress' ), 10, 2 );
		// Plugins may show a profile elsewhere than in the admin area.
		add_action( 'show_user_profile', array( Profile::class, 'render' ) );
		add_action( 'edit_user_profile', array( Profile::class, 'render' ) );
		add_action( 'user_profile_update_errors', array( Profile::class, 'validate' ), 10, 3 );
		// After what Addresses does about the change itself.
		add_action( 'profile_update', array( Profile::class, 'save' ), 20 );
		foreach ( array( 'added_user_meta', 'updated_user_meta', 'deleted_user_meta' ) as $hook ) {
			add_action( $hook, array( Coverage::class, 'meta_changed' ), 10, 3 );
		}
		add_action( 'profile_update', array( Coverage::class, 'profile_updated' ), 10, 2 );
		add_action( self::LOOK_UP, array( Look_Up::class, 'run' ) );
		add_filter( 'wp_privacy_personal_data_exporters', array( Privacy::class, 'add_exporter' ) );
		add_filter( 'wp_privacy_personal_data_erasers', array( Privacy::class, 'add_eraser' ) );
	}

	/**
	 * Settings, whoever changes them, and Site Health, which WordPress runs by schedule, too.
	 */
	private static function hook_settings(): void {
		add_action( 'update_option_' . Settings::OPTION, array( Settings_Option::class, 'changed' ), 10, 2 );
		add_action( 'add_option_' . Settings::OPTION, array( Settings_Option::class, 'added' ), 10, 2 );
		add_action( 'update_site_option_' . Settings::NETWORK_OPTION, array( Settings_Option::class, 'changed_for_network' ), 10, 3 );
		add_action( 'add_site_option_' . Settings::NETWORK_OPTION, array( Settings_Option::class, 'added' ), 10, 2 );
		add_filter( 'site_status_tests', array( Site_Health::class, 'add_tests' ) );
		add_filter( 'debug_information', array( Site_Health::class, 'add_information' ) );
		add_action( 'rest_api_init', array( Site_Health::class, 'add_route' ) );
		add_action( 'rest_api_init', array( Admin_Routes::class, 'register' ) );
		add_action( 'wp_abilities_api_categories_init', array( Abilities::class, 'add_category' ) );
		add_action( 'wp_abilities_api_init', array( Abilities::class, 'add' ) );
	}
}
