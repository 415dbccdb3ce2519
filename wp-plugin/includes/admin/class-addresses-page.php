<?php
/**
 * The list of addresses that do not count.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

defined( 'ABSPATH' ) || exit;

/**
 * Users → Addresses for Box: whose address is not proved, to confirm many at once; and what was recorded when
 * the plugin was set up.
 *
 * @since 0.1.0
 */
final class Addresses_Page {

	const SLUG   = 'widgets-for-box-addresses';
	const ACTION = 'widgets_for_box_addresses';
	const SEEN   = 'widgets_for_box_setup_seen';
	const RECORD = 'widgets_for_box_record_setup';

	/**
	 * Rows of one page; PHP takes a thousand fields of a form.
	 */
	const ROWS = 200;

	/**
	 * Adds the page.
	 *
	 * @internal Callback of `admin_menu` and `network_admin_menu`.
	 * @since 0.1.0
	 */
	public static function add_page(): void {
		if ( Profile::may_assign() ) {
			$title = __( 'Addresses for Box', 'widgets-for-box' );
			add_submenu_page( 'users.php', $title, $title, 'edit_users', self::SLUG, array( self::class, 'render' ) );
		}
	}

	/**
	 * Address of the page.
	 *
	 * @since 0.1.0
	 */
	public static function url(): string {
		return admin_url( 'users.php?page=' . self::SLUG );
	}

	/**
	 * Prints the page.
	 *
	 * @internal Callback of add_submenu_page().
	 * @since 0.1.0
	 */
	public static function render(): void {
		// phpcs:disable WordPress.Security.NonceVerification.Recommended -- They choose what is shown.
		$after = isset( $_GET['after'] ) ? absint( $_GET['after'] ) : 0;
		echo '<div class="wrap"><h1>', esc_html( get_admin_page_title() ), '</h1>';
		if ( isset( $_GET['confirmed'], $_GET['changed'] ) ) {
			self::render_result( absint( $_GET['confirmed'] ), absint( $_GET['changed'] ) );
		}
		// phpcs:enable
		$setup = self::setup();
		if ( '' !== $setup ) {
			echo '<p>', esc_html( $setup ), '</p>';
		}
		$people = Address_Book::unproved( $after, self::ROWS + 1 );
		if ( $people ) {
			echo '<p>', esc_html__( 'Where people are found at Box by their e-mail address, those in this list have no Box: nobody has proved that the address in their account is theirs. Confirm those that you know. The others can ask for a link on their profile page.', 'widgets-for-box' ), '</p>';
			self::render_form( array_slice( $people, 0, self::ROWS, true ), $after );
		} else {
			echo '<p><strong>', esc_html( $after ? __( 'There are no more.', 'widgets-for-box' ) : __( 'Every account’s e-mail address is confirmed.', 'widgets-for-box' ) ), '</strong></p>';
		}
		self::render_paging( $after, $people );
		echo '</div>';
	}

	/**
	 * Prints what came of a confirmation.
	 *
	 * @param int $confirmed How many addresses were confirmed.
	 * @param int $changed   How many have changed meanwhile.
	 */
	private static function render_result( int $confirmed, int $changed ): void {
		/* translators: %s: a number. */
		printf( '<div class="notice notice-success"><p>%s</p></div>', esc_html( sprintf( _n( '%s address is confirmed.', '%s addresses are confirmed.', $confirmed, 'widgets-for-box' ), number_format_i18n( $confirmed ) ) ) );
		if ( $changed ) {
			/* translators: %s: a number. */
			printf( '<div class="notice notice-warning"><p>%s</p></div>', esc_html( sprintf( _n( '%s address has changed since this list was shown, and is not confirmed.', '%s addresses have changed since this list was shown, and are not confirmed.', $changed, 'widgets-for-box' ), number_format_i18n( $changed ) ) ) );
		}
	}

