"""A network of sites: one socket for all, and nothing of one site works on another."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from intranet.wordpress import PEOPLE, Person, WordPress
from plugin.conftest import Site
from plugin.scripted_sidecar import Answer, ScriptedSidecar
from plugin.support import ask, profile_form

SITE_ADMIN = Person("chief", "chief@example.com", "Site chief", role="administrator")
MAKE_NETWORK = """
    define( 'WP_INSTALLING_NETWORK', true );
    require_once ABSPATH . 'wp-admin/includes/upgrade.php';
    global $wpdb;
    foreach ( $wpdb->tables( 'ms_global' ) as $table => $name ) {
        $wpdb->$table = $name;
    }
    install_network();
    $made = populate_network( 1, $data['domain'], 'admin@example.com', 'Network', '/', false );
    echo is_wp_error( $made ) ? $made->get_error_code() : 'made';
"""


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory, plugin_zip: Path, short_directory: Path) -> Iterator[WordPress]:
    """A network with a second site, whose only member is `chief`, its administrator."""
    socket = str(short_directory / "sidecar.sock")
    directory = tmp_path_factory.mktemp("network")
    with Site(directory, version="6.8", people=(*PEOPLE, SITE_ADMIN), plugin=plugin_zip) as wordpress:
        domain = wordpress.url.removeprefix("http://")
        made = wordpress.php(MAKE_NETWORK, domain=domain)
        assert made in ("made", "no_wildcard_dns"), made
        wordpress.configure(
            MULTISITE=True,
            SUBDOMAIN_INSTALL=False,
            DOMAIN_CURRENT_SITE=domain,
            PATH_CURRENT_SITE="/",
            SITE_ID_CURRENT_SITE=1,
            BLOG_ID_CURRENT_SITE=1,
        )
        second = wordpress.php(
            "$id = wpmu_create_blog( $data['domain'], '/second/', 'Second', get_user_by( 'login', 'chief' )->ID );"
            " require_once ABSPATH . 'wp-admin/includes/plugin.php';"
            " activate_plugin( 'widgets-for-box/widgets-for-box.php', '', true );"
            " update_site_option( 'site_admins', array( 'admin' ) );"
            " update_site_option( 'widgets_for_box_network', array( 'socket' => $data['socket'] ) );"
            " echo is_wp_error( $id ) ? $id->get_error_message() : $id;",
            domain=domain,
            socket=socket,
        )
        assert second == "2"
        yield wordpress


def descriptor(network: WordPress, blog: int) -> str:
    html = network.php("switch_to_blog( $data['blog'] ); echo do_shortcode( '[box_explorer]' );", blog=blog)
    found = re.search(r'data-widget="([\w.-]+)"', html)
    assert found, html
    return found[1]


def test_socket_of_the_network_serves_its_sites(network: WordPress, sidecar: ScriptedSidecar) -> None:
    answer = ask(network.login("ana"), descriptor(network, 1))
    assert answer.json()["token"] == "token-of-ana@example.com"


@pytest.mark.parametrize("there", [1, 2])
def test_descriptor_of_a_sister_site_is_refused(network: WordPress, sidecar: ScriptedSidecar, there: int) -> None:
    """Whoever is at home on both sites gets nothing on one for a widget of the other."""
    admin = network.login("admin")
    route = "/wp-json/widgets-for-box/v1/token" if there == 1 else "/second/?rest_route=/widgets-for-box/v1/token"
    headers = {"X-WP-Nonce": admin.nonce()}
    sister = admin.post(route, json={"widget": descriptor(network, 3 - there)}, headers=headers)
    assert (sister.status_code, sister.json()["code"]) == (400, "invalid_widget")
    assert not sidecar.requests
    assert admin.post(route, json={"widget": descriptor(network, there)}, headers=headers).status_code == 200


def test_who_is_no_member_of_a_site_gets_nothing_there(network: WordPress, sidecar: ScriptedSidecar) -> None:
    may = network.php(
        "switch_to_blog( 2 ); foreach ( array( 'ana', 'chief', 'admin' ) as $login ) {"
        " echo user_can( get_user_by( 'login', $login ), 'use_widgets_for_box' ) ? $login . ' ' : ''; }"
    )
    assert may.split() == ["chief", "admin"], "Members, and the network's administrator."


def test_who_is_no_member_is_refused_by_the_site_itself(network: WordPress, sidecar: ScriptedSidecar) -> None:
    ana = network.login("ana")
    answer = ana.post(
        "/second/?rest_route=/widgets-for-box/v1/token",
        json={"widget": descriptor(network, 2)},
        headers={"X-WP-Nonce": ana.nonce()},
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "box_not_allowed")
    assert not sidecar.requests


def test_site_administrator_cannot_change_the_server(network: WordPress, sidecar: ScriptedSidecar) -> None:
    """Where scripts come from is a right of those who may put scripts on a page: not a site's administrator here."""
    chief = network.login("chief")
    address = "/wp-admin/options-general.php?page=widgets-for-box"
    form = profile_form(chief, address)
    assert "widgets_for_box[socket]" not in form
    evil = {"widgets_for_box[elements_url]": "https://evil.example/{file}", "widgets_for_box[socket]": "/evil.sock"}
    chief.post("/wp-admin/options.php", data={**form, **evil, "widgets_for_box[account]": "email"})
    assert "evil" not in network.php(
        "echo wp_json_encode( array( get_option( 'widgets_for_box' ), get_site_option( 'widgets_for_box_network' ) ) );"
    )
    # Not even with the option written by other means.
    used = network.php(
        "update_option( 'widgets_for_box', array( 'elements_url' => 'https://evil.example/{file}' ) );"
        " echo WidgetsForBox\\Settings::get( 'elements_url' ); delete_option( 'widgets_for_box' );"
    )
    assert used == "https://cdn01.boxcdn.net/platform/elements/{version}/{locale}/{file}"


