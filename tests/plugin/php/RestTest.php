<?php
/**
 * Tests of the token route's hooks.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox\Tests;

use WidgetsForBox\Descriptor;
use WidgetsForBox\Widget;
use WP_REST_Request;
use WP_REST_Response;

/**
 * What other code learns of a token, and what people read who may not have one.
 */
final class RestTest extends TestCase {

	/**
	 * Asks for a token as a person.
	 *
	 * @param string $role The person's role.
	 */
	private function ask( string $role = 'subscriber' ): WP_REST_Response {
		wp_set_current_user( 0 );
		$this->log_in( $this->user( $role ) );
		$request = new WP_REST_Request( 'POST', '/widgets-for-box/v1/token' );
		$request->set_header( 'X-WP-Nonce', wp_create_nonce( 'wp_rest' ) );
		$request->set_body_params( array( 'widget' => Descriptor::sign( new Widget( 'explorer', '7', array( 'item_download' ) ) ) ) );
		return rest_do_request( $request );
	}

	/**
	 * Other code is told of a token, and not the token.
	 */
	public function test_action(): void {
		$told = array();
		add_action(
			'widgets_for_box_token_issued',
			static function ( ...$arguments ) use ( &$told ) {
				$told[] = $arguments;
			},
			10,
			10
		);
		$answer = $this->ask();
		$this->assertSame( 200, $answer->get_status() );
		$this->assertCount( 1, $told );
		list( $user, $element, $scopes, $id ) = $told[0];
		$this->assertSame( get_current_user_id(), $user->ID );
		$this->assertSame( array( 'explorer', array( 'base_explorer', 'item_download' ), '7' ), array( $element, $scopes, $id ) );
		$this->assertStringNotContainsString( $answer->get_data()['token'], (string) wp_json_encode( $told ) );
	}

	/**
	 * Nothing is told of a token that was refused.
	 */
	public function test_no_action_without_a_token(): void {
		add_filter( 'widgets_for_box_user', '__return_empty_array' );
		$told = did_action( 'widgets_for_box_token_issued' );
		$this->assertSame( 404, $this->ask()->get_status() );
		$this->assertSame( $told, did_action( 'widgets_for_box_token_issued' ) );
	}

	/**
	 * People whose role may not use Box read the administrator's own words.
	 */
	public function test_people_who_may_not_use_box(): void {
		$settings = array(
			'roles'          => array( 'subscriber' => false ),
			'no_access_text' => 'Box is for the staff.',
		);
		update_option( 'widgets_for_box', $settings );
		$answer = $this->ask();
		$this->assertSame( 403, $answer->get_status() );
		$this->assertSame( 'box_not_allowed', $answer->get_data()['code'] );
		$this->assertSame( 'Box is for the staff.', $answer->get_data()['message'] );
		$this->assertSame( 200, $this->ask( 'editor' )->get_status() );
	}

	/**
	 * A site can decide by its own rule who may.
	 */
	public function test_capability_can_be_changed(): void {
		add_filter(
			'map_meta_cap',
			static function ( $caps, $cap ) {
				return 'use_widgets_for_box' === $cap ? array( 'edit_posts' ) : $caps;
			},
			20,
			2
		);
		$this->assertSame( 403, $this->ask()->get_status() );
		$this->assertSame( 200, $this->ask( 'author' )->get_status() );
	}
}
