"""Who of the site's people is found at Box: looked up a few at a time, remembered, listed."""

from __future__ import annotations

import csv
import html
import io
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from intranet.wordpress import WordPress
from plugin.scripted_sidecar import Answer, Request, ScriptedSidecar, problem, token
from plugin.support import remove, user_id

PAGE = "/wp-admin/users.php?page=widgets-for-box-coverage"

#: How Box knows people, by the number in their address; everybody else is an ordinary user.
ODD = {
    1: lambda: problem(404, "user_not_found"),
    2: lambda: problem(409, "user_ambiguous"),
    3: lambda: found("x", status="inactive"),
    4: lambda: found("x", role="admin"),
    5: lambda: problem(403, "login_not_allowed"),
    6: lambda: problem(400, "invalid_request"),
}

#: What is wrong with the set-up: nothing that tells anything about a person.
EVERYBODY = (
    problem(502, "app_not_authorized", "Authorize the app."),
    problem(403, "peer_not_allowed", "Add the user."),
    problem(409, "tokens_revoked"),
)

FORGET = """
    delete_option( 'widgets_for_box_look_up' );
    delete_site_option( 'widgets_for_box_look_up_pace' );
    wp_unschedule_hook( 'widgets_for_box_look_up' );
    delete_metadata( 'user', 0, '_widgets_for_box_found', '', true );
"""
#: As if the pause between two batches were over.
BATCH = """
    update_site_option( 'widgets_for_box_look_up_pace', array( 'next' => 0 ) );
    echo WidgetsForBox\\Look_Up::batch();
"""


def found(login: str, role: str = "user", status: str = "active") -> Answer:
    return Answer(body={"id": "77", "login": login, "name": "Somebody", "status": status, "role": role})


def box(request: Request) -> Answer:
    """Box's answers about the crowd, by the number in the address."""
    if not request.path.startswith("/v1/users?"):
        return token(request)
    login = parse_qs(urlsplit(request.path).query).get("login", ["by-id"])[0]
    number = re.match(r"crowd(\d+)@", login)
    return ODD.get(int(number[1]) if number else 0, lambda: found(login))()


def asked(sidecar: ScriptedSidecar) -> list[str]:
    return [request.path for request in sidecar.requests if request.path.startswith("/v1/users?")]


def counts(site: WordPress) -> dict[str, int]:
    found: dict[str, int] = json.loads(site.php("echo wp_json_encode( WidgetsForBox\\Coverage_Book::counts() );"))
    return {state: count for state, count in found.items() if count}


def state_of(site: WordPress, login: str) -> str:
    return site.php("echo WidgetsForBox\\Coverage::of( get_user_by( 'login', $data['login'] ) )['state'];", login=login)


@pytest.fixture
def crowd(site: WordPress, sidecar: ScriptedSidecar) -> Iterator[int]:
    """Thirty more people; those whose addresses are confirmed are all but the last two."""
    sidecar.answer = box
    site.php(
        FORGET
        + """
        foreach ( range( 1, 30 ) as $n ) {
            $id = wp_insert_user( array( 'user_login' => "crowd$n", 'user_email' => "crowd$n@example.com",
                'user_pass' => 'a', 'role' => 'subscriber',
                'display_name' => 7 === $n ? '=cmd|calc!A1' : "Crowd $n" ) );
            if ( $n <= 28 ) {
                WidgetsForBox\\Addresses::prove( $id, "crowd$n@example.com", 'administrator' );
            }
        }
        """
    )
    yield 30
    site.php(
        "require_once ABSPATH . 'wp-admin/includes/user.php';"
        " foreach ( range( 1, 30 ) as $n ) { wp_delete_user( get_user_by( 'login', \"crowd$n\" )->ID ); }" + FORGET
    )
    remove(site, "nobody-in-particular")


