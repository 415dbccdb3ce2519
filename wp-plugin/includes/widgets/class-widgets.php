<?php
/**
 * Widgets on a page.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

use WP_Scripts;
use WP_Styles;

defined( 'ABSPATH' ) || exit;

/**
 * Blocks, shortcodes and what they print.
 *
 * Rendering makes no call to anyone, and prints the same for every visitor: the loader in the browser
 * finds out who is there.
 */
final class Widgets {

	const HANDLE = 'widgets-for-box';

	/**
	 * Heights in pixels.
	 */
	const MIN_HEIGHT     = 200;
	const MAX_HEIGHT     = 2000;
	const DEFAULT_HEIGHT = 600;

	/**
	 * Registers scripts, as soon as a request needs any: most REST requests need none.
	 *
	 * @internal Callback of `wp_default_scripts`.
	 *
	 * @param WP_Scripts $scripts WordPress's scripts.
	 * @return void
	 */
	public static function register_scripts( $scripts ) {
		$scripts->add( self::HANDLE, plugins_url( 'assets/loader.js', FILE ), array(), VERSION, 1 );
		$scripts->add_data( self::HANDLE, 'strategy', 'defer' );
		$dependencies = array( 'wp-api-fetch', 'wp-block-editor', 'wp-blocks', 'wp-components', 'wp-element', 'wp-i18n', 'wp-shortcode', self::HANDLE );
		$scripts->add( self::HANDLE . '-editor', plugins_url( 'assets/editor.js', FILE ), $dependencies, VERSION, 1 );
		$scripts->set_translations( self::HANDLE . '-editor', 'widgets-for-box', plugin_dir_path( FILE ) . 'languages' );
	}

	/**
	 * Registers style sheets.
	 *
	 * @internal Callback of `wp_default_styles`.
	 *
	 * @param WP_Styles $styles WordPress's style sheets.
	 * @return void
	 */
	public static function register_styles( $styles ) {
		$styles->add( self::HANDLE, plugins_url( 'assets/widgets.css', FILE ), array(), VERSION );
		$styles->add( self::HANDLE . '-editor', plugins_url( 'assets/editor.css', FILE ), array( self::HANDLE ), VERSION );
	}

	/**
	 * Registers blocks and shortcodes.
	 *
	 * @internal Callback of `init`.
	 *
	 * @return void
	 */
	public static function register_types() {
		foreach ( array_keys( Elements::CATALOGUE ) as $element ) {
			register_block_type(
				plugin_dir_path( FILE ) . 'blocks/' . $element,
				array(
					'render_callback' => static function ( $attributes ) use ( $element ) {
						return self::render( $element, $attributes, get_block_wrapper_attributes( self::wrapper( $element, $attributes ) ) );
					},
				)
			);
			add_shortcode(
				'box_' . $element,
				static function ( $attributes ) use ( $element ) {
					return self::html( $element, (array) $attributes );
				}
			);
		}
	}

	/**
	 * The markup of a widget outside the block editor: shortcode and template tag.
	 *
	 * @param string               $element    A key of Elements::CATALOGUE.
	 * @param array<string, mixed> $attributes See widgets_for_box().
	 */
	public static function html( string $element, array $attributes ): string {
		$wrapper = '';
		foreach ( self::wrapper( $element, $attributes ) as $name => $value ) {
			$wrapper .= sprintf( ' %s="%s"', $name, esc_attr( $value ) );
		}
		return self::render( $element, $attributes, ltrim( $wrapper ) );
	}

