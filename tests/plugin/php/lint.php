<?php
/**
 * Compiles the plugin under whatever PHP runs this: lint.php PLUGIN_FOLDER.
 *
 * The files under includes/ only declare, so they are loaded; the others would do something, so they are parsed.
 *
 * @package WidgetsForBox
 */

error_reporting( E_ALL );
set_error_handler(
	static function ( $level, $message, $file, $line ) {
		echo "$file:$line: $message\n";
		exit( 1 );
	}
);
define( 'ABSPATH', '/' );

/**
 * A file of sentences only asks for their translations.
 *
 * @param string $text In English.
 */
function __( string $text ): string { // phpcs:ignore Squiz.Functions.GlobalFunction.Found -- WordPress's own is one.
	return $text;
}

foreach ( glob( $argv[1] . '/*.php' ) as $file ) {
	try {
		token_get_all( file_get_contents( $file ), TOKEN_PARSE );
	} catch ( ParseError $error ) {
		echo $file, ':', $error->getLine(), ': ', $error->getMessage(), "\n";
		exit( 1 );
	}
}
$files = array_merge( glob( $argv[1] . '/includes/*.php' ), glob( $argv[1] . '/includes/*/*.php' ) );
foreach ( $files as $file ) {
	require $file;
}
echo PHP_VERSION, ': ', count( $files ), " files\n";
