<?php
/**
 * What the plugin uses of WP-CLI, and of WordPress 6.7 and 6.9, for programs that analyse it. Never loaded.
 *
 * @package WidgetsForBox
 */

namespace {
	/**
	 * Since WordPress 6.7.
	 *
	 * @param string $path     Folder of the blocks.
	 * @param string $manifest File with all of their metadata.
	 */
	function wp_register_block_metadata_collection( string $path, string $manifest ): void {
		echo $path . $manifest;
	}

	/**
	 * Since WordPress 6.9.
	 *
	 * @param string               $slug A category of abilities.
	 * @param array<string, mixed> $args Its label and description.
	 */
	function wp_register_ability_category( string $slug, array $args ): void {
		echo $slug, count( $args );
	}

	/**
	 * Since WordPress 6.9.
	 *
	 * @param string               $name An ability.
	 * @param array<string, mixed> $args What it is.
	 */
	function wp_register_ability( string $name, array $args ): void {
		echo $name, count( $args );
	}

	/**
	 * WP-CLI.
	 */
	class WP_CLI {

		/**
		 * Adds a command.
		 *
		 * @param string          $name     Its name.
		 * @param class-string    $callable Its class.
		 * @return bool
		 */
		public static function add_command( string $name, string $callable ): bool {
			return '' !== $name . $callable;
		}

		/**
		 * Prints that something went well.
		 *
		 * @param string $message What.
		 */
		public static function success( string $message ): void {
			echo $message;
		}

		/**
		 * Prints a line.
		 *
		 * @param string $message What.
		 */
		public static function log( string $message ): void {
			echo $message;
		}

		/**
		 * Prints a warning.
		 *
		 * @param string $message What about.
		 */
		public static function warning( string $message ): void {
			echo $message;
		}

		/**
		 * Prints an error and ends with status 1.
		 *
		 * @param string $message What is wrong.
		 */
		public static function error( string $message ): void {
			echo $message;
		}

		/**
		 * Ends.
		 *
		 * @param int $status Exit status.
		 */
		public static function halt( int $status ): void {
			exit( $status );
		}
	}

	const WP_CLI = true;
}

namespace WP_CLI\Utils {
	/**
	 * Prints a table.
	 *
	 * @param string                           $format `table`, `json`, `csv` or `yaml`.
	 * @param array<int, array<string, mixed>> $items  Rows.
	 * @param string[]                         $fields Columns.
	 */
	function format_items( string $format, array $items, array $fields ): void {
		echo $format, count( $items ), count( $fields );
	}
}
