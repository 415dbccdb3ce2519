"""The loader in Chromium, with a stand-in for the Elements that remembers how it was called."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Route, expect

from intranet.browser import Browser, Tab
from intranet.wordpress import WordPress
from plugin.scripted_sidecar import Answer, Request, ScriptedSidecar, problem, token
from plugin.support import STUB, serve_stub

pytestmark = pytest.mark.parametrize("site", ["6.8"], indirect=True)

AXE = Path(__file__).parents[1] / "node_modules" / "axe-core" / "axe.min.js"
BOX = "https://cdn01.boxcdn.net/**"


@pytest.fixture(scope="module")
def make_page(site: WordPress) -> Iterator[Any]:
    """Makes pages; they are gone after the module."""
    made: list[int] = []

    def make(content: str) -> str:
        number, address = site.php(
            "$id = wp_insert_post( array( 'post_type' => 'page', 'post_status' => 'publish', 'post_title' => 'Files',"
            " 'post_content' => wp_slash( $data['content'] ) ) ); echo $id, ' ', get_permalink( $id );",
            content=content,
        ).split()
        made.append(int(number))
        return address

    yield make
    site.php("foreach ( $data['ids'] as $id ) { wp_delete_post( $id, true ); }", ids=made)


@pytest.fixture
def tab(site: WordPress, sidecar: ScriptedSidecar, browser: Browser) -> Iterator[Tab]:
    """Ana's browser, with the stand-in in place of Box's content delivery network."""
    with browser.tab(site.login("ana"), site.url) as opened:
        serve_stub(opened)
        yield opened


@pytest.fixture
def explorer(make_page: Any) -> str:
    address: str = make_page('[box_explorer can="preview,download"]')
    return address


def widget(tab: Tab) -> Locator:
    return tab.page.locator(".widgets-for-box").first


def wait_until_shown(tab: Tab, count: int = 1) -> None:
    tab.page.wait_for_function("count => window.shown?.length >= count", arg=count)


def rewrite(tab: Tab, address: str, pattern: str, replacement: str) -> None:
    """Have a page arrive with one place of its HTML changed."""

    def change(route: Route) -> None:
        answer = route.fetch()
        body, count = re.subn(pattern, replacement, answer.text(), flags=re.DOTALL)
        assert count == 1
        route.fulfill(response=answer, body=body)

    tab.page.route(address, change)


def token_requests(sidecar: ScriptedSidecar) -> list[Request]:
    return [request for request in sidecar.requests if request.path == "/v1/tokens"]


def short_lived(seconds: int) -> Any:
    def answer(request: Request) -> Answer:
        given = token(request)
        return Answer(
            body={**given.body, "expires_in": seconds, "access_token": f"token-{request.headers['x-request-id']}"}
        )

    return answer


def test_token_function(tab: Tab, sidecar: ScriptedSidecar, explorer: str) -> None:
    tab.page.goto(explorer)
    wait_until_shown(tab)
    one, several, announced = tab.page.evaluate(
        """async () => {
            const { token } = window.shown[ 0 ];
            return [
                await token( 'folder_0' ),
                await Promise.all( [ 1, 2, 3, 4 ].map( ( id ) => token( 'file_' + id ) ) ),
                await token( [ 'file_1', 'file_2' ] ),
            ];
        }"""
    )
    assert one == "token-of-ana@example.com"
    assert several == [one] * 4
    assert announced is None, "A list is only an announcement."
    assert len(token_requests(sidecar)) == 1


def test_options_follow_the_granted_scopes(tab: Tab, sidecar: ScriptedSidecar, make_page: Any) -> None:
    tab.page.goto(make_page('[box_explorer folder="7" can="preview,upload"]'))
    wait_until_shown(tab)
    options = tab.page.evaluate("() => ( { id: window.shown[ 0 ].id, ...window.shown[ 0 ].options, container: 0 } )")
    granted = {name for name, value in options.items() if name.startswith("can") and value}
    assert granted == {"canPreview", "canUpload", "canCreateNewFolder"}
    assert options["id"] == "7"
    assert options["logoUrl"] == "box"
    assert options["apiHost"] == "https://api.box.com"
    assert options["uploadHost"] == "https://upload.box.com"


def test_folder_at_a_path_is_what_the_token_says(tab: Tab, sidecar: ScriptedSidecar, make_page: Any) -> None:
    tab.page.goto(make_page('[box_explorer path="Receipts/2026"][box_uploader path="Receipts/2026"]'))
    wait_until_shown(tab, 2)
    assert tab.page.evaluate("() => window.shown.map( ( { id } ) => id )") == ["42", "42"]
    opened = tab.page.evaluate("() => window.shown.map( ( { options } ) => options.currentFolderId )")
    assert set(opened) == {"42", None}, "the explorer does not begin in the folder above"
    assert {request.body["folder"] for request in token_requests(sidecar)} == {"0"}


def test_scope_that_the_role_lacks_hides_the_button(
    tab: Tab, site: WordPress, sidecar: ScriptedSidecar, explorer: str
) -> None:
    site.php(
        "update_option( 'widgets_for_box', array( 'roles' => array( 'subscriber' => array( 'item_preview' ) ) ) );"
    )
    try:
        tab.page.goto(explorer)
        wait_until_shown(tab)
        options = tab.page.evaluate("() => ( { ...window.shown[ 0 ].options, container: 0 } )")
    finally:
        site.php("delete_option( 'widgets_for_box' );")
    assert (options["canPreview"], options["canDownload"]) == (True, False)
    assert token_requests(sidecar)[-1].body["scopes"] == ["item_preview"]


def test_picker_shares_nothing_unless_it_was_granted(tab: Tab, make_page: Any) -> None:
    tab.page.goto(make_page('[box_picker type="folder" max="2" extensions="pdf"][box_picker can="share"]'))
    wait_until_shown(tab, 2)
    first, second = tab.page.evaluate(
        """() => [ false, true ]
            .map( ( may ) => window.shown.find( ( { options } ) => options.canSetShareAccess === may ).options )
            .map( ( options ) => ( { ...options, container: 0 } ) )"""
    )
    assert (first["canSetShareAccess"], first["type"], first["maxSelectable"]) == (False, "folder", 2)
    assert first["extensions"] == ["pdf"]
    assert second["canSetShareAccess"] is True
    assert "maxSelectable" not in second


def test_token_is_renewed_before_it_ends_and_once_for_all(tab: Tab, sidecar: ScriptedSidecar, explorer: str) -> None:
    sidecar.answer = short_lived(4)
    tab.page.goto(explorer)
    wait_until_shown(tab)
    before, after = tab.page.evaluate(
        """async () => {
            const { token } = window.shown[ 0 ];
            const before = await token( 'folder_0' );
            await new Promise( ( resolve ) => setTimeout( resolve, 2500 ) );
            return [ before, await Promise.all( [ 1, 2, 3 ].map( () => token( 'folder_0' ) ) ) ];
        }"""
    )
    assert len(set(after)) == 1
    assert after[0] != before
    assert len(token_requests(sidecar)) == 2


def test_renewal_that_fails_keeps_the_token_that_still_lives(tab: Tab, sidecar: ScriptedSidecar, explorer: str) -> None:
    sidecar.answer = short_lived(6)
    tab.page.goto(explorer)
    wait_until_shown(tab)
    before = tab.page.evaluate("() => window.shown[ 0 ].token( 'folder_0' )")
    sidecar.answer = lambda request: problem(503, "box_unavailable")
    tab.page.wait_for_timeout(3200)
    assert tab.page.evaluate("() => window.shown[ 0 ].token( 'folder_0' )") == before
    expect(widget(tab).get_by_role("alert")).to_have_count(0)
    tab.page.wait_for_timeout(3200)
    # What the Element was about to do waits, and goes on when somebody tries again.
    tab.page.evaluate("() => { window.shown[ 0 ].token( 'folder_0' ).then( ( token ) => { window.went = token; } ); }")
    expect(widget(tab).get_by_role("alert")).to_contain_text("Box does not answer")
    assert tab.page.evaluate("() => window.went ?? null") is None
    sidecar.answer = token
    widget(tab).get_by_role("button", name="Try again").click()
    tab.page.wait_for_function("() => window.went")
    assert str(tab.page.evaluate("() => window.went")).startswith("token-of-ana@example.com")
    expect(widget(tab).get_by_role("alert")).to_have_count(0)


REFUSED = (
    "{ isAxiosError: true, response: { status: 401 }, config: { url: 'https://api.box.com/2.0/folders/99?fields=id' } }"
)


def numbered(request: Request) -> Answer:
    """Another token each time that one was refused, as the sidecar does."""
    given = token(request)
    replaced = request.body.get("refused", "")[:8]
    return Answer(body={**given.body, "access_token": f"{given.body['access_token']}-{replaced}"})


def test_refused_token_is_replaced_once_and_silently(tab: Tab, sidecar: ScriptedSidecar, explorer: str) -> None:
    """Elements with an Axios that can't be helped: the cached token goes, the next request names it by its hash."""
    sidecar.answer = numbered
    tab.page.goto(explorer)
    wait_until_shown(tab)
    first = tab.page.evaluate("() => window.shown[ 0 ].token( 'folder_0' )")
    tab.page.evaluate("() => { window.shown[ 0 ].navigateTo = ( id ) => { window.went = id; }; }")
    refused = f"() => window.shown[ 0 ].options.responseInterceptor( {REFUSED} ) && 1"
    tab.page.evaluate(refused)
    second = tab.page.evaluate("() => window.shown[ 0 ].token( 'folder_0' )")
    digest = hashlib.sha256(first.encode()).hexdigest()
    assert [request.body.get("refused") for request in token_requests(sidecar)] == [None, digest]
    assert second == f"{first}{digest[:8]}"
    tab.page.wait_for_function("() => window.went === '99'")
    expect(widget(tab).get_by_role("alert")).to_have_count(0)
    assert not tab.page.evaluate("() => window.shown[ 0 ].hidden"), "What the person had open stays."

    # Its replacement is refused as well: that is worth a word, and a click replaces it, too.
    tab.page.evaluate(refused)
    expect(widget(tab).get_by_role("alert")).to_contain_text("Box has ended this session")
    assert len(token_requests(sidecar)) == 2
    tab.page.evaluate("() => { window.went = null; }")
    widget(tab).get_by_role("button", name="Try again").click()
    tab.page.wait_for_function("() => window.went")
    assert tab.page.evaluate("() => window.shown.length") == 1, "What the person had open stays."
    assert token_requests(sidecar)[-1].body["refused"] == hashlib.sha256(second.encode()).hexdigest()
    passed = tab.page.evaluate("() => window.shown[ 0 ].options.responseInterceptor( { status: 200, data: 'x' } )")
    assert passed == {"status": 200, "data": "x"}

    # It worked, so when it ends that is an end like the first.
    tab.page.evaluate(refused)
    tab.page.evaluate("() => window.shown[ 0 ].token( 'folder_0' )")
    expect(widget(tab).get_by_role("alert")).to_have_count(0)
    assert len(token_requests(sidecar)) == 4


