"""The settings page: the path to the first page, and how to turn everything off."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator

import pytest

from intranet.release import REPOSITORY
from intranet.wordpress import Session, WordPress
from plugin.scripted_sidecar import Answer, Request, ScriptedSidecar, token

PAGE = "/wp-admin/options-general.php?page=widgets-for-box"
STEPS = ("app", "sidecar", "elements", "people", "page")
WELL = ("key", "audit", "socket", "network", "clock", "app", "lookup", "exchange", "configuration")


def doctor(**odd: str) -> Answer:
    """What the doctor finds, all well but for these."""
    checks = [
        {"id": name, "status": odd.get(name, "pass"), "summary": f"About {name} <i>x</i>.", "fix": f"Mend {name}."}
        for name in (*WELL, *sorted(odd.keys() - WELL))
        if odd.get(name) != ""
    ]
    return Answer(body={"status": "pass", "checks": checks})


def answers(answer: Answer):  # type: ignore[no-untyped-def]
    return lambda request: answer if request.path == "/v1/doctor" else token(request)


def states(page: str) -> dict[str, str]:
    """The state of each step on a page."""
    return dict(re.findall(r'<li data-step="(\w+)" data-state="(\w+)"', page))


def opened(page: str) -> list[str]:
    return re.findall(r'<li data-step="(\w+)" data-state="\w+"><details open>', page)


@pytest.fixture(autouse=True)
def blank(site: WordPress) -> Iterator[None]:
    """Nothing is remembered, and no page has a widget."""
    clean = """
        delete_option( 'widgets_for_box_path' );
        delete_option( 'widgets_for_box_look_up' );
        delete_site_option( 'widgets_for_box_look_up_pace' );
        delete_metadata( 'user', 0, '_widgets_for_box_found', '', true );
        $types = array( 'page', 'post' );
        foreach ( get_posts( array( 'post_type' => $types, 'post_status' => 'any', 'numberposts' => -1 ) ) as $post ) {
            if ( preg_match( '/widgets-for-box|box_explorer/', $post->post_content ) ) {
                wp_delete_post( $post->ID, true );
            }
        }
    """
    site.php(clean)
    yield
    site.php(clean)


def test_the_path_from_nothing_to_the_first_page(site: WordPress, sidecar: ScriptedSidecar) -> None:
    admin = site.login("admin")
    page = admin.get(PAGE).text
    assert not sidecar.requests, "The page waits for nobody."
    assert tuple(states(page)) == STEPS
    assert states(page) == {
        "app": "unknown",
        "sidecar": "unknown",
        "elements": "done",
        "people": "todo",
        "page": "todo",
    }
    assert opened(page) == ["app", "sidecar"], "Only the sidecar can tell that the app is done."
    assert "Whether this is done shows once the sidecar runs and reaches Box." in page
    assert "docs/install.md of this project" in page
    assert "say under “Source” where the folder is served; see docs/elements.md" in page
    assert page.index('class="widgets-for-box-path"') < page.index("data-check")
    assert page.count('class="widgets-for-box-drawing"') == 3
    assert all(
        'role="img" aria-label="Drawing: ' in drawing for drawing in page.split('class="widgets-for-box-drawing"')[1:]
    )

    # No sidecar: it is said what to run.
    sidecar.stop()
    try:
        steps = admin.rest("GET", "widgets-for-box/v1/status").json()["steps"]
        page = admin.get(PAGE).text
    finally:
        sidecar.start()
    assert steps["sidecar"]["state"] == "todo"
    assert "Start the sidecar" in steps["sidecar"]["text"]
    assert states(page)["sidecar"] == "todo"
    assert opened(page) == ["app", "sidecar"]
    assert [name for name, step in steps.items() if step["open"]] == ["app", "sidecar"]
    assert ">box-sidecar setup --json box_config.json</code>" in page

    # An app that is not authorized; the words are shown, and not kept.
    sidecar.answer = answers(doctor(app="fail", lookup="", exchange=""))
    steps = admin.rest("GET", "widgets-for-box/v1/status").json()["steps"]
    assert (steps["app"]["state"], steps["sidecar"]["state"]) == ("fail", "done")
    assert steps["app"]["text"] == "About app <i>x</i>. Mend app."
    assert opened(admin.get(PAGE).text) == ["app"]
    assert "Mend" not in site.php("echo wp_json_encode( get_option( 'widgets_for_box_path' ) );")
    sidecar.answer = answers(doctor(network="fail", app="", lookup="", exchange=""))
    steps = admin.rest("GET", "widgets-for-box/v1/status").json()["steps"]
    assert (steps["app"]["state"], steps["sidecar"]["state"]) == ("unknown", "fail"), "An unread key is no app."

    # What no release of the plugin knows, and what stops everybody, is nobody's but the sidecar's.
    sidecar.answer = answers(doctor(issuing="fail", newer="warn"))
    steps = admin.rest("GET", "widgets-for-box/v1/status").json()["steps"]
    assert (steps["app"]["state"], steps["sidecar"]["state"]) == ("done", "fail")
    assert steps["sidecar"]["text"] == "About issuing <i>x</i>. Mend issuing. About newer <i>x</i>. Mend newer."

    # All is well, without a script, too: done steps are folded, the next one is open.
    sidecar.answer = answers(doctor(clock="warn"))
    sidecar.requests.clear()
    link = re.search(r'href="([^"]*)" data-recheck', admin.get(PAGE).text)
    assert link
    page = admin.get(html.unescape(link[1])).text
    assert [request.path for request in sidecar.requests] == ["/v1/doctor"]
    assert "About clock &lt;i&gt;x&lt;/i&gt;." in page
    assert (states(page)["app"], states(page)["sidecar"]) == ("done", "look")
    assert opened(page) == ["people"]
    assert opened(admin.get(PAGE).text) == ["people"], "It is remembered."
    admin.get(re.sub(r"recheck=\w+", "recheck=0", html.unescape(link[1])))
    assert len(sidecar.requests) == 1, "A link from elsewhere asks nobody."

    # People who are all found.
    sidecar.answer = people
    site.php("WidgetsForBox\\Look_Up::begin();")
    assert states(admin.get(PAGE).text)["people"] == "done"
    assert opened(admin.get(PAGE).text) == ["page"]
    # Once people are looked up, too, what needs mending comes first.
    site.php(
        "update_option( 'users_can_register', 1 ); update_option( 'widgets_for_box', array( 'directory' => true ) );"
    )
    try:
        step = admin.rest("GET", "widgets-for-box/v1/status").json()["steps"]["people"]
    finally:
        site.php(
            "update_option( 'users_can_register', 0 );"
            " $kept = array_diff_key( get_option( 'widgets_for_box' ), array( 'directory' => 0 ) );"
            " update_option( 'widgets_for_box', $kept );"
        )
    assert step["state"] == "fail"
    assert step["text"].startswith("Anyone can register here")
    step = admin.rest("GET", "widgets-for-box/v1/status").json()["steps"]["people"]
    assert step["state"] == "done"
    assert re.fullmatch(r"(\d+) of \1 matched", step["text"])

    # The first page, twice.
    form = first_page_form(admin)
    made = admin.post(form[0], data=form[1])
    assert "post.php?post=" in str(made.url)
    again = admin.post(form[0], data=form[1])
    assert str(again.url) == str(made.url), "The second click opens the first one's page."
    number = re.search(r"post=(\d+)", str(made.url))
    assert number
    post = json.loads(site.php("echo wp_json_encode( get_post( $data['id'] ) );", id=int(number[1])))
    assert (post["post_type"], post["post_status"], post["post_title"]) == ("page", "draft", "My files")
    assert "<!-- wp:widgets-for-box/explorer" in post["post_content"]
    page = admin.get(PAGE).text
    assert states(page)["page"] == "todo", "Nobody sees a draft."
    assert ">Open the first page</button>" in page
    publish = (
        "wp_update_post( array( 'ID' => $data['id'], 'post_status' => 'publish' ) ); echo get_permalink( $data['id'] );"
    )
    shown = site.login("ana").get(site.php(publish, id=int(number[1]))).text
    assert 'data-widget="' in shown
    admin.rest("GET", "widgets-for-box/v1/status")
    page = admin.get(PAGE).text
    assert set(states(page).values()) == {"done"}, states(page)
    assert opened(page) == []
    # In the trash it counts for nothing, and another can be made.
    site.php("wp_trash_post( $data['id'] );", id=int(number[1]))
    assert states(admin.get(PAGE).text)["page"] == "todo"
    assert f"post={number[1]}&" not in str(admin.post(form[0], data=form[1]).url)


@pytest.mark.parametrize("site", ["6.8"], indirect=True)
def test_the_first_page_is_in_the_language_of_its_readers(site: WordPress, sidecar: ScriptedSidecar) -> None:
    admin = site.login("admin")
    form = first_page_form(admin)
    site.php("update_user_meta( get_user_by( 'login', 'admin' )->ID, 'locale', 'de_DE' );")
    try:
        made = admin.post(form[0], data=form[1])
    finally:
        site.php("delete_user_meta( get_user_by( 'login', 'admin' )->ID, 'locale' );")
    number = re.search(r"post=(\d+)", str(made.url))
    assert number
    post = json.loads(site.php("echo wp_json_encode( get_post( $data['id'] ) );", id=int(number[1])))
    assert post["post_title"] == "My files"
    assert "These are your own files in Box." in post["post_content"]
    # Who may not edit the page that another has made is led to the list of pages.
    site.content.joinpath("mu-plugins", "locked.php").write_text(
        "<?php\nadd_filter( 'get_edit_post_link', '__return_null' );\n"
    )
    try:
        answer = admin.post(form[0], data=form[1])
    finally:
        site.content.joinpath("mu-plugins", "locked.php").unlink()
    assert str(answer.url).endswith("edit.php?post_type=page")


@pytest.mark.parametrize("site", ["6.8"], indirect=True)
def test_where_a_page_with_a_widget_is_looked_for(site: WordPress, sidecar: ScriptedSidecar) -> None:
    admin = site.login("admin")
    sidecar.answer = answers(doctor())

    def state() -> str:
        told: str = admin.rest("GET", "widgets-for-box/v1/status").json()["steps"]["page"]["state"]
        return told

    made = (
        "echo wp_insert_post( array( 'post_type' => $data['type'], 'post_status' => $data['status'],"
        " 'post_title' => 'x', 'post_content' => '[box_explorer]' ) );"
    )
    ids = [
        int(site.php(made, type=kind, status=status)) for kind, status in (("wp_block", "publish"), ("page", "private"))
    ]
    try:
        assert state() == "todo", "Neither is a page that everybody may open."
        ids.append(int(site.php(made, type="post", status="publish")))
        assert state() == "done"
        # What is known is not looked for again.
        site.php(made, type="post", status="publish")
        noted = json.loads(site.php("echo wp_json_encode( get_option( 'widgets_for_box_path' ) );"))
        assert noted["page"] == ids[-1]
        queries = site.php(
            "$GLOBALS['asked'] = ''; add_filter( 'query', static function ( $query ) {"
            " $GLOBALS['asked'] .= $query; return $query; } );"
            " echo WidgetsForBox\\First_Page::published( $data['id'] ), '|',"
            " substr_count( $GLOBALS['asked'], 'LIKE' );",
            id=ids[-1],
        )
        assert queries == f"{ids[-1]}|0"
    finally:
        site.php("foreach ( $data['ids'] as $id ) { wp_delete_post( $id, true ); }", ids=ids)
        site.php("delete_option( 'widgets_for_box_path' );")

    # A widget in a theme's template is in no post: then somebody's word is taken.
    form = first_page_form(admin)
    before = site.php(
        "echo count( get_posts( array( 'post_type' => 'page', 'post_status' => 'any', 'numberposts' => -1 ) ) );"
    )
    answer = admin.post(form[0], data=form[1] | {"there": "1"})
    assert str(answer.url).endswith(PAGE)
    assert states(answer.text)["page"] == "done"
    assert state() == "done", "It stays so."
    after = site.php(
        "echo count( get_posts( array( 'post_type' => 'page', 'post_status' => 'any', 'numberposts' => -1 ) ) );"
    )
    assert after == before


def people(request: Request) -> Answer:
    """Everybody is found."""
    if not request.path.startswith("/v1/users?"):
        return answers(doctor())(request)  # type: ignore[no-any-return]
    return Answer(body={"id": "7", "login": "x", "name": "x", "status": "active", "role": "user"})


def first_page_form(session: Session) -> tuple[str, dict[str, str]]:
    """The form that makes the first page, as a browser posts it."""
    form = re.search(
        r'<form action="([^"]*action=widgets_for_box_first_page)".*?name="_wpnonce" value="(\w+)"',
        session.get(PAGE).text,
        re.DOTALL,
    )
    assert form
    return html.unescape(form[1]), {"_wpnonce": form[2]}


@pytest.mark.parametrize("site", ["6.8"], indirect=True)
def test_nobody_else_makes_pages(site: WordPress, sidecar: ScriptedSidecar) -> None:
    address, sent = first_page_form(site.login("admin"))
    count = "echo count( get_posts( array( 'post_type' => 'page', 'post_status' => 'any', 'numberposts' => -1 ) ) );"
    before = site.php(count)
    assert site.login("admin").post(address, data={"_wpnonce": "0"}).status_code == 403
    assert site.login("olga").post(address, data=sent).status_code == 403
    assert site.login("ana").get(PAGE).status_code == 403
    assert site.php(count) == before


@pytest.mark.parametrize("site", ["6.8"], indirect=True)
def test_off_and_server_settings_are_at_hand_but_folded(site: WordPress, sidecar: ScriptedSidecar) -> None:
    page = html.unescape(site.login("admin").get(PAGE).text)
    assert ">box-sidecar revoke --login EMAIL</code>" in page
    # The manual's own lines, which are tried on a machine, in their order.
    manual = (REPOSITORY / "docs/emergencies.md").read_text()
    off = re.search(r"```sh off\n(.*?)\n```", manual, re.DOTALL)
    assert off
    assert f">{off[1]}</code>" in page
    assert off[1].endswith("\nbox-sidecar revoke --all"), "After that nobody gets a new one."
    folded = re.search(
        r'<details class="widgets-for-box-fold"><summary>Server settings</summary>(.*?)</details>', page, re.DOTALL
    )
    assert folded
    assert "widgets_for_box[socket]" in folded[1]
    assert "widgets_for_box[elements_version]" in folded[1]
    assert "widgets_for_box[no_account_text]" not in folded[1]