	/**
	 * The widget that attributes describe; null if they name no folder or file.
	 *
	 * @param string               $element    A key of Elements::CATALOGUE.
	 * @param array<string, mixed> $attributes Of a block or a shortcode, so by anyone who may write a post.
	 * @return array{element: string, id: string, scopes: string[], options?: array<string, mixed>}|null
	 */
	public static function widget( string $element, array $attributes ): ?array {
		$resource = Elements::CATALOGUE[ $element ]['resource'];
		$id       = $attributes[ $resource ] ?? ( 'folder' === $resource ? '0' : '' );
		if ( ! is_scalar( $id ) || ! Elements::is_id( $element, (string) $id ) ) {
			return null;
		}
		$can = $attributes['can'] ?? Elements::CATALOGUE[ $element ]['default'];

		$widget = array(
			'element' => $element,
			'id'      => (string) $id,
			'scopes'  => Elements::scopes( $element, wp_parse_list( $can ) ),
		);
		if ( 'picker' === $element ) {
			$widget['options'] = self::picker_options( $attributes );
		}
		return $widget;
	}

	/**
	 * What a picker lets people choose.
	 *
	 * @param array<string, mixed> $attributes Of a block or a shortcode.
	 * @return array{type: string, max: int, extensions: string[]}
	 */
	private static function picker_options( array $attributes ): array {
		$types      = array_intersect( array( 'file', 'folder', 'web_link' ), wp_parse_list( $attributes['type'] ?? '' ) );
		$extensions = array();
		foreach ( array_slice( wp_parse_list( $attributes['extensions'] ?? '' ), 0, 50 ) as $extension ) {
			$extensions[] = substr( sanitize_key( $extension ), 0, 12 );
		}
		return array(
			'type'       => $types ? implode( ',', $types ) : 'file,web_link',
			'max'        => max( 0, min( 1000, (int) ( $attributes['max'] ?? 0 ) ) ),
			'extensions' => array_values( array_filter( $extensions ) ),
		);
	}

	/**
	 * Attributes of the container.
	 *
	 * @param string               $element    A key of Elements::CATALOGUE.
	 * @param array<string, mixed> $attributes Of a block or a shortcode.
	 * @return array{class: string, style: string, id?: string}
	 */
	private static function wrapper( string $element, array $attributes ): array {
		$height = (int) ( $attributes['height'] ?? self::DEFAULT_HEIGHT );
		$height = max( self::MIN_HEIGHT, min( self::MAX_HEIGHT, $height ) );
		$anchor = $attributes['anchor'] ?? '';
		return array(
			'class' => 'widgets-for-box widgets-for-box-' . $element,
			'style' => 'height:' . $height . 'px',
		) + ( is_string( $anchor ) && '' !== $anchor ? array( 'id' => $anchor ) : array() );
	}

	/**
	 * Prints a widget's container.
	 *
	 * @param string               $element    A key of Elements::CATALOGUE.
	 * @param array<string, mixed> $attributes Of a block or a shortcode.
	 * @param string               $wrapper    Attributes of the container, escaped.
	 */
	private static function render( string $element, array $attributes, string $wrapper ): string {
		wp_enqueue_style( self::HANDLE );
		$widget = self::widget( $element, $attributes );
		if ( null === $widget ) {
			return sprintf(
				'<div class="widgets-for-box-empty"><p>%s</p></div>',
				'preview' === $element ? esc_html__( 'No Box file was chosen for this preview.', 'widgets-for-box' ) : esc_html__( 'The id of the Box folder of this widget is not valid.', 'widgets-for-box' )
			);
		}
		if ( is_feed() ) {
			return self::link();
		}
		wp_enqueue_script( self::HANDLE );
		return sprintf(
			'<div %1$s data-widget="%2$s" role="group" aria-label="%3$s">%4$s</div>',
			$wrapper,
			esc_attr( Descriptor::sign( $widget ) ),
			esc_attr( self::label( $element ) ),
			// What shows a REST answer, or a post mailed by a scheduled job, has no loader, or gets it from the page around it.
			defined( 'REST_REQUEST' ) || wp_doing_cron() ? self::link() : '<noscript><p>' . esc_html__( 'Please turn on JavaScript to see your Box files here.', 'widgets-for-box' ) . '</p></noscript>'
		);
	}

