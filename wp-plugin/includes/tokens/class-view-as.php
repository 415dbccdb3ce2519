<?php
/**
 * A folder as a colleague would see it.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

use WP_User;

defined( 'ABSPATH' ) || exit;

/**
 * What an administrator sees in the editor in the place of a chosen colleague: the names of folders and files, and
 * nothing that opens or changes them.
 *
 * Off unless `WIDGETS_FOR_BOX_VIEW_AS` is `true` in wp-config.php: whoever can change the database alone can't turn it
 * on. A view is signed for one administrator, one session of theirs and a quarter of an hour; its token carries no
 * feature, ends with the session of either, and stands in the sidecar's audit under a request id that names the viewer.
 *
 * @since 0.1.0
 */
final class View_As {

	/**
	 * The constant that allows it, by `true` and nothing else.
	 */
	const SWITCH = 'WIDGETS_FOR_BOX_VIEW_AS';

	/**
	 * The payload's format, in place of Descriptor::VERSION: neither is taken for the other.
	 */
	const VERSION = 'view-as-1';

	/**
	 * User meta of the viewer: a row for each person in whose place they may hold a token, as `person` and `until`.
	 */
	const META = '_widgets_for_box_viewed';

	/**
	 * Seconds for which a view gets tokens.
	 */
	const LIFE = 900;

	/**
	 * Seconds after which no token of a view is alive.
	 */
	const TOKEN_LIFE = 14400;

	/**
	 * Whether rows are being removed: their end is what comes of it anyway.
	 *
	 * @var bool
	 */
	private static bool $ending = false;

	/**
	 * What is shown.
	 *
	 * @var Widget
	 */
	public Widget $widget;

	/**
	 * In whose place.
	 *
	 * @var WP_User
	 */
	public WP_User $person;

	/**
	 * Whether the current user may view a widget in a person's place.
	 *
	 * @since 0.1.0
	 *
	 * @param int $person_id The WordPress user; 0 for anybody at all.
	 */
	public static function is_allowed( int $person_id = 0 ): bool {
		if ( ! defined( self::SWITCH ) || true !== constant( self::SWITCH ) || ! current_user_can( 'manage_options' ) ) {
			return false;
		}
		return $person_id ? current_user_can( 'edit_user', $person_id ) && user_can( $person_id, Permissions::CAPABILITY ) : current_user_can( 'list_users' );
	}

	/**
	 * Signs a view for the current session.
	 *
	 * @since 0.1.0
	 *
	 * @param Widget $widget    What is to be seen.
	 * @param int    $person_id In whose place.
	 * @return string|null Null unless it is allowed, and the widget lists a folder.
	 */
	public static function sign( Widget $widget, int $person_id ): ?string {
		$session = self::session();
		if ( 'explorer' !== $widget->element || null === $session || ! self::is_allowed( $person_id ) ) {
			return null;
		}
		return Descriptor::seal(
			array(
				'v'       => self::VERSION,
				'person'  => $person_id,
				'viewer'  => get_current_user_id(),
				'session' => $session,
				'until'   => time() + self::LIFE,
			) + $widget->with_scopes( array() )->to_array()
		);
	}

	/**
	 * The view that a text describes.
	 *
	 * @since 0.1.0
	 *
	 * @param string $descriptor What a browser sent.
	 * @return self|null Null unless this site signed it for this session, its time is not over, and it is still allowed.
	 */
	public static function verify( string $descriptor ): ?self {
		$data    = Descriptor::open( $descriptor ) ?? array();
		$session = self::session();
		if ( self::VERSION !== ( $data['v'] ?? null ) || null === $session || ! hash_equals( $session, (string) $data['session'] ) ) {
			return null;
		}
		$person = get_userdata( (int) $data['person'] );
		$widget = Widget::from_array( $data );
		if ( get_current_user_id() !== $data['viewer'] || $data['until'] <= time() || ! $person || ! $widget || ! self::is_allowed( $person->ID ) ) {
			return null;
		}
		$view         = new self();
		$view->widget = $widget->with_scopes( array() );
		$view->person = $person;
		return $view;
	}

	/**
	 * The current session, so that nobody learns its token from it.
	 *
	 * @return string|null Null without one.
	 */
	private static function session(): ?string {
		$token = wp_get_session_token();
		return '' === $token ? null : hash_hmac( 'sha256', $token, wp_salt( 'logged_in' ) );
	}

	/**
	 * Notes that the viewer may hold a token of the person. Before it is asked for: only what is written is ended.
	 *
	 * @since 0.1.0
	 */
	public function note(): void {
		$until = time() + self::TOKEN_LIFE;
		// Added, never changed: requests for several people may run side by side. Once in a while, not for every token.
		if ( $this->noted_until( get_user_meta( get_current_user_id(), self::META ) ) < $until - self::TOKEN_LIFE / 2 ) {
			add_user_meta( get_current_user_id(), self::META, array( 'person' => $this->person->ID ) + compact( 'until' ) );
		}
	}

	/**
	 * Until when rows say that the viewer may hold a token of the person.
	 *
	 * @param array<int, mixed> $rows Of META.
	 * @return int Unix time; 0 if they don't.
	 */
	private function noted_until( array $rows ): int {
		$until = 0;
		foreach ( $rows as $row ) {
			if ( is_array( $row ) && ( $row['person'] ?? 0 ) === $this->person->ID ) {
				$until = max( $until, (int) ( $row['until'] ?? 0 ) );
			}
		}
		return $until;
	}

	/**
	 * Whether the viewer is still there, and still may view, after a token was made.
	 *
	 * @since 0.1.0
	 */
	public function is_still_allowed(): bool {
		$now = new Snapshot( get_current_user_id() );
		return $this->noted_until( $now->meta( self::META ) ) > time() && $now->view(
			static function ( ?WP_User $viewer ): bool {
				return $viewer && user_can( $viewer, 'manage_options' ) && \WP_Session_Tokens::get_instance( $viewer->ID )->verify( wp_get_session_token() );
			}
		);
	}

	/**
	 * By which the sidecar's audit tells a view from the person's own tokens.
	 *
	 * @since 0.1.0
	 */
	public function request_id(): string {
		return 'viewed-by-wp-user-' . get_current_user_id() . '-' . bin2hex( random_bytes( 8 ) );
	}

	/**
	 * Ends the tokens of those in whose place somebody has viewed widgets.
	 *
	 * @since 0.1.0
	 *
	 * @param int $viewer_id The WordPress user.
	 */
	public static function end( int $viewer_id ): void {
		$rows = get_user_meta( $viewer_id, self::META );
		if ( ! $rows || self::$ending ) {
			return;
		}
		self::$ending = true;
		try {
			foreach ( $rows as $row ) {
				if ( is_array( $row ) && ( $row['until'] ?? 0 ) > time() ) {
					Revocations::add( (int) $row['person'] );
				}
			}
			delete_user_meta( $viewer_id, self::META );
		} finally {
			self::$ending = false;
		}
	}
}
