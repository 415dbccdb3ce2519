"""An administrator sees a folder in a colleague's place: if wp-config.php allows it; names alone, on record."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote

import httpx
import pytest

from intranet.wordpress import Session, WordPress
from plugin.scripted_sidecar import Answer, Request, ScriptedSidecar, token
from plugin.support import ask, descriptor, end_by_log_out, revoked, user_id

SWITCH = "WIDGETS_FOR_BOX_VIEW_AS"


@pytest.fixture
def allowed(site: WordPress) -> Iterator[None]:
    site.configure(**{SWITCH: True})
    yield
    del site.constants[SWITCH]
    site.configure()
    site.php("delete_metadata( 'user', 0, '_widgets_for_box_viewed', '', true );")


def fresh(site: WordPress, who: str) -> Session:
    """A session of the test's own, which may end."""
    return site.login(who, site.people[who].password)


def sign(session: Session, site: WordPress, who: str = "ana", element: str = "explorer", **more: str) -> httpx.Response:
    """Ask for a view as the editor does."""
    body = {"element": element, "attributes": {"can": "download,upload,delete", **more}, "person": user_id(site, who)}
    return session.rest("POST", "widgets-for-box/v1/descriptor", json=body)


def changed(site: WordPress, widget: str, **values: object) -> str:
    """The view signed again with other values: what only the site can do."""
    return site.php(
        "echo WidgetsForBox\\Descriptor::seal( $data['values'] + WidgetsForBox\\Descriptor::open( $data['widget'] ) );",
        widget=widget,
        values=values,
    )


def minted(sidecar: ScriptedSidecar) -> list[Request]:
    return [request for request in sidecar.requests if request.path == "/v1/tokens"]


def test_nobody_views_anything_unless_wp_config_says_so(site: WordPress, sidecar: ScriptedSidecar) -> None:
    admin = site.login("admin")
    assert sign(admin, site).status_code == 403
    own = admin.rest("POST", "widgets-for-box/v1/descriptor", json={"element": "explorer", "attributes": {}})
    assert own.json()["viewAs"] is False
    for value in ("true", "1", 1, "false"):
        site.configure(**{SWITCH: value})
        try:
            assert sign(admin, site).status_code == 403
        finally:
            del site.constants[SWITCH]
            site.configure()


@pytest.mark.usefixtures("allowed")
def test_names_alone_and_on_record(site: WordPress, sidecar: ScriptedSidecar) -> None:
    admin = site.login("admin")
    signed = sign(admin, site).raise_for_status().json()
    assert signed["viewAs"] is True
    answer = ask(admin, signed["widget"]).raise_for_status().json()
    assert answer["token"] == "token-of-ana@example.com"
    assert answer["scopes"] == ["base_explorer"]
    (request,) = minted(sidecar)
    assert request.body["user"] == {"login": "ana@example.com"}
    assert request.body["scopes"] == []
    assert request.headers["x-request-id"].startswith(f"viewed-by-wp-user-{user_id(site, 'admin')}-")
    assert len(request.headers["x-request-id"]) <= 64
    page = admin.get(signed["view"]).raise_for_status()
    assert signed["widget"] in page.text
    assert "no-store" in page.headers["Cache-Control"] or "no-cache" in page.headers["Cache-Control"]


@pytest.mark.usefixtures("allowed")
def test_only_administrators_and_only_what_lists_names(site: WordPress, sidecar: ScriptedSidecar) -> None:
    assert sign(site.login("olga"), site).status_code == 403
    assert sign(site.login("ana"), site, "kenji").status_code == 403
    admin = site.login("admin")
    for element, more in (("uploader", {}), ("picker", {}), ("preview", {"file": "123"})):
        assert sign(admin, site, element=element, **more).status_code == 403
    body = {"element": "explorer", "attributes": {}, "person": 99999}
    assert admin.rest("POST", "widgets-for-box/v1/descriptor", json=body).status_code == 403


