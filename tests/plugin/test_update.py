"""An update replaces the plugin's files while the request that makes it still runs."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from intranet.wordpress import WordPress

UPDATE = """
require_once ABSPATH . 'wp-admin/includes/admin.php';
require_once ABSPATH . 'wp-admin/includes/class-wp-upgrader.php';
$upgrader = new Plugin_Upgrader( new Automatic_Upgrader_Skin() );
$done     = $upgrader->install( $data['package'], array( 'overwrite_package' => true ) );
if ( true !== $done ) {
	throw new RuntimeException( 'Not updated: ' . wp_json_encode( $upgrader->skin->get_upgrade_messages() ) );
}
// What comes after it in the same request: the page's footer, other people's hooks, and the end.
ob_start();
do_action( 'rest_api_init', rest_get_server() );
do_action( 'admin_footer' );
do_action( 'wp_logout', get_user_by( 'login', 'ana' )->ID );
do_shortcode( '[box_explorer]' );
do_action( 'shutdown' );
ob_end_clean();
echo 'lives on';
"""


@pytest.fixture
def release(site: WordPress, plugin_zip: Path, tmp_path: Path) -> Iterator[Path]:
    """A release of the plugin in which none of today's files is left; today's is back after the test."""
    package = tmp_path / "widgets-for-box.zip"
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr(
            "widgets-for-box/widgets-for-box.php", "<?php\n/* Plugin Name: Widgets for Box\nVersion: 99.0.0 */"
        )
    yield package
    site.install_plugin(plugin_zip)


def test_the_request_that_updates_the_plugin_lives_on(site: WordPress, release: Path) -> None:
    assert site.php(UPDATE, package=str(release)) == "lives on"
    assert not (site.content / "plugins/widgets-for-box/includes").exists()