	/**
	 * Prints the list. Each box carries the address that is shown beside it.
	 *
	 * @param array<int, array{email: string, mark: array<string, mixed>}> $people As Address_Book::unproved() returns them.
	 * @param int                                                          $after  Which page of the list it is.
	 */
	private static function render_form( array $people, int $after ): void {
		printf( '<form action="%s" method="post">', esc_url( admin_url( 'admin-post.php' ) ) );
		printf( '<input type="hidden" name="action" value="%s"><input type="hidden" name="after" value="%d">', esc_attr( self::ACTION ), (int) $after );
		wp_nonce_field( self::ACTION );
		echo '<table class="wp-list-table widefat striped"><thead><tr><td class="check-column"><input type="checkbox" aria-label="', esc_attr__( 'Choose all', 'widgets-for-box' ), '"></td>';
		foreach ( array( __( 'Person', 'widgets-for-box' ), __( 'E-mail address', 'widgets-for-box' ), __( 'On record', 'widgets-for-box' ) ) as $label ) {
			echo '<th scope="col">', esc_html( $label ), '</th>';
		}
		echo '</tr></thead><tbody>';
		cache_users( array_keys( $people ) );
		foreach ( $people as $id => $person ) {
			$wp_user = get_userdata( $id );
			$name    = $wp_user ? $wp_user->user_login : '#' . $id;
			echo '<tr><th scope="row" class="check-column">';
			if ( '' !== $person['email'] ) {
				/* translators: 1: an e-mail address, 2: login of a WordPress user. */
				printf( '<input type="checkbox" name="people[%1$d]" value="%2$s" aria-label="%3$s">', (int) $id, esc_attr( $person['email'] ), esc_attr( sprintf( __( '%1$s belongs to %2$s', 'widgets-for-box' ), $person['email'], $name ) ) );
			}
			printf( '</th><td><a href="%1$s">%2$s</a> %3$s</td>', esc_url( get_edit_user_link( $id ) ), esc_html( $name ), esc_html( $wp_user ? $wp_user->display_name : '' ) );
			printf( '<td>%1$s</td><td>%2$s</td></tr>', esc_html( $person['email'] ), esc_html( Profile::history( $person['mark'] ) ) );
		}
		echo '</tbody></table>';
		submit_button( __( 'Confirm the chosen addresses', 'widgets-for-box' ) );
		echo '</form>';
	}

	/**
	 * Prints the way to the rest of the list.
	 *
	 * @param int                $after  Which page of the list it is.
	 * @param array<int, mixed> $people What was found, one more than a page has.
	 */
	private static function render_paging( int $after, array $people ): void {
		if ( $after ) {
			printf( '<a class="button" href="%1$s">%2$s</a> ', esc_url( self::url() ), esc_html__( 'First page', 'widgets-for-box' ) );
		}
		if ( count( $people ) > self::ROWS ) {
			$last = array_keys( $people )[ self::ROWS - 1 ];
			printf( '<a class="button" href="%1$s">%2$s</a>', esc_url( add_query_arg( 'after', $last, self::url() ) ), esc_html__( 'Next page', 'widgets-for-box' ) );
		}
	}

	/**
	 * Confirms the addresses that an administrator chose, as far as they are still those of the accounts.
	 *
	 * @internal Callback of `admin_post_…`.
	 * @since 0.1.0
	 */
	public static function confirm(): void {
		check_admin_referer( self::ACTION );
		if ( ! Profile::may_assign() ) {
			wp_die( esc_html__( 'You may not decide who somebody is at Box.', 'widgets-for-box' ), 403 );
		}
		// phpcs:ignore WordPress.Security.ValidatedSanitizedInput.InputNotSanitized -- Only compared with the accounts' addresses.
		$people = isset( $_POST['people'] ) && is_array( $_POST['people'] ) ? wp_unslash( $_POST['people'] ) : array();
		$proved = 0;
		foreach ( $people as $id => $address ) {
			$proved += (int) Addresses::prove( (int) $id, is_string( $address ) ? $address : '', Addresses::ADMINISTRATOR );
		}
		$result = array(
			'confirmed' => $proved,
			'changed'   => count( $people ) - $proved,
			'after'     => isset( $_POST['after'] ) ? absint( $_POST['after'] ) : 0,
		);
		wp_safe_redirect( add_query_arg( $result, self::url() ) );
		exit;
	}

	/**
	 * What was recorded when the plugin was set up, as a sentence.
	 *
	 * @return string Empty if nothing was.
	 */
	private static function setup(): string {
		$setup = Settings::kept( Address_Book::SETUP );
		if ( ! is_array( $setup ) ) {
			return '';
		}
		$by = get_userdata( $setup['by'] );
		/* translators: 1: a number, 2: a date, 3: name of a WordPress user. */
		return sprintf( _n( 'When Widgets for Box was set up, on %2$s by %3$s, the e-mail address of %1$s account was recorded as confirmed.', 'When Widgets for Box was set up, on %2$s by %3$s, the e-mail addresses of %1$s accounts were recorded as confirmed.', $setup['count'], 'widgets-for-box' ), number_format_i18n( $setup['count'] ), wp_date( get_option( 'date_format' ), $setup['when'] ), $by ? $by->display_name : __( 'a program on the server', 'widgets-for-box' ) );
	}

