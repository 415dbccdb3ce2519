<?php
/**
 * What is stored of the settings.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

defined( 'ABSPATH' ) || exit;

/**
 * Checks what is to be stored, and sees to what a change takes away.
 *
 * @since 0.1.0
 */
final class Settings_Option {

	/**
	 * Registers the option. It is none of the REST API's: it says where the key's keeper listens.
	 *
	 * @internal Callback of `admin_init`.
	 *
	 * @since 0.1.0
	 */
	public static function register(): void {
		register_setting(
			Settings_Page::SLUG,
			Settings::OPTION,
			array(
				'type'              => 'object',
				'sanitize_callback' => array( self::class, 'sanitize' ),
				'show_in_rest'      => false,
			)
		);
	}

	/**
	 * Makes a posted form into the option's value. What is not valid stays as it was, with a word about it.
	 *
	 * @internal Callback of register_setting().
	 *
	 * @since 0.1.0
	 *
	 * @param mixed $input What was posted.
	 * @return array<string, mixed>
	 */
	public static function sanitize( $input ): array {
		$stored = get_option( Settings::OPTION, array() );
		return self::merge(
			is_multisite() ? Settings::of( Settings::SITE ) : Settings::all(),
			is_array( $input ) ? $input : array(),
			is_array( $stored ) ? $stored : array()
		);
	}

	/**
	 * The same for what a network has once.
	 *
	 * @since 0.1.0
	 *
	 * @param array<string, mixed> $input What was posted.
	 * @return array<string, mixed>
	 */
	public static function sanitize_for_network( array $input ): array {
		return self::merge( Settings::of( Settings::SERVER, Settings::NETWORK ), $input, (array) get_site_option( Settings::NETWORK_OPTION, array() ) );
	}

	/**
	 * Puts what was entered into what is stored.
	 *
	 * @param array<string, array<string, mixed>> $settings Those that may be changed, as of Settings::all().
	 * @param array<string, mixed>                $input    What was entered; with `form` if in a form.
	 * @param array<string, mixed>                $stored   What held before.
	 * @return array<string, mixed>
	 */
	private static function merge( array $settings, array $input, array $stored ): array {
		$posted = isset( $input['form'] );
		foreach ( $settings as $name => $setting ) {
			$boxes = array_key_exists( 'unticked', $setting );
			$value = $input[ $name ] ?? null;
			$fits  = null !== $value && ! is_wp_error( rest_validate_value_from_schema( $value, $setting['schema'], $name ) );
			// A box without a tick is not posted at all; nor is one that a constant decides.
			if ( $boxes ? Settings::is_fixed( $name ) || ! ( $fits || $posted ) : ! $fits ) {
				continue;
			}
			$value = $fits ? rest_sanitize_value_from_schema( $value, $setting['schema'], $name ) : $setting['unticked'];
			$value = call_user_func( $setting['sanitize'], $value, $posted );
			if ( is_wp_error( $value ) ) {
				add_settings_error( Settings::OPTION, 'widgets-for-box-' . $name, $value->get_error_message() );
				continue;
			}
			// A default of the server is not stored, so that it may change with the plugin.
			$stored[ $name ] = Settings::SERVER === $setting['scope'] && $setting['default'] === $value ? '' : $value;
		}
		return $stored;
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
			$default = Settings::all()[ $name ]['default'];
			if ( ( $before[ $name ] ?? $default ) !== ( $after[ $name ] ?? $default ) ) {
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
}