def test_a_story_of_thirty_people(site: WordPress, sidecar: ScriptedSidecar, crowd: int) -> None:
    admin = site.login("admin")
    before = counts(site)["unknown"]
    page = admin.get(PAGE).raise_for_status().text
    assert "Look people up at Box" in page
    assert not asked(sidecar), "It begins when an administrator wants it."

    # Whoever may not, can't begin it; nor can a forged form.
    form = {"action": "widgets_for_box_begin_look_up"}
    nonce = re.search(r'name="_wpnonce" value="(\w+)"', page)
    assert nonce
    assert admin.post("/wp-admin/admin-post.php", data=form).status_code == 403
    assert site.login("olga").post("/wp-admin/admin-post.php", data={**form, "_wpnonce": nonce[1]}).status_code == 403
    assert site.login("olga").get(PAGE).status_code == 403
    assert site.login("olga").rest("POST", "widgets-for-box/v1/coverage").status_code == 403
    assert not asked(sidecar)

    begun = admin.post("/wp-admin/admin-post.php", data={**form, "_wpnonce": nonce[1]})
    assert len(asked(sidecar)) == 10, "A batch, and no more."
    assert "data-look-up-people" in begun.text
    assert site.php("echo (int) ( wp_next_scheduled( 'widgets_for_box_look_up' ) - time() > 0 );") == "1"

    # The page, the schedule and the command line keep the pace together. A minute: this machine may be slow.
    noted = "$noted = get_site_option( 'widgets_for_box_look_up_pace' );"
    assert int(site.php(noted + " echo $noted['next'] - get_option( 'widgets_for_box_look_up' )['since'];")) >= 6
    site.php("update_site_option( 'widgets_for_box_look_up_pace', array( 'next' => time() + 60 ) );")
    number = len(asked(sidecar))
    progress = admin.rest("POST", "widgets-for-box/v1/coverage").json()
    assert 1 <= progress["wait"] <= 60
    assert progress["total"] == before
    assert site.php("do_action( 'widgets_for_box_look_up' ); echo WidgetsForBox\\Look_Up::batch();") == "0"
    assert len(asked(sidecar)) == number

    for _ in range(9):
        batch = int(site.php(BATCH))
        assert batch <= 10
        if not batch:
            break
    everybody = asked(sidecar)
    assert len(everybody) == len(set(everybody)), "Nobody was asked about twice."
    assert not [path for path in everybody if "crowd29" in path or "crowd30" in path]
    assert all(request.path.startswith("/v1/users?") for request in sidecar.requests), "Nobody got a token."
    assert counts(site) == {
        "matched": before - 8,
        "no_account": 1,
        "ambiguous": 1,
        "inactive": 1,
        "role": 1,
        "denied": 1,
        "failed": 1,
        "unconfirmed": 2,
    }
    assert admin.rest("POST", "widgets-for-box/v1/coverage").json()["due"] == 0

    # The picture, its table, the list and its filter.
    page = html.unescape(admin.get(PAGE).text)
    assert f"{before - 8} of {before} matched, 1 without a Box account, 1 ambiguous, and 2 not confirmed" in page
    assert f'role="img" aria-label="Matched: {before - 8}, No Box account: 1, ' in page
    listed = admin.get(PAGE + "&state=ambiguous").text
    assert "crowd2@example.com" in listed
    assert "crowd1@example.com" not in listed
    users = admin.get("/wp-admin/users.php?s=crowd1@example.com").text
    assert re.search(r'data-state="no_account">No Box account<', users)
    assert "data-state" not in site.login("olga").get("/wp-admin/profile.php").text

    # Who was not found costs no further call for a month; what the site itself knows costs none at all.
    aged = (
        'global $wpdb; $wpdb->query( "UPDATE $wpdb->usermeta SET meta_value = REPLACE( meta_value, SUBSTR('
        " meta_value, 10, 10 ), SUBSTR( meta_value, 10, 10 ) - {days} * 86400 )"
        " WHERE meta_key = '_widgets_for_box_found'\" ); wp_cache_flush();"
        " echo WidgetsForBox\\Coverage_Book::count_due();"
    )
    number = len(asked(sidecar))
    assert site.php(aged.format(days=4)) == "2", "crowd29 and crowd30"
    assert site.php(BATCH) == "0"
    assert len(asked(sidecar)) == number
    assert site.php(aged.format(days=27)) == str(before)

    # Stopped, it stays so, whoever asks, until an administrator begins it again.
    page = admin.get(PAGE).text
    assert "data-look-up-people" in page
    assert "Look up again who was not found" in page
    admin.post("/wp-admin/admin-post.php", data={**form, "_wpnonce": nonce[1], "stop": "1"}).raise_for_status()
    for _ in range(2):
        progress = admin.rest("POST", "widgets-for-box/v1/coverage").json()
        assert (progress["begun"], progress["due"]) == (False, before)
        assert "Look people up at Box" in admin.get(PAGE).text
    assert site.php("echo (int) wp_next_scheduled( 'widgets_for_box_look_up' );") == "0"
    assert len(asked(sidecar)) == number
    site.php(aged.format(days=-31))
    site.php("WidgetsForBox\\Look_Up::begin();")

    # “Again” is about those who were not found, and ends whatever other plugins do about the rows.
    number = len(asked(sidecar))
    site.php("update_site_option( 'widgets_for_box_look_up_pace', array( 'next' => 0 ) );"
             " add_filter( 'delete_user_metadata', '__return_false' ); WidgetsForBox\\Look_Up::begin();")  # fmt: skip
    again = [re.search(r"crowd(\d+)%40", path) for path in asked(sidecar)[number:]]
    assert sorted(int(one[1]) for one in again if one) == [1, 2, 3, 4, 5, 6]
    site.php(BATCH)
    assert (counts(site)["matched"], counts(site)["unconfirmed"]) == (before - 8, 2)

    # What is no longer true is not shown, whoever changed it.
    site.php("wp_set_current_user( 1 ); WidgetsForBox\\People::assign( $data['id'], array( 'id' => '5' ) );",
             id=user_id(site, "crowd1"))  # fmt: skip
    assert state_of(site, "crowd1") == "unknown"
    site.php("global $wpdb; $wpdb->update( $wpdb->users, array( 'user_email' => 'other@example.com' ),"
             " array( 'user_login' => 'crowd8' ) ); wp_cache_flush();")  # fmt: skip
    assert state_of(site, "crowd8") == "unconfirmed"
    number = counts(site)["matched"]
    site.php("wp_update_user( array( 'ID' => $data['id'], 'role' => 'author' ) );", id=user_id(site, "crowd9"))
    assert counts(site)["matched"] == number - 1
    assert counts(site)["unknown"] == 2

    # Other settings: nothing of before counts, and only who is somebody else by them is asked about.
    sidecar.requests.clear()
    site.php("update_option( 'widgets_for_box', array( 'roles' => array( 'author' => false ) ) );")
    try:
        assert counts(site) == {"unknown": before}
        for _ in range(3):
            site.php(BATCH)
        now = counts(site)
        assert now["matched"] == number - 2, "crowd8's address is another, crowd9 is an author"
        assert now["no_access"] >= 1
        assert asked(sidecar) == ["/v1/users?id=5"]
    finally:
        site.php("delete_option( 'widgets_for_box' );")


