<?php
/**
 * The table of roles on the settings page.
 *
 * @package WidgetsForBox
 */

namespace WidgetsForBox;

defined( 'ABSPATH' ) || exit;

/**
 * What people of each role may do at most.
 *
 * @since 0.1.0
 */
final class Role_Table {

	/**
	 * Prints the table of roles.
	 *
	 * @internal Callback of add_settings_section().
	 *
	 * @since 0.1.0
	 */
	public static function render(): void {
		$table  = Settings::get( 'roles' );
		$scopes = self::scope_labels();
		echo '<p>', esc_html__( 'What people of a role may do at most. A widget can allow less, and so can the sidecar’s policy and Box itself. What you take away ends at once, in pages that are open, too.', 'widgets-for-box' ), '</p>';
		Settings_Fields::render_fixed( 'roles' );
		echo '<div class="widgets-for-box-roles"><table class="widefat striped"><thead><tr><th scope="col">', esc_html__( 'Role', 'widgets-for-box' ), '</th><th scope="col">', esc_html__( 'Use Box', 'widgets-for-box' ), '</th>';
		foreach ( $scopes as $label ) {
			echo '<th scope="col">', esc_html( $label ), '</th>';
		}
		echo '</tr></thead><tbody>';
		foreach ( wp_roles()->get_names() as $role => $name ) {
			$entry = $table[ $role ] ?? Elements::all_scopes();
			$name  = translate_user_role( $name );
			echo '<tr><th scope="row">', esc_html( $name ), '</th>';
			self::render_checkbox( $role, 'use', is_array( $entry ), $name, __( 'Use Box', 'widgets-for-box' ) );
			foreach ( $scopes as $scope => $label ) {
				self::render_checkbox( $role, $scope, in_array( $scope, (array) $entry, true ), $name, $label );
			}
			echo '</tr>';
		}
		echo '</tbody></table></div>';
	}

	/**
	 * Prints one cell of the table of roles.
	 *
	 * @param string $role    The role.
	 * @param string $what    A scope, or `use`.
	 * @param bool   $checked Whether it is allowed.
	 * @param string $name    The role's name.
	 * @param string $label   The column's label.
	 */
	private static function render_checkbox( string $role, string $what, bool $checked, string $name, string $label ): void {
		printf(
			'<td><input type="checkbox" name="%1$s[roles][%2$s][]" value="%3$s" aria-label="%4$s" %5$s %6$s></td>',
			esc_attr( Settings::OPTION ),
			esc_attr( $role ),
			esc_attr( $what ),
			esc_attr( $name . ': ' . $label ),
			checked( $checked, true, false ),
			disabled( Settings::is_fixed( 'roles' ), true, false )
		);
	}

	/**
	 * Names of the scopes for people.
	 *
	 * @since 0.1.0
	 *
	 * @return array<string, string>
	 */
	private static function scope_labels(): array {
		return array(
			'item_preview'         => __( 'Preview', 'widgets-for-box' ),
			'item_download'        => __( 'Download', 'widgets-for-box' ),
			'item_upload'          => __( 'Upload', 'widgets-for-box' ),
			'item_rename'          => __( 'Rename', 'widgets-for-box' ),
			'item_share'           => __( 'Share', 'widgets-for-box' ),
			'item_delete'          => __( 'Delete', 'widgets-for-box' ),
			'annotation_edit'      => __( 'Annotate', 'widgets-for-box' ),
			'annotation_view_all'  => __( 'See all annotations', 'widgets-for-box' ),
			'annotation_view_self' => __( 'See own annotations', 'widgets-for-box' ),
		);
	}
}
