<?php
/**
 * The people of the site, and who of them is found at Box.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

use WP_User;

defined( 'ABSPATH' ) || exit;

/**
 * Users → People at Box: the coverage as a picture, the list behind it, and “Try as”.
 *
 * @since 0.1.0
 */
final class People_Page {

	const SLUG  = 'widgets-for-box-coverage';
	const BEGIN = 'widgets_for_box_begin_look_up';

	/**
	 * The column in the list of users.
	 */
	const COLUMN = 'widgets-for-box';

	/**
	 * Rows of one page.
	 */
	const ROWS = 50;

	/**
	 * Whether the current user may see who is who at Box.
	 *
	 * @since 0.1.0
	 */
	public static function is_allowed(): bool {
		return current_user_can( 'manage_options' ) && current_user_can( 'list_users' );
	}

	/**
	 * Adds the page.
	 *
	 * @internal Callback of `admin_menu`.
	 * @since 0.1.0
	 */
	public static function add_page(): void {
		if ( self::is_allowed() ) {
			$title = __( 'People at Box', 'widgets-for-box' );
			$hook  = add_submenu_page( 'users.php', $title, $title, 'list_users', self::SLUG, array( self::class, 'render' ) );
			add_action( 'load-' . $hook, array( Assets::class, 'enqueue_admin' ) );
			add_action( 'load-' . $hook, array( Look_Up_Pace::class, 'schedule' ) );
		}
	}

	/**
	 * Address of the page.
	 *
	 * @since 0.1.0
	 *
	 * @param string $state Whom it lists; empty for all.
	 */
	public static function url( string $state = '' ): string {
		return admin_url( 'users.php?page=' . self::SLUG . ( '' !== $state ? '&state=' . $state : '' ) );
	}

	/**
	 * Prints the page.
	 *
	 * @internal Callback of add_submenu_page().
	 * @since 0.1.0
	 */
	public static function render(): void {
		// phpcs:disable WordPress.Security.NonceVerification.Recommended -- They choose what is shown.
		$state = isset( $_GET['state'] ) ? sanitize_key( $_GET['state'] ) : '';
		$state = in_array( $state, Coverage::STATES, true ) ? $state : '';
		$after = isset( $_GET['after'] ) ? absint( $_GET['after'] ) : 0;
		// phpcs:enable
		$counts = Coverage_Book::counts();
		echo '<div class="wrap widgets-for-box-people"><h1>', esc_html( get_admin_page_title() ), '</h1>';
		echo '<div class="widgets-for-box-card">';
		Coverage_Picture::render( $counts, $state );
		self::render_look_up();
		echo '</div><h2>', esc_html__( 'Try as somebody', 'widgets-for-box' ), '</h2>';
		self::render_try();
		echo '<h2>', esc_html( '' === $state ? __( 'Everybody', 'widgets-for-box' ) : Coverage::label( $state ) ), '</h2>';
		self::render_list( $state, $after );
		echo '</div>';
	}

	/**
	 * Prints how far the look-up has come, and the button that begins it. A script goes on with it while the page is
	 * open.
	 */
	private static function render_look_up(): void {
		$progress = Look_Up_Pace::progress();
		$begun    = $progress['begun'];
		if ( $begun && $progress['due'] ) {
			printf(
				'<div class="widgets-for-box-progress" data-look-up-people><progress max="%1$d" value="%2$d" aria-label="%3$s"></progress> <span data-result>%4$s</span><span class="screen-reader-text" role="status"></span></div>',
				(int) $progress['total'],
				(int) ( $progress['total'] - $progress['due'] ),
				esc_attr__( 'Looking people up', 'widgets-for-box' ),
				/* translators: 1 and 2: numbers. */
				esc_html( trim( sprintf( __( '%1$s of %2$s are looked up; it goes on in the background, a few a minute.', 'widgets-for-box' ), number_format_i18n( $progress['total'] - $progress['due'] ), number_format_i18n( $progress['total'] ) ) . ' ' . $progress['message'] ) )
			);
		}
		printf( '<form action="%1$s" method="post"><input type="hidden" name="action" value="%2$s">', esc_url( admin_url( 'admin-post.php' ) ), esc_attr( self::BEGIN ) );
		wp_nonce_field( self::BEGIN );
		if ( $begun ) {
			printf( '<p><button class="button">%1$s</button> <button class="button" name="stop" value="1">%2$s</button></p><p class="description">', esc_html__( 'Look up again who was not found', 'widgets-for-box' ), esc_html__( 'Stop looking people up', 'widgets-for-box' ) );
			esc_html_e( 'What is changed at Box may show up to an hour later.', 'widgets-for-box' );
		} else {
			printf( '<p><button class="button button-primary">%s</button></p><p class="description">', esc_html__( 'Look people up at Box', 'widgets-for-box' ) );
		}
		echo ' ', esc_html__( 'One call to Box for each person, at most a hundred a minute, and one more each month until you stop it. Nobody gets a token.', 'widgets-for-box' ), '</p></form>';
	}

