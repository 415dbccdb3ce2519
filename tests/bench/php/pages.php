<?php
/**
 * Makes the pages to be measured; prints their paths as JSON: `widgets` has three, `explorer` one.
 *
 * @package WidgetsForBox
 */

$pages = array(
	'widgets'  => '<!-- wp:widgets-for-box/explorer /--><!-- wp:widgets-for-box/uploader /--><!-- wp:widgets-for-box/picker /-->',
	'explorer' => '<!-- wp:widgets-for-box/explorer /-->',
);
$paths = array();
foreach ( $pages as $name => $content ) {
	$page = get_page_by_path( "bench-$name" );
	$id   = $page ? $page->ID : wp_insert_post(
		array(
			'post_type'    => 'page',
			'post_status'  => 'publish',
			'post_name'    => "bench-$name",
			'post_title'   => 'Files',
			'post_content' => "<!-- wp:paragraph --><p>Here are your files.</p><!-- /wp:paragraph -->$content",
		),
		true
	);

	$paths[ $name ] = wp_make_link_relative( get_permalink( $id ) );
}
echo wp_json_encode( $paths );
