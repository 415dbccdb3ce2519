<?php
/**
 * Privacy: the suggested policy text, export and erasure of personal data.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

use WP_User;

defined( 'ABSPATH' ) || exit;

/**
 * What the plugin stores about people is which Box user they are, how that was proved, whether Box knew them when they
 * were last looked up, until when they hold tokens, and in whose place administrators have lately looked at folders.
 *
 * @since 0.1.0
 */
final class Privacy {

	/**
	 * Suggests a text for the site's privacy policy.
	 *
	 * @internal Callback of `admin_init`.
	 * @since 0.1.0
	 */
	public static function suggest_policy(): void {
		wp_add_privacy_policy_content(
			__( 'Widgets for Box', 'widgets-for-box' ),
			'<p>' . esc_html__( 'Some pages of this site show files that are stored at Box, Inc. When you open such a page while you are logged in, your browser loads program code from Box and exchanges data with it directly: your IP address, the files that you open or upload, and a token that identifies you to Box for about an hour. To get that token, this site tells Box who you are, usually by your e-mail address. Your files do not pass through this site and are not stored on it.', 'widgets-for-box' ) . '</p>'
			. '<p>' . esc_html__( 'This site stores which Box user you are and until when you hold such a token. See also the privacy notice of Box: https://www.box.com/legal/privacypolicy', 'widgets-for-box' ) . '</p>'
			. '<p>' . esc_html__( 'An administrator may have everybody whose role may use Box looked up at Box, also without a visit of theirs; this site stores what was found, and when. Your browser keeps, for this site alone, how many requests of which kind it has sent to Box, until it has told this site, which adds them up without your name.', 'widgets-for-box' ) . '</p>'
		);
	}

	/**
	 * Adds the exporter.
	 *
	 * @internal Callback of `wp_privacy_personal_data_exporters`.
	 * @since 0.1.0
	 *
	 * @param array<string, mixed> $exporters Exporters so far.
	 * @return array<string, mixed>
	 */
	public static function add_exporter( $exporters ) {
		$exporters['widgets-for-box'] = array(
			'exporter_friendly_name' => __( 'Widgets for Box', 'widgets-for-box' ),
			'callback'               => array( self::class, 'export' ),
		);
		return $exporters;
	}

	/**
	 * Adds the eraser.
	 *
	 * @internal Callback of `wp_privacy_personal_data_erasers`.
	 * @since 0.1.0
	 *
	 * @param array<string, mixed> $erasers Erasers so far.
	 * @return array<string, mixed>
	 */
	public static function add_eraser( $erasers ) {
		$erasers['widgets-for-box'] = array(
			'eraser_friendly_name' => __( 'Widgets for Box', 'widgets-for-box' ),
			'callback'             => array( self::class, 'erase' ),
		);
		return $erasers;
	}

	/**
	 * Exports what is stored about a person.
	 *
	 * @internal Callback of the exporter.
	 * @since 0.1.0
	 *
	 * @param string $email Their address.
	 * @return array{data: array<int, array<string, mixed>>, done: bool}
	 */
	public static function export( $email ): array {
		$wp_user = get_user_by( 'email', $email );
		$data    = $wp_user ? self::stored( $wp_user ) : array();
		$item    = array(
			'group_id'    => 'widgets-for-box',
			'group_label' => __( 'Box', 'widgets-for-box' ),
			'item_id'     => 'widgets-for-box-' . ( $wp_user ? $wp_user->ID : 0 ),
			'data'        => $data,
		);
		return array(
			'data' => $data ? array( $item ) : array(),
			'done' => true,
		);
	}

	/**
	 * What is stored about a person, as names and values.
	 *
	 * @param WP_User $wp_user The person.
	 * @return array<int, array{name: string, value: string}>
	 */
	private static function stored( WP_User $wp_user ): array {
		$issued = get_user_meta( $wp_user->ID, Issued::META, true );
		// What others have put there is not ours to export.
		$issued = is_array( $issued ) && People::is_box_user( $issued['user'] ?? null ) && is_int( $issued['until'] ?? null ) ? $issued : null;
		$values = array(
			__( 'Looked up at Box', 'widgets-for-box' ) => implode( '; ', self::found( $wp_user->ID ) ),
			__( 'Assigned Box user', 'widgets-for-box' ) => current( People::assigned( $wp_user->ID ) ),
			__( 'E-mail address for Box', 'widgets-for-box' ) => Profile::history( Addresses::mark( $wp_user->ID ) ),
			__( 'A link to confirm was sent to', 'widgets-for-box' ) => Sealed_Meta::get( $wp_user->ID, Address_Link::META )['email'] ?? '',
			__( 'Box user of the latest tokens', 'widgets-for-box' ) => $issued ? current( $issued['user'] ) : '',
			__( 'Looked at folders in the place of users', 'widgets-for-box' ) => implode( ', ', array_unique( array_filter( array_column( array_filter( get_user_meta( $wp_user->ID, View_As::META ), 'is_array' ), 'person' ) ) ) ),
			__( 'Tokens may live until', 'widgets-for-box' ) => $issued ? gmdate( 'c', $issued['until'] ) : '',
		);
		$stored = array();
		foreach ( array_filter( $values ) as $name => $value ) {
			$stored[] = array(
				'name'  => $name,
				'value' => (string) $value,
			);
		}
		return $stored;
	}

	/**
	 * What is remembered of look-ups of a person, on each site.
	 *
	 * @param int $user_id The person.
	 * @return string[]
	 */
	private static function found( int $user_id ): array {
		$found = array();
		foreach ( Coverage::stored( $user_id ) as $key => $lines ) {
			$site = (int) substr( $key, strlen( Coverage::META ) + 1 );
			foreach ( $lines as $line ) {
				$parts   = array_pad( explode( ':', $line ), 3, '' );
				$found[] = implode( ', ', array_filter( array( $site ? (string) get_home_url( $site ) : '', Coverage::label( $parts[2] ), gmdate( 'c', (int) $parts[1] ) ) ) );
			}
		}
		return $found;
	}

	/**
	 * Erases what is stored about a person. That it was erased is recorded: without an assignment or a proof
	 * the rule in the settings must not make them somebody else.
	 *
	 * @internal Callback of the eraser.
	 * @since 0.1.0
	 *
	 * @param string $email Their address.
	 * @return array{items_removed: bool, items_retained: bool, messages: string[], done: bool}
	 */
	public static function erase( $email ): array {
		$wp_user = get_user_by( 'email', $email );
		$removed = false;
		if ( $wp_user ) {
			$removed = (bool) self::stored( $wp_user );
			Tokens::revoke( $wp_user->ID );
			Addresses::erase( $wp_user->ID );
			delete_user_meta( $wp_user->ID, People::ASSIGNED );
			delete_user_meta( $wp_user->ID, Address_Link::META );
			delete_user_meta( $wp_user->ID, View_As::META );
			Coverage::forget_everywhere( $wp_user->ID );
		}
		return array(
			'items_removed'  => $removed,
			'items_retained' => (bool) $wp_user,
			'messages'       => $wp_user ? array( __( 'It is kept on record that this person’s data was erased: they have no Box until an administrator decides who they are there.', 'widgets-for-box' ) ) : array(),
			'done'           => true,
		);
	}
}
