<?php
/**
 * Where to click at Box.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

defined( 'ABSPATH' ) || exit;

/**
 * Small drawings of our own: no copies of Box's screens, which change, but which words to look for and in which order.
 * The words are those of Box's consoles in English.
 *
 * @since 0.1.0
 */
final class Drawings {

	/**
	 * Width of a drawing and height of one of its rows.
	 */
	const WIDTH = 340;
	const ROW   = 28;

	/**
	 * Prints a drawing.
	 *
	 * @since 0.1.0
	 *
	 * @param string $name `create`, `configure` or `authorize`.
	 */
	public static function render( string $name ): void {
		list( $title, $description, $rows ) = self::all()[ $name ];
		$height                             = 44 + self::ROW * count( $rows );
		printf( '<svg class="widgets-for-box-drawing" viewBox="0 0 %1$d %2$d" role="img" aria-label="%3$s">', (int) self::WIDTH, (int) $height, esc_attr( $description ) );
		printf( '<rect class="window" x="1" y="1" width="%1$d" height="%2$d" rx="6"/><path class="line" d="M1 28H%3$d"/>', (int) self::WIDTH - 2, (int) $height - 2, (int) self::WIDTH - 1 );
		printf( '<circle class="dot" cx="14" cy="14" r="3"/><circle class="dot" cx="25" cy="14" r="3"/><circle class="dot" cx="36" cy="14" r="3"/><text class="title" x="50" y="19">%s</text>', esc_html( $title ) );
		foreach ( $rows as $number => list( $kind, $text ) ) {
			self::render_row( 38 + self::ROW * $number, $kind, $text, $number + 1 );
		}
		echo '</svg>';
	}

	/**
	 * Prints a row: its number, and a button, a tick, or a place to go to.
	 *
	 * @param int    $top    Where it begins.
	 * @param string $kind   `button`, `tick`, `menu` or `field`.
	 * @param string $text   Box's words.
	 * @param int    $number Its number.
	 */
	private static function render_row( int $top, string $kind, string $text, int $number ): void {
		printf( '<circle class="number" cx="22" cy="%1$d" r="9"/><text class="digit" x="22" y="%2$d" text-anchor="middle">%3$d</text>', (int) $top + 11, (int) $top + 15, (int) $number );
		$left = 44;
		if ( 'tick' === $kind ) {
			printf( '<rect class="box" x="44" y="%1$d" width="14" height="14" rx="2"/><path class="check" d="M47 %2$dl3 4 6-8"/>', (int) $top + 4, (int) $top + 11 );
			$left = 66;
		} elseif ( 'menu' !== $kind ) {
			// As wide as its words, which no font here can be asked for.
			printf( '<rect class="%1$s" x="44" y="%2$d" width="%3$d" height="22" rx="4"/>', esc_attr( $kind ), (int) $top, (int) min( self::WIDTH - 56, 24 + 7 * strlen( $text ) ) );
			$left = 54;
		}
		printf( '<text class="%1$s-text" x="%2$d" y="%3$d">%4$s</text>', esc_attr( $kind ), (int) $left, (int) $top + 15, esc_html( $text ) );
	}

	/**
	 * Each drawing's title, description, and rows of kind and words.
	 *
	 * @return array<string, array{string, string, array<int, array{string, string}>}>
	 */
	private static function all(): array {
		return array(
			'create'    => array(
				'Developer Console',
				__( 'Drawing: in the Developer Console, choose Create Platform App, Custom App, Server Authentication (with JWT), Create App.', 'widgets-for-box' ),
				array( array( 'button', 'Create Platform App' ), array( 'menu', 'Custom App' ), array( 'menu', 'Server Authentication (with JWT)' ), array( 'button', 'Create App' ) ),
			),
			'configure' => array(
				'Configuration',
				__( 'Drawing: on the Configuration page, choose App + Enterprise Access; tick Read and write all files and folders, Manage users, Generate user access tokens; fill in CORS Domains; Save Changes; Generate a Public/Private Keypair.', 'widgets-for-box' ),
				array( array( 'tick', 'App + Enterprise Access' ), array( 'tick', 'Read and write all files and folders' ), array( 'tick', 'Manage users' ), array( 'tick', 'Generate user access tokens' ), array( 'field', 'CORS Domains' ), array( 'button', 'Save Changes' ), array( 'button', 'Generate a Public/Private Keypair' ) ),
			),
			'authorize' => array(
				'Admin Console',
				__( 'Drawing: in the Admin Console, choose Integrations, Platform Apps Manager, Add Platform App; paste the client id; Authorize.', 'widgets-for-box' ),
				array( array( 'menu', 'Integrations' ), array( 'menu', 'Platform Apps Manager' ), array( 'button', 'Add Platform App' ), array( 'field', 'Client ID' ), array( 'button', 'Authorize' ) ),
			),
		);
	}
}