	/**
	 * Begins the look-up, or ends it.
	 *
	 * @internal Callback of `admin_post_…`.
	 * @since 0.1.0
	 */
	public static function begin(): void {
		check_admin_referer( self::BEGIN );
		if ( ! self::is_allowed() ) {
			wp_die( esc_html__( 'You may not look people up at Box.', 'widgets-for-box' ), 403 );
		}
		if ( isset( $_POST['stop'] ) ) {
			Look_Up_Pace::end();
		} else {
			Look_Up::begin();
		}
		wp_safe_redirect( self::url() );
		exit;
	}

	/**
	 * Prints the field for trying whether somebody gets a token.
	 *
	 * @since 0.1.0
	 */
	public static function render_try(): void {
		echo '<p class="widgets-for-box-try"><label for="widgets-for-box-try">', esc_html__( 'Try as this user', 'widgets-for-box' ), '</label> ';
		printf( '<input type="text" class="regular-text" id="widgets-for-box-try" list="widgets-for-box-people" value="%s" autocomplete="off" data-people><datalist id="widgets-for-box-people"></datalist>', esc_attr( wp_get_current_user()->user_login ) );
		echo ' <button type="button" class="button" data-try>', esc_html__( 'Try', 'widgets-for-box' ), '</button> <span role="status" data-result></span></p>';
	}

	/**
	 * Prints the list.
	 *
	 * @param string $state Whom it lists; empty for all.
	 * @param int    $after Ids up to this one are left out.
	 */
	private static function render_list( string $state, int $after ): void {
		$ids = Coverage_Book::listed( $state, $after, self::ROWS + 1 );
		if ( ! $ids ) {
			echo '<p>', esc_html__( 'There is nobody.', 'widgets-for-box' ), '</p>';
			return;
		}
		$shown = array_slice( $ids, 0, self::ROWS );
		cache_users( $shown );
		echo '<table class="widefat striped widgets-for-box-list"><thead><tr>';
		foreach ( array( __( 'Person', 'widgets-for-box' ), __( 'E-mail address', 'widgets-for-box' ), __( 'At Box', 'widgets-for-box' ), __( 'Looked up', 'widgets-for-box' ), __( 'Try', 'widgets-for-box' ) ) as $label ) {
			echo '<th scope="col">', esc_html( $label ), '</th>';
		}
		echo '</tr></thead><tbody>';
		array_map( array( self::class, 'render_row' ), array_filter( array_map( 'get_userdata', $shown ) ) );
		echo '</tbody></table><p class="widgets-for-box-paging">';
		if ( $after ) {
			printf( '<a class="button" href="%1$s">%2$s</a> ', esc_url( self::url( $state ) ), esc_html__( 'First page', 'widgets-for-box' ) );
		}
		if ( count( $ids ) > self::ROWS ) {
			printf( '<a class="button" href="%1$s">%2$s</a> ', esc_url( add_query_arg( 'after', end( $shown ), self::url( $state ) ) ), esc_html__( 'Next page', 'widgets-for-box' ) );
		}
		printf( '<a class="button" href="%1$s">%2$s</a></p>', esc_url( People_Export::url( $state ) ), esc_html__( 'Download as CSV', 'widgets-for-box' ) );
	}

