<?php
/**
 * The plugin's settings.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

defined( 'ABSPATH' ) || exit;

/**
 * Every setting, declared once, and its value: a constant wins over the stored value, which wins over the default.
 *
 * Where the sidecar is and where scripts come from is the business of whoever runs the server; in a network these
 * are stored once for all sites. Texts, roles and the mapping belong to each site.
 *
 * @since 0.1.0
 */
final class Settings {

	/**
	 * Name of a site's option: one autoloaded array.
	 */
	const OPTION = 'widgets_for_box';

	/**
	 * Name of a network's option, which holds what it has once. Not the same name: WordPress would put it
	 * through the check of the site's.
	 */
	const NETWORK_OPTION = 'widgets_for_box_network';

	/**
	 * Whose business a setting is: that of whoever runs the server; of a network, whose sites share users and their
	 * addresses; of each site. The first two are stored once in a network.
	 */
	const SERVER  = 'server';
	const NETWORK = 'network';
	const SITE    = 'site';

	/**
	 * Every setting. Functions, since texts are translated only where they are shown.
	 *
	 * @since 0.1.0
	 *
	 * @return array<string, array<string, mixed>> By name: {
	 *
	 *     @type mixed    $default     What holds if nothing is stored; '' for a text means its `placeholder`.
	 *     @type string   $scope       SERVER, NETWORK or SITE.
	 *     @type array    $schema      What a value looks like, as JSON Schema.
	 *     @type callable $sanitize    Makes a value that fits the schema the one to store; see Setting_Values.
	 *     @type string   $section     Under which heading it is shown, as of Settings_Fields.
	 *     @type callable $field       Prints it there. Without one the section itself does.
	 *     @type mixed    $unticked    What it means that a form does not say anything. Only for boxes to tick.
	 *     @type callable $label       Returns its name for people.
	 *     @type callable $description Returns more about it. Optional.
	 *     @type callable $placeholder Returns what holds if it is empty. Optional.
	 * }
	 */
	public static function all(): array {
		static $all = null;
		$all        = $all ?? self::of_server() + self::of_people();
		return $all;
	}

	/**
	 * Settings of the server.
	 *
	 * @return array<string, array<string, mixed>>
	 */
	private static function of_server(): array {
		$text = array(
			'scope'   => self::SERVER,
			'schema'  => array( 'type' => 'string' ),
			'section' => 'connection',
			'field'   => array( Settings_Fields::class, 'text' ),
		);
		$host = $text + array( 'sanitize' => array( Setting_Values::class, 'host' ) );
		return array(
			'socket'           => $text + array(
				'default'     => '/run/box-sidecar/box-sidecar.sock',
				'sanitize'    => array( Setting_Values::class, 'socket' ),
				'label'       => static fn() => __( 'Socket of the sidecar', 'widgets-for-box' ),
				'description' => static fn() => __( 'The path that box-sidecar prints when it starts.', 'widgets-for-box' ),
			),
			'api_host'         => $host + array(
				'default' => 'https://api.box.com',
				'label'   => static fn() => __( 'API host', 'widgets-for-box' ),
			),
			'upload_host'      => $host + array(
				'default' => 'https://upload.box.com',
				'label'   => static fn() => __( 'Upload host', 'widgets-for-box' ),
			),
			'static_host'      => $host + array(
				'default' => 'https://cdn01.boxcdn.net',
				'label'   => static fn() => __( 'Host of Box’s preview code', 'widgets-for-box' ),
			),
			'elements_url'     => array(
				'default'     => Elements::CDN,
				'section'     => 'elements',
				'sanitize'    => array( Setting_Values::class, 'template' ),
				'label'       => static fn() => __( 'Source', 'widgets-for-box' ),
				'description' => static fn() => __( 'An address with {version}, {locale} and {file}. Box’s own content delivery network, unless you host a copy yourself.', 'widgets-for-box' ),
			) + $text,
			'elements_version' => array(
				'default'  => Elements::VERSION,
				'section'  => 'elements',
				'sanitize' => array( Setting_Values::class, 'version' ),
				'label'    => static fn() => __( 'Version', 'widgets-for-box' ),
			) + $text,
		);
	}

