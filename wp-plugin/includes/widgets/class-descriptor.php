<?php
/**
 * The signed description of one widget.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

defined( 'ABSPATH' ) || exit;

/**
 * A widget's settings as `PAYLOAD.SIGNATURE`, both base64url (RFC 4648 section 5, unpadded).
 *
 * The page carries it, the token route accepts nothing else: what it says is what the page's author
 * placed there. It is bound to the site (its salts and its id in a network) but to no person and no
 * time, so that any page cache may keep it.
 *
 * @since 0.1.0
 */
final class Descriptor {

	/**
	 * The payload's format. A descriptor of another version is refused.
	 */
	const VERSION = 1;

	/**
	 * Longer texts are refused before they cost anything.
	 */
	const MAX_LENGTH = 10240;

	/**
	 * Signs a widget.
	 *
	 * @since 0.1.0
	 *
	 * @param Widget $widget The widget.
	 */
	public static function sign( Widget $widget ): string {
		return self::seal( array( 'v' => self::VERSION ) + $widget->to_array() );
	}

	/**
	 * Signs data.
	 *
	 * @since 0.1.0
	 *
	 * @param array<string, mixed> $data With the format as `v`: one format is never taken for another.
	 */
	public static function seal( array $data ): string {
		$payload = self::encode( (string) wp_json_encode( $data ) );
		return $payload . '.' . self::signature( $payload );
	}

	/**
	 * The widget that a descriptor of this site describes.
	 *
	 * @since 0.1.0
	 *
	 * @param string $descriptor What a browser sent.
	 * @return Widget|null Null unless this site signed exactly this text.
	 */
	public static function verify( string $descriptor ): ?Widget {
		$data = self::open( $descriptor );
		return null !== $data && self::VERSION === ( $data['v'] ?? null ) ? Widget::from_array( $data ) : null;
	}

	/**
	 * Data that this site signed.
	 *
	 * @since 0.1.0
	 *
	 * @param string $descriptor What a browser sent.
	 * @return array<string, mixed>|null Null unless this site signed exactly this text. The caller looks at `v`.
	 */
	public static function open( string $descriptor ): ?array {
		if ( strlen( $descriptor ) > self::MAX_LENGTH || ! preg_match( '/^([\w-]+)\.([\w-]{43})$/D', $descriptor, $parts ) ) {
			return null;
		}
		if ( ! hash_equals( self::signature( $parts[1] ), $parts[2] ) ) {
			return null;
		}
		// phpcs:ignore WordPress.PHP.DiscouragedPHPFunctions.obfuscation_base64_decode -- RFC 4648, not obfuscation.
		$data = json_decode( (string) base64_decode( strtr( $parts[1], '-_', '+/' ), true ), true );
		return is_array( $data ) ? $data : null;
	}

	/**
	 * The signature of a payload on this site.
	 *
	 * @param string $payload The encoded payload.
	 */
	private static function signature( string $payload ): string {
		$context = 'widgets-for-box:' . self::VERSION . ':' . get_current_blog_id() . ':';
		return self::encode( hash_hmac( 'sha256', $context . $payload, wp_salt( 'auth' ), true ) );
	}

	/**
	 * Base64url without padding.
	 *
	 * @param string $bytes Any bytes.
	 */
	private static function encode( string $bytes ): string {
		// phpcs:ignore WordPress.PHP.DiscouragedPHPFunctions.obfuscation_base64_encode -- RFC 4648, not obfuscation.
		return rtrim( strtr( base64_encode( $bytes ), '+/', '-_' ), '=' );
	}
}
