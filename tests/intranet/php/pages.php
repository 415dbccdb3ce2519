<?php
/**
 * The pages of the sample intranet. Written once: what somebody changes in them stays.
 *
 * @package Intranet
 */

if ( get_option( 'intranet_pages' ) ) {
	return;
}

$insert = static function ( array $post ): int {
	$id = wp_insert_post( wp_slash( $post + array( 'post_status' => 'publish' ) ), true );
	if ( is_wp_error( $id ) ) {
		throw new RuntimeException( $id->get_error_message() );
	}
	return $id;
};

// What a new WordPress brings along.
foreach ( get_posts( array( 'post_type' => array( 'post', 'page' ), 'post_status' => 'any', 'numberposts' => -1 ) ) as $old ) {
	wp_delete_post( $old->ID, true );
}

/*
 * The frame: templates of the site's own, so that the page looks the same in every WordPress.
 */

$theme     = get_stylesheet();
$templates = array(
	array(
		'wp_template_part',
		'header',
		<<<'HTML'
<!-- wp:group {"align":"full","style":{"color":{"background":"#12395b","text":"#ffffff"},"elements":{"link":{"color":{"text":"#ffffff"}}},"spacing":{"padding":{"top":"1rem","right":"2rem","bottom":"1rem","left":"2rem"}}},"layout":{"type":"flex","justifyContent":"space-between"}} -->
<div class="wp-block-group alignfull has-text-color has-background has-link-color" style="color:#ffffff;background-color:#12395b;padding-top:1rem;padding-right:2rem;padding-bottom:1rem;padding-left:2rem"><!-- wp:site-title {"level":0,"style":{"typography":{"fontSize":"1.25rem","fontWeight":"600"}}} /-->

<!-- wp:navigation {"overlayMenu":"never","style":{"typography":{"fontSize":"1rem"}}} -->
<!-- wp:page-list /-->
<!-- /wp:navigation --></div>
<!-- /wp:group -->
HTML
	),
	array(
		'wp_template_part',
		'footer',
		<<<'HTML'
<!-- wp:group {"align":"full","style":{"spacing":{"padding":{"top":"3rem","right":"2rem","bottom":"2rem","left":"2rem"}}},"layout":{"type":"constrained"}} -->
<div class="wp-block-group alignfull" style="padding-top:3rem;padding-right:2rem;padding-bottom:2rem;padding-left:2rem"><!-- wp:paragraph {"align":"center","fontSize":"small"} -->
<p class="has-text-align-center has-small-font-size">Intranet. For employees only.</p>
<!-- /wp:paragraph --></div>
<!-- /wp:group -->
HTML
	),
	array(
		'wp_template',
		'page',
		<<<HTML
<!-- wp:template-part {"slug":"header","theme":"$theme","tagName":"header"} /-->

<!-- wp:group {"tagName":"main","style":{"spacing":{"padding":{"right":"2rem","left":"2rem"},"margin":{"top":"2rem"}}},"layout":{"type":"constrained","contentSize":"1140px","wideSize":"1140px"}} -->
<main class="wp-block-group" style="margin-top:2rem;padding-right:2rem;padding-left:2rem"><!-- wp:post-title {"level":1,"style":{"typography":{"fontSize":"2rem"}}} /-->

<!-- wp:post-content {"layout":{"type":"constrained","contentSize":"1140px","wideSize":"1140px"}} /--></main>
<!-- /wp:group -->

<!-- wp:template-part {"slug":"footer","theme":"$theme","tagName":"footer"} /-->
HTML
	),
);
foreach ( $templates as list( $type, $name, $content ) ) {
	$id = $insert(
		array(
			'post_type'    => $type,
			'post_name'    => $name,
			'post_title'   => ucfirst( $name ),
			'post_content' => $content,
		)
	);
	wp_set_object_terms( $id, $theme, 'wp_theme' );
	if ( 'wp_template_part' === $type ) {
		wp_set_object_terms( $id, $name, 'wp_template_part_area' );
	}
}