@pytest.mark.usefixtures("allowed")
def test_a_view_is_of_no_use_to_anybody_else(site: WordPress, sidecar: ScriptedSidecar) -> None:
    admin = site.login("admin")
    widget = sign(admin, site).json()["widget"]
    others = [
        (site.login("ana"), widget),
        (site.login("kenji"), widget),
        (site.login("olga"), widget),
        (fresh(site, "admin"), widget),  # Another session of the same person.
        (admin, changed(site, widget, until=1)),
        (admin, changed(site, widget, viewer=user_id(site, "olga"))),
        (admin, changed(site, widget, session="")),
        (admin, changed(site, widget, v=2)),
        (admin, changed(site, widget, person=0)),
        (admin, changed(site, widget, person=99999)),
        (admin, changed(site, widget, id="x")),
        (admin, widget[:-1] + ("A" if widget[-1] != "A" else "B")),
    ]
    for session, text in others:
        answer = ask(session, text)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_widget")
    assert site.visitor().rest("POST", "widgets-for-box/v1/token", json={"widget": widget}, nonce="").status_code == 401
    assert minted(sidecar) == []
    # A widget of a page is no view, whatever is written beside it.
    mixed = changed(site, descriptor(site, "[box_explorer]"), person=user_id(site, "ana"))
    assert ask(site.login("kenji"), mixed).json()["token"] == "token-of-kenji@example.com"
    # Features that somebody signs all the same are not asked for.
    ask(admin, changed(site, widget, scopes=["item_download", "item_delete"])).raise_for_status()
    assert minted(sidecar)[-1].body["scopes"] == []


@pytest.mark.usefixtures("allowed")
def test_a_view_ends_with_the_leave_for_it(site: WordPress, sidecar: ScriptedSidecar) -> None:
    admin = site.login("admin")
    widget = sign(admin, site).json()["widget"]
    ask(admin, widget).raise_for_status()
    site.configure(**{SWITCH: False})
    assert ask(admin, widget).status_code == 400


@pytest.mark.usefixtures("allowed")
@pytest.mark.parametrize("whose", ["admin", "ana"])
def test_the_end_of_either_session_ends_the_token(site: WordPress, sidecar: ScriptedSidecar, whose: str) -> None:
    admin, ana = fresh(site, "admin"), fresh(site, "ana")
    ask(admin, sign(admin, site).json()["widget"]).raise_for_status()
    sidecar.requests.clear()
    end_by_log_out(site, admin if whose == "admin" else ana)
    assert {"login": "ana@example.com"} in revoked(sidecar)


@pytest.mark.usefixtures("allowed")
@pytest.mark.parametrize("whose", ["admin", "ana"])
def test_a_session_that_ends_meanwhile_gets_nothing(site: WordPress, sidecar: ScriptedSidecar, whose: str) -> None:
    admin, ana = fresh(site, "admin"), fresh(site, "ana")
    widget = sign(admin, site).json()["widget"]
    cookies = (admin if whose == "admin" else ana).cookies.jar
    session = next(cookie.value or "" for cookie in cookies if cookie.name.startswith("wordpress_logged_in"))

    def answer(request: Request) -> Answer:
        if request.path == "/v1/tokens":
            site.php(
                "WP_Session_Tokens::get_instance( $data['user'] )->destroy( $data['token'] );",
                user=user_id(site, whose),
                token=unquote(session).split("|")[2],
            )
        return token(request)

    assert ana.get("/").status_code == 200
    sidecar.answer = answer
    received = ask(admin, widget)
    assert received.status_code in (401, 409)
    assert "token-of" not in received.text
    assert {"login": "ana@example.com"} in revoked(sidecar)


@pytest.mark.usefixtures("allowed")
def test_views_of_several_people_all_end(site: WordPress, sidecar: ScriptedSidecar) -> None:
    admin = fresh(site, "admin")
    for who in ("ana", "kenji", "ana"):
        ask(admin, sign(admin, site, who).json()["widget"]).raise_for_status()
    sidecar.requests.clear()
    end_by_log_out(site, admin)
    told = [user["login"] for user in revoked(sidecar)]
    assert sorted(set(told) - {"admin@example.com"}) == ["ana@example.com", "kenji@example.com"]
    rows = "echo wp_json_encode( get_user_meta( $data['user'], '_widgets_for_box_viewed' ) );"
    assert site.php(rows, user=user_id(site, "admin")).strip() == "[]"
