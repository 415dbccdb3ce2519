<?php
/**
 * Box UI Elements: what each may be allowed, and where the browser gets them.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

defined( 'ABSPATH' ) || exit;

/**
 * The catalogue of elements that the plugin can place on a page.
 *
 * @since 0.1.0
 */
final class Elements {

	/**
	 * The release of Box UI Elements that the plugin is tested with.
	 */
	const VERSION = '26.3.0';

	/**
	 * Box's own host for the Elements.
	 */
	const CDN = 'https://cdn01.boxcdn.net/platform/elements/{version}/{locale}/{file}';

	/**
	 * For each element, the feature scopes (Box's names) that a widget may be granted on top of the
	 * base scope, and whether it shows a folder or a file.
	 *
	 * @link https://developer.box.com/guides/api-calls/permissions-and-errors/scopes/
	 */
	const CATALOGUE = array(
		'explorer' => array(
			'resource' => 'folder',
			'scopes'   => array( 'item_preview', 'item_download', 'item_upload', 'item_rename', 'item_share', 'item_delete' ),
			'default'  => array( 'item_preview', 'item_download' ),
		),
		'uploader' => array(
			'resource' => 'folder',
			'scopes'   => array(),
			'default'  => array(),
		),
		'picker'   => array(
			'resource' => 'folder',
			'scopes'   => array( 'item_share', 'item_upload' ),
			'default'  => array(),
		),
		'preview'  => array(
			'resource' => 'file',
			'scopes'   => array( 'item_download', 'annotation_edit', 'annotation_view_all', 'annotation_view_self' ),
			'default'  => array(),
		),
	);

	/**
	 * WordPress locales whose Elements locale is not simply the same language and country.
	 */
	const LOCALES = array(
		'da'    => 'da-DK',
		'de'    => 'de-DE',
		'en'    => 'en-US',
		'en_AU' => 'en-AU',
		'en_CA' => 'en-CA',
		'en_GB' => 'en-GB',
		'en_NZ' => 'en-GB',
		'en_ZA' => 'en-GB',
		'es'    => 'es-ES',
		'fi'    => 'fi-FI',
		'fr'    => 'fr-FR',
		'fr_CA' => 'fr-CA',
		'it'    => 'it-IT',
		'ja'    => 'ja-JP',
		'ko'    => 'ko-KR',
		'nb'    => 'nb-NO',
		'nn'    => 'nb-NO',
		'no'    => 'nb-NO',
		'nl'    => 'nl-NL',
		'pl'    => 'pl-PL',
		'pt'    => 'pt-BR',
		'ru'    => 'ru-RU',
		'sv'    => 'sv-SE',
		'tr'    => 'tr-TR',
		'zh'    => 'zh-CN',
		'zh_HK' => 'zh-TW',
		'zh_MO' => 'zh-TW',
		'zh_TW' => 'zh-TW',
	);

	/**
	 * Whether a value is the id of a folder or file, whichever an element shows. `0` is everybody's root folder.
	 *
	 * @since 0.1.0
	 *
	 * @param string $element A key of the catalogue.
	 * @param mixed  $id      The value.
	 */
	public static function is_id( string $element, $id ): bool {
		return is_string( $id ) && preg_match( '/^(0|[1-9]\d{0,19})$/D', $id ) && ( '0' !== $id || 'folder' === self::CATALOGUE[ $element ]['resource'] );
	}

	/**
	 * The scopes that a list of names stands for, without those that the element does not know.
	 *
	 * @since 0.1.0
	 *
	 * @param string   $element A key of the catalogue.
	 * @param string[] $names   Box's names (`item_download`) or the same without `item_` (`download`).
	 * @return string[] Box's names, in the catalogue's order.
	 */
	public static function scopes( string $element, array $names ): array {
		return array_values(
			array_filter(
				self::CATALOGUE[ $element ]['scopes'],
				static function ( string $scope ) use ( $names ): bool {
					return in_array( $scope, $names, true ) || in_array( preg_replace( '/^item_/', '', $scope ), $names, true );
				}
			)
		);
	}

	/**
	 * Every feature scope of every element, once each.
	 *
	 * @since 0.1.0
	 *
	 * @return string[]
	 */
	public static function all_scopes(): array {
		return array_values( array_unique( array_merge( ...array_column( self::CATALOGUE, 'scopes' ) ) ) );
	}

	/**
	 * The Elements locale that fits a WordPress locale best.
	 *
	 * @since 0.1.0
	 *
	 * @param string $locale A WordPress locale such as `de_DE_formal`.
	 * @param string $else   What to return where Box has none.
	 */
	public static function locale( string $locale, string $else = 'en-US' ): string {
		$parts = explode( '_', $locale );
		$full  = $parts[0] . ( isset( $parts[1] ) ? '_' . $parts[1] : '' );
		return self::LOCALES[ $full ] ?? self::LOCALES[ $parts[0] ] ?? $else;
	}

	/**
	 * The URL template of the Elements with everything but `{file}` filled in.
	 *
	 * @since 0.1.0
	 */
	public static function url(): string {
		return str_replace( '{locale}', self::locale( get_locale() ), self::url_in() );
	}

	/**
	 * The same for any language, with `{locale}` left open, too.
	 *
	 * @since 0.1.0
	 */
	public static function url_in(): string {
		return str_replace( '{version}', Settings::get( 'elements_version' ), Settings::get( 'elements_url' ) );
	}

	/**
	 * Whether the site hosts the Elements itself. Such a copy is the one en-US build, which takes
	 * its other languages from a `messages.json` beside it.
	 *
	 * @since 0.1.0
	 */
	public static function self_hosted(): bool {
		return self::CDN !== Settings::get( 'elements_url' );
	}
}
