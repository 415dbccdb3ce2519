<?php
/**
 * Patterns.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

defined( 'ABSPATH' ) || exit;

/**
 * What people most often come for, as whole pieces of a page: a heading, a sentence and the widget.
 *
 * @since 0.1.0
 */
final class Patterns {

	/**
	 * Registers the patterns for the request that asks for all patterns or their categories.
	 *
	 * @internal Callback of `rest_dispatch_request`.
	 * @since 0.1.0
	 *
	 * @param mixed            $result  Null, or what others answer in WordPress's place.
	 * @param \WP_REST_Request $request The request.
	 * @param string           $route   The route that it matches.
	 * @return mixed
	 */
	public static function register_when_asked( $result, $request, $route ) {
		if ( 0 === strpos( (string) $route, '/wp/v2/block-patterns/' ) ) {
			self::register();
		}
		return $result;
	}

	/**
	 * Registers the patterns.
	 *
	 * @since 0.1.0
	 */
	public static function register(): void {
		register_block_pattern_category( 'widgets-for-box', array( 'label' => __( 'Box files', 'widgets-for-box' ) ) );
		foreach ( self::all() as $name => list( $title, $sentence, $block ) ) {
			register_block_pattern(
				'widgets-for-box/' . $name,
				array(
					'title'       => $title,
					'description' => $sentence,
					'categories'  => array( 'widgets-for-box' ),
					'keywords'    => array( 'box', __( 'files', 'widgets-for-box' ) ),
					'content'     => self::content( $title, $sentence, $block ),
				)
			);
		}
	}

	/**
	 * Each pattern's heading, the sentence below it, and the block.
	 *
	 * @return array<string, array{string, string, string}>
	 */
	private static function all(): array {
		return array(
			'my-files'          => array(
				__( 'My files', 'widgets-for-box' ),
				__( 'These are your own files in Box. Only you see them here.', 'widgets-for-box' ),
				'explorer {"can":["preview","download","upload"]}',
			),
			'hand-in'           => array(
				__( 'Hand in a file', 'widgets-for-box' ),
				__( 'Drop your file here, and it is handed in.', 'widgets-for-box' ),
				'uploader {"folder":""}',
			),
			'team-folder'       => array(
				__( 'Team folder', 'widgets-for-box' ),
				__( 'What our team works on. Who is not in the team at Box sees nothing here.', 'widgets-for-box' ),
				'explorer {"folder":"","can":["preview","download","upload","rename"]}',
			),
			'meeting-documents' => array(
				__( 'Meeting documents', 'widgets-for-box' ),
				__( 'Agendas, papers and minutes, to read and to download; the newest first.', 'widgets-for-box' ),
				'explorer {"folder":"","height":400,"sort":"date","order":"desc"}',
			),
			'recent-files'      => array(
				__( 'Recent files', 'widgets-for-box' ),
				__( 'What you opened or changed last in Box.', 'widgets-for-box' ),
				'explorer {"height":400,"view":"recents"}',
			),
		);
	}

	/**
	 * A pattern as a page of its own, whose title is its heading.
	 *
	 * @since 0.1.0
	 *
	 * @param string $name A key of all().
	 * @return array{string, string} Title and content.
	 */
	public static function page( string $name ): array {
		list( $title, $sentence, $block ) = self::all()[ $name ];
		return array( $title, self::below( $sentence, $block ) );
	}

	/**
	 * A pattern's blocks.
	 *
	 * @param string $title    The heading.
	 * @param string $sentence The sentence below it.
	 * @param string $block    Name and attributes of the block, as posts have them.
	 */
	private static function content( string $title, string $sentence, string $block ): string {
		return '<!-- wp:heading -->' . "\n" . '<h2 class="wp-block-heading">' . esc_html( $title ) . "</h2>\n<!-- /wp:heading -->\n\n" . self::below( $sentence, $block );
	}

	/**
	 * What is below the heading.
	 *
	 * @param string $sentence The sentence.
	 * @param string $block    The block.
	 */
	private static function below( string $sentence, string $block ): string {
		return "<!-- wp:paragraph -->\n<p>" . esc_html( $sentence ) . "</p>\n<!-- /wp:paragraph -->\n\n"
			. '<!-- wp:widgets-for-box/' . $block . " /-->\n";
	}
}
