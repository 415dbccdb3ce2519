<?php
/**
 * Makes a page of this WordPress with Box's sample in it instead of a widget; prints its path.
 *
 * $data: `sample`, HTML with scripts.
 *
 * @package WidgetsForBox
 */

kses_remove_filters();
$id = wp_insert_post(
	array(
		'post_type'    => 'page',
		'post_status'  => 'publish',
		'post_title'   => 'Files',
		'post_content' => wp_slash( "<!-- wp:paragraph --><p>Here are your files.</p><!-- /wp:paragraph --><!-- wp:html -->{$data['sample']}<!-- /wp:html -->" ),
	),
	true
);
echo esc_url( wp_make_link_relative( get_permalink( $id ) ) );