	/**
	 * What stands for a widget where no scripts run: a link to the page that it is on.
	 */
	private static function link(): string {
		$page = get_permalink();
		return sprintf( '<p><a href="%1$s">%2$s</a></p>', esc_url( $page ? $page : home_url( '/' ) ), esc_html__( 'Open the page to see your Box files.', 'widgets-for-box' ) );
	}

	/**
	 * A widget's name for assistive technology.
	 *
	 * @param string $element A key of Elements::CATALOGUE.
	 */
	private static function label( string $element ): string {
		$labels = array(
			'explorer' => __( 'Box files', 'widgets-for-box' ),
			'uploader' => __( 'Upload to Box', 'widgets-for-box' ),
			'picker'   => __( 'Choose from Box', 'widgets-for-box' ),
			'preview'  => __( 'Preview of a Box file', 'widgets-for-box' ),
		);
		return $labels[ $element ];
	}

	/**
	 * Whether the page being shown has a widget in its own content.
	 */
	private static function is_on_page(): bool {
		$post = is_singular() ? get_post() : null;
		return $post && preg_match( '/<!-- wp:widgets-for-box\/|\[box_(explorer|uploader|picker|preview)\b/', $post->post_content );
	}

	/**
	 * Puts the style sheet into the head where the widget can be foreseen.
	 *
	 * @internal Callback of `wp_enqueue_scripts`.
	 *
	 * @return void
	 */
	public static function enqueue_early() {
		if ( self::is_on_page() ) {
			wp_enqueue_style( self::HANDLE );
		}
	}

	/**
	 * Lets the browser open its connections early.
	 *
	 * @internal Callback of `wp_resource_hints`.
	 *
	 * @param array<int, mixed> $urls     URLs so far.
	 * @param string            $relation Kind of hint.
	 * @return array<int, mixed>
	 */
	public static function preconnect( $urls, $relation ) {
		if ( 'preconnect' === $relation && self::is_on_page() ) {
			$urls[] = Elements::url();
			// The API is called with CORS, so on a connection of its own.
			$urls[] = array(
				'href'        => Settings::get( 'api_host' ),
				'crossorigin' => 'anonymous',
			);
		}
		return $urls;
	}

	/**
	 * Defers the loader where WordPress knows no strategies, and leaves alone what others attach to it.
	 *
	 * @internal Callback of `script_loader_tag`.
	 *
	 * @param string $tag    The script's markup, inline scripts included.
	 * @param string $handle Its handle.
	 * @param string $src    Its address.
	 * @return string
	 */
	public static function defer( $tag, $handle, $src ) {
		$own = " src='$src' id='$handle-js'";
		return self::HANDLE === $handle ? str_replace( $own, ' defer' . $own, $tag ) : $tag;
	}

	/**
	 * The Content-Security-Policy that the widgets need.
	 *
	 * @param array<string, string|string[]> $more Further sources by directive.
	 */
	public static function content_security_policy( array $more = array() ): string {
		$elements = preg_replace( '#^(https?://[^/]+).*$#', '$1', Elements::url() );
		$static   = Settings::get( 'static_host' );
		$api      = Settings::get( 'api_host' );
		$sources  = array(
			'default-src' => array( "'self'" ),
			'script-src'  => array( "'self'", $elements, $static ),
			// The Elements set styles from their script.
			'style-src'   => array( "'self'", "'unsafe-inline'", $elements, $static ),
			'font-src'    => array( "'self'", 'data:', $elements, $static ),
			'img-src'     => array( "'self'", 'data:', 'blob:', $elements, $static, $api, 'https://*.box.com', 'https://*.boxcloud.com' ),
			'media-src'   => array( "'self'", 'blob:', 'https://*.boxcloud.com' ),
			'connect-src' => array( "'self'", $elements, $static, $api, Settings::get( 'upload_host' ), 'https://*.box.com', 'https://*.boxcloud.com' ),
			'frame-src'   => array( "'self'", $api, 'https://*.boxcloud.com' ),
			'worker-src'  => array( "'self'", 'blob:' ),
		);
		foreach ( $more as $directive => $list ) {
			$directive             = strtolower( $directive );
			$sources[ $directive ] = array_merge( $sources[ $directive ] ?? array(), (array) $list );
		}
		$policy = array();
		foreach ( $sources as $directive => $list ) {
			$policy[] = rtrim( $directive . ' ' . implode( ' ', array_unique( $list ) ) );
		}
		return implode( '; ', $policy );
	}

