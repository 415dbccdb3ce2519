<?php
/**
 * A token from the recipe and from the plugin's own class, by turns, inside a loaded WordPress.
 *
 * $data: `recipe` (file), `config`, `api`, `login`, `scopes`, `rounds`, and `asks` of the plugin a round. Prints JSON: seconds
 * of each by candidate.
 *
 * @package WidgetsForBox
 */

require $data['recipe'];

$took = array(
	'recipe'  => array(),
	'sidecar' => array(),
);
$ask  = static function () use ( $data ) {
	$began  = hrtime( true );
	$answer = ( new WidgetsForBox\Sidecar() )->token( array( 'login' => $data['login'] ), new WidgetsForBox\Widget( 'explorer', '0', $data['scopes'] ) );
	$ended  = hrtime( true );
	if ( is_wp_error( $answer ) ) {
		throw new RuntimeException( $answer->get_error_code() . ': ' . $answer->get_error_message() );
	}
	return ( $ended - $began ) / 1e9;
};

$ask(); // From now on it is in the sidecar's memory.
for ( $round = 0; $round < $data['rounds']; $round++ ) {
	$began = hrtime( true );
	WidgetsForBox\Recipe\token( $data['config'], $data['api'], $data['login'], array_merge( array( 'base_explorer' ), $data['scopes'] ) );
	$took['recipe'][] = ( hrtime( true ) - $began ) / 1e9;
	for ( $asked = 0; $asked < $data['asks']; $asked++ ) {
		$took['sidecar'][] = $ask();
	}
}
echo wp_json_encode( $took );
