<?php
/**
 * A person, and what the settings say of people, as the database has them at this moment.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

use WP_User;

defined( 'ABSPATH' ) || exit;

/**
 * What was cached, in this request or between requests, may be what has just been changed. Here caches have
 * no say, and none is written.
 *
 * @since 0.1.0
 */
final class Snapshot {

	/**
	 * Id of the WordPress user.
	 *
	 * @var int
	 */
	private int $id;

	/**
	 * User meta as stored.
	 *
	 * @var array<string, string[]>
	 */
	private array $meta = array();

	/**
	 * The user's row; null if there is none.
	 *
	 * @var \stdClass|null
	 */
	private ?\stdClass $row;

	/**
	 * The settings as stored, by name of their option; without those that are not.
	 *
	 * @var array<string, mixed>
	 */
	private array $settings = array();

	/**
	 * Asks the database.
	 *
	 * @since 0.1.0
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
		$this->keep_settings( Settings::OPTION, $wpdb->get_var( $wpdb->prepare( "SELECT option_value FROM {$wpdb->options} WHERE option_name = %s", Settings::OPTION ) ) );
		if ( is_multisite() ) {
			$this->keep_settings( Settings::NETWORK_OPTION, $wpdb->get_var( $wpdb->prepare( "SELECT meta_value FROM {$wpdb->sitemeta} WHERE meta_key = %s AND site_id = %d", Settings::NETWORK_OPTION, get_current_network_id() ) ) );
		}
		// phpcs:enable
	}

	/**
	 * Notes what an option holds.
	 *
	 * @param string      $name  Its name.
	 * @param string|null $value What is stored.
	 */
	private function keep_settings( string $name, ?string $value ): void {
		if ( null !== $value ) {
			$this->settings[ $name ] = maybe_unserialize( $value );
		}
	}

	/**
	 * All values of a user meta.
	 *
	 * @since 0.1.0
	 *
	 * @param string $key Its name.
	 * @return array<int, mixed>
	 */
	public function meta( string $key ): array {
		return array_map( 'maybe_unserialize', $this->meta[ $key ] ?? array() );
	}

	/**
	 * Calls a function for which get_user_meta() and Settings::get() tell what is in here.
	 *
	 * @since 0.1.0
	 *
	 * @param callable $look Gets the WP_User; null if there is none any more, or is marked as a spammer.
	 * @return mixed What it returns.
	 */
	public function view( callable $look ) {
		// First: whoever stores user meta elsewhere still has a say.
		add_filter( 'get_user_metadata', array( $this, 'read' ), PHP_INT_MIN, 4 );
		add_filter( 'pre_option_' . Settings::OPTION, array( $this, 'read_settings' ), PHP_INT_MIN, 2 );
		add_filter( 'pre_site_option_' . Settings::NETWORK_OPTION, array( $this, 'read_network_settings' ), PHP_INT_MIN, 2 );
		try {
			$there = $this->row && empty( $this->row->spam ) && empty( $this->row->deleted );
			return $look( $there ? new WP_User( $this->row ) : null );
		} finally {
			remove_filter( 'get_user_metadata', array( $this, 'read' ), PHP_INT_MIN );
			remove_filter( 'pre_option_' . Settings::OPTION, array( $this, 'read_settings' ), PHP_INT_MIN );
			remove_filter( 'pre_site_option_' . Settings::NETWORK_OPTION, array( $this, 'read_network_settings' ), PHP_INT_MIN );
		}
	}

	/**
	 * Answers for get_user_meta().
	 *
	 * @internal Callback of `get_user_metadata`.
	 * @since 0.1.0
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

	/**
	 * Answers for get_option(), filters of the option included.
	 *
	 * @internal Callback of `pre_option_…`.
	 * @since 0.1.0
	 *
	 * @param mixed  $value False.
	 * @param string $name  Name of the option.
	 * @return mixed
	 */
	public function read_settings( $value, $name ) {
		return array_key_exists( $name, $this->settings ) ? apply_filters( "option_{$name}", $this->settings[ $name ], $name ) : $value;
	}

	/**
	 * Answers for get_site_option(), filters of the option included.
	 *
	 * @internal Callback of `pre_site_option_…`.
	 * @since 0.1.0
	 *
	 * @param mixed  $value False.
	 * @param string $name  Name of the option.
	 * @return mixed
	 */
	public function read_network_settings( $value, $name ) {
		return array_key_exists( $name, $this->settings ) ? apply_filters( "site_option_{$name}", $this->settings[ $name ], $name ) : $value;
	}
}
