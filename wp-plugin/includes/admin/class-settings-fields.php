<?php
/**
 * The fields of the settings.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

defined( 'ABSPATH' ) || exit;

/**
 * Sections and fields of WordPress's Settings API.
 *
 * @since 0.1.0
 */
final class Settings_Fields {

	/**
	 * Prints the fields of a form.
	 *
	 * @since 0.1.0
	 *
	 * @param string   $page   The page that they are on.
	 * @param string[] $scopes Whose settings it has, as of Settings::all().
	 */
	public static function render( string $page, array $scopes ): void {
		printf( '<input type="hidden" name="%s[form]" value="1">', esc_attr( Settings::OPTION ) );
		$sections = array(
			'connection' => array( esc_html__( 'Connection', 'widgets-for-box' ), '__return_null' ),
			'elements'   => array( esc_html__( 'Box UI Elements', 'widgets-for-box' ), '__return_null' ),
			'people'     => array( esc_html__( 'People', 'widgets-for-box' ), '__return_null' ),
			'roles'      => array( esc_html__( 'Roles', 'widgets-for-box' ), array( Role_Table::class, 'render' ) ),
		);
		$settings = Settings::of( ...$scopes );
		foreach ( array_intersect_key( $sections, array_flip( array_column( $settings, 'section' ) ) ) as $id => list( $title, $intro ) ) {
			add_settings_section( $id, $title, $intro, $page, self::fold( $id ) );
		}
		foreach ( $settings as $name => $setting ) {
			if ( isset( $setting['field'] ) ) {
				self::add( $page, $name, $setting );
			}
		}
		do_settings_sections( $page );
	}

	/**
	 * What stands around a section: those of the server are folded away together, unless something is wrong with one.
	 *
	 * @param string $section Its id.
	 * @return array<string, string>
	 */
	private static function fold( string $section ): array {
		$open = get_settings_errors( Settings::OPTION ) ? ' open' : '';
		$fold = array(
			'connection' => array( 'before_section' => '<details class="widgets-for-box-fold"' . $open . '><summary>' . esc_html__( 'Server settings', 'widgets-for-box' ) . '</summary>' ),
			'elements'   => array( 'after_section' => '</details>' ),
		);
		return $fold[ $section ] ?? array();
	}

	/**
	 * Adds one field.
	 *
	 * @param string               $page    The page that it is on.
	 * @param string               $name    A key of Settings::all().
	 * @param array<string, mixed> $setting What that says.
	 */
	private static function add( string $page, string $name, array $setting ): void {
		$field = array(
			'name'    => $name,
			'setting' => $setting,
		);
		if ( array( self::class, 'text' ) === $setting['field'] ) {
			$field['label_for'] = 'widgets-for-box-' . $name;
		}
		add_settings_field( $name, esc_html( call_user_func( $setting['label'] ) ), $setting['field'], $page, $setting['section'], $field );
	}

	/**
	 * Prints a text field.
	 *
	 * @internal Callback of add_settings_field().
	 *
	 * @since 0.1.0
	 *
	 * @param array{name: string, setting: array<string, mixed>, label_for: string} $field What was added.
	 */
	public static function text( array $field ): void {
		printf(
			'<input type="text" class="large-text" id="%1$s" name="%2$s[%3$s]" value="%4$s" placeholder="%5$s" %6$s>',
			esc_attr( $field['label_for'] ),
			esc_attr( Settings::OPTION ),
			esc_attr( $field['name'] ),
			esc_attr( Settings::get( $field['name'] ) ),
			esc_attr( isset( $field['setting']['placeholder'] ) ? call_user_func( $field['setting']['placeholder'] ) : '' ),
			disabled( Settings::is_fixed( $field['name'] ), true, false )
		);
		self::render_fixed( $field['name'] );
		self::describe( $field['setting'] );
	}

	/**
	 * Prints the rule by which people are found at Box.
	 *
	 * @internal Callback of add_settings_field().
	 *
	 * @since 0.1.0
	 *
	 * @param array{name: string, setting: array<string, mixed>} $field What was added.
	 */
	public static function account( array $field ): void {
		$rules = array(
			'email'    => __( 'The Box user with the same e-mail address', 'widgets-for-box' ),
			'app_user' => __( 'An app user of their own, made on first use if the sidecar allows it', 'widgets-for-box' ),
			'assigned' => __( 'Only those to whom an administrator assigned a Box user on their profile page', 'widgets-for-box' ),
		);
		echo '<fieldset><legend class="screen-reader-text">', esc_html( call_user_func( $field['setting']['label'] ) ), '</legend>';
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
		self::describe( $field['setting'] );
		echo '</fieldset>';
		if ( Profile::may_assign() ) {
			printf( '<p><a href="%1$s">%2$s</a></p>', esc_url( Addresses_Page::url() ), esc_html__( 'People whose address does not count yet', 'widgets-for-box' ) );
		}
	}

	/**
	 * Prints whether a directory answers for the addresses.
	 *
	 * @internal Callback of add_settings_field().
	 *
	 * @since 0.1.0
	 *
	 * @param array{name: string, setting: array<string, mixed>} $field What was added.
	 */
	public static function directory( array $field ): void {
		printf(
			'<label><input type="checkbox" name="%1$s[directory]" value="1" %2$s %3$s> %4$s</label>',
			esc_attr( Settings::OPTION ),
			checked( Settings::directory(), true, false ),
			disabled( Settings::is_fixed( 'directory' ), true, false ),
			esc_html__( 'A directory (single sign-on, LDAP, SCIM) writes the addresses of all accounts: they count as they are', 'widgets-for-box' )
		);
		self::describe( $field['setting'] );
		self::render_fixed( 'directory' );
	}

	/**
	 * Prints more about a setting.
	 *
	 * @param array<string, mixed> $setting As of Settings::all().
	 */
	private static function describe( array $setting ): void {
		if ( isset( $setting['description'] ) ) {
			printf( '<p class="description">%s</p>', esc_html( call_user_func( $setting['description'] ) ) );
		}
	}

	/**
	 * Says so where a constant decides.
	 *
	 * @since 0.1.0
	 *
	 * @param string $name A key of Settings::all().
	 */
	public static function render_fixed( string $name ): void {
		if ( Settings::is_fixed( $name ) ) {
			/* translators: %s: name of a PHP constant. */
			printf( '<p class="description"><strong>%s</strong></p>', esc_html( sprintf( __( 'Set by %s in wp-config.php.', 'widgets-for-box' ), Settings::constant_name( $name ) ) ) );
		}
	}
}