def test_request_that_box_refused_is_sent_again_with_another_token(
    tab: Tab, sidecar: ScriptedSidecar, explorer: str
) -> None:
    """However many requests come back refused at once: one new token, and the Element learns of nothing."""
    sidecar.answer = numbered
    tab.page.goto(explorer)
    wait_until_shown(tab)
    sent, results = tab.page.evaluate(
        """async () => {
            const { token, options } = window.shown[ 0 ];
            const dead = await token( 'folder_0' );
            const sent = [];
            const adapter = async ( { url, headers } ) => {
                sent.push( headers.Authorization );
                await new Promise( ( resolve ) => setTimeout( resolve, 50 ) );
                if ( headers.Authorization === 'Bearer ' + dead ) {
                    throw { isAxiosError: true, response: { status: 401 }, config: { headers } };
                }
                return { status: 200, config: { headers }, data: url };
            };
            const request = ( url ) => {
                const headers = { Authorization: 'Bearer ' + dead };
                const asked = options.requestInterceptor( { url, adapter, headers } );
                // The Elements repeat some requests by themselves.
                return options.requestInterceptor( asked ).adapter( asked ).then( options.responseInterceptor );
            };
            const answers = await Promise.all( [ 'a', 'b', 'c' ].map( request ) );
            answers.push( await request( 'late' ) );
            return [ sent, answers.map( ( { data } ) => data ) ];
        }"""
    )
    assert results == ["a", "b", "c", "late"]
    assert len(sent) == 8
    assert len(set(sent)) == 2
    assert len(token_requests(sidecar)) == 2
    expect(widget(tab).get_by_role("alert")).to_have_count(0)


