<?php
/**
 * A store of sessions as some plugins bring one along.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox\Tests;

/**
 * Keeps the sessions in an option.
 */
final class Option_Sessions extends \WP_Session_Tokens {

	/**
	 * All sessions of the user.
	 *
	 * @return array<string, array<string, mixed>>
	 */
	protected function get_sessions() {
		return get_option( 'option_sessions', array() )[ $this->user_id ] ?? array();
	}

	/**
	 * One session.
	 *
	 * @param string $verifier Its name.
	 * @return array<string, mixed>|null
	 */
	protected function get_session( $verifier ) {
		return $this->get_sessions()[ $verifier ] ?? null;
	}

	/**
	 * Changes or ends one session.
	 *
	 * @param string                    $verifier Its name.
	 * @param array<string, mixed>|null $session  Null to end it.
	 */
	protected function update_session( $verifier, $session = null ) {
		$this->store( array_filter( array( $verifier => $session ) + $this->get_sessions() ) );
	}

	/**
	 * Ends all but one.
	 *
	 * @param string $verifier Its name.
	 */
	protected function destroy_other_sessions( $verifier ) {
		$this->store( array_intersect_key( $this->get_sessions(), array( $verifier => 0 ) ) );
	}

	/**
	 * Ends all.
	 */
	protected function destroy_all_sessions() {
		$this->store( array() );
	}

	/**
	 * Stores the user's sessions.
	 *
	 * @param array<string, array<string, mixed>> $sessions All of them.
	 */
	private function store( array $sessions ): void {
		update_option( 'option_sessions', array( $this->user_id => $sessions ) + get_option( 'option_sessions', array() ) );
	}
}
