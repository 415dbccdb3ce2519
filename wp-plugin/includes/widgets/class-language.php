<?php
/**
 * The person's language.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

use MO;
use WP_Error;
use WP_REST_Response;
use WP_REST_Server;

defined( 'ABSPATH' ) || exit;

/**
 * Pages are the same for everybody, in the site's language. Which one the person reads is told to the loader together
 * with the nonce; it then gets texts and Elements in that language.
 *
 * A language is told as `ja-JP/ja`: the locale of the Elements, and the WordPress locale of the plugin's own texts, which
 * is empty where there are none.
 *
 * @since 0.1.0
 */
final class Language {

	/**
	 * Header of the answer that brings a nonce.
	 */
	const HEADER = 'Box-Language';

	/**
	 * Languages of a browser that are looked at.
	 */
	const MOST_LANGUAGES = 10;

	/**
	 * Seconds for which texts may be kept by anyone.
	 */
	const TEXTS_LIFE = DAY_IN_SECONDS;

	/**
	 * Languages that are written from right to left.
	 */
	const RTL = array( 'ar', 'ary', 'azb', 'ckb', 'dv', 'fa', 'haz', 'he', 'ps', 'sd', 'skr', 'ug', 'ur', 'yi' );

	/**
	 * The language in which something is done in(), while it is.
	 *
	 * @var string|null
	 */
	private static ?string $spoken = null;

	/**
	 * The WordPress locale in which the plugin's texts are at the moment.
	 *
	 * @since 0.1.0
	 */
	public static function current(): string {
		return self::$spoken ?? determine_locale();
	}

	/**
	 * Registers the route of the texts.
	 *
	 * @internal Callback of `rest_api_init`.
	 * @since 0.1.0
	 */
	public static function register(): void {
		register_rest_route(
			Rest::SPACE,
			'/texts/(?P<locale>[A-Za-z]{2,3}(_\w{2,20})?)',
			array(
				'methods'             => WP_REST_Server::READABLE,
				'callback'            => array( self::class, 'answer' ),
				// What every page with a widget says to everybody, in another language.
				'permission_callback' => '__return_true',
			)
		);
	}

	/**
	 * The texts of the loader in one language.
	 *
	 * @internal Callback of the route.
	 * @since 0.1.0
	 *
	 * @param \WP_REST_Request $request The request.
	 * @return WP_REST_Response|WP_Error
	 */
	public static function answer( $request ) {
		// Of the address: query and body are whatever the caller likes, and caches may not tell them apart.
		$locale = $request->get_url_params()['locale'];
		if ( self::texts( $locale ) !== $locale ) {
			return new WP_Error( 'rest_no_route', __( 'There are no texts in this language.', 'widgets-for-box' ), array( 'status' => 404 ) );
		}
		$texts = self::in( $locale, array( Loader::class, 'texts' ) );
		$rtl   = in_array( explode( '_', $locale )[0], self::RTL, true );
		$plain = '' === $request->get_body() && ! array_diff_key( $request->get_query_params(), array_flip( array( 'ver', 'rest_route' ) ) );
		$cache = $plain ? 'public, max-age=' . self::TEXTS_LIFE : 'no-store';
		return new WP_REST_Response( $texts + array( 'rtl' => $rtl ), 200, array( 'Cache-Control' => $cache ) );
	}

	/**
	 * Tells a page which language its person reads.
	 *
	 * @internal Callback of `wp_ajax_rest-nonce`, before WordPress answers with the nonce.
	 * @since 0.1.0
	 */
	public static function tell(): void {
		$locale = self::of_person();
		if ( '' !== $locale && ! headers_sent() ) {
			header( self::HEADER . ': ' . self::name( $locale ) );
		}
	}

	/**
	 * A language as the loader is told it.
	 *
	 * @since 0.1.0
	 *
	 * @param string $locale A WordPress locale.
	 */
	public static function name( string $locale ): string {
		return Elements::locale( $locale ) . '/' . self::texts( $locale );
	}

	/**
	 * The WordPress locale of the person who is logged in: what they chose on their profile page, else the first that
	 * their browser prefers and of which there is anything; empty if that is none.
	 *
	 * @since 0.1.0
	 */
	public static function of_person(): string {
		$chosen = (string) get_user_meta( get_current_user_id(), 'locale', true );
		foreach ( '' !== $chosen ? array( $chosen ) : self::accepted() as $locale ) {
			if ( '' !== Elements::locale( $locale, '' ) || '' !== self::texts( $locale ) ) {
				return $locale;
			}
		}
		return '';
	}