def test_without_a_secure_context_it_is_asked_again_without_a_hash(
    tab: Tab, sidecar: ScriptedSidecar, explorer: str
) -> None:
    tab.page.add_init_script("Object.defineProperty( crypto, 'subtle', { value: undefined } );")
    tab.page.goto(explorer)
    wait_until_shown(tab)
    tab.page.evaluate(f"() => window.shown[ 0 ].options.responseInterceptor( {REFUSED} ) && 1")
    tab.page.evaluate("() => window.shown[ 0 ].token( 'folder_0' )")
    asked = ["user", "element", "scopes", "folder", "report"]
    assert [list(request.body) for request in token_requests(sidecar)] == [asked] * 2
    expect(widget(tab).get_by_role("alert")).to_have_count(0)


def test_site_that_is_busy_is_asked_again_when_it_says(tab: Tab, sidecar: ScriptedSidecar, make_page: Any) -> None:
    """More widgets than the sidecar serves at once: the rest wait, say so, and go on by themselves."""
    served: list[str] = []

    def one_at_a_time(request: Request) -> Answer:
        folder = request.body["folder"]
        if len(served) % 2:
            served.append("")
            refusal = problem(429, "rate_limited")
            return Answer(refusal.status, refusal.body, {"Retry-After": "1"})
        served.append(folder)
        return token(request)

    sidecar.answer = one_at_a_time
    tab.page.set_viewport_size({"width": 1280, "height": 2000})
    tab.page.goto(make_page("".join(f'[box_explorer folder="{folder}" height="200"]' for folder in range(1, 6))))
    expect(tab.page.get_by_text("Too many requests at once").first).to_be_visible()
    wait_until_shown(tab, 5)
    assert {"1", "2", "3", "4", "5"} == {folder for folder in served if folder}
    expect(tab.page.get_by_role("alert")).to_have_count(0)
    expect(tab.page.get_by_text("Too many requests at once")).to_have_count(0)


def test_waiting_has_an_end(tab: Tab, sidecar: ScriptedSidecar, explorer: str) -> None:
    refusal = problem(429, "rate_limited")
    sidecar.answer = lambda request: Answer(refusal.status, refusal.body, {"Retry-After": "3600"})
    tab.page.goto(explorer)
    expect(widget(tab).get_by_role("alert")).to_contain_text("Too many requests at once")
    expect(widget(tab).get_by_role("button", name="Try again")).to_be_visible()
    assert len(token_requests(sidecar)) == 1


