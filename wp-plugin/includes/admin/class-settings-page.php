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
	 * Capability for the network's page.
	 */
	const NETWORK_CAPABILITY = 'manage_network_options';

	const NETWORK_ACTION = 'widgets_for_box_network';
	const SETTLE_ACTION  = 'widgets_for_box_settle';

	/**
	 * Registers the option.
	 *
	 * @internal Callback of `admin_init`.
	 * @since 0.1.0
	 */
	public static function register_setting(): void {
		register_setting(
			self::SLUG,
			Settings::OPTION,
			array(
				'type'              => 'object',
				'sanitize_callback' => array( self::class, 'sanitize' ),
				'show_in_rest'      => false,
			)
		);
	}

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
	 * Adds the page of a network.
	 *
	 * @internal Callback of `network_admin_menu`.
	 * @since 0.1.0
	 */
	public static function add_network_page(): void {
		$title = __( 'Widgets for Box', 'widgets-for-box' );
		$hook  = add_submenu_page( 'settings.php', $title, $title, self::NETWORK_CAPABILITY, self::SLUG, array( self::class, 'render_network' ) );
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
		$may    = is_multisite() ? self::NETWORK_CAPABILITY : 'manage_options';
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
			esc_url( self::has_network_page() ? network_admin_url( 'settings.php?page=' . self::SLUG ) : admin_url( 'options-general.php?page=' . self::SLUG ) ),
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
				'content' => '<p>' . esc_html__( 'Each setting can be fixed in wp-config.php by a constant, which then wins over this page:', 'widgets-for-box' ) . '</p><p><code>' . implode( '</code> <code>', array_map( array( Settings::class, 'constant_name' ), array_keys( Settings::DEFAULTS ) ) ) . '</code></p>',
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
		self::render_status();
		self::render_settlement();
		echo '<form action="options.php" method="post">';
		settings_fields( self::SLUG );
		printf( '<input type="hidden" name="%s[form]" value="1">', esc_attr( Settings::OPTION ) );
		if ( ! is_multisite() ) {
			self::render_server_fields();
		} elseif ( self::has_network_page() || ! current_user_can( self::NETWORK_CAPABILITY ) ) {
			echo '<p>', esc_html__( 'The connection to Box is set by the administrators of the network.', 'widgets-for-box' ), '</p>';
		}
		self::render_people_fields();
		self::render_roles();
		submit_button();
		echo '</form>';
		if ( is_multisite() && ! self::has_network_page() && current_user_can( self::NETWORK_CAPABILITY ) ) {
			echo '<h2>', esc_html__( 'For the whole network', 'widgets-for-box' ), '</h2>';
			self::render_network_form( admin_url( 'admin-post.php?action=' . self::NETWORK_ACTION ) );
		}
		echo '</div>';
	}

	/**
	 * Whether the plugin has a page in the network's admin area: not where it is active on single sites only.
	 */
	private static function has_network_page(): bool {
		return is_multisite() && is_plugin_active_for_network( plugin_basename( FILE ) );
	}

	/**
	 * Asks what became of a site that is at another address than the one for which its app users were made.
	 */
	private static function render_settlement(): void {
		if ( '' === People::foreign_home() || ! Profile::may_assign() ) {
			return;
		}
		/* translators: 1 and 2: addresses of a site. */
		printf( '<div class="notice notice-error inline"><p>%s</p>', esc_html( sprintf( __( 'The app users of this database were made for %1$s. This site is at %2$s, so nobody gets one here until you say what it is.', 'widgets-for-box' ), People::foreign_home(), People::home() ) ) );
		printf( '<form action="%s" method="post">', esc_url( admin_url( 'admin-post.php?action=' . self::SETTLE_ACTION ) ) );
		wp_nonce_field( self::SETTLE_ACTION );
		printf(
			'<p><button class="button" name="site" value="copy">%1$s</button> <button class="button" name="site" value="moved">%2$s</button></p></form></div>',
			esc_html__( 'A copy, for trying things out: people get app users of its own', 'widgets-for-box' ),
			esc_html__( 'The same site, which has moved: people keep their app users', 'widgets-for-box' )
		);
	}

	/**
	 * Takes the answer.
	 *
	 * @internal Callback of `admin_post_…`.
	 * @since 0.1.0
	 */
	public static function settle(): void {
		check_admin_referer( self::SETTLE_ACTION );
		if ( ! Profile::may_assign() ) {
			wp_die( esc_html__( 'You may not decide who somebody is at Box.', 'widgets-for-box' ), 403 );
		}
		$site = isset( $_POST['site'] ) ? sanitize_key( $_POST['site'] ) : '';
		if ( in_array( $site, array( 'copy', 'moved' ), true ) ) {
			People::settle( 'moved' === $site );
		}
		wp_safe_redirect( admin_url( 'options-general.php?page=' . self::SLUG ) );
		exit;
	}

	/**
	 * Prints the page of a network.
	 *
	 * @internal Callback of add_submenu_page().
	 * @since 0.1.0
	 */
	public static function render_network(): void {
		echo '<div class="wrap"><h1>', esc_html( get_admin_page_title() ), '</h1>';
		settings_errors( Settings::OPTION );
		self::render_status();
		self::render_network_form( network_admin_url( 'edit.php?action=widgets_for_box' ) );
		echo '</div>';
	}

	/**
	 * Prints the settings that a network has once.
	 *
	 * @param string $target Where they are sent.
	 */
	private static function render_network_form( string $target ): void {
		printf( '<form action="%s" method="post">', esc_url( $target ) );
		wp_nonce_field( self::SLUG );
		printf( '<input type="hidden" name="%s[form]" value="1">', esc_attr( Settings::OPTION ) );
		self::render_server_fields();
		echo '<h2>', esc_html__( 'People', 'widgets-for-box' ), '</h2><table class="form-table" role="presentation">';
		self::render_directory();
		echo '</table>';
		submit_button();
		echo '</form>';
	}

	/**
	 * Saves the page of a network.
	 *
	 * @internal Callback of `network_admin_edit_…`.
	 * @since 0.1.0
	 */
	public static function save_network(): void {
		check_admin_referer( self::SLUG );
		if ( ! current_user_can( self::NETWORK_CAPABILITY ) ) {
			wp_die( esc_html__( 'You may not change the settings of this network.', 'widgets-for-box' ), 403 );
		}
		// phpcs:ignore WordPress.Security.ValidatedSanitizedInput.InputNotSanitized -- sanitize_network() does.
		$input = isset( $_POST[ Settings::OPTION ] ) ? (array) wp_unslash( $_POST[ Settings::OPTION ] ) : array();
		update_site_option( Settings::NETWORK_OPTION, self::sanitize_network( $input, (array) get_site_option( Settings::NETWORK_OPTION, array() ) ) );
		if ( ! get_settings_errors( Settings::OPTION ) ) {
			add_settings_error( Settings::OPTION, 'settings_updated', __( 'Settings saved.', 'widgets-for-box' ), 'success' );
		}
		set_transient( 'settings_errors', get_settings_errors(), 30 );
		$page = self::has_network_page() ? network_admin_url( 'settings.php' ) : admin_url( 'options-general.php' );
		wp_safe_redirect( $page . '?page=' . self::SLUG . '&settings-updated=true' );
		exit;
	}

	/**
	 * Prints the status panel; a script fills it, so that a sidecar that hangs does not hold up the page.
	 */
	private static function render_status(): void {
		echo '<h2>', esc_html__( 'Status', 'widgets-for-box' ), '</h2>';
		echo '<div class="widgets-for-box-checks" data-check role="status"><p>', esc_html__( 'Asking the sidecar…', 'widgets-for-box' ), '</p></div>';
		echo '<p>', wp_kses( Status::probe_hint(), array( 'code' => array( 'class' => true ) ) ), '</p>';
		if ( ! is_network_admin() && current_user_can( 'list_users' ) ) {
			echo '<p><label for="widgets-for-box-try">', esc_html__( 'Try as this user', 'widgets-for-box' ), '</label> ';
			printf( '<input type="text" class="regular-text" id="widgets-for-box-try" list="widgets-for-box-people" value="%s" autocomplete="off" data-people><datalist id="widgets-for-box-people"></datalist>', esc_attr( wp_get_current_user()->user_login ) );
			echo ' <button type="button" class="button" data-try>', esc_html__( 'Try', 'widgets-for-box' ), '</button> <span role="status" data-result></span></p>';
		}
	}

	/**
	 * Prints the settings of the server.
	 */
	private static function render_server_fields(): void {
		echo '<h2>', esc_html__( 'Connection', 'widgets-for-box' ), '</h2><table class="form-table" role="presentation">';
		self::render_text( 'socket', __( 'Socket of the sidecar', 'widgets-for-box' ), __( 'The path that box-sidecar prints when it starts.', 'widgets-for-box' ) );
		self::render_text( 'api_host', __( 'API host', 'widgets-for-box' ), '' );
		self::render_text( 'upload_host', __( 'Upload host', 'widgets-for-box' ), '' );
		self::render_text( 'static_host', __( 'Host of Box’s preview code', 'widgets-for-box' ), '' );
		echo '</table><h2>', esc_html__( 'Box UI Elements', 'widgets-for-box' ), '</h2><table class="form-table" role="presentation">';
		self::render_text( 'elements_url', __( 'Source', 'widgets-for-box' ), __( 'An address with {version}, {locale} and {file}. Box’s own content delivery network, unless you host a copy yourself.', 'widgets-for-box' ) );
		self::render_text( 'elements_version', __( 'Version', 'widgets-for-box' ), '' );
		echo '</table>';
	}

	/**
	 * Prints mapping and texts.
	 */
	private static function render_people_fields(): void {
		$rules = array(
			'email'    => __( 'The Box user with the same e-mail address', 'widgets-for-box' ),
			'app_user' => __( 'An app user of their own, made on first use if the sidecar allows it', 'widgets-for-box' ),
			'assigned' => __( 'Only those to whom an administrator assigned a Box user on their profile page', 'widgets-for-box' ),
		);
		echo '<h2>', esc_html__( 'People', 'widgets-for-box' ), '</h2><table class="form-table" role="presentation"><tr><th scope="row">';
		esc_html_e( 'Which Box user someone is', 'widgets-for-box' );
		echo '</th><td><fieldset><legend class="screen-reader-text">', esc_html__( 'Which Box user someone is', 'widgets-for-box' ), '</legend>';
		foreach ( $rules as $value => $label ) {
			printf(
				'<label><input type="radio" name="%1$s[account]" value="%2$s" %3$s %4$s> %5$s</label><br>',
				esc_attr( Settings::OPTION ),
				esc_attr( $value ),
				checked( Settings::get( 'account' ), $value, false ),
				disabled( Settings::is_fixed( 'account' ), true, false ),
				esc_html( $label )
			);
		}
		self::render_fixed( 'account' );
		echo '<p class="description">', esc_html__( 'A Box user that is assigned on someone’s profile page comes before this rule.', 'widgets-for-box' ), '</p></fieldset>';
		if ( Profile::may_assign() ) {
			printf( '<p><a href="%1$s">%2$s</a></p>', esc_url( Addresses_Page::url() ), esc_html__( 'People whose address does not count yet', 'widgets-for-box' ) );
		}
		echo '</td></tr>';
		if ( ! is_multisite() ) {
			self::render_directory();
		}
		self::render_text( 'no_account_text', __( 'Text for people without a Box account', 'widgets-for-box' ), '', Errors::default_no_account_text() );
		self::render_text( 'no_access_text', __( 'Text for people who may not use Box here', 'widgets-for-box' ), '', Errors::default_no_access_text() );
		echo '</table>';
	}

	/**
	 * Prints whether a directory answers for the addresses.
	 */
	private static function render_directory(): void {
		printf(
			'<tr><th scope="row">%1$s</th><td><label><input type="checkbox" name="%2$s[directory]" value="1" %3$s %4$s> %5$s</label><p class="description">%6$s</p>',
			esc_html__( 'E-mail addresses', 'widgets-for-box' ),
			esc_attr( Settings::OPTION ),
			checked( Settings::directory(), true, false ),
			disabled( Settings::is_fixed( 'directory' ), true, false ),
			esc_html__( 'A directory (single sign-on, LDAP, SCIM) writes the addresses of all accounts: they count as they are', 'widgets-for-box' ),
			esc_html__( 'Whoever can change the address in an account by any other way, the person included, then chooses whose files it shows.', 'widgets-for-box' )
		);
		self::render_fixed( 'directory' );
		echo '</td></tr>';
	}

	/**
	 * Prints one text field.
	 *
	 * @param string $name        A key of Settings::DEFAULTS.
	 * @param string $label       Its label.
	 * @param string $description More about it.
	 * @param string $placeholder What holds if it is empty.
	 */
	private static function render_text( string $name, string $label, string $description, string $placeholder = '' ): void {
		printf(
			'<tr><th scope="row"><label for="widgets-for-box-%1$s">%2$s</label></th><td><input type="text" class="large-text" id="widgets-for-box-%1$s" name="%3$s[%1$s]" value="%4$s" placeholder="%5$s" %6$s>',
			esc_attr( $name ),
			esc_html( $label ),
			esc_attr( Settings::OPTION ),
			esc_attr( Settings::get( $name ) ),
			esc_attr( $placeholder ),
			disabled( Settings::is_fixed( $name ), true, false )
		);
		self::render_fixed( $name );
		if ( '' !== $description ) {
			printf( '<p class="description">%s</p>', esc_html( $description ) );
		}
		echo '</td></tr>';
	}

	/**
	 * Says so where a constant decides.
	 *
	 * @param string $name A key of Settings::DEFAULTS.
	 */
	private static function render_fixed( string $name ): void {
		if ( Settings::is_fixed( $name ) ) {
			/* translators: %s: name of a PHP constant. */
			printf( '<p class="description"><strong>%s</strong></p>', esc_html( sprintf( __( 'Set by %s in wp-config.php.', 'widgets-for-box' ), Settings::constant_name( $name ) ) ) );
		}
	}

	/**
	 * Prints the table of roles.
	 */
	private static function render_roles(): void {
		$table  = Settings::get( 'roles' );
		$scopes = self::scope_labels();
		echo '<h2>', esc_html__( 'Roles', 'widgets-for-box' ), '</h2><p>', esc_html__( 'What people of a role may do at most. A widget can allow less, and so can the sidecar’s policy and Box itself. What you take away ends at once, in pages that are open, too.', 'widgets-for-box' ), '</p>';
		self::render_fixed( 'roles' );
		echo '<div class="widgets-for-box-roles"><table class="widefat striped"><thead><tr><th scope="col">', esc_html__( 'Role', 'widgets-for-box' ), '</th><th scope="col">', esc_html__( 'Use Box', 'widgets-for-box' ), '</th>';
		foreach ( $scopes as $label ) {
			echo '<th scope="col">', esc_html( $label ), '</th>';
		}
		echo '</tr></thead><tbody>';
		foreach ( wp_roles()->get_names() as $role => $name ) {
			$entry = $table[ $role ] ?? Elements::all_scopes();
			$name  = translate_user_role( $name );
			echo '<tr><th scope="row">', esc_html( $name ), '</th>';
			self::render_checkbox( $role, 'use', is_array( $entry ), $name, __( 'Use Box', 'widgets-for-box' ) );
			foreach ( $scopes as $scope => $label ) {
				self::render_checkbox( $role, $scope, in_array( $scope, (array) $entry, true ), $name, $label );
			}
			echo '</tr>';
		}
		echo '</tbody></table></div>';
	}

	/**
	 * Prints one cell of the table of roles.
	 *
	 * @param string $role    The role.
	 * @param string $what    A scope, or `use`.
	 * @param bool   $checked Whether it is allowed.
	 * @param string $name    The role's name.
	 * @param string $label   The column's label.
	 */
	private static function render_checkbox( string $role, string $what, bool $checked, string $name, string $label ): void {
		printf(
			'<td><input type="checkbox" name="%1$s[roles][%2$s][]" value="%3$s" aria-label="%4$s" %5$s %6$s></td>',
			esc_attr( Settings::OPTION ),
			esc_attr( $role ),
			esc_attr( $what ),
			esc_attr( $name . ': ' . $label ),
			checked( $checked, true, false ),
			disabled( Settings::is_fixed( 'roles' ), true, false )
		);
	}

	/**
	 * Names of the scopes for people.
	 *
	 * @since 0.1.0
	 *
	 * @return array<string, string>
	 */
	public static function scope_labels(): array {
		return array(
			'item_preview'         => __( 'Preview', 'widgets-for-box' ),
			'item_download'        => __( 'Download', 'widgets-for-box' ),
			'item_upload'          => __( 'Upload', 'widgets-for-box' ),
			'item_rename'          => __( 'Rename', 'widgets-for-box' ),
			'item_share'           => __( 'Share', 'widgets-for-box' ),
			'item_delete'          => __( 'Delete', 'widgets-for-box' ),
			'annotation_edit'      => __( 'Annotate', 'widgets-for-box' ),
			'annotation_view_all'  => __( 'See all annotations', 'widgets-for-box' ),
			'annotation_view_self' => __( 'See own annotations', 'widgets-for-box' ),
		);
	}

	/**
	 * Makes a posted form into the option's value. What is not valid stays as it was, with a word about it.
	 *
	 * @internal Callback of register_setting().
	 * @since 0.1.0
	 *
	 * @param mixed $input What was posted.
	 * @return array<string, mixed>
	 */
	public static function sanitize( $input ): array {
		$input  = is_array( $input ) ? $input : array();
		$stored = get_option( Settings::OPTION, array() );
		$stored = is_array( $stored ) ? $stored : array();
		$clean  = is_multisite() ? $stored : self::sanitize_network( $input, $stored );
		if ( isset( $input['account'] ) && in_array( $input['account'], array( 'email', 'app_user', 'assigned' ), true ) ) {
			$clean['account'] = $input['account'];
		}
		foreach ( array( 'no_account_text', 'no_access_text' ) as $name ) {
			if ( isset( $input[ $name ] ) && is_string( $input[ $name ] ) ) {
				$clean[ $name ] = sanitize_text_field( $input[ $name ] );
			}
		}
		if ( isset( $input['form'] ) && ! Settings::is_fixed( 'roles' ) ) {
			// A role without any tick is not posted at all.
			$clean['roles'] = self::sanitize_roles( is_array( $input['roles'] ?? null ) ? $input['roles'] : array() );
		} elseif ( ! isset( $input['form'] ) && is_array( $input['roles'] ?? null ) ) {
			// Set by code; WordPress also passes a new option through here a second time.
			$clean['roles'] = $input['roles'];
		}
		return $clean;
	}

	/**
	 * Ends everybody's tokens where a change takes something away; who may still have one gets another.
	 *
	 * @internal Callback of `update_option_…`.
	 * @since 0.1.0
	 *
	 * @param mixed $before The option before.
	 * @param mixed $after  The option now.
	 */
	public static function changed( $before, $after ): void {
		if ( self::takes_away( is_array( $before ) ? $before : array(), is_array( $after ) ? $after : array() ) ) {
			Revocations::add_everybody();
		}
	}

	/**
	 * The same for what a network has once.
	 *
	 * @internal Callback of `update_site_option_…`.
	 * @since 0.1.0
	 *
	 * @param string $name   Unused.
	 * @param mixed  $after  The option now.
	 * @param mixed  $before The option before.
	 */
	public static function changed_for_network( $name, $after, $before ): void {
		self::changed( $before, $after );
	}

	/**
	 * The same for a site or a network whose option is new.
	 *
	 * @internal Callback of `add_option_…` and `add_site_option_…`.
	 * @since 0.1.0
	 *
	 * @param string $name  Unused.
	 * @param mixed  $after The option now.
	 */
	public static function added( $name, $after ): void {
		self::changed( array(), $after );
	}

	/**
	 * Whether people become others, or a role loses something.
	 *
	 * @param array<string, mixed> $before The option before.
	 * @param array<string, mixed> $after  The option now.
	 */
	private static function takes_away( array $before, array $after ): bool {
		foreach ( array( 'account', 'directory' ) as $name ) {
			if ( ( $before[ $name ] ?? Settings::DEFAULTS[ $name ] ) !== ( $after[ $name ] ?? Settings::DEFAULTS[ $name ] ) ) {
				return true;
			}
		}
		foreach ( (array) ( $after['roles'] ?? array() ) as $role => $entry ) {
			$had = $before['roles'][ $role ] ?? Elements::all_scopes();
			if ( is_array( $had ) && ( ! is_array( $entry ) || array_diff( $had, $entry ) ) ) {
				return true;
			}
		}
		return false;
	}

	/**
	 * Makes the posted table of roles into the setting's value.
	 *
	 * @param array<string, mixed> $input Ticked boxes by role.
	 * @return array<string, string[]|false> Scopes by role; false for a role that may not use Box.
	 */
	private static function sanitize_roles( array $input ): array {
		$roles = array();
		foreach ( array_keys( wp_roles()->get_names() ) as $role ) {
			$ticked         = is_array( $input[ $role ] ?? null ) ? $input[ $role ] : array();
			$roles[ $role ] = in_array( 'use', $ticked, true ) ? array_values( array_intersect( Elements::all_scopes(), $ticked ) ) : false;
		}
		return $roles;
	}

	/**
	 * Checks the settings that a network has once.
	 *
	 * @param array<string, mixed> $input  What was posted.
	 * @param array<string, mixed> $stored What held before.
	 * @return array<string, mixed>
	 */
	private static function sanitize_network( array $input, array $stored ): array {
		$stored = self::sanitize_server( $input, $stored );
		// A box without a tick is not posted at all.
		if ( ! Settings::is_fixed( 'directory' ) && ( isset( $input['form'] ) || isset( $input['directory'] ) ) ) {
			$stored['directory'] = '1' === ( $input['directory'] ?? '' ) ? '1' : '';
		}
		return $stored;
	}

	/**
	 * Checks the settings of the server.
	 *
	 * @param array<string, mixed> $input  What was posted.
	 * @param array<string, mixed> $stored What held before.
	 * @return array<string, mixed>
	 */
	private static function sanitize_server( array $input, array $stored ): array {
		foreach ( Settings::SERVER as $name ) {
			if ( ! isset( $input[ $name ] ) || ! is_string( $input[ $name ] ) ) {
				continue;
			}
			$value   = trim( $input[ $name ] );
			$problem = '' === $value ? '' : self::problem( $name, $value );
			if ( '' !== $problem ) {
				add_settings_error( Settings::OPTION, 'widgets-for-box-' . $name, $problem );
				continue;
			}
			// A default is not stored, so that it may change with the plugin.
			$stored[ $name ] = Settings::DEFAULTS[ $name ] === $value ? '' : $value;
		}
		return $stored;
	}

	/**
	 * What is wrong with a setting of the server.
	 *
	 * @param string $name  Its name.
	 * @param string $value The value.
	 * @return string A sentence as HTML, which settings_errors() prints as it is; or nothing.
	 */
	private static function problem( string $name, string $value ): string {
		if ( 'socket' === $name ) {
			return preg_match( '#^/[^\x00-\x1f]{1,106}$#D', $value ) ? '' : __( 'The socket must be an absolute path of at most 107 bytes.', 'widgets-for-box' );
		}
		if ( 'elements_version' === $name ) {
			return preg_match( '/^\d+\.\d+\.\d+(-[\w.]+)?$/D', $value ) ? '' : __( 'The version of the Elements must look like 26.3.0.', 'widgets-for-box' );
		}
		$url  = wp_parse_url( strtr( $value, '{}', '__' ) );
		$safe = is_array( $url ) && isset( $url['scheme'], $url['host'] ) && ! isset( $url['user'] )
			&& ( 'https' === $url['scheme'] || ( 'http' === $url['scheme'] && in_array( $url['host'], array( 'localhost', '127.0.0.1', '[::1]', wp_parse_url( home_url(), PHP_URL_HOST ) ), true ) ) );
		if ( ! $safe || preg_match( '/[\s"\'<>\\\\]/', $value ) ) {
			/* translators: %s: what was entered. */
			return sprintf( __( '%s is not an https:// address.', 'widgets-for-box' ), esc_html( $value ) );
		}
		if ( 'elements_url' === $name ) {
			return false === strpos( $value, '{file}' ) ? __( 'The source of the Elements must contain {file}.', 'widgets-for-box' ) : '';
		}
		return isset( $url['path'] ) || isset( $url['query'] ) ? __( 'A host is an address without a path and without a slash at the end.', 'widgets-for-box' ) : '';
	}
}