/*
 * The pages.
 */

// Not "preview": its code comes from Box's CDN alone, and this intranet talks to no other machine.
$can   = wp_json_encode( array( 'download', 'upload', 'rename', 'share', 'delete' ) );
$pages = array(
	'home'       => array(
		'Home',
		<<<HTML
<!-- wp:paragraph -->
<p>Good morning! Your files are right here: no second log-in, nothing to install. Drop one on the right, and it lies in your own Box folder.</p>
<!-- /wp:paragraph -->

<!-- wp:columns -->
<div class="wp-block-columns"><!-- wp:column {"width":"66.66%"} -->
<div class="wp-block-column" style="flex-basis:66.66%"><!-- wp:heading {"level":2,"style":{"typography":{"fontSize":"1.4rem"}}} -->
<h2 class="wp-block-heading" style="font-size:1.4rem">My files</h2>
<!-- /wp:heading -->

<!-- wp:widgets-for-box/explorer {"can":$can,"height":520} /--></div>
<!-- /wp:column -->

<!-- wp:column {"width":"33.33%"} -->
<div class="wp-block-column" style="flex-basis:33.33%"><!-- wp:heading {"level":2,"style":{"typography":{"fontSize":"1.4rem"}}} -->
<h2 class="wp-block-heading" style="font-size:1.4rem">Hand in a file</h2>
<!-- /wp:heading -->

<!-- wp:widgets-for-box/uploader {"height":520} /--></div>
<!-- /wp:column --></div>
<!-- /wp:columns -->

<!-- wp:heading {"level":2,"style":{"typography":{"fontSize":"1.4rem"}}} -->
<h2 class="wp-block-heading" style="font-size:1.4rem">News</h2>
<!-- /wp:heading -->

<!-- wp:latest-posts {"postsToShow":3,"displayPostContent":true,"excerptLength":25,"postLayout":"grid","columns":3} /-->
HTML
	),
	'news'       => array( 'News', '' ),
	'pick-files' => array(
		'Pick files',
		<<<'HTML'
<!-- wp:paragraph -->
<p>For a form or a report: choose files from your Box folder.</p>
<!-- /wp:paragraph -->

<!-- wp:widgets-for-box/picker {"height":520} /-->
HTML
	),
	'help'       => array(
		'Help',
		<<<'HTML'
<!-- wp:paragraph -->
<p>The files on the front page are those of your own Box account, found by your e-mail address. Only you see them there.</p>
<!-- /wp:paragraph -->

<!-- wp:paragraph -->
<p>No Box account yet? The IT service desk makes one for you.</p>
<!-- /wp:paragraph -->
HTML
	),
);

$ids = array();
foreach ( $pages as $name => list( $heading, $content ) ) {
	$ids[ $name ] = $insert(
		array(
			'post_type'    => 'page',
			'post_name'    => $name,
			'post_title'   => $heading,
			'post_content' => $content,
			'menu_order'   => count( $ids ),
		)
	);
}

$news = array(
	'Summer party on the roof'   => 'The music starts at six, the grill at seven. Bring a jacket: last year nobody wanted to go home.',
	'The canteen goes local'     => 'From Monday on, bread, vegetables and cheese come from farms within thirty kilometres.',
	'Travel expenses, made easy' => 'Photograph the receipt, drop it into the uploader on the front page, done. Accounting finds it in your Box folder.',
);
foreach ( $news as $heading => $content ) {
	$insert(
		array(
			'post_title'   => $heading,
			'post_content' => "<!-- wp:paragraph -->\n<p>$content</p>\n<!-- /wp:paragraph -->",
		)
	);
}

update_option( 'blogname', 'Intranet' );
update_option( 'blogdescription', '' );
update_option( 'show_on_front', 'page' );
update_option( 'page_on_front', $ids['home'] );
update_option( 'page_for_posts', $ids['news'] );
update_option( 'intranet_pages', '1' );