	/**
	 * Says, until somebody has seen it, what the set-up took for granted.
	 *
	 * @internal Callback of `admin_notices` and `network_admin_notices`.
	 * @since 0.1.0
	 */
	public static function tell_setup(): void {
		$setup = Settings::kept( Address_Book::SETUP );
		if ( ! is_array( $setup ) || ! empty( $setup['seen'] ) || ! Profile::may_assign() || ! self::is_screen( 'dashboard', 'plugins', 'users', 'settings_page_widgets-for-box' ) ) {
			return;
		}
		printf(
			'<div class="notice notice-info"><p>%1$s %2$s</p><p><a href="%3$s">%4$s</a> · <a href="%5$s">%6$s</a></p></div>',
			esc_html( self::setup() ),
			esc_html__( 'Everyone sees the files of the Box user with the same e-mail address. If people could give themselves any address before, look through the list of users. From now on a new address counts only once it is confirmed.', 'widgets-for-box' ),
			esc_url( admin_url( 'users.php' ) ),
			esc_html__( 'List of users', 'widgets-for-box' ),
			esc_url( wp_nonce_url( admin_url( 'admin-post.php?action=' . self::SEEN ), self::SEEN ) ),
			esc_html__( 'I have looked', 'widgets-for-box' )
		);
	}

	/**
	 * Whether one of these screens is shown, of a site or of a network.
	 *
	 * @param string ...$ids Ids of screens of a site.
	 */
	private static function is_screen( string ...$ids ): bool {
		$screen = get_current_screen();
		return $screen && in_array( preg_replace( '/-network$/D', '', $screen->id ), $ids, true );
	}

	/**
	 * Offers to record the addresses where no activation did.
	 *
	 * @internal Callback of `admin_notices` and `network_admin_notices`.
	 * @since 0.1.0
	 */
	public static function offer_setup(): void {
		if ( ! Address_Book::awaits_setup() || ! Profile::may_assign() || ! self::is_screen( 'dashboard', 'plugins', 'users', 'settings_page_widgets-for-box', 'users_page_' . self::SLUG ) ) {
			return;
		}
		printf(
			'<div class="notice notice-warning"><p>%1$s</p><form action="%2$s" method="post"><input type="hidden" name="action" value="%3$s">%4$s<p><button class="button button-primary" name="addresses" value="all">%5$s</button> <button class="button" name="addresses" value="none">%6$s</button> <a class="button" href="%7$s">%8$s</a></p></form></div>',
			esc_html__( 'Widgets for Box shows files only to people whose e-mail address is confirmed, and the addresses that the accounts of this site have so far are not on record. If they are right, record them once, all together. If people could give themselves any address, look through the list of users first, or confirm only those that you know.', 'widgets-for-box' ),
			esc_url( admin_url( 'admin-post.php' ) ),
			esc_attr( self::RECORD ),
			wp_nonce_field( self::RECORD, '_wpnonce', true, false ), // phpcs:ignore WordPress.Security.EscapeOutput -- WordPress's own field.
			esc_html__( 'Record today’s addresses as confirmed', 'widgets-for-box' ),
			esc_html__( 'Record none, confirm them one by one', 'widgets-for-box' ),
			esc_url( admin_url( 'users.php' ) ),
			esc_html__( 'List of users', 'widgets-for-box' )
		);
	}

	/**
	 * Records the addresses that the accounts have now, or that none is to be taken for proved: once.
	 *
	 * @internal Callback of `admin_post_…`.
	 * @since 0.1.0
	 */
	public static function record_setup(): void {
		check_admin_referer( self::RECORD );
		if ( ! Profile::may_assign() ) {
			wp_die( esc_html__( 'You may not decide who somebody is at Box.', 'widgets-for-box' ), 403 );
		}
		$answer = isset( $_POST['addresses'] ) ? sanitize_key( $_POST['addresses'] ) : '';
		if ( in_array( $answer, array( 'all', 'none' ), true ) ) {
			Address_Book::record_setup( 'all' === $answer );
		}
		wp_safe_redirect( self::url() );
		exit;
	}

	/**
	 * Takes the notice about the set-up away.
	 *
	 * @internal Callback of `admin_post_…`.
	 * @since 0.1.0
	 */
	public static function dismiss_setup(): void {
		check_admin_referer( self::SEEN );
		$setup = Settings::kept( Address_Book::SETUP );
		if ( Profile::may_assign() && is_array( $setup ) ) {
			update_site_option( Address_Book::SETUP, array( 'seen' => true ) + $setup );
		}
		wp_safe_redirect( self::url() );
		exit;
	}
}