def test_network_administrator_changes_the_server(network: WordPress, sidecar: ScriptedSidecar) -> None:
    admin = network.login("admin")
    address = "/wp-admin/network/settings.php?page=widgets-for-box"
    form = profile_form(admin, address)
    sent = {**form, "widgets_for_box[api_host]": "https://api.example.com"}
    target = "/wp-admin/network/edit.php?action=widgets_for_box"
    chief = network.login("chief")
    assert chief.get(address).status_code == 403
    assert chief.post(target, data=sent).status_code == 403
    assert admin.post(target, data={**sent, "_wpnonce": "0"}).status_code == 403
    saved = admin.post(target, data=sent)
    assert "settings-updated=true" in str(saved.url)
    assert "Settings saved." in saved.text
    assert network.php("echo WidgetsForBox\\Settings::get( 'api_host' );") == "https://api.example.com"
    refused = admin.post(target, data={**sent, "widgets_for_box[api_host]": "http://evil.example"})
    assert "is not an https:// address" in refused.text
    admin.post(target, data={**sent, "widgets_for_box[api_host]": ""})
    assert network.php("echo WidgetsForBox\\Settings::get( 'api_host' );") == "https://api.box.com"


def test_site_administrator_cannot_say_who_is_who(network: WordPress, sidecar: ScriptedSidecar) -> None:
    """Users are shared by all sites, so only the network's administrators map them."""
    chief = network.login("chief")
    assert 'name="widgets_for_box_account"' not in chief.get("/wp-admin/profile.php").text
    answer = chief.rest("GET", "widgets-for-box/v1/account?login=boss@example.com")
    assert answer.status_code == 403
    form = profile_form(chief, "/wp-admin/profile.php")
    chief.post("/wp-admin/profile.php", data={**form, "widgets_for_box_account": "boss@example.com"})
    ask(chief, descriptor(network, 1))
    assert sidecar.requests[-1].body["user"] == {"login": "chief@example.com"}


def test_addresses_are_the_network_s(network: WordPress, sidecar: ScriptedSidecar) -> None:
    """A proof holds on every site, and no site's administrator can give one, or say that a directory does."""
    admin, chief = network.login("admin"), network.login("chief")
    address = "/wp-admin/users.php?page=widgets-for-box-addresses"
    network.php(
        "wpmu_create_user( 'visitor', 'visitor-demo', 'visitor@example.com' );"
        " add_user_to_blog( 1, get_user_by( 'login', 'visitor' )->ID, 'subscriber' );"
    )
    box_user = (
        "switch_to_blog( 2 );"
        " echo wp_json_encode( WidgetsForBox\\People::box_user( get_user_by( 'login', 'visitor' ) ) );"
    )
    assert chief.get(address).status_code == 403
    form = profile_form(chief, "/wp-admin/options-general.php?page=widgets-for-box")
    assert "widgets_for_box[directory]" not in chief.get("/wp-admin/options-general.php?page=widgets-for-box").text
    chief.post("/wp-admin/options.php", data={**form, "widgets_for_box[directory]": "1"})
    assert network.php(box_user) == "null"
    sent = profile_form(admin, address)
    id_ = network.php("echo get_user_by( 'login', 'visitor' )->ID;")
    assert f'name="people[{id_}]" value="visitor@example.com"' in admin.get(address).text
    admin.post("/wp-admin/admin-post.php", data={**sent, f"people[{id_}]": "visitor@example.com"}).raise_for_status()
    assert network.php(box_user) == '{"login":"visitor@example.com"}'
    network.php("delete_option( 'widgets_for_box' );")