	/**
	 * Prints a person's row. What is no longer true of them is forgotten, so that they are looked up again.
	 *
	 * @param WP_User $wp_user The person.
	 */
	private static function render_row( WP_User $wp_user ): void {
		$known = Coverage::of( $wp_user );
		if ( Coverage::UNKNOWN === $known['state'] ) {
			Coverage::forget( $wp_user->ID );
		}
		$link = current_user_can( 'edit_user', $wp_user->ID ) ? get_edit_user_link( $wp_user->ID ) : '';
		$name = '' !== $link ? sprintf( '<a href="%1$s">%2$s</a>', esc_url( $link . '#' . Profile::ANCHOR ), esc_html( $wp_user->user_login ) ) : esc_html( $wp_user->user_login );
		printf( '<tr><td><strong>%1$s</strong><div>%2$s</div></td>', $name, esc_html( $wp_user->display_name ) ); // phpcs:ignore WordPress.Security.EscapeOutput -- It is.
		printf( '<td data-label="%1$s">%2$s</td>', esc_attr__( 'E-mail address', 'widgets-for-box' ), esc_html( Addresses::present( $wp_user->ID ) ) );
		printf( '<td data-label="%1$s">%2$s</td>', esc_attr__( 'At Box', 'widgets-for-box' ), self::mark( $known['state'] ) ); // phpcs:ignore WordPress.Security.EscapeOutput -- It is.
		printf( '<td data-label="%1$s">%2$s</td>', esc_attr__( 'Looked up', 'widgets-for-box' ), esc_html( self::ago( $known['when'] ) ) );
		$try = __( 'Try', 'widgets-for-box' );
		printf( '<td><button type="button" class="button button-small" data-try-id="%1$d" aria-label="%2$s">%3$s</button> <span role="status" data-result></span></td></tr>', (int) $wp_user->ID, esc_attr( $try . ': ' . $wp_user->user_login ), esc_html( $try ) );
	}

	/**
	 * A state with its colour.
	 *
	 * @param string $state One of Coverage::STATES.
	 * @return string HTML.
	 */
	private static function mark( string $state ): string {
		return sprintf( '<span class="widgets-for-box-state" data-state="%1$s">%2$s</span>', esc_attr( $state ), esc_html( Coverage::label( $state ) ) );
	}

	/**
	 * How long ago something was.
	 *
	 * @param int $when Unix time; 0 for never.
	 */
	private static function ago( int $when ): string {
		/* translators: %s: a span of time, such as “2 days”. */
		return $when ? sprintf( __( '%s ago', 'widgets-for-box' ), human_time_diff( $when ) ) : '—';
	}

	/**
	 * Adds the column to the list of users.
	 *
	 * @internal Callback of `manage_users_columns`.
	 * @since 0.1.0
	 *
	 * @param array<string, string> $columns Columns so far.
	 * @return array<string, string>
	 */
	public static function add_column( $columns ) {
		return self::is_allowed() ? (array) $columns + array( self::COLUMN => __( 'Box', 'widgets-for-box' ) ) : $columns;
	}

	/**
	 * What stands in it.
	 *
	 * @internal Callback of `manage_users_custom_column`.
	 * @since 0.1.0
	 *
	 * @param string $text    Text so far.
	 * @param string $column  Which column.
	 * @param int    $user_id Whose row.
	 * @return string HTML.
	 */
	public static function fill_column( $text, $column, $user_id ) {
		$wp_user = self::COLUMN === $column && self::is_allowed() ? get_userdata( $user_id ) : false;
		if ( ! $wp_user ) {
			return $text;
		}
		wp_enqueue_style( Assets::HANDLE . '-admin', plugins_url( 'assets/admin.css', FILE ), array(), VERSION );
		return self::mark( Coverage::of( $wp_user )['state'] );
	}
}
