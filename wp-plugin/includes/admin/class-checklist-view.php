<?php
/**
 * The path on the settings page.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

defined( 'ABSPATH' ) || exit;

/**
 * Prints the steps of the set-up: done ones folded, the next one open, each with what to do and where to click.
 *
 * @since 0.1.0
 */
final class Checklist_View {

	const CONSOLE = 'https://app.box.com/developers/console';
	const ADMIN   = 'https://app.box.com/master';

	/**
	 * What turns everything off, in this order: whoever has a page open asks for another token as soon as one ends.
	 */
	const OFF = "sed -i 's/^issue = true/issue = false/' /etc/box-sidecar/box-sidecar.toml\nsystemctl reload box-sidecar\nbox-sidecar revoke --all";

	/**
	 * Prints the path.
	 *
	 * @since 0.1.0
	 *
	 * @param array<string, array{state: string, label: string, text: string, open: bool}> $steps As of Checklist.
	 */
	public static function render( array $steps ): void {
		echo '<h2>', esc_html__( 'From here to the first page', 'widgets-for-box' ), '</h2><ol class="widgets-for-box-path">';
		foreach ( $steps as $id => $step ) {
			printf(
				'<li data-step="%1$s" data-state="%2$s"><details%3$s><summary><span class="widgets-for-box-step">%4$s</span> <span class="widgets-for-box-step-state" data-label>%5$s</span></summary><div>',
				esc_attr( $id ),
				esc_attr( $step['state'] ),
				$step['open'] ? ' open' : '',
				esc_html( Checklist::title( $id ) ),
				esc_html( $step['label'] )
			);
			printf( '<p class="widgets-for-box-step-text" data-text>%s</p>', esc_html( $step['text'] ) );
			call_user_func( array( self::class, 'render_' . $id ) );
			echo '</div></details></li>';
		}
		echo '</ol>';
	}

	/**
	 * The app at Box.
	 */
	private static function render_app(): void {
		echo '<ol class="widgets-for-box-clicks">';
		self::click( __( 'In Box’s Developer Console, create a Platform App: Custom App, Server Authentication (with JWT).', 'widgets-for-box' ), 'create' );
		/* translators: %s: the site's address. */
		self::click( sprintf( __( 'On its Configuration page set what the picture shows; the CORS domain is %s, without a slash at the end. Generate a key pair: the file that you get is box_config.json. Whoever has it can be anybody in your enterprise.', 'widgets-for-box' ), self::origin() ), 'configure' );
		self::click( __( 'Somebody who administers Box authorizes the app, and again after each change of it.', 'widgets-for-box' ), 'authorize' );
		echo '</ol><p>';
		self::button( self::CONSOLE, __( 'Open Box’s Developer Console', 'widgets-for-box' ), true );
		self::button( self::ADMIN, __( 'Open Box’s Admin Console', 'widgets-for-box' ), false );
		echo '</p>';
	}

	/**
	 * The sidecar.
	 */
	private static function render_sidecar(): void {
		/* translators: %s: name of a document. */
		echo '<p>', esc_html( sprintf( __( 'A service beside the web server that alone holds the key. Install it first: %s of this project, with a checkout of it, tells how. Then, as root on this server, in the folder where you saved box_config.json:', 'widgets-for-box' ), 'docs/install.md' ) ), '</p>';
		self::command( 'box-sidecar setup --json box_config.json' );
		/* translators: %s: path of a socket. */
		echo '<p class="description">', esc_html( sprintf( __( 'WordPress looks for it at %s.', 'widgets-for-box' ), Settings::get( 'socket' ) ) ), '</p>';
		self::render_recheck();
	}

	/**
	 * Where the Elements come from.
	 */
	private static function render_elements(): void {
		echo '<p>', esc_html( Elements::self_hosted() ? __( 'Pages load a copy that you host.', 'widgets-for-box' ) : __( 'Pages load them from Box’s own network. Nothing is to be done, unless you want to host a copy yourself:', 'widgets-for-box' ) ), '</p>';
		if ( ! Elements::self_hosted() ) {
			self::command( 'make elements DEST=box-ui-elements' );
			/* translators: 1: name of a setting, 2: name of a document. */
			echo '<p>', esc_html( sprintf( __( 'That is run in a checkout of the project. Afterwards, say under “%1$s” where the folder is served; see %2$s.', 'widgets-for-box' ), __( 'Source', 'widgets-for-box' ), 'docs/elements.md' ) ), '</p>';
		}
	}