	/**
	 * What the browser prefers, as WordPress locales, best first.
	 *
	 * @return string[]
	 */
	private static function accepted(): array {
		// phpcs:ignore WordPress.Security.ValidatedSanitizedInput.InputNotSanitized -- Only what matches the pattern is used.
		$said   = substr( (string) wp_unslash( $_SERVER['HTTP_ACCEPT_LANGUAGE'] ?? '' ), 0, 1000 );
		$ranked = array();
		foreach ( explode( ',', $said ) as $place => $part ) {
			if ( preg_match( '/^\s*([a-z]{2,3})(?:-([a-z]{4}))?(?:-([a-z]{2}))?\s*(?:;\s*q=([01](?:\.\d{0,3})?))?\s*$/Di', $part, $found ) ) {
				$weight = isset( $found[4] ) ? (float) $found[4] : 1.0;
				$script = array(
					'hant' => 'TW',
					'hans' => 'CN',
				);
				$region = $script[ strtolower( $found[2] ?? '' ) ] ?? strtoupper( $found[3] ?? '' );
				$ranked[ sprintf( '%04d-%03d', 1000 * ( 1 - $weight ), $place ) ] = strtolower( $found[1] ) . ( '' !== $region ? '_' . $region : '' );
			}
		}
		ksort( $ranked );
		$wanted = array_filter(
			$ranked,
			static function ( string $rank ): bool {
				return 0 !== strncmp( $rank, '1000', 4 );
			},
			ARRAY_FILTER_USE_KEY
		);
		// Each is looked for on disk; nobody reads more.
		return array_slice( array_unique( $wanted ), 0, self::MOST_LANGUAGES );
	}

	/**
	 * The locale of the plugin's texts that fits a locale best: that one, its language as spoken elsewhere, or empty.
	 *
	 * @since 0.1.0
	 *
	 * @param string $locale A WordPress locale.
	 */
	public static function texts( string $locale ): string {
		if ( ! preg_match( '/^([A-Za-z]{2,3})(_[A-Za-z]{2,4})?(_\w{2,20})?$/D', $locale, $parts ) ) {
			return '';
		}
		foreach ( array_unique( array( $locale, $parts[1] . ( $parts[2] ?? '' ), $parts[1] ) ) as $name ) {
			if ( 'en_US' === $name || '' !== self::file( $name ) ) {
				return $name;
			}
		}
		if ( 'en' === $parts[1] ) {
			return 'en_US';
		}
		foreach ( self::folders() as $folder ) {
			$found = glob( $folder . 'widgets-for-box-' . $parts[1] . '_*.mo' );
			if ( $found ) {
				return substr( basename( $found[0], '.mo' ), strlen( 'widgets-for-box-' ) );
			}
		}
		return '';
	}

	/**
	 * Does something with the plugin's texts in that language, whatever language the request is in. WordPress itself
	 * only switches to languages that the site has installed.
	 *
	 * @since 0.1.0
	 *
	 * @param string   $locale Of texts(); where it is empty, nothing changes.
	 * @param callable $action What to do.
	 * @return mixed What it returns.
	 */
	public static function in( string $locale, callable $action ) {
		if ( '' === $locale || determine_locale() === $locale ) {
			return $action();
		}
		$texts     = null;
		$translate = static function ( $translation, $text ) use ( $locale, &$texts ) {
			$texts = $texts ?? self::load( $locale );
			return $texts->translate( $text );
		};
		add_filter( 'gettext_widgets-for-box', $translate, 10, 2 );
		$before       = self::$spoken;
		self::$spoken = $locale;
		try {
			return $action();
		} finally {
			self::$spoken = $before;
			remove_filter( 'gettext_widgets-for-box', $translate );
		}
	}

	/**
	 * The texts of a language; the plugin's own, which are English, if there is no file.
	 *
	 * @param string $locale Of texts().
	 */
	private static function load( string $locale ): MO {
		$texts = new MO();
		$file  = self::file( $locale );
		if ( '' !== $file ) {
			$texts->import_from_file( $file );
		}
		return $texts;
	}

	/**
	 * The file of a language; empty if there is none.
	 *
	 * @param string $locale A WordPress locale, or what its pattern lets through.
	 */
	private static function file( string $locale ): string {
		foreach ( self::folders() as $folder ) {
			if ( is_readable( "{$folder}widgets-for-box-$locale.mo" ) ) {
				return "{$folder}widgets-for-box-$locale.mo";
			}
		}
		return '';
	}

	/**
	 * Where translations are: a site's own come before those that are included.
	 *
	 * @return string[]
	 */
	private static function folders(): array {
		return array( WP_LANG_DIR . '/plugins/', plugin_dir_path( FILE ) . 'languages/' );
	}
}