	/**
	 * Script and style of the plugin's places in the admin area.
	 *
	 * @return void
	 */
	public static function enqueue_admin() {
		wp_enqueue_style( self::HANDLE . '-admin', plugins_url( 'assets/admin.css', FILE ), array(), VERSION );
		wp_enqueue_script( self::HANDLE . '-admin', plugins_url( 'assets/admin.js', FILE ), array( 'wp-api-fetch', 'wp-i18n' ), VERSION, true );
		wp_set_script_translations( self::HANDLE . '-admin', 'widgets-for-box', plugin_dir_path( FILE ) . 'languages' );
	}

	/**
	 * Prints what the loader needs to know, as data: a strict Content-Security-Policy forbids inline scripts.
	 *
	 * @internal Callback of `wp_footer` and `admin_footer`.
	 *
	 * @return void
	 */
	public static function print_configuration() {
		if ( wp_script_is( self::HANDLE ) ) {
			printf(
				'<script type="application/json" id="widgets-for-box-configuration">%s</script>' . "\n",
				wp_json_encode( self::configuration(), JSON_HEX_TAG | JSON_HEX_AMP | JSON_UNESCAPED_UNICODE ) // phpcs:ignore WordPress.Security.EscapeOutput.OutputNotEscaped -- JSON with < and & escaped.
			);
		}
	}

	/**
	 * The loader's configuration.
	 *
	 * @return array<string, mixed>
	 */
	private static function configuration(): array {
		return array(
			'token'      => wp_make_link_relative( rest_url( Rest::SPACE . '/token' ) ),
			'nonce'      => admin_url( 'admin-ajax.php?action=rest-nonce', 'relative' ),
			'logIn'      => wp_login_url(),
			'elements'   => Elements::url(),
			'selfHosted' => Elements::self_hosted(),
			'locale'     => Elements::locale( get_locale() ),
			'hosts'      => array(
				'apiHost'    => Settings::get( 'api_host' ),
				'uploadHost' => Settings::get( 'upload_host' ),
				'staticHost' => Settings::get( 'static_host' ),
			),
			'text'       => array(
				'loading'   => __( 'Loading your Box files…', 'widgets-for-box' ),
				'ready'     => __( 'Your Box files are loaded.', 'widgets-for-box' ),
				'loggedOut' => __( 'Please log in to see your Box files.', 'widgets-for-box' ),
				'logIn'     => __( 'Log in', 'widgets-for-box' ),
				'profile'   => __( 'Open your profile', 'widgets-for-box' ),
				'retry'     => __( 'Try again', 'widgets-for-box' ),
				'fix'       => __( 'For administrators:', 'widgets-for-box' ),
				'site'      => __( 'This site can’t be reached. Please check your connection.', 'widgets-for-box' ),
				'broken'    => __( 'This site gave no usable answer. Please try again in a minute.', 'widgets-for-box' ),
				'elements'  => __( 'The part of this page that comes from Box could not be loaded. A blocker in your browser or network may be the reason.', 'widgets-for-box' ),
				/* translators: %s: address of the site, such as https://intranet.example.com */
				'box'       => __( 'Your browser can’t reach Box. Please check your connection. If nobody can, an administrator has to list %s among the CORS domains of the Box app.', 'widgets-for-box' ),
				'refused'   => __( 'Box has ended this session. Please try again.', 'widgets-for-box' ),
				'search'    => __( 'Search is not available here. Please open the folders to find your files.', 'widgets-for-box' ),
			),
		);
	}
}