	/**
	 * Who is found.
	 */
	private static function render_people(): void {
		echo '<p>', esc_html__( 'See who of them Box knows, before they do.', 'widgets-for-box' ), '</p><p>';
		if ( People_Page::is_allowed() ) {
			self::button( People_Page::url(), __( 'People at Box', 'widgets-for-box' ), true );
		}
		if ( Profile::may_assign() ) {
			self::button( Addresses_Page::url(), __( 'Addresses for Box', 'widgets-for-box' ), false );
		}
		echo '</p>';
	}

	/**
	 * The first page.
	 */
	private static function render_page(): void {
		echo '<p>', esc_html__( 'A draft with a Box explorer, opened in the editor: you see your own files in it, and publish it when you like.', 'widgets-for-box' ), '</p>';
		if ( First_Page::is_allowed() ) {
			$label = First_Page::made() ? __( 'Open the first page', 'widgets-for-box' ) : __( 'Make the first page', 'widgets-for-box' );
			printf( '<form action="%s" method="post">', esc_url( admin_url( 'admin-post.php?action=' . First_Page::ACTION ) ) );
			wp_nonce_field( First_Page::ACTION );
			printf( '<p><button class="button button-primary">%1$s</button> <button class="button" name="there" value="1">%2$s</button></p></form>', esc_html( $label ), esc_html__( 'There is one already', 'widgets-for-box' ) );
		}
	}

	/**
	 * Prints the button that asks the sidecar again. Without a script it loads the page anew.
	 *
	 * @since 0.1.0
	 */
	public static function render_recheck(): void {
		$page = is_network_admin() ? network_admin_url( 'settings.php' ) : admin_url( 'options-general.php' );
		printf( '<p><a class="button" href="%1$s" data-recheck>%2$s</a></p>', esc_url( wp_nonce_url( add_query_arg( 'page', Settings_Page::SLUG, $page ), Settings_Page::RECHECK, Settings_Page::RECHECK ) ), esc_html__( 'Check again', 'widgets-for-box' ) );
	}

	/**
	 * Prints how to turn everything off.
	 *
	 * @since 0.1.0
	 */
	public static function render_off(): void {
		echo '<details class="widgets-for-box-fold"><summary>', esc_html__( 'Off in ten seconds', 'widgets-for-box' ), '</summary>';
		echo '<p>', esc_html__( 'Nobody gets a new token, and everybody’s tokens end; as root on this server:', 'widgets-for-box' ), '</p>';
		self::command( self::OFF );
		echo '<p>', esc_html__( 'One person’s tokens end:', 'widgets-for-box' ), '</p>';
		self::command( 'box-sidecar revoke --login EMAIL' );
		echo '</details>';
	}

	/**
	 * Prints a command. A script adds what copies it.
	 *
	 * @param string $command The command.
	 */
	private static function command( string $command ): void {
		printf( '<p class="widgets-for-box-copy"><code class="widgets-for-box-command">%s</code> <button type="button" class="button button-small" data-copy hidden>%s</button></p>', esc_html( $command ), esc_html__( 'Copy', 'widgets-for-box' ) );
	}

	/**
	 * Prints one thing to do, and a picture of where.
	 *
	 * @param string $text    What to do.
	 * @param string $picture As of Drawings.
	 */
	private static function click( string $text, string $picture ): void {
		echo '<li><p>', esc_html( $text ), '</p>';
		Drawings::render( $picture );
		echo '</li>';
	}

	/**
	 * Prints a link as a button; out of the site in a window of its own.
	 *
	 * @param string $url     Where to.
	 * @param string $label   Its text.
	 * @param bool   $primary Whether it is the one to press.
	 */
	private static function button( string $url, string $label, bool $primary ): void {
		$outside = 0 !== strpos( $url, admin_url() );
		printf( '<a class="button%1$s" href="%2$s"%3$s>%4$s</a> ', $primary ? ' button-primary' : '', esc_url( $url ), $outside ? ' target="_blank" rel="noopener noreferrer"' : '', esc_html( $label ) );
	}

	/**
	 * The site's origin, as Box wants it.
	 */
	private static function origin(): string {
		$parts = (array) wp_parse_url( home_url() );
		return ( $parts['scheme'] ?? 'https' ) . '://' . ( $parts['host'] ?? '' ) . ( isset( $parts['port'] ) ? ':' . $parts['port'] : '' );
	}
}
