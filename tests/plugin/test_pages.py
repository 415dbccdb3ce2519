"""Pages with widgets: the same for everybody, safe to cache, safe from their authors."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Iterator
from html import unescape

import pytest

from intranet.release import REPOSITORY
from intranet.wordpress import Session, WordPress
from plugin.scripted_sidecar import ScriptedSidecar
from plugin.support import ROUTE

CONTENT = """
<!-- wp:widgets-for-box/explorer {"can":["preview","download","upload"],"align":"wide"} /-->
<!-- wp:widgets-for-box/uploader {"height":300} /-->
<!-- wp:widgets-for-box/picker {"can":["share"],"type":["folder"],"max":2} /-->
<!-- wp:widgets-for-box/preview {"file":"77","can":["download"]} /-->
<!-- wp:shortcode -->[box_explorer folder="5" can="download"]<!-- /wp:shortcode -->
"""


@pytest.fixture
def page(site: WordPress) -> Iterator[str]:
    """The address of a page with all widgets."""
    number, address = site.php(
        "$id = wp_insert_post( array( 'post_type' => 'page', 'post_status' => 'publish', 'post_title' => 'Files',"
        " 'post_content' => wp_slash( $data['content'] ) ) ); echo $id, ' ', get_permalink( $id );",
        content=CONTENT,
    ).split()
    yield address
    site.php("wp_delete_post( $data['id'], true );", id=int(number))


def containers(html: str) -> list[str]:
    return re.findall(r"<div [^>]*data-widget=.*?</div>", html, re.DOTALL)


def payload(container: str) -> dict[str, object]:
    found = re.search(r'data-widget="([\w-]+)\.[\w-]{43}"', container)
    assert found, container
    decoded: dict[str, object] = json.loads(base64.urlsafe_b64decode(found[1] + "=" * (-len(found[1]) % 4)))
    return decoded


def test_blocks_and_shortcodes_render(site: WordPress, page: str) -> None:
    html = site.visitor().get(page).raise_for_status().text
    widgets = [payload(container) for container in containers(html)]
    assert widgets == [
        {"v": 1, "element": "explorer", "id": "0", "scopes": ["item_preview", "item_download", "item_upload"]},
        {"v": 1, "element": "uploader", "id": "0", "scopes": []},
        {
            "v": 1,
            "element": "picker",
            "id": "0",
            "scopes": ["item_share"],
            "options": {"type": "folder", "max": 2, "extensions": []},
        },
        {"v": 1, "element": "preview", "id": "77", "scopes": ["item_download"]},
        {"v": 1, "element": "explorer", "id": "5", "scopes": ["item_download"]},
    ]
    assert "alignwide" in containers(html)[0]


def test_what_the_plugin_prints_is_the_same_for_everybody(site: WordPress, sidecar: ScriptedSidecar, page: str) -> None:
    pages = [session.get(page).text for session in (site.visitor(), site.login("ana"), site.login("kenji"))]
    configuration = re.compile(
        r'<script type="application/json" id="widgets-for-box-configuration">.*?</script>', re.DOTALL
    )
    printed = [(containers(html), configuration.findall(html)) for html in pages]
    assert printed[0] == printed[1] == printed[2]
    assert len(printed[0][0]) == 5
    assert len(printed[0][1]) == 1
    assert not sidecar.requests, "Rendering asks nobody."


def test_no_token_nonce_or_person_in_the_page(site: WordPress, sidecar: ScriptedSidecar, page: str) -> None:
    ana = site.login("ana")
    nonce = ana.nonce()
    token = ana.rest(
        "POST", ROUTE, json={"widget": re.findall(r'data-widget="([^"]+)"', ana.get(page).text)[0]}, nonce=nonce
    ).json()["token"]
    html = ana.get(page).text
    ours = "".join(containers(html)) + html[html.index("widgets-for-box-configuration") :]
    for secret in (nonce, token, "ana@example.com"):
        assert secret not in ours
    assert nonce not in html


def test_page_served_from_a_cache_works_for_another_person_days_later(
    site: WordPress, sidecar: ScriptedSidecar, page: str
) -> None:
    """What Ana's visit left in a page cache is Kenji's page; an old nonce is the browser's affair, not the page's."""
    cached = site.login("ana").get(page).text
    descriptor = re.findall(r'data-widget="([^"]+)"', cached)[0]
    kenji = site.login("kenji")
    old_nonce = site.php(
        "wp_set_current_user( get_user_by( 'login', 'kenji' )->ID );"
        " $text = ( wp_nonce_tick() - 2 ) . '|wp_rest|' . get_current_user_id() . '|';"
        " echo substr( wp_hash( $text, 'nonce' ), -12, 10 );"
    )
    refused = kenji.rest("POST", ROUTE, json={"widget": descriptor}, nonce=old_nonce)
    assert refused.status_code == 403
    assert refused.json()["code"] == "rest_cookie_invalid_nonce"
    granted = kenji.rest("POST", ROUTE, json={"widget": descriptor})
    assert granted.json()["token"] == "token-of-kenji@example.com"


def test_loader_is_deferred_small_and_without_inline_script(site: WordPress, page: str) -> None:
    html = site.visitor().get(page).text
    tags = re.findall(r"<script[^>]*widgets-for-box/assets/\w+\.js[^>]*>", html)
    names = [re.findall(r"/(\w+)\.js", tag)[0] for tag in tags]
    assert names == ["tokens", "elements", "loader", "picker"], "Each after those that it needs."
    assert all(" defer" in tag for tag in tags)
    for tag, body in re.findall(r"<script([^>]*)>(.*?)</script>", html, re.DOTALL):
        if "widgets-for-box" in tag + body and "src=" not in tag:
            assert 'type="application/json"' in tag
    assert "jquery" not in html.lower()
    sizes = [len(gzip.compress((REPOSITORY / f"wp-plugin/assets/{name}.js").read_bytes(), 9)) for name in names]
    assert sum(sizes[:3]) <= 8000, "in every page with a widget"
    assert sizes[3] <= 2000, "where a picker is"


def test_page_without_widgets_carries_nothing(site: WordPress) -> None:
    html = site.visitor().get("/?p=1").raise_for_status().text
    assert "loader.js" not in html
    assert "widgets-for-box-configuration" not in html


def test_a_plugin_that_is_early_does_not_undress_the_widgets(site: WordPress, page: str) -> None:
    """Style sheets are announced once, when the first is asked for: that may be before our turn."""
    early = site.content / "mu-plugins" / "early.php"
    early.write_text("<?php\nwp_styles();\nwp_scripts();\n")
    try:
        html = site.visitor().get(page).text
    finally:
        early.unlink()
    assert "widgets-for-box/assets/widgets.css" in html
    assert "widgets-for-box/assets/loader.js" in html


def test_rendering_asks_neither_database_nor_sidecar(site: WordPress, sidecar: ScriptedSidecar) -> None:
    plugin = "widgets-for-box/widgets-for-box.php"
    autoloaded, queries = json.loads(
        site.php(
            "global $wpdb; delete_option( 'widgets_for_box' );"
            " require_once ABSPATH . 'wp-admin/includes/plugin.php';"
            " deactivate_plugins( $data['plugin'] ); activate_plugin( $data['plugin'] );"
            " $autoloaded = isset( wp_load_alloptions()['widgets_for_box'] );"
            " wp_scripts(); script_concat_settings(); $before = $wpdb->num_queries;"
            " do_shortcode( '[box_explorer][box_uploader][box_picker]' );"
            " ob_start(); WidgetsForBox\\Loader::print_configuration(); ob_end_clean();"
            " echo wp_json_encode( array( $autoloaded, $wpdb->num_queries - $before ) );",
            plugin=plugin,
        )
    )
    assert autoloaded
    assert queries == 0
    assert not sidecar.requests


@pytest.fixture
def post(site: WordPress) -> Iterator[tuple[int, str]]:
    """Id and address of a post with all widgets, which feeds carry too."""
    number, address = site.php(
        "$id = wp_insert_post( array( 'post_status' => 'publish', 'post_title' => 'Newest',"
        " 'post_content' => wp_slash( $data['content'] ) ) ); echo $id, ' ', get_permalink( $id );",
        content=CONTENT,
    ).split()
    yield int(number), address
    site.php("wp_delete_post( $data['id'], true );", id=int(number))


def test_feeds_link_to_the_page(site: WordPress, post: tuple[int, str]) -> None:
    """A feed reader runs no scripts, and there is nothing to turn on."""
    link = f'<a href="{post[1]}">'
    for feed in ("/?feed=rss2", "/?feed=atom"):
        html = unescape(site.visitor().get(feed).raise_for_status().text)
        assert "JavaScript" not in html
        assert "data-widget" not in html
        assert html.count(link + "Open the page to see your Box files") == 5


def test_rest_answers_link_to_the_page_and_can_still_become_widgets(site: WordPress, post: tuple[int, str]) -> None:
    """Who shows posts elsewhere has no loader; who loads them into a page by script may have."""
    answer = site.visitor().get(f"/wp-json/wp/v2/posts/{post[0]}").raise_for_status().json()
    content = answer["content"]["rendered"]
    assert content.count(f'<a href="{post[1]}">Open the page to see your Box files') == 5
    assert len(containers(content)) == 5
    assert "JavaScript" not in content + answer["excerpt"]["rendered"]


def test_html_anchor_is_the_containers_id(site: WordPress) -> None:
    admin = site.login("admin")
    content = '<!-- wp:widgets-for-box/explorer {"anchor":"my-files"} /--><!-- wp:widgets-for-box/uploader /-->'
    made = admin.rest("POST", "wp/v2/posts", json={"title": "T", "content": content, "status": "publish"}).json()
    html = site.visitor().get(made["link"]).text
    admin.rest("DELETE", f"wp/v2/posts/{made['id']}?force=true")
    first, second = containers(html)
    assert re.findall(r'\sid="([^"]*)"', first) == ["my-files"]
    assert not re.findall(r'\sid="', second)


def test_scripts_that_others_attach_to_the_loader_stay_as_they_are(site: WordPress, page: str) -> None:
    inline = "document.write( \"<img src='x'>\" ); // src="
    others = site.content / "mu-plugins" / "inline.php"
    others.write_text(
        "<?php\nadd_action( 'wp_enqueue_scripts', static function () {\n"
        "foreach ( array( 'before', 'after' ) as $place ) {\n"
        f"wp_add_inline_script( 'widgets-for-box', {json.dumps(inline).replace('$', '')}, $place );\n}}\n}} );\n"
    )
    try:
        html = site.visitor().get(page).text
    finally:
        others.unlink()
    assert html.count(inline) == 2
    assert "loader.js" in html


def test_author_gets_no_more_than_policy_allows(site: WordPress, sidecar: ScriptedSidecar) -> None:
    """Who may write but not use unfiltered HTML can choose a widget, and what its visitors get is still bounded."""
    edith = site.login("edith")
    content = '<!-- wp:widgets-for-box/explorer {"folder":"666","can":["preview","delete","item_share"]} /-->'
    post = edith.rest("POST", "wp/v2/posts", json={"title": "T", "content": content, "status": "publish"}).json()
    html = site.visitor().get(post["link"]).text
    roles = {"subscriber": ["item_preview"]}
    site.php("update_option( 'widgets_for_box', array( 'roles' => $data['roles'] ) );", roles=roles)
    try:
        descriptor = re.findall(r'data-widget="([^"]+)"', html)[0]
        answer = site.login("ana").rest("POST", ROUTE, json={"widget": descriptor})
    finally:
        site.php("delete_option( 'widgets_for_box' );")
        edith.rest("DELETE", f"wp/v2/posts/{post['id']}?force=true")
    assert answer.json()["scopes"] == ["base_explorer", "item_preview"]
    assert sidecar.requests[-1].body["folder"] == "666", "Which folders are allowed is the sidecar's policy."


def test_author_cannot_forge_a_descriptor(site: WordPress, sidecar: ScriptedSidecar) -> None:
    edith = site.login("edith")
    forged = base64.urlsafe_b64encode(b'{"v":1,"element":"explorer","id":"0","scopes":["item_delete"]}').decode()
    content = f'<!-- wp:html --><div class="widgets-for-box" data-widget="{forged}.{"A" * 43}"></div><!-- /wp:html -->'
    post = edith.rest("POST", "wp/v2/posts", json={"title": "T", "content": content, "status": "publish"}).json()
    html = site.visitor().get(post["link"]).text
    edith.rest("DELETE", f"wp/v2/posts/{post['id']}?force=true")
    for descriptor in re.findall(r'data-widget="([^"]+)"', html) or [f"{forged}.{'A' * 43}"]:
        answer = site.login("ana").rest("POST", ROUTE, json={"widget": descriptor})
        assert answer.status_code == 400
    assert not sidecar.requests


def test_block_attributes_of_an_author_cannot_break_out(site: WordPress) -> None:
    edith = site.login("edith")
    evil = json.dumps({"folderName": "</div><script>alert(1)</script>", "anchor": '"><script>alert(2)</script>'})
    for character in '<>&"':  # As the editor writes them, so that they get past the filter for authors.
        quoted = '\\"' if character == '"' else character
        evil = evil.replace(quoted, f"\\u{ord(character):04x}")
    content = f"<!-- wp:widgets-for-box/explorer {evil} /-->"
    post = edith.rest("POST", "wp/v2/posts", json={"title": "T", "content": content, "status": "publish"}).json()
    html = site.visitor().get(post["link"]).text
    edith.rest("DELETE", f"wp/v2/posts/{post['id']}?force=true")
    assert "data-widget=" in html
    assert "<script>alert" not in html


ROUTES = {
    ("GET", "status"): None,
    ("GET", "site-health"): None,
    ("POST", "trial"): {"user": 1},
    ("GET", "account?login=boss@example.com"): None,
    ("POST", "descriptor"): {"element": "explorer"},
}


@pytest.mark.parametrize(("method", "route"), sorted(ROUTES))
@pytest.mark.parametrize("who", ["nobody", "ana", "edith"])
def test_routes_of_administrators_are_closed_to_others(
    site: WordPress, sidecar: ScriptedSidecar, method: str, route: str, who: str
) -> None:
    session: Session = site.visitor() if who == "nobody" else site.login(who)
    nonce = "" if who == "nobody" else None
    answer = session.rest(method, f"widgets-for-box/v1/{route}", json=ROUTES[method, route], nonce=nonce)
    if who == "edith" and route == "descriptor":
        assert answer.status_code == 200, "Who writes posts may choose widgets."
    else:
        assert answer.status_code in (401, 403)
    assert "no-store" in answer.headers["Cache-Control"]
    assert not sidecar.requests
