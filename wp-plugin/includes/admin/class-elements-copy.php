<?php
/**
 * A copy of Box UI Elements that the site hosts itself.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

defined( 'ABSPATH' ) || exit;

/**
 * Whether such a copy is sent as it should be: some megabytes that every employee waits for.
 *
 * @since 0.1.0
 */
final class Elements_Copy {

	/**
	 * Seconds for one file.
	 */
	const TIMEOUT = 5;

	/**
	 * Seconds for which browsers are to keep the files: an address has the version in it.
	 */
	const LEAST_LIFE = MONTH_IN_SECONDS;

	/**
	 * What is found, each as status, summary and fix; nothing where the Elements come from Box's own network.
	 *
	 * @since 0.1.0
	 *
	 * @return array<int, array{0: string, 1: string, 2: string}>
	 */
	public static function findings(): array {
		if ( ! Elements::self_hosted() ) {
			return array();
		}
		$url    = str_replace( '{file}', 'uploader.js', Elements::url() );
		$answer = self::get( $url );
		if ( is_wp_error( $answer ) || 200 !== wp_remote_retrieve_response_code( $answer ) ) {
			$reason = is_wp_error( $answer ) ? $answer->get_error_message() : (string) wp_remote_retrieve_response_code( $answer );
			/* translators: 1: an address, 2: an error message or the number of one. */
			return array( array( 'warn', sprintf( __( 'The copy of Box UI Elements could not be looked at: %1$s (%2$s).', 'widgets-for-box' ), $url, $reason ), __( 'Check that WIDGETS_FOR_BOX_ELEMENTS_URL leads to the folder that make elements has filled, and that this server can reach it.', 'widgets-for-box' ) ) );
		}
		$findings = array_filter( array( self::type( $answer ), self::compression( $answer ), self::life( $answer ), self::fonts() ) );
		return $findings ? array_values( $findings ) : array( array( 'pass', __( 'The copy of Box UI Elements is sent compressed, may be kept long, and loads no fonts from elsewhere.', 'widgets-for-box' ), '' ) );
	}

	/**
	 * A file as a browser would get it.
	 *
	 * @param string $url        Its address.
	 * @param bool   $decompress Whether the content is wanted rather than how it is sent.
	 * @return array<string, mixed>|\WP_Error
	 */
	private static function get( string $url, bool $decompress = false ) {
		return wp_remote_get(
			$url,
			array(
				'timeout'    => self::TIMEOUT,
				'decompress' => $decompress,
				'headers'    => $decompress ? array() : array( 'Accept-Encoding' => 'gzip' ),
			)
		);
	}

	/**
	 * Whether a script is said to be one: browsers told not to guess don't run it otherwise.
	 *
	 * @param array<string, mixed> $answer The server's.
	 * @return string[]
	 */
	private static function type( array $answer ): array {
		$type = self::header( $answer, 'content-type' );
		return preg_match( '#^(text|application)/(x-)?javascript\b#i', $type ) ? array() : array(
			'warn',
			/* translators: %s: a content type, such as text/plain. */
			sprintf( __( 'The scripts of Box UI Elements are sent as “%s”, so that browsers may not run them.', 'widgets-for-box' ), $type ),
			__( 'Have the web server send files that end in .js as text/javascript (nginx: include mime.types; Apache: AddType text/javascript .js).', 'widgets-for-box' ),
		);
	}

	/**
	 * Whether it is compressed.
	 *
	 * @param array<string, mixed> $answer The server's.
	 * @return string[]
	 */
	private static function compression( array $answer ): array {
		return preg_match( '/\b(gzip|br|zstd|deflate)\b/i', self::header( $answer, 'content-encoding' ) ) ? array() : array(
			'warn',
			__( 'Box UI Elements are sent uncompressed: four times as much as need be.', 'widgets-for-box' ),
			__( 'nginx: gzip on; gzip_types text/css text/javascript application/javascript application/json; — Apache: AddOutputFilterByType DEFLATE text/css text/javascript application/javascript application/json', 'widgets-for-box' ),
		);
	}

	/**
	 * Whether browsers may keep it.
	 *
	 * @param array<string, mixed> $answer The server's.
	 * @return string[]
	 */
	private static function life( array $answer ): array {
		$said = self::header( $answer, 'cache-control' );
		$kept = preg_match( '/\bmax-age=(\d{1,10})\b/i', $said, $found ) && (int) $found[1] >= self::LEAST_LIFE && ! preg_match( '/\bno-(store|cache)\b/i', $said );
		return $kept ? array() : array(
			'warn',
			__( 'Browsers are not told to keep Box UI Elements for long, so people wait for them again and again.', 'widgets-for-box' ),
			/* translators: %s: a path. */
			sprintf( __( 'nginx: location %s { add_header Cache-Control "public, max-age=31536000, immutable"; } — Apache, in that folder: Header set Cache-Control "public, max-age=31536000, immutable"', 'widgets-for-box' ), self::path() ),
		);
	}

	/**
	 * Whether its style sheets fetch a font from Box's network.
	 *
	 * @return string[]
	 */
	private static function fonts(): array {
		$answer = self::get( str_replace( '{file}', 'uploader.css', Elements::url() ), true );
		$styles = is_wp_error( $answer ) ? '' : wp_remote_retrieve_body( $answer );
		return ! preg_match( '#@font-face\{[^}]*boxcdn\.net#', $styles ) ? array() : array(
			'warn',
			__( 'The style sheets of this copy load the font Lato from Box’s network, so Box learns of each visitor all the same.', 'widgets-for-box' ),
			__( 'Fill the folder anew with make elements FONTS=system: then each person’s own fonts are used.', 'widgets-for-box' ),
		);
	}

	/**
	 * The folder of all versions, as the web server knows it.
	 */
	private static function path(): string {
		$path = (string) wp_parse_url( strtok( Settings::get( 'elements_url' ), '{' ), PHP_URL_PATH );
		return '' !== $path ? $path : '/';
	}

	/**
	 * One header of an answer.
	 *
	 * @param array<string, mixed> $answer The answer.
	 * @param string               $name   In lower case.
	 */
	private static function header( array $answer, string $name ): string {
		return implode( ', ', (array) wp_remote_retrieve_header( $answer, $name ) );
	}
}
