<?php
/**
 * The recipe that forum threads and Box's guides lead to: everything in the page, at each page view.
 *
 * Service token, look-up of the person, user token, exchange for a downscoped token. The key is opened for each
 * assertion, as the guide does; one cURL handle for all four calls keeps the connection, which is kinder than most copies
 * of the recipe are.
 *
 * Run by itself it takes logins from standard input, one a line, and answers each with JSON: `seconds`, `cpu` and `token`.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox\Recipe;

use RuntimeException;
use stdClass;

// phpcs:disable WordPress -- Runs outside of WordPress, as the recipe does.

/**
 * A token for one person, downscoped.
 *
 * @param string   $config_file The Developer Console's JSON.
 * @param string   $api         Base URL of Box.
 * @param string   $login       Whose token.
 * @param string[] $scopes      By Box's names.
 */
function token( string $config_file, string $api, string $login, array $scopes ): string {
	$config  = json_decode( file_get_contents( $config_file ), false, 16, JSON_THROW_ON_ERROR );
	$curl    = curl_init();
	$service = grant( $curl, $api, $config, 'enterprise', $config->enterpriseID );
	$user    = find( $curl, $api, $service, $login );
	$parent  = grant( $curl, $api, $config, 'user', $user->id );
	return call(
		$curl,
		"$api/oauth2/token",
		array(
			CURLOPT_POSTFIELDS => http_build_query(
				array(
					'grant_type'         => 'urn:ietf:params:oauth:grant-type:token-exchange',
					'subject_token'      => $parent,
					'subject_token_type' => 'urn:ietf:params:oauth:token-type:access_token',
					'scope'              => implode( ' ', $scopes ),
				)
			),
		)
	)->access_token;
}

/**
 * An access token for a signed assertion.
 *
 * @param \CurlHandle $curl    The handle.
 * @param string      $api     Base URL of Box.
 * @param stdClass    $config  The Console's JSON.
 * @param string      $type    `enterprise` or `user`.
 * @param string      $subject Its id.
 */
function grant( $curl, string $api, stdClass $config, string $type, string $subject ): string {
	$app = $config->boxAppSettings;
	$key = openssl_pkey_get_private( $app->appAuth->privateKey, $app->appAuth->passphrase );
	$jwt = implode(
		'.',
		array_map(
			static function ( array $part ): string {
				return base64url( json_encode( $part ) );
			},
			array(
				array(
					'alg' => 'RS256',
					'typ' => 'JWT',
					'kid' => $app->appAuth->publicKeyID,
				),
				array(
					'iss'          => $app->clientID,
					'sub'          => $subject,
					'box_sub_type' => $type,
					'aud'          => 'https://api.box.com/oauth2/token',
					'jti'          => base64url( random_bytes( 64 ) ),
					'exp'          => time() + 45,
				),
			)
		)
	);
	openssl_sign( $jwt, $signature, $key, OPENSSL_ALGO_SHA256 );
	$fields = array(
		'grant_type'    => 'urn:ietf:params:oauth:grant-type:jwt-bearer',
		'assertion'     => $jwt . '.' . base64url( $signature ),
		'client_id'     => $app->clientID,
		'client_secret' => $app->clientSecret,
	);
	return call( $curl, "$api/oauth2/token", array( CURLOPT_POSTFIELDS => http_build_query( $fields ) ) )->access_token;
}

/**
 * The one person with exactly this login.
 *
 * @param \CurlHandle $curl  The handle.
 * @param string      $api   Base URL of Box.
 * @param string      $token Of the service account.
 * @param string      $login The login.
 */
function find( $curl, string $api, string $token, string $login ): stdClass {
	$query = http_build_query( array( 'filter_term' => $login, 'fields' => 'id,login' ) );
	$found = call( $curl, "$api/2.0/users?$query", array( CURLOPT_HTTPHEADER => array( "Authorization: Bearer $token" ) ) );
	foreach ( $found->entries as $user ) {
		if ( $user->login === $login ) {
			return $user;
		}
	}
	throw new RuntimeException( "Box knows no $login" );
}

/**
 * One call to Box; its JSON.
 *
 * @param \CurlHandle       $curl    The handle, kept from call to call.
 * @param string            $url     Where to.
 * @param array<int, mixed> $options Of cURL.
 */
function call( $curl, string $url, array $options ): stdClass {
	curl_reset( $curl );
	curl_setopt_array( $curl, $options + array( CURLOPT_URL => $url, CURLOPT_RETURNTRANSFER => true, CURLOPT_TIMEOUT => 30 ) );
	$body = curl_exec( $curl );
	if ( 200 !== curl_getinfo( $curl, CURLINFO_RESPONSE_CODE ) ) {
		throw new RuntimeException( curl_error( $curl ) . $body );
	}
	return json_decode( $body, false, 16, JSON_THROW_ON_ERROR );
}

/**
 * RFC 7515, appendix C.
 *
 * @param string $bytes Anything.
 */
function base64url( string $bytes ): string {
	return rtrim( strtr( base64_encode( $bytes ), '+/', '-_' ), '=' );
}

/**
 * CPU seconds of this process so far.
 */
function cpu(): float {
	$usage = getrusage();
	return $usage['ru_utime.tv_sec'] + $usage['ru_stime.tv_sec'] + ( $usage['ru_utime.tv_usec'] + $usage['ru_stime.tv_usec'] ) / 1e6;
}

if ( __FILE__ === realpath( $_SERVER['argv'][0] ?? '' ) ) {
	list( , $config_file, $api, $scopes ) = $_SERVER['argv'];
	while ( false !== ( $line = fgets( STDIN ) ) ) {
		$began   = hrtime( true );
		$cpu     = cpu();
		$token   = token( $config_file, $api, trim( $line ), explode( ' ', $scopes ) );
		$seconds = ( hrtime( true ) - $began ) / 1e9;
		echo json_encode( array( 'seconds' => $seconds, 'cpu' => cpu() - $cpu, 'token' => $token ) ), "\n";
	}
}
