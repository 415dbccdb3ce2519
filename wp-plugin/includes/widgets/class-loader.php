<?php
/**
 * What the loader needs to know.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

defined( 'ABSPATH' ) || exit;

/**
 * The configuration and the texts of the script that fills widgets in the browser.
 *
 * @since 0.1.0
 */
final class Loader {

	/**
	 * Prints what the loader needs to know, as data: a strict Content-Security-Policy forbids inline scripts.
	 *
	 * @internal Callback of `wp_footer` and `admin_footer`.
	 * @since 0.1.0
	 */
	public static function print_configuration(): void {
		if ( wp_script_is( Assets::HANDLE ) ) {
			wp_print_inline_script_tag(
				(string) wp_json_encode( Language::in( Language::texts( determine_locale() ), array( self::class, 'configuration' ) ), JSON_HEX_TAG | JSON_HEX_AMP | JSON_UNESCAPED_UNICODE ),
				array(
					'type' => 'application/json',
					'id'   => 'widgets-for-box-configuration',
				)
			);
		}
	}

	/**
	 * The texts of the loader, for a page in another language: the page's own, those of pickers, and the names of widgets.
	 *
	 * @since 0.1.0
	 *
	 * @return array<string, array<string, string>>
	 */
	public static function texts(): array {
		return array(
			'text'   => self::configuration()['text'],
			'labels' => array_map( array( Widgets::class, 'label' ), array_combine( array_keys( Elements::CATALOGUE ), array_keys( Elements::CATALOGUE ) ) ),
		) + self::picker( true );
	}

