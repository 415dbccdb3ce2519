<?php
/**
 * What the sidecar found, in the language of whoever reads it.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

use MO;

defined( 'ABSPATH' ) || exit;

/**
 * The sidecar's sentences. It says them in English, and which template and parameters each was made from.
 *
 * @since 0.1.0
 */
final class Findings {

	/**
	 * From English to other languages, by locale.
	 *
	 * @var array<string, array<string, string>>
	 */
	private static $known = array();

	/**
	 * One part of a finding as text, to be escaped where it is shown. What has no translation stays English.
	 *
	 * @since 0.1.0
	 *
	 * @param mixed  $finding As in the sidecar's answer, if that is what it should be.
	 * @param string $part    `summary` or `fix`.
	 */
	public static function text( $finding, string $part ): string {
		$english   = is_string( $finding[ $part ] ?? null ) ? $finding[ $part ] : '';
		$sentences = $finding['message'][ $part ] ?? array( array( 'template' => $english ) );
		$told      = array();
		foreach ( is_array( $sentences ) ? $sentences : array( null ) as $sentence ) {
			if ( ! is_string( $sentence['template'] ?? null ) ) {
				return $english;
			}
			$told[] = self::fill( self::translate( $sentence['template'] ), $sentence['params'] ?? null );
		}
		return $told ? implode( ' ', $told ) : $english;
	}

	/**
	 * A sentence without parameters, or one that is not the sidecar's as it is.
	 *
	 * @since 0.1.0
	 *
	 * @param string $english As the sidecar says it.
	 */
	public static function translate( string $english ): string {
		$locale                 = Language::current();
		self::$known[ $locale ] = self::$known[ $locale ] ?? self::load( $locale );
		return self::$known[ $locale ][ $english ] ?? $english;
	}

	/**
	 * All sentences in a language: as the site's own translation says them, else as the one that is included.
	 *
	 * @param string $locale A WordPress locale, the one that is spoken now.
	 * @return array<string, string> By what they are in English.
	 */
	private static function load( string $locale ): array {
		// In a file of its own, so that pages for visitors do not load it.
		$file     = plugin_dir_path( FILE ) . "languages/widgets-for-box-findings-$locale.mo";
		$included = new MO();
		if ( is_readable( $file ) ) {
			$included->import_from_file( $file );
		}
		$sentences = require __DIR__ . '/findings.php';
		foreach ( $sentences as $english => $told ) {
			$sentences[ $english ] = $told === $english ? $included->translate( $english ) : $told;
		}
		return $sentences;
	}

	/**
	 * Puts parameters into a template. They are text: whatever looks like a place for another one in them stays.
	 *
	 * @param string $template With names in braces.
	 * @param mixed  $params   By name, if they are what they should be.
	 */
	private static function fill( string $template, $params ): string {
		$values = array();
		foreach ( is_array( $params ) ? $params : array() as $name => $value ) {
			if ( is_string( $value ) ) {
				$values[ '{' . $name . '}' ] = $value;
			}
		}
		return strtr( $template, $values );
	}
}