	/**
	 * Settings about people.
	 *
	 * @return array<string, array<string, mixed>>
	 */
	private static function of_people(): array {
		$text = array(
			'default'  => '',
			'scope'    => self::SITE,
			'schema'   => array( 'type' => 'string' ),
			'sanitize' => array( Setting_Values::class, 'text' ),
			'section'  => 'people',
			'field'    => array( Settings_Fields::class, 'text' ),
		);
		return array(
			'account'         => array(
				'default'     => 'email',
				'scope'       => self::SITE,
				'schema'      => array(
					'type' => 'string',
					'enum' => array( 'email', 'app_user', 'assigned' ),
				),
				'sanitize'    => array( Setting_Values::class, 'text' ),
				'section'     => 'people',
				'field'       => array( Settings_Fields::class, 'account' ),
				'label'       => static fn() => __( 'Which Box user someone is', 'widgets-for-box' ),
				'description' => static fn() => __( 'A Box user that is assigned on someone’s profile page comes before this rule. Who administers Box sees no files unless the sidecar’s policy allows it: assign them an ordinary Box account.', 'widgets-for-box' ),
			),
			'directory'       => array(
				'default'     => '',
				'scope'       => self::NETWORK,
				'schema'      => array( 'type' => array( 'string', 'integer', 'boolean' ) ),
				'sanitize'    => array( Setting_Values::class, 'tick' ),
				'unticked'    => '',
				'section'     => 'people',
				'field'       => array( Settings_Fields::class, 'directory' ),
				'label'       => static fn() => __( 'E-mail addresses', 'widgets-for-box' ),
				'description' => static fn() => __( 'Whoever can change the address in an account by any other way, the person included, then chooses whose files it shows.', 'widgets-for-box' ),
			),
			'no_account_text' => $text + array(
				'label'       => static fn() => __( 'Text for people without a Box account', 'widgets-for-box' ),
				'placeholder' => array( Errors::class, 'default_no_account_text' ),
			),
			'no_access_text'  => $text + array(
				'label'       => static fn() => __( 'Text for people who may not use Box here', 'widgets-for-box' ),
				'placeholder' => array( Errors::class, 'default_no_access_text' ),
			),
			'contact'         => array(
				'sanitize'    => array( Setting_Values::class, 'contact' ),
				'label'       => static fn() => __( 'Who helps them', 'widgets-for-box' ),
				'description' => static fn() => __( 'An e-mail address or an https:// address, as a button below those texts. A message by e-mail is filled in already.', 'widgets-for-box' ),
			) + $text,
			'contact_text'    => $text + array(
				'label'       => static fn() => __( 'Text of that button', 'widgets-for-box' ),
				'placeholder' => array( Contact::class, 'default_text' ),
			),
			'roles'           => array(
				'default'  => array(),
				'scope'    => self::SITE,
				'schema'   => array( 'type' => 'object' ),
				'sanitize' => array( Setting_Values::class, 'roles' ),
				'unticked' => array(),
				'section'  => 'roles',
				'label'    => static fn() => __( 'Roles', 'widgets-for-box' ),
			),
		);
	}

	/**
	 * The settings of some scopes.
	 *
	 * @since 0.1.0
	 *
	 * @param string ...$scopes SERVER, NETWORK or SITE.
	 * @return array<string, array<string, mixed>> As of all().
	 */
	public static function of( string ...$scopes ): array {
		return array_filter( self::all(), static fn( array $setting ): bool => in_array( $setting['scope'], $scopes, true ) );
	}

	/**
	 * A setting's value in force.
	 *
	 * @since 0.1.0
	 *
	 * @param string $name A key of all().
	 * @return mixed A string, but for `roles`, which is an array.
	 */
	public static function get( string $name ) {
		if ( self::is_fixed( $name ) ) {
			return constant( self::constant_name( $name ) );
		}
		$setting = self::all()[ $name ];
		$network = self::SITE !== $setting['scope'] && is_multisite();
		$stored  = $network ? get_site_option( self::NETWORK_OPTION, array() ) : get_option( self::OPTION, array() );
		$value   = is_array( $stored ) ? ( $stored[ $name ] ?? '' ) : '';
		return '' === $value ? $setting['default'] : $value;
	}

	/**
	 * Whether a directory writes the addresses of all accounts, so that they count as they are.
	 *
	 * @since 0.1.0
	 */
	public static function directory(): bool {
		return in_array( self::get( 'directory' ), array( '1', 1, true ), true );
	}

	/**
	 * What the plugin keeps once for the whole installation: an option of the network, where there is one.
	 * A site that became a network brings it along.
	 *
	 * @since 0.1.0
	 *
	 * @param string $name Name of the option.
	 * @return mixed False if there is none.
	 */
	public static function kept( string $name ) {
		$value = get_site_option( $name );
		if ( false === $value && is_multisite() ) {
			$value = get_blog_option( get_main_site_id(), $name );
			if ( false !== $value ) {
				add_site_option( $name, $value );
			}
		}
		return $value;
	}

	/**
	 * Whether a constant in wp-config.php decides a setting.
	 *
	 * @since 0.1.0
	 *
	 * @param string $name A key of all().
	 */
	public static function is_fixed( string $name ): bool {
		return defined( self::constant_name( $name ) );
	}

	/**
	 * The constant that decides a setting.
	 *
	 * @since 0.1.0
	 *
	 * @param string $name A key of all().
	 */
	public static function constant_name( string $name ): string {
		return 'WIDGETS_FOR_BOX_' . strtoupper( $name );
	}
}