	/**
	 * The loader's configuration.
	 *
	 * @internal Callback of Language::in().
	 * @since 0.1.0
	 *
	 * @return array<string, mixed>
	 */
	public static function configuration(): array {
		return self::picker() + array(
			'token'      => wp_make_link_relative( rest_url( Rest::SPACE . '/token' ) ),
			'nonce'      => admin_url( 'admin-ajax.php?action=rest-nonce', 'relative' ),
			'logIn'      => wp_login_url(),
			// What only some pages need of it; a file of an older release must not come out of a cache.
			'part'       => plugins_url( 'assets/{name}.js', FILE ) . '?ver=' . VERSION,
			// What is counted for it, and the month in which widgets wait to be asked for: pages from a cache are older.
			'page'       => is_singular() ? get_queried_object_id() : 0,
			'brake'      => Usage::brake(),
			'elements'   => Elements::url(),
			'selfHosted' => Elements::self_hosted(),
			'locale'     => Elements::locale( get_locale() ),
			// Buttons look as those around them do: as the theme's, or as WordPress's own.
			'button'     => is_admin() ? 'button' : 'wp-element-button',
			// The page's language, and where there is what a person who reads another one needs.
			'language'   => Elements::locale( get_locale() ) . '/' . Language::texts( determine_locale() ),
			'elementsIn' => Elements::url_in(),
			'textsIn'    => add_query_arg( 'ver', VERSION, wp_make_link_relative( rest_url( Rest::SPACE . '/texts/{locale}' ) ) ),
			'hosts'      => array(
				'apiHost'    => Settings::get( 'api_host' ),
				'uploadHost' => Settings::get( 'upload_host' ),
				'staticHost' => Settings::get( 'static_host' ),
			),
			'text'       => array(
				'loading'   => __( 'Loading your Box files…', 'widgets-for-box' ),
				'slow'      => __( 'This site takes longer than usual. Please wait a moment.', 'widgets-for-box' ),
				'loadingSite' => __( 'Waiting for this site', 'widgets-for-box' ),
				'loadingBox' => __( 'Loading Box', 'widgets-for-box' ),
				/* translators: 1: and 2: numbers of megabytes, such as 1.2 and 4.3. */
				'loadingPart' => __( 'Loading Box, %1$s of %2$s MB', 'widgets-for-box' ),
				/* translators: 1: what is being waited for, 2: number of seconds. */
				'since'     => __( '%1$s (%2$s s)', 'widgets-for-box' ),
				'show'      => __( 'Show my Box files', 'widgets-for-box' ),
				/* translators: %s: name of a widget. */
				'showOne'   => __( 'Show: %s', 'widgets-for-box' ),
				'ready'     => __( 'Your Box files are loaded.', 'widgets-for-box' ),
				'loggedOut' => __( 'Please log in to see your Box files.', 'widgets-for-box' ),
				'logIn'     => __( 'Log in', 'widgets-for-box' ),
				'profile'   => __( 'Open your profile', 'widgets-for-box' ),
				'retry'     => __( 'Try again', 'widgets-for-box' ),
				'fix'       => __( 'For administrators:', 'widgets-for-box' ),
				'site'      => __( 'This site can’t be reached. Please check your connection.', 'widgets-for-box' ),
				'broken'    => __( 'This site gave no usable answer. Please try again in a minute.', 'widgets-for-box' ),
				'elements'  => __( 'The part of this page that comes from Box could not be loaded. A blocker in your browser or network may be the reason.', 'widgets-for-box' ),
				/* translators: 1: name of a file, 2: name of its folder. */
				'uploaded'  => __( '%1$s is now in %2$s.', 'widgets-for-box' ),
				/* translators: 1: name of a file, 2: name of its folder. */
				'newVersion' => __( '%1$s in %2$s has a new version; the earlier one is kept at Box.', 'widgets-for-box' ),
				'open'      => __( 'Open', 'widgets-for-box' ),
				/* translators: %s: name of a folder. */
				'drop'      => __( 'Drop into %s', 'widgets-for-box' ),
				'dropFolders' => __( 'Folders can’t be dropped here. Please drop the files in them.', 'widgets-for-box' ),
				'noPreview' => __( 'This file can’t be previewed here.', 'widgets-for-box' ),
				'noPreviewNoDownload' => __( 'This file can neither be previewed nor downloaded here.', 'widgets-for-box' ),
				'size'      => __( 'Size', 'widgets-for-box' ),
				'changed'   => __( 'Last changed', 'widgets-for-box' ),
				'download'  => __( 'Download', 'widgets-for-box' ),
				'close'     => __( 'Close', 'widgets-for-box' ),
				'offline'   => __( 'You are offline. This goes on by itself once you are connected again.', 'widgets-for-box' ),
				'box'       => __( 'Your browser can’t reach Box. Please check your connection.', 'widgets-for-box' ),
				/* translators: %s: address of the site, such as https://intranet.example.com */
				'cors'      => __( 'If nobody can reach Box from here, list %s among the CORS domains of the Box app.', 'widgets-for-box' ),
				'refused'   => __( 'Box has ended this session. Please try again.', 'widgets-for-box' ),
				/* translators: %s: name of a file or folder. */
				'sharing'   => __( 'Sharing makes a link to “%s”. Who can open it is up to your company’s settings at Box: it may be anyone who has the link.', 'widgets-for-box' ),
				'makeLink'  => __( 'Make the link', 'widgets-for-box' ),
				'cancel'    => __( 'Cancel', 'widgets-for-box' ),
				/* translators: %s: name of a folder. */
				'folder'    => __( 'The folder %s is open.', 'widgets-for-box' ),
				'link'      => __( 'Shared link', 'widgets-for-box' ),
				'access'    => __( 'Who can open the link', 'widgets-for-box' ),
				'search'    => __( 'Search is not available here. Please open the folders to find your files.', 'widgets-for-box' ),
			),
		);
	}
	/**
	 * The texts of the script of pages with a picker, where there is one.
	 *
	 * @param bool $always Whether also where there is none.
	 * @return array<string, array<string, string>>
	 */
	private static function picker( bool $always = false ): array {
		if ( ! $always && ! wp_script_is( Assets::PICKER ) ) {
			return array();
		}
		return array(
			'picker' => array(
				'chosen'     => __( 'Chosen from Box', 'widgets-for-box' ),
				/* translators: %d: number of files and folders. */
				'count'      => __( 'Chosen: %d', 'widgets-for-box' ),
				'remove'     => __( 'Remove', 'widgets-for-box' ),
				/* translators: %s: name of a file or folder. */
				'removeItem' => __( 'Remove %s', 'widgets-for-box' ),
				/* translators: %s: name of a file or folder. */
				'removed'    => __( '%s was removed.', 'widgets-for-box' ),
				'file'       => __( 'File', 'widgets-for-box' ),
				'folder'     => __( 'Folder', 'widgets-for-box' ),
				'web_link'   => __( 'Bookmark', 'widgets-for-box' ),
			),
		);
	}
}