@pytest.mark.parametrize("who", ["ana", "admin"])
def test_box_out_of_reach_is_explained_with_the_origin_to_administrators_alone(
    tab: Tab, site: WordPress, sidecar: ScriptedSidecar, explorer: str, who: str
) -> None:
    become(tab, site, who)
    tab.page.goto(explorer)
    wait_until_shown(tab)
    tab.page.evaluate(
        "() => window.shown[ 0 ].options.responseInterceptor( { isAxiosError: true, code: 'ERR_NETWORK' } ) && 1"
    )
    notice = widget(tab).get_by_role("alert")
    expect(notice).to_contain_text("can’t reach Box")
    assert ("CORS domains" in notice.inner_text()) == (site.url in notice.inner_text()) == (who == "admin")


def test_nonce_that_is_too_old_is_replaced(tab: Tab, sidecar: ScriptedSidecar, explorer: str) -> None:
    asked: list[str] = []

    def old_then_fresh(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(body="0123456789") if len(asked) == 1 else route.continue_()

    tab.page.route("**/admin-ajax.php?action=rest-nonce", old_then_fresh)
    tab.page.goto(explorer)
    wait_until_shown(tab)
    assert len(asked) == 2
    assert len(token_requests(sidecar)) == 1
    expect(widget(tab).get_by_role("alert")).to_have_count(0)


def test_nothing_of_box_is_loaded_for_someone_who_is_not_logged_in(
    site: WordPress, sidecar: ScriptedSidecar, browser: Browser, explorer: str
) -> None:
    with browser.tab(None, site.url) as tab:
        serve_stub(tab)
        tab.page.goto(explorer)
        link = widget(tab).get_by_role("link", name="Log in")
        expect(link).to_be_visible()
        assert "redirect_to=" in (link.get_attribute("href") or "")
        assert not [request for request in tab.requests if "boxcdn" in request.url]
        assert not [request for request in tab.requests if "widgets-for-box/v1" in request.url]
    assert not sidecar.requests


def test_person_whose_address_is_not_confirmed_is_led_to_their_profile(
    tab: Tab, site: WordPress, sidecar: ScriptedSidecar, explorer: str
) -> None:
    rename = (
        "$GLOBALS['wpdb']->update( $GLOBALS['wpdb']->usermeta, array( 'meta_key' => $data['to'] ),"
        " array( 'meta_key' => $data['from'], 'user_id' => get_user_by( 'login', 'ana' )->ID ) );"
    )
    mark = "_widgets_for_box_address"
    site.php(rename, **{"from": mark, "to": "parked"})
    try:
        tab.page.goto(explorer)
        expect(widget(tab).get_by_role("alert")).to_contain_text("your e-mail address is not confirmed")
        expect(widget(tab)).not_to_contain_text("For administrators")
        assert not token_requests(sidecar)
        widget(tab).get_by_role("link", name="Open your profile").click()
        expect(tab.page.get_by_role("link", name="Send a link to confirm this address")).to_be_visible()
        tried = site.login("admin").rest(
            "POST", "widgets-for-box/v1/trial", json={"user": int(site.php("echo get_user_by( 'login', 'ana' )->ID;"))}
        )
        assert "The address ana@example.com is not confirmed" in tried.json()["data"]["fix"]
    finally:
        site.php(rename, **{"from": "parked", "to": mark})


def test_elements_wait_for_the_nonce_but_for_somebody_who_came_before(tab: Tab, explorer: str) -> None:
    for visit in ("first", "second"):
        tab.requests.clear()
        tab.page.goto(explorer)
        wait_until_shown(tab)
        order = [request.url for request in tab.requests if "rest-nonce" in request.url or "explorer.js" in request.url]
        answered = tab.page.evaluate(
            "() => { const of = part => performance.getEntriesByType('resource').find(e => e.name.includes(part));"
            " return of('explorer.js').startTime >= of('rest-nonce').responseEnd; }"
        )
        assert len(order) == 2
        assert answered == (visit == "first"), visit


def test_elements_that_fail_to_load_are_said_and_tried_again(tab: Tab, explorer: str) -> None:
    fails = [True]
    tab.page.route(BOX, lambda route: route.abort() if fails[0] else route.fallback())
    tab.page.goto(explorer)
    expect(widget(tab).get_by_role("alert")).to_contain_text("could not be loaded")
    fails[0] = False
    widget(tab).get_by_role("button", name="Try again").click()
    wait_until_shown(tab)
    expect(widget(tab).get_by_role("alert")).to_have_count(0)
    assert tab.page.evaluate("() => document.activeElement === document.querySelector( '.widgets-for-box' )")


def test_site_that_answers_nonsense_is_said(tab: Tab, explorer: str) -> None:
    tab.page.route("**/widgets-for-box/v1/token", lambda route: route.fulfill(status=502, body="<html>Bad Gateway"))
    tab.page.goto(explorer)
    expect(widget(tab).get_by_role("alert")).to_contain_text("no usable answer")
    tab.page.route("**/widgets-for-box/v1/token", lambda route: route.abort())
    widget(tab).get_by_role("button", name="Try again").click()
    expect(widget(tab).get_by_role("alert")).to_contain_text("can’t be reached")


def test_message_of_the_site_is_text_and_never_markup(tab: Tab, sidecar: ScriptedSidecar, explorer: str) -> None:
    evil = '<img src=x onerror="window.evil = 1">'
    tab.page.route(
        "**/widgets-for-box/v1/token",
        lambda route: route.fulfill(status=403, json={"code": "x", "message": evil, "data": {"fix": evil}}),
    )
    tab.page.goto(explorer)
    expect(widget(tab).get_by_role("alert")).to_contain_text(evil)
    assert tab.page.evaluate("() => window.evil") is None


def test_configuration_is_the_plugins_own(tab: Tab, site: WordPress, make_page: Any) -> None:
    """Authors may give any id to what they write: it must not tell the loader where scripts and tokens go."""
    forged = '{"elements":"https://evil.example/{file}","hosts":{"apiHost":"https://evil.example"},"text":{}}'
    written = f'<pre id="widgets-for-box-configuration">{forged}</pre>'
    assert site.php("echo wp_kses_post( $data['html'] );", html=written) == written, "WordPress lets authors write it."
    tab.page.goto(make_page(written + '[box_explorer can="preview"]'))
    wait_until_shown(tab)
    assert not [request.url for request in tab.requests if "evil.example" in request.url]
    assert tab.page.evaluate("() => window.shown[0].options.apiHost") == "https://api.box.com"


def test_configuration_is_found_in_what_wordpress_wraps_around_it(tab: Tab, explorer: str) -> None:
    """WordPress 6.4 prints data as it prints scripts for themes of before HTML5: in a comment, for XHTML."""
    tag = r'(<script type="application/json" id="widgets-for-box-configuration">)(.*?)(</script>)'
    rewrite(tab, explorer, tag, r"\1\n/* <![CDATA[ */\2/* ]]> */\n\3")
    tab.page.goto(explorer)
    wait_until_shown(tab)


def test_a_page_may_have_a_variable_of_the_same_name(tab: Tab, explorer: str) -> None:
    rewrite(tab, explorer, "(<head>)", r"\1<script>var widgetsForBox = {};</script>")
    tab.page.goto(explorer)
    wait_until_shown(tab)
    assert tab.page.evaluate("() => window.widgetsForBox") is None, "Nothing of ours is left for others to call."


def test_container_of_an_author_loads_nothing(tab: Tab, site: WordPress, make_page: Any) -> None:
    """What is not signed may say anything: no script is loaded by its word, and the widgets beside it work."""
    payload = base64.urlsafe_b64encode(b'{"element":"../../../uploads/notes.txt?","id":"0"}').decode().rstrip("=")
    written = "".join(
        f'<div class="widgets-for-box" data-widget="{text}.x"></div>' for text in ("!", payload, "bnVsbA")
    )
    assert site.php("echo wp_kses_post( $data['html'] );", html=written) == written, "WordPress lets authors write it."
    tab.page.goto(make_page(written + '[box_explorer can="preview"]'))
    wait_until_shown(tab)
    assert not [request.url for request in tab.requests if "notes.txt" in request.url]
    for container in tab.page.locator(".widgets-for-box").all()[:3]:
        expect(container.get_by_role("alert")).to_be_visible()


ODD_PAYLOADS: list[Any] = [
    {"element": "explorer", "id": "0", "box": {}, "run": {}, "descriptor": "x", "folder": {}},
    {"element": "explorer", "id": "0", "box": {"hide": 1}},
    {"element": ["explorer"], "id": "0"},
    {"element": {"toString": 1}, "id": "0"},
    {"element": "constructor", "id": "0"},
    {"element": "__proto__", "id": "0"},
    {"element": "explorer", "id": {"toString": 1}},
    {"element": "explorer"},
    {"element": "picker", "id": "0", "options": 5},
    {"element": "picker", "id": "0", "options": {"type": {}, "extensions": 5, "max": {"valueOf": 1}}},
    {"element": "picker", "id": "0", "options": {"extensions": {"length": 9}, "container": "body", "token": "x"}},
    {"element": "picker", "id": "0", "options": None},
    [],
    "explorer",
    None,
    7,
]


def test_nothing_that_an_author_writes_disturbs_other_widgets(tab: Tab, site: WordPress, make_page: Any) -> None:
    texts = [json.dumps(payload) for payload in ODD_PAYLOADS]
    texts += ['{"__proto__":{"element":"explorer","id":"0","box":{},"descriptor":"x"}}', '{"element":"explorer","id":']
    encoded = [base64.urlsafe_b64encode(text.encode()).decode().rstrip("=") + ".x" for text in texts]
    written = "".join(f'<div class="widgets-for-box" data-widget="{text}"></div>' for text in encoded)
    assert site.php("echo wp_kses_post( $data['html'] );", html=written) == written, "WordPress lets authors write it."
    tab.page.set_viewport_size({"width": 1280, "height": 4000})
    tab.page.goto(make_page(f'[box_explorer folder="1"]{written}[box_explorer folder="2"]'))
    wait_until_shown(tab, 2)
    tab.page.wait_for_function("() => document.querySelectorAll( '[data-state=failed]' ).length === " + str(len(texts)))
    assert sorted(tab.page.evaluate("() => window.shown.map( ( { id } ) => id )")) == ["1", "2"]
    assert tab.page.locator(".widgets-for-box[data-state=failed] [role=alert]").count() == len(texts)
    # Going away and coming back, each by itself.
    tab.page.evaluate(
        "() => document.querySelectorAll( '.widgets-for-box' ).forEach( ( node ) => {"
        " const copy = node.cloneNode(); delete copy.dataset.state; node.replaceWith( copy ); } )"
    )
    wait_until_shown(tab, 4)
    tab.page.wait_for_function("() => document.querySelectorAll( '[data-state=failed]' ).length === " + str(len(texts)))
    assert [error for error in tab.errors if "status of 400" not in error] == []


def test_element_that_throws_harms_no_other(tab: Tab, make_page: Any) -> None:
    """Box's own script may fail at anything: when it is shown, and again when it is taken away."""
    broken = "window.Box.ContentUploader = class { addListener() {} show() { throw new Error(); } hide() { throw 1; } }"
    tab.page.route(
        re.compile("/(explorer|uploader)[.]js$"),
        lambda route: route.fulfill(content_type="text/javascript", body=STUB + broken),
    )
    tab.page.goto(make_page('[box_uploader height="200"][box_explorer folder="1" height="200"]'))
    uploader = tab.page.locator(".widgets-for-box-uploader")
    expect(uploader.get_by_role("alert")).to_contain_text("could not be loaded")
    wait_until_shown(tab)
    copy = "( () => { const copy = node.cloneNode(); delete copy.dataset.state; node.replaceWith( copy ); } )()"
    tab.page.evaluate(
        "() => { window.shown[ 0 ].hide = () => { throw new Error(); };"
        f" for ( const node of document.querySelectorAll( '.widgets-for-box' ) ) {copy}; }}"
    )
    wait_until_shown(tab, 2)
    expect(uploader.get_by_role("alert")).to_contain_text("could not be loaded")
    assert tab.errors == []


def test_widgets_share_script_and_token(tab: Tab, sidecar: ScriptedSidecar, make_page: Any) -> None:
    tab.page.goto(make_page("[box_explorer][box_explorer][box_explorer]"))
    for number in range(3):
        tab.page.locator(".widgets-for-box").nth(number).scroll_into_view_if_needed()
    wait_until_shown(tab, 3)
    assert len(token_requests(sidecar)) == 1
    assert len([request for request in tab.requests if request.url.endswith("/explorer.js")]) == 1


CLASSIC_THEME = """<!DOCTYPE html>
<html <?php language_attributes(); ?>>
<head><meta charset="utf-8"><?php wp_head(); ?></head>
<body <?php body_class(); ?>>
<?php
while ( have_posts() ) {
	the_post();
	the_content();
}
widgets_for_box( 'uploader', array( 'height' => 300 ) );
wp_footer();
?>
</body>
</html>
"""


@pytest.fixture
def classic_theme(site: WordPress) -> Iterator[None]:
    """A theme of templates in PHP, as they were before blocks, with the plugin's template tag in it."""
    folder = site.docroot / "wp-content/themes/classic"
    folder.mkdir()
    (folder / "style.css").write_text("/*\nTheme Name: Classic\n*/\n")
    (folder / "index.php").write_text(CLASSIC_THEME)
    before = site.php("$before = get_stylesheet(); switch_theme( 'classic' ); echo $before;")
    yield
    site.php("switch_theme( $data['theme'] );", theme=before)
    shutil.rmtree(folder)


def test_classic_themes_and_the_template_tag(tab: Tab, classic_theme: None, explorer: str) -> None:
    tab.page.goto(explorer)
    wait_until_shown(tab, 2)
    assert tab.page.locator(".widgets-for-box[data-state=shown]").count() == 2
    assert tab.page.evaluate("() => ! document.body.classList.contains('wp-site-blocks')")
    assert not tab.errors


def test_hidden_widget_waits_until_it_is_opened(tab: Tab, sidecar: ScriptedSidecar, make_page: Any) -> None:
    tab.page.goto(make_page("<details><summary>Open</summary>[box_explorer]</details>"))
    tab.page.wait_for_timeout(500)
    assert not sidecar.requests
    tab.page.get_by_text("Open").click()
    wait_until_shown(tab)


def test_widget_that_a_script_adds_later_is_found(tab: Tab, explorer: str) -> None:
    tab.page.goto(explorer)
    wait_until_shown(tab)
    tab.page.evaluate(
        """() => {
            const copy = document.querySelector( '.widgets-for-box' ).cloneNode( false );
            delete copy.dataset.state;
            document.querySelector( '.widgets-for-box' ).replaceWith( copy );
        }"""
    )
    wait_until_shown(tab, 2)
    assert tab.page.evaluate("() => window.shown[ 0 ].hidden"), "What is gone is torn down."


def test_page_from_the_back_forward_cache_shows_who_is_there_now(
    tab: Tab, site: WordPress, sidecar: ScriptedSidecar, explorer: str
) -> None:
    tab.page.goto(explorer)
    wait_until_shown(tab)
    restore = "() => window.dispatchEvent( new PageTransitionEvent( 'pageshow', { persisted: true } ) )"
    tab.page.evaluate(restore)
    tab.page.wait_for_timeout(500)
    assert len(token_requests(sidecar)) == 1, "The same person goes on."

    tab.context.clear_cookies()
    tab.context.add_cookies(
        [{"name": c.name, "value": c.value or "", "url": site.url} for c in site.login("kenji").cookies.jar]
    )
    tab.page.evaluate(restore)
    wait_until_shown(tab, 2)
    assert tab.page.evaluate("() => window.shown[ 1 ].token( 'folder_0' )") == "token-of-kenji@example.com"
    assert tab.page.evaluate("() => window.shown[ 0 ].hidden")

    tab.context.clear_cookies()
    tab.page.evaluate(restore)
    expect(widget(tab).get_by_role("link", name="Log in")).to_be_visible()
    expect(widget(tab).get_by_role("button")).to_have_count(0)

    tab.context.add_cookies(
        [{"name": c.name, "value": c.value or "", "url": site.url} for c in site.login("ana").cookies.jar]
    )
    tab.page.evaluate(restore)
    wait_until_shown(tab, 3)


def become(tab: Tab, site: WordPress, name: str | None) -> None:
    """Log in as somebody in another window of the same browser."""
    tab.context.clear_cookies()
    if name:
        jar = site.login(name).cookies.jar
        tab.context.add_cookies([{"name": c.name, "value": c.value or "", "url": site.url} for c in jar])


def test_request_of_one_person_is_never_sent_again_as_another(
    tab: Tab, site: WordPress, sidecar: ScriptedSidecar, explorer: str
) -> None:
    """Ana's log-out ended her token at Box; what she had under way must not go on with Kenji's."""
    tab.page.goto(explorer)
    wait_until_shown(tab)
    become(tab, site, "kenji")
    sent, result = tab.page.evaluate(
        """async () => {
            const { token, options } = window.shown[ 0 ];
            const sent = [];
            const adapter = async ( { headers } ) => {
                sent.push( headers.Authorization );
                throw { isAxiosError: true, response: { status: 401 }, config: { headers } };
            };
            const headers = { Authorization: 'Bearer ' + await token( 'folder_0' ) };
            const asked = options.requestInterceptor( { url: '/2.0/files/content', adapter, headers } );
            return [ sent, await asked.adapter( asked ).catch( ( { response } ) => response.status ) ];
        }"""
    )
    assert sent == ["Bearer token-of-ana@example.com"]
    assert result == 401
    wait_until_shown(tab, 2)
    assert tab.page.evaluate("() => window.shown[ 0 ].hidden")
    assert tab.page.evaluate("() => window.shown[ 1 ].token( 'folder_0' )") == "token-of-kenji@example.com"
    # Whatever of hers still runs asks in vain.
    assert tab.page.evaluate("() => window.shown[ 0 ].token( 'folder_0' ).catch( () => 'nothing' )") == "nothing"
    expect(widget(tab).get_by_role("alert")).to_have_count(0)


def test_somebody_else_who_logs_in_after_a_failure_sees_nothing_of_the_person_before(
    tab: Tab, site: WordPress, sidecar: ScriptedSidecar, make_page: Any
) -> None:
    """One widget finds out that nobody is logged in, then that Kenji is; the other must not stay Ana's."""
    tab.page.goto(make_page('[box_explorer folder="1" height="200"][box_explorer folder="2" height="200"]'))
    wait_until_shown(tab, 2)
    become(tab, site, None)
    tab.page.evaluate(
        "() => { const { options, token } = window.shown.find( ( { id } ) => id === '1' );"
        f" options.responseInterceptor( {REFUSED} ); return token( 'folder_1' ).catch( () => 0 ); }}"
    )
    expect(widget(tab).get_by_role("link", name="Log in")).to_be_visible()
    become(tab, site, "kenji")
    # The person before is still on the page; a script brings in one more widget.
    tab.page.evaluate(
        "() => { const node = document.querySelector( '.widgets-for-box' );"
        " const copy = node.cloneNode(); delete copy.dataset.state; node.replaceWith( copy ); }"
    )
    wait_until_shown(tab, 4)
    whose = tab.page.evaluate(
        "() => Promise.all( window.shown.filter( ( { hidden } ) => ! hidden ).map( ( { token } ) => token( '' ) ) )"
    )
    assert whose == ["token-of-kenji@example.com"] * 2


def test_token_that_still_lives_is_kept_for_the_same_person_only(
    tab: Tab, site: WordPress, sidecar: ScriptedSidecar, explorer: str
) -> None:
    """Ana's is about to be renewed when it turns out that Kenji is there, for whom there is none."""

    def hers(request: Request) -> Answer:
        if request.body["user"] != {"login": "ana@example.com"}:
            return problem(404, "user_not_found")
        return Answer(body={**token(request).body, "expires_in": 12})

    sidecar.answer = hers
    tab.page.goto(explorer)
    wait_until_shown(tab)
    become(tab, site, "kenji")
    tab.page.wait_for_timeout(6200)
    asked = tab.page.evaluate("() => window.shown[ 0 ].token( 'folder_0' ).catch( () => 'nothing' )")
    assert asked == "nothing"
    expect(widget(tab).get_by_role("alert")).to_contain_text("There is no Box account")
    assert tab.page.evaluate("() => window.shown.length") == 1, "Nothing is shown with her token."


def test_events_reach_the_page(tab: Tab, make_page: Any) -> None:
    tab.page.goto(make_page("[box_picker]"))
    wait_until_shown(tab)
    tab.page.evaluate(
        "() => document.addEventListener( 'widgets-for-box:choose', ( { detail, target } ) =>"
        " { window.chosen = [ detail[ 0 ].id, target.className ]; } )"
    )
    widget(tab).get_by_role("button", name="ContentPicker").click()
    identifier, target = tab.page.evaluate("() => window.chosen")
    assert identifier == "42"
    assert "widgets-for-box-picker" in target


def test_self_hosted_elements_get_the_languages_messages(
    tab: Tab, site: WordPress, sidecar: ScriptedSidecar, explorer: str
) -> None:
    site.configure(WIDGETS_FOR_BOX_ELEMENTS_URL="http://127.0.0.1/own/{version}/{locale}/{file}")
    asked: list[str] = []

    def messages(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(json={"be.open": "開く"}, headers={"Access-Control-Allow-Origin": "*"})

    try:
        tab.page.route("http://127.0.0.1/own/**", serve_own)
        tab.page.route("http://127.0.0.1/own/**/messages.json", messages)
        tab.page.goto(explorer)
        wait_until_shown(tab)
    finally:
        del site.constants["WIDGETS_FOR_BOX_ELEMENTS_URL"]
        site.configure()
    options = tab.page.evaluate("() => ( { ...window.shown[ 0 ].options, container: 0 } )")
    assert asked == ["http://127.0.0.1/own/26.3.0/en-US/messages.json"]
    assert (options["language"], options["messages"]) == ("en-US", {"be.open": "開く"})


def serve_own(route: Route) -> None:
    stub = (Path(__file__).parent / "stub_elements.js").read_text()
    script = route.request.url.endswith(".js")
    route.fulfill(content_type="text/javascript" if script else "text/css", body=stub if script else "")


def test_nothing_moves_while_it_loads(tab: Tab, explorer: str) -> None:
    tab.page.goto(explorer)
    heights = [widget(tab).evaluate("node => node.offsetHeight")]
    wait_until_shown(tab)
    heights.append(widget(tab).evaluate("node => node.offsetHeight"))
    assert heights == [600, 600]


@pytest.mark.parametrize("state", ["shown", "failed", "logged out"])
def test_own_markup_is_accessible(
    site: WordPress, sidecar: ScriptedSidecar, browser: Browser, make_page: Any, state: str
) -> None:
    if state == "failed":
        sidecar.answer = lambda request: problem(502, "clock_skew", "Mend the clock.")
    address = make_page("[box_explorer][box_uploader][box_preview]")
    with browser.tab(None if state == "logged out" else site.login("admin"), site.url) as tab:
        serve_stub(tab)
        tab.page.goto(address)
        expect(
            tab.page.locator(f".widgets-for-box[data-state={'shown' if state == 'shown' else 'failed'}]")
        ).to_have_count(2)
        if state == "failed":
            expect(widget(tab)).to_contain_text("For administrators: Mend the clock.")
        tab.page.add_script_tag(path=AXE)
        found = tab.page.evaluate(
            "() => axe.run( { include: [ '.entry-content' ] } ).then( ( { violations } ) =>"
            " violations.map( ( { id, nodes } ) => [ id, nodes.map( ( { html } ) => html ) ] ) )"
        )
    assert found == []


def test_announcements(tab: Tab, explorer: str) -> None:
    tab.page.goto(explorer)
    wait_until_shown(tab)
    expect(tab.page.locator(".widgets-for-box-announcement[role=status]")).to_have_text("Your Box files are loaded.")
    expect(widget(tab)).to_have_attribute("aria-label", "Box files")
    assert widget(tab).get_attribute("aria-busy") is None
    assert re.search(
        r"prefers-reduced-motion",
        tab.page.evaluate(
            "() => [ ...document.styleSheets ].filter( ( { href } ) => href?.includes( 'widgets.css' ) )"
            ".flatMap( ( { cssRules } ) => [ ...cssRules ] ).map( ( { cssText } ) => cssText ).join()"
        ),
    )
