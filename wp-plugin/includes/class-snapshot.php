<?php
/**
 * A person as the database has them at this moment.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

use WP_User;

defined( 'ABSPATH' ) || exit;

/**
 * What was cached, in this request or between requests, may be what has just been changed. Here caches have
 * no say, and none is written.
 */
final class Snapshot {

	/**
	 * Id of the WordPress user.
	 *
	 * @var int
	 */
	private $id;

	/**
	 * User meta as stored.
	 *
	 * @var array<string, string[]>
	 */
	private $meta = array();

	/**
	 * The user's row; null if there is none.
	 *
	 * @var \stdClass|null
	 */
	private $row;

	/**
	 * Asks the database.
	 *
	 * @param int $id Id of the WordPress user.
	 */
	public function __construct( int $id ) {
		$wpdb     = $GLOBALS['wpdb'];
		$this->id = $id;
		if ( method_exists( $wpdb, 'send_reads_to_masters' ) ) {
			// HyperDB and its like: a replica may not know yet.
			$wpdb->send_reads_to_masters();
		}
		// phpcs:disable WordPress.DB.DirectDatabaseQuery -- See the class.
		foreach ( (array) $wpdb->get_results( $wpdb->prepare( "SELECT meta_key, meta_value FROM {$wpdb->usermeta} WHERE user_id = %d ORDER BY umeta_id", $id ) ) as $row ) {
			$this->meta[ $row->meta_key ][] = $row->meta_value;
		}
		$this->row = $wpdb->get_row( $wpdb->prepare( "SELECT * FROM {$wpdb->users} WHERE ID = %d", $id ) );
		// phpcs:enable
	}

	/**
	 * All values of a user meta.
	 *
	 * @param string $key Its name.
	 * @return array<int, mixed>
	 */
	public function meta( string $key ): array {
		return array_map( 'maybe_unserialize', $this->meta[ $key ] ?? array() );
	}

	/**
	 * Calls a function for which get_user_meta() tells what is in here.
	 *
	 * @param callable $look Gets the WP_User; null if there is none any more, or is marked as a spammer.
	 * @return mixed What it returns.
	 */
	public function view( callable $look ) {
		// First: whoever stores user meta elsewhere still has a say.
		add_filter( 'get_user_metadata', array( $this, 'read' ), PHP_INT_MIN, 4 );
		try {
			$there = $this->row && empty( $this->row->spam ) && empty( $this->row->deleted );
			return $look( $there ? new WP_User( $this->row ) : null );
		} finally {
			remove_filter( 'get_user_metadata', array( $this, 'read' ), PHP_INT_MIN );
		}
	}

	/**
	 * Answers for get_user_meta().
	 *
	 * @internal Callback of `get_user_metadata`.
	 *
	 * @param mixed  $value  Null.
	 * @param int    $id     The WordPress user.
	 * @param string $key    Name of the user meta.
	 * @param bool   $single Whether one value is wanted.
	 * @return mixed
	 */
	public function read( $value, $id, $key, $single ) {
		if ( (int) $id !== $this->id || '' === $key ) {
			return $value;
		}
		$values = $this->meta( $key );
		return $single && ! $values ? '' : $values;
	}
}