def test_tokens_end_when_no_directory_answers_for_addresses_any_more(
    network: WordPress, sidecar: ScriptedSidecar
) -> None:
    """As on a single site; here the setting is the network's."""
    admin = network.login("admin")
    network.php(
        "$id = wp_insert_user( array( 'user_login' => 'guest', 'user_pass' => 'guest-demo',"
        " 'user_email' => 'guest@example.com' ) ); add_user_to_blog( 1, $id, 'subscriber' );"
    )
    address = "/wp-admin/network/settings.php?page=widgets-for-box"
    widget, guest = descriptor(network, 1), network.login("guest", "guest-demo")
    for directory, status in ({"widgets_for_box[directory]": "1"}, 200), ({}, 404):
        sidecar.requests.clear()
        form = {**profile_form(admin, address), **directory}
        admin.post("/wp-admin/network/edit.php?action=widgets_for_box", data=form)
        network.php("WidgetsForBox\\Revocations::run();")
        ended = [request.body["user"] for request in sidecar.requests if request.path == "/v1/tokens/revoke"]
        assert ({"login": "guest@example.com"} in ended) is (status == 404)
        assert ask(guest, widget).status_code == status


def test_activation_of_a_sign_up_proves_nothing(network: WordPress, sidecar: ScriptedSidecar) -> None:
    """Depending on the version of WordPress, its key is in the database for whoever looks after sign-ups."""
    proved = network.php(
        "global $wpdb, $intranet_key; add_action( 'after_signup_user', static function ( $login, $email, $key ) {"
        " $GLOBALS['intranet_key'] = $key; }, 10, 3 ); wpmu_signup_user( 'newcomer', 'victim@example.com' );"
        " $id = $wpdb->get_var( \"SELECT signup_id FROM $wpdb->signups WHERE user_login = 'newcomer'\" );"
        " wpmu_activate_signup( $intranet_key, $id );"
        " $user = get_user_by( 'login', 'newcomer' );"
        " echo $user->user_email, wp_json_encode( WidgetsForBox\\People::box_user( $user ) );"
    )
    assert proved == "victim@example.comnull"


def test_plugin_of_a_single_site_has_a_page_for_the_network_s_settings(
    network: WordPress, sidecar: ScriptedSidecar
) -> None:
    plugin = "require_once ABSPATH . 'wp-admin/includes/plugin.php'; $plugin = 'widgets-for-box/widgets-for-box.php';"
    network.php(plugin + "deactivate_plugins( $plugin, false, true ); activate_plugin( $plugin );")
    try:
        admin, chief = network.login("admin"), network.login("chief")
        address = "/wp-admin/options-general.php?page=widgets-for-box"
        assert "widgets_for_box[socket]" not in profile_form(chief, address)
        page = admin.get(address).text
        form = page[page.index("For the whole network") :]
        assert "widgets_for_box[socket]" in form
        nonce = re.search(r'name="_wpnonce" value="(\w+)"', form)
        assert nonce
        target = "/wp-admin/admin-post.php?action=widgets_for_box_network"
        sent = {"_wpnonce": nonce[1], "widgets_for_box[api_host]": "https://api.example.com"}
        assert chief.post(target, data=sent).status_code == 403
        saved = admin.post(target, data=sent)
        assert "Settings saved." in saved.text
        assert network.php("echo WidgetsForBox\\Settings::get( 'api_host' );") == "https://api.example.com"
        admin.post(target, data={**sent, "widgets_for_box[api_host]": ""})
    finally:
        network.php(plugin + "deactivate_plugins( $plugin, false, false ); activate_plugin( $plugin, '', true );")


def test_usage_is_that_of_all_sites_and_of_no_page(network: WordPress, sidecar: ScriptedSidecar) -> None:
    """The sidecar knows numbers of posts and no sites: the title of another site's post would stand there."""
    post = (
        "switch_to_blog( 2 ); echo wp_insert_post( array( 'post_type' => 'page', 'post_status' => 'publish',"
        " 'post_title' => 'Secret plans', 'post_content' => '[box_explorer]' ) );"
    )
    page = int(network.php(post))
    chief = network.login("chief")
    answer = chief.post(
        "/second/?rest_route=/widgets-for-box/v1/token",
        json={"widget": descriptor(network, 2), "report": {"page": page, "calls": {"list": 3}}},
        headers={"X-WP-Nonce": chief.nonce()},
    )
    assert answer.status_code == 200, answer.text
    report = sidecar.requests[-1].body["report"]
    assert "page" not in report
    assert report["calls"]["list"] == 3

    used = [{"page": page, "element": "explorer", "tokens": 4}, {"page": 1, "element": "explorer", "tokens": 4}]
    day = {"date": datetime.datetime.now(datetime.UTC).date().isoformat(), "tokens": {"explorer": 8}, "pages": used}
    sidecar.answer = lambda request: Answer(body={"days": [day], "month": {"calls": 9}, "brake": False})
    shown = network.login("admin").get("/wp-admin/tools.php?page=widgets-for-box-usage").text
    assert "These are the numbers of all sites that use this sidecar." in shown
    assert 'id="widgets-for-box-tokens' in shown
    assert "widgets-for-box-pages" not in shown


