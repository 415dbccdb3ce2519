"""What several suites of the plugin share: widgets, people's forms and log-outs, a stand-in for the Elements."""

from __future__ import annotations

import html
import re
from pathlib import Path

import httpx
from playwright.sync_api import Route

from intranet.browser import Tab
from intranet.wordpress import Session, WordPress
from plugin.scripted_sidecar import ScriptedSidecar

ROUTE = "widgets-for-box/v1/token"
STUB = (Path(__file__).parent / "stub_elements.js").read_text()

_DESCRIPTORS: dict[tuple[str, str], str] = {}


def descriptor(site: WordPress, shortcode: str) -> str:
    """The signed descriptor that a shortcode prints; the same for ever, so each is made once."""
    key = (site.url, shortcode)
    if key not in _DESCRIPTORS:
        page = site.php("echo do_shortcode( $data['shortcode'] );", shortcode=shortcode)
        found = re.search(r'data-widget="([\w.-]+)"', page)
        assert found, page
        _DESCRIPTORS[key] = found[1]
    return _DESCRIPTORS[key]


def ask(session: Session, widget: str, nonce: str | None = None) -> httpx.Response:
    """Ask for a token as the loader does."""
    return session.rest("POST", ROUTE, json={"widget": widget}, nonce=nonce)


def remove(site: WordPress, login: str) -> None:
    """Delete an account, if it is there, and what the sidecar was still to be told: the next test begins anew."""
    site.php(
        "require_once ABSPATH . 'wp-admin/includes/user.php';"
        " $user = get_user_by( 'login', $data['login'] ); if ( $user ) { wp_delete_user( $user->ID ); }"
        " WidgetsForBox\\Revocations::finish(); wp_clear_scheduled_hook( 'widgets_for_box_revoke_again' );"
        " delete_metadata( 'user', 0, '_widgets_for_box_revoke', '', true );",
        login=login,
    )


def user_id(site: WordPress, login: str) -> int:
    """The number of an account in WordPress."""
    return int(site.php("echo get_user_by( 'login', $data['login'] )->ID;", login=login))


def revoked(sidecar: ScriptedSidecar) -> list[dict[str, str]]:
    """The Box users whose tokens the sidecar was told to revoke."""
    return [request.body["user"] for request in sidecar.requests if request.path == "/v1/tokens/revoke"]


def profile_form(session: Session, address: str) -> dict[str, str]:
    """The fields of a profile page as a browser would post them."""
    page = session.get(address).raise_for_status().text
    inputs = re.findall(r"<input\b[^>]*>", page)
    fields = {}
    for tag in inputs:
        name, value = (re.search(rf"""\b{part}=["']([^"']*)["']""", tag) for part in ("name", "value"))
        if name and not re.search(r"""type=["'](checkbox|radio|submit|button)""", tag):
            fields[name[1]] = html.unescape(value[1]) if value else ""
    fields.pop("pass1", None), fields.pop("pass2", None)
    return fields


def end_by_log_out(site: WordPress, session: Session) -> None:
    """Log out as people do: the link, and the question behind it."""
    page = session.get("/wp-login.php", params={"action": "logout"}).text
    link = re.search(r'href="([^"]*action=logout[^"]*)"', page)
    assert link
    session.get(link[1].replace("&amp;", "&").replace("&#038;", "&"))


def serve_stub(tab: Tab) -> None:
    """Answer for Box's content delivery network."""

    def answer(route: Route) -> None:
        script = route.request.url.endswith(".js")
        route.fulfill(content_type="text/javascript" if script else "text/css", body=STUB if script else "")

    tab.context.route("https://cdn01.boxcdn.net/**", answer)