@pytest.mark.parametrize("site", ["6.8"], indirect=True)
def test_a_file_for_spreadsheets(site: WordPress, sidecar: ScriptedSidecar, crowd: int) -> None:
    admin = site.login("admin")
    site.php("WidgetsForBox\\Look_Up::begin();")
    link = re.search(r'href="([^"]*action=widgets_for_box_people_csv[^"]*)"', admin.get(PAGE).text)
    assert link
    address = html.unescape(link[1])
    assert site.login("olga").get(address).status_code == 403
    assert admin.get(re.sub(r"_wpnonce=\w+", "_wpnonce=0", address)).status_code == 403
    answer = admin.get(address)
    assert answer.headers["content-type"].startswith("text/csv")
    assert "attachment" in answer.headers["content-disposition"]
    assert answer.content.startswith(b"\xef\xbb\xbf"), "Else Excel garbles names."
    rows = {row["login"]: row for row in csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")))}
    assert rows["crowd7"]["name"] == "'=cmd|calc!A1"
    assert rows["crowd29"]["status"] in ("unconfirmed", "unknown")
    assert len(rows) >= crowd
    for text in ("=1", "+1", "-1", "@x", "\t=1", " =1", "＝1", '"=1', "|x"):
        harmless = site.php("echo WidgetsForBox\\People_Export::harmless( $data['text'] );", text=text)
        assert harmless == "'" + text
    inner = {
        "x;=1+1;y": "x;'=1+1;y",
        'x; "＋1': "x;' \"＋1",
        "x\t@y\n-z": "x\t'@y\n'-z",
        "=1;=2": "'=1;'=2",
        "x;\u200b=1": "x;'\u200b=1",
        "O=K; a-b": "O=K; a-b",
    }
    for text, harmless in inner.items():
        assert site.php("echo WidgetsForBox\\People_Export::harmless( $data['text'] );", text=text) == harmless
    broken = 'echo bin2hex( WidgetsForBox\\People_Export::harmless( "\\xFFx;=1" ) );'
    assert bytes.fromhex(site.php(broken)).endswith(b"x;'=1")
    kept = (
        "foreach ( array( false, true ) as $lasts ) { wp_using_ext_object_cache( $lasts );"
        " foreach ( WidgetsForBox\\People_Export::rows( '' ) as $row ) { $one = $row['login']; }"
        " echo (int) (bool) wp_cache_get( get_user_by( 'login', $one )->ID, 'user_meta' ); wp_cache_flush(); }"
    )
    assert site.php(kept) in ("01", "11"), "A cache that lasts is everybody's."


@pytest.mark.parametrize("site", ["6.8"], indirect=True)
@pytest.mark.parametrize(
    ("answer", "wait"),
    [
        (Answer(429, problem(429, "rate_limited").body, {"Retry-After": "200"}), (180, 200)),
        (Answer(503, problem(503, "box_rate_limited").body, {"Retry-After": "99999"}), (3500, 3600)),
        (problem(503, "box_unavailable"), (50, 60)),
        (Answer(200, "<html>"), (50, 60)),
        *((answer, (50, 60)) for answer in EVERYBODY),
    ],
    ids=["our limit", "Box's limit", "Box is away", "another program", *(answer.body["code"] for answer in EVERYBODY)],
)
def test_it_stops_when_told_to(
    site: WordPress, sidecar: ScriptedSidecar, crowd: int, answer: Answer, wait: tuple[int, int]
) -> None:
    sidecar.answer = lambda request: answer
    site.php("WidgetsForBox\\Look_Up::begin();")
    assert len(asked(sidecar)) == 1, "One is told; the others of the batch don't ask."
    progress: dict[str, Any] = site.login("admin").rest("POST", "widgets-for-box/v1/coverage").json()
    assert wait[0] <= progress["wait"] <= wait[1]
    assert progress["message"]
    assert "Please tell your administrator" not in progress["message"], "Who reads it is one."
    if isinstance(answer.body, dict) and answer.body["fix"]:
        assert progress["message"].endswith(answer.body["fix"])
    assert len(asked(sidecar)) == 1
    assert "failed" not in counts(site), "It says nothing about the person."
    page = site.login("admin").get(PAGE).text
    assert html.escape(progress["message"], quote=False) in page


@pytest.mark.parametrize("site", ["6.8"], indirect=True)
def test_two_at_once_are_one(site: WordPress, sidecar: ScriptedSidecar, crowd: int) -> None:
    """Another process holds the turn, and is killed in the end."""
    site.php("update_option( 'widgets_for_box_look_up', array( 'since' => time() ), false );")
    held = site.php(
        "$turn = WidgetsForBox\\Lock::take( 'look-up' ); echo $turn ? 'held' : 'free', WidgetsForBox\\Look_Up::batch();"
    )
    assert held == "held0"
    assert not asked(sidecar)
    assert int(site.php(BATCH)) == 10


@pytest.mark.parametrize("site", ["6.8"], indirect=True)
def test_one_person_who_can_not_be_looked_up_keeps_nobody_waiting(
    site: WordPress, sidecar: ScriptedSidecar, crowd: int
) -> None:
    sidecar.answer = lambda request: problem(502, "box_refused") if "crowd3%40" in request.path else box(request)
    site.php("update_option( 'widgets_for_box_look_up', array( 'since' => time() ), false );")
    for _ in range(9):
        site.php(BATCH)
    assert state_of(site, "crowd3") == "failed"
    assert state_of(site, "crowd28") == "matched"
    assert "unknown" not in counts(site)


@pytest.mark.parametrize("site", ["6.8"], indirect=True)
def test_what_is_remembered_grants_nothing_and_is_erased(site: WordPress, sidecar: ScriptedSidecar, crowd: int) -> None:
    # Somebody writes that a person without a confirmed address was found.
    site.php(
        "$user = get_user_by( 'login', 'crowd30' );"
        " update_user_meta( $user->ID, '_widgets_for_box_found', WidgetsForBox\\Coverage::epoch() . ':'"
        " . time() . ':matched:0123456789abcdef' );"
    )
    assert state_of(site, "crowd30") == "unconfirmed"
    assert (
        site.php("echo wp_json_encode( WidgetsForBox\\People::box_user( get_user_by( 'login', 'crowd30' ) ) );")
        == "null"
    )
    exported = site.php(
        "WidgetsForBox\\Coverage::remember( $data['id'],"
        " WidgetsForBox\\People::box_user( get_userdata( $data['id'] ) ), 'matched', time() );"
        " echo get_user_meta( $data['id'], '_widgets_for_box_found', true ), ' ';"
        " $export = WidgetsForBox\\Privacy::export( 'crowd5@example.com' ); echo wp_json_encode( $export );"
        " WidgetsForBox\\Privacy::erase( 'crowd5@example.com' );"
        " echo count( get_user_meta( $data['id'], '_widgets_for_box_found' ) );",
        id=user_id(site, "crowd5"),
    )
    assert re.match(r"[0-9a-f]{8}:\d{10}:matched:[0-9a-f]{16} ", exported), "A state and a time, and nobody's name."
    assert "Looked up at Box" in exported
    assert exported.endswith("0")

    # Nobody writes a line about them again, and nobody waits for one.
    site.php("update_option( 'widgets_for_box_look_up', array( 'since' => time() ), false );")
    for _ in range(9):
        site.php(BATCH)
    assert site.php("echo WidgetsForBox\\Coverage_Book::count_due();") == "0"
    lines = "echo count( get_user_meta( $data['id'], '_widgets_for_box_found' ) );"
    assert site.php(lines, id=user_id(site, "crowd5")) == "0"
    assert counts(site)["nobody"] == 1
    assert state_of(site, "crowd5") == "nobody"
    assert "crowd5@example.com" in site.login("admin").get(PAGE + "&state=nobody").text
    # What the site itself knows is stored, too, and so exported.
    export = "echo wp_json_encode( WidgetsForBox\\Privacy::export( 'crowd29@example.com' ) );"
    assert "Address not confirmed, 20" in site.php(export)
    # An administrator has decided: there is somebody to be looked up.
    assign = "wp_set_current_user( 1 ); WidgetsForBox\\People::assign( $data['id'], array( 'id' => '5' ) );"
    site.php(assign, id=user_id(site, "crowd5"))
    site.php(BATCH)
    assert state_of(site, "crowd5") == "matched"


@pytest.mark.parametrize("site", ["6.8"], indirect=True)
def test_who_gets_an_app_user_on_first_use_is_not_without_an_account(
    site: WordPress, sidecar: ScriptedSidecar, crowd: int
) -> None:
    sidecar.answer = lambda request: problem(404, "user_not_found")
    site.php("update_option( 'widgets_for_box', array( 'account' => 'app_user' ) ); WidgetsForBox\\Look_Up::begin();")
    try:
        assert counts(site)["first_use"] == 10
        assert "no_account" not in counts(site)
        admin = site.login("admin")
        assert "Box app user, made on first use: 10" in html.unescape(admin.get(PAGE).text)
        tried = admin.rest("POST", "widgets-for-box/v1/trial", json={"user": user_id(site, "crowd1")})
        assert (tried.status_code, tried.json()["code"]) == (404, "app_user_not_made")
        assert "name" not in sidecar.requests[-1].body["user"], "With a name the sidecar would make one."
        found = site.php("echo wp_json_encode( WidgetsForBox\\Look_Up::now( get_user_by( 'login', 'crowd1' ) ) );")
        assert json.loads(found)["status"] == "first_use"
    finally:
        site.php("delete_option( 'widgets_for_box' );")


@pytest.mark.parametrize("site", ["6.8"], indirect=True)
def test_ten_thousand_people(site: WordPress, sidecar: ScriptedSidecar) -> None:
    """The page counts in the database, and holds one page of people in memory."""
    site.php(
        FORGET
        + """
        global $wpdb;
        foreach ( range( 0, 19 ) as $block ) {
            $users = $meta = array();
            foreach ( range( 1, 500 ) as $n ) {
                $id      = 100000 + 500 * $block + $n;
                $users[] = "( $id, 'mass$id', 'mass$id', 'mass$id@example.com', 'Mass', '', '', '2026-01-01', '', 0 )";
                $meta[]  = "( $id, '{$wpdb->prefix}capabilities', 'a:1:{s:10:\\"subscriber\\";b:1;}' )";
            }
            $columns = 'ID, user_login, user_nicename, user_email, display_name, user_pass, user_url, user_registered,'
                . ' user_activation_key, user_status';
            $wpdb->query( "INSERT INTO $wpdb->users ( $columns ) VALUES " . implode( ',', $users ) );
            $columns = 'user_id, meta_key, meta_value';
            $wpdb->query( "INSERT INTO $wpdb->usermeta ( $columns ) VALUES " . implode( ',', $meta ) );
        }
        """
    )
    try:
        measured = json.loads(
            site.php(
                """
                wp_set_current_user( 1 );
                require_once ABSPATH . 'wp-admin/includes/admin.php';
                $_GET['state'] = '';
                $GLOBALS['title'] = 'People';
                $memory = memory_get_peak_usage(); $time = microtime( true );
                ob_start(); WidgetsForBox\\People_Page::render(); $page = ob_get_clean();
                echo wp_json_encode( array( 'time' => microtime( true ) - $time,
                    'rows' => substr_count( $page, 'data-try-id' ), 'page' => $page,
                    'memory' => memory_get_peak_usage() - $memory ) );
                """
            )
        )
        assert measured["rows"] == 50
        assert measured["memory"] < 8_000_000
        assert measured["time"] < 3
        assert re.search(r"0 of 10,0\d\d matched", measured["page"])
        exported = json.loads(
            site.php(
                """
                $memory = memory_get_usage(); $rows = 0;
                foreach ( WidgetsForBox\\People_Export::rows( '' ) as $row ) { ++$rows; }
                echo wp_json_encode( array( $rows, memory_get_peak_usage() - $memory ) );
                """
            )
        )
        assert exported[0] > 10_000
        assert exported[1] < 24_000_000
        sidecar.answer = box
        assert int(site.php("WidgetsForBox\\Look_Up::begin(); echo 1;")) == 1
        assert len(asked(sidecar)) <= 10
    finally:
        site.php(
            "global $wpdb; $wpdb->query( \"DELETE FROM $wpdb->users WHERE ID > 100000 AND user_login LIKE 'mass%'\" );"
            ' $wpdb->query( "DELETE FROM $wpdb->usermeta WHERE user_id > 100000 AND user_id <= 110000" );'
            " wp_cache_flush();" + FORGET
        )