def test_each_site_looks_up_its_own_people(network: WordPress, sidecar: ScriptedSidecar) -> None:
    user = {"id": "7", "login": "x", "name": "x", "status": "active", "role": "user"}
    sidecar.answer = lambda request: Answer(body=user)
    found = network.php(
        """
        switch_to_blog( 2 );
        WidgetsForBox\\Addresses::prove( get_user_by( 'login', 'chief' )->ID, 'chief@example.com', 'administrator' );
        WidgetsForBox\\Look_Up::begin();
        $second = array_filter( WidgetsForBox\\Coverage_Book::counts() );
        restore_current_blog();
        $first = array_filter( WidgetsForBox\\Coverage_Book::counts() );
        echo wp_json_encode( array( $second, array_keys( $first ) ) );
        WidgetsForBox\\Coverage::forget_everywhere( get_user_by( 'login', 'chief' )->ID );
        echo count( get_user_meta( get_user_by( 'login', 'chief' )->ID, '_widgets_for_box_found_2' ) );
        """
    )
    assert found == '[{"matched":1},["unknown"]]0'
    assert [request.path for request in sidecar.requests] == ["/v1/users?login=chief%40example.com"]
    # The pace is the network's: what two sites ask the sidecar, they ask one after the other.
    later = network.php(
        """
        update_site_option( 'widgets_for_box_look_up_pace', array( 'next' => time() + 60 ) );
        WidgetsForBox\\Look_Up::begin();
        update_site_option( 'widgets_for_box_look_up_pace', array( 'next' => 0 ) );
        WidgetsForBox\\Look_Up::run();
        switch_to_blog( 2 );
        WidgetsForBox\\Look_Up::run();
        WidgetsForBox\\Coverage::remember( 1, null, 'nobody', 1 );
        restore_current_blog();
        WidgetsForBox\\Coverage::remember( 1, null, 'unconfirmed', 1 );
        echo wp_json_encode( WidgetsForBox\\Privacy::export( 'admin@example.com' ), JSON_UNESCAPED_SLASHES );
        WidgetsForBox\\Coverage::forget_everywhere( 1 );
        """
    )
    asked = [request.path for request in sidecar.requests[1:]]
    assert len([path for path in asked if "chief" in path]) == 1, "The other site has to wait."
    assert "/second, No Box user by the settings, 1970" in later
    assert "Address not confirmed, 1970" in later
    # Whoever deactivates it everywhere ends it everywhere.
    left = network.php(
        """
        switch_to_blog( 2 );
        wp_schedule_single_event( time() + 999, 'widgets_for_box_look_up' );
        restore_current_blog();
        WidgetsForBox\\Plugin::deactivate( true );
        switch_to_blog( 2 );
        echo (int) wp_next_scheduled( 'widgets_for_box_look_up' ), (int) WidgetsForBox\\Look_Up_Pace::is_begun();
        delete_site_option( 'widgets_for_box_look_up_pace' );
        """
    )
    assert left == "00"


def test_uninstalling_cleans_every_site(network: WordPress) -> None:
    left = network.php(
        """
        foreach ( array( 1, 2 ) as $blog ) {
            update_blog_option( $blog, 'widgets_for_box', array( 'account' => 'assigned' ) );
        }
        $before = get_site_option( 'widgets_for_box_network' );
        update_user_meta( 1, 'widgets_for_box_account', array( 'id' => '1' ) );
        update_user_meta( 1, '_widgets_for_box_found_2', 'x' );
        update_user_meta( 1, '_widgets_for_box_found_77', 'x' );
        update_blog_option( 2, 'widgets_for_box_look_up', array( 'since' => 1 ) );
        define( 'WP_UNINSTALL_PLUGIN', 'widgets-for-box/widgets-for-box.php' );
        require WP_PLUGIN_DIR . '/widgets-for-box/uninstall.php';
        echo wp_json_encode( array(
            get_blog_option( 1, 'widgets_for_box' ), get_blog_option( 2, 'widgets_for_box' ),
            get_site_option( 'widgets_for_box_network' ), get_user_meta( 1, 'widgets_for_box_account', true ),
            get_user_meta( 1, '_widgets_for_box_found_2', true ), get_blog_option( 2, 'widgets_for_box_look_up' ),
            get_user_meta( 1, '_widgets_for_box_found_77', true ),
        ) );
        update_site_option( 'widgets_for_box_network', $before );
        """
    )
    assert left == '[false,false,false,"","",false,""]'
