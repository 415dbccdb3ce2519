"""A sidecar that is away or does not answer: the site goes on, people log out, and no revocation is lost."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import PIPE

import pytest

from intranet.process import Process
from intranet.webserver import PHP_FILES, php_options
from intranet.wordpress import PEOPLE, Session, WordPress
from plugin.conftest import Site
from plugin.scripted_sidecar import Answer, Request, ScriptedSidecar, hang, problem, token
from plugin.support import ask, descriptor, end_by_log_out, revoked

RUN_EVENTS = """
    foreach ( _get_cron_array() as $time => $hooks ) {
        foreach ( $hooks['widgets_for_box_revoke_again'] ?? array() as $event ) {
            wp_unschedule_event( $time, 'widgets_for_box_revoke_again', $event['args'] );
            do_action_ref_array( 'widgets_for_box_revoke_again', $event['args'] );
        }
    }
"""
"""What WordPress' cron would do a minute later."""

BREAKERS = "glob( dirname( WidgetsForBox\\Lock::path( 'x' ) ) . '/hung-*' )"


def events(site: WordPress) -> int:
    return int(
        site.php(
            "$count = 0; foreach ( _get_cron_array() as $hooks ) {"
            " $count += count( $hooks['widgets_for_box_revoke_again'] ?? array() ); } echo $count;"
        )
    )


def pending(site: WordPress) -> int:
    return int(
        site.php(
            'global $wpdb; echo $wpdb->get_var( "SELECT COUNT(*) FROM $wpdb->usermeta'
            " WHERE meta_key = '_widgets_for_box_revoke'\" );"
        )
    )


def asked(sidecar: ScriptedSidecar) -> list[Request]:
    return [request for request in sidecar.requests if request.path == "/v1/tokens"]


@pytest.fixture(autouse=True)
def forget(site: WordPress, sidecar: ScriptedSidecar) -> Iterator[None]:
    """No outage is remembered before a test or after it."""
    clean = (
        f"array_map( 'unlink', {BREAKERS} ); wp_clear_scheduled_hook( 'widgets_for_box_revoke_again' );"
        " delete_metadata( 'user', 0, '_widgets_for_box_revoke', '', true );"
        " delete_metadata( 'user', 0, '_widgets_for_box_issued', '', true );"
    )
    site.php(clean)
    yield
    site.php(clean)


def let_the_pause_pass(site: WordPress) -> None:
    """As if the seconds were over during which nobody asks."""
    assert site.php(f"foreach ( {BREAKERS} as $file ) {{ touch( $file, time() - 1 ); echo 'one'; }}") == "one"


@pytest.fixture
def widget(site: WordPress) -> str:
    return descriptor(site, "[box_explorer]")


@pytest.mark.parametrize("site", ["6.8"], indirect=True)
def test_hung_sidecar_holds_few_requests_and_then_none(site: WordPress, sidecar: ScriptedSidecar, widget: str) -> None:
    ana = site.login("ana")
    ana.timeout = 120
    nonce = ana.nonce()
    sidecar.answer = hang
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: ask(ana, widget, nonce), range(8)))
    assert len(asked(sidecar)) <= 3, "Of one person no more at a time."
    assert {answer.status_code for answer in answers} == {429, 503}
    for answer in answers:
        assert answer.json()["code"] in ("rate_limited", "sidecar_timeout")
        assert int(answer.headers["Retry-After"]) >= 1

    sidecar.requests.clear()
    other = ask(site.login("kenji"), widget)
    assert (other.status_code, other.json()["code"]) == (503, "sidecar_timeout")
    assert 1 <= int(other.headers["Retry-After"]) <= 10
    assert not sidecar.requests, "Nobody waits for a sidecar that has just not answered."

    let_the_pause_pass(site)
    sessions = [(site.login(name), site.login(name).nonce()) for name in ("ana", "kenji", "olga")]
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda one: ask(one[0], widget, one[1]), sessions))
    assert len(asked(sidecar)) == 1, "One tries, for all."

    sidecar.answer = token
    let_the_pause_pass(site)
    assert [ask(site.login(name), widget).status_code for name in ("ana", "kenji")] == [200, 200]


def test_killed_process_leaves_no_lock_behind(site: WordPress, sidecar: ScriptedSidecar, widget: str) -> None:
    ana = site.login("ana")
    code = (
        "$locks = array(); for ( $i = 0; $i < WidgetsForBox\\Tokens::AT_ONCE; $i++ ) {"
        " $locks[] = WidgetsForBox\\Lock::take( 'person-' . get_user_by( 'login', 'ana' )->ID . \"-$i\" ); }"
        " echo in_array( null, $locks, true ) ? 'busy' : 'held'; flush(); sleep( 600 );"
    )
    job = json.dumps({"docroot": str(site.docroot), "url": site.url, "code": code, "data": {}})
    with subprocess.Popen(["php", PHP_FILES / "run.php"], stdin=PIPE, stdout=PIPE, text=True) as holder:
        try:
            assert holder.stdin and holder.stdout
            holder.stdin.write(job)
            holder.stdin.close()
            assert holder.stdout.read(4) == "held"
            refused = ask(ana, widget)
            assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
            assert not sidecar.requests
        finally:
            holder.kill()
    assert ask(ana, widget).status_code == 200


MAKE_PEOPLE = """
    foreach ( range( 1, 12 ) as $number ) {
        $login = "bulk$number";
        $data  = array( 'user_login' => $login, 'user_email' => "$login@example.com", 'user_pass' => 'a' );
        echo wp_insert_user( $data ), ' ';
    }
"""

REMOVE_PEOPLE = """
    require_once ABSPATH . 'wp-admin/includes/user.php';
    array_map( 'wp_delete_user', $data['people'] );
"""

ISSUE = """
    foreach ( $data['people'] as $number => $id ) {
        $issued = array(
            'user'  => array( 'login' => get_userdata( $id )->user_email ),
            'until' => time() + HOUR_IN_SECONDS,
        );
        add_user_meta( $id, '_widgets_for_box_issued', $issued );
    }
"""


@pytest.fixture
def dozen(site: WordPress, sidecar: ScriptedSidecar) -> Iterator[list[int]]:
    """Twelve people who hold tokens, and are gone after the test: nobody else counts them."""
    people = [int(user) for user in site.php(MAKE_PEOPLE).split()]
    site.php(ISSUE, people=people)
    yield people
    sidecar.answer = token
    site.php(REMOVE_PEOPLE, people=people)


def change_roles(site: WordPress, people: list[int]) -> None:
    """As an administrator does in the list of users."""
    admin = site.login("admin")
    admin.timeout = 120
    page = admin.get("/wp-admin/users.php").raise_for_status().text
    nonce = page.split('name="_wpnonce" value="')[1].split('"')[0]
    form = {"new_role": "author", "changeit": "Change", "_wpnonce": nonce, "action": "-1"}
    answer = admin.get("/wp-admin/users.php", params={**form, "users[]": people})
    assert "update=promote" in str(answer.url), answer.url


def test_roles_of_many_change_while_the_sidecar_hangs(
    site: WordPress, sidecar: ScriptedSidecar, dozen: list[int]
) -> None:
    sidecar.answer = hang
    change_roles(site, dozen)
    assert len(sidecar.requests) == 1, "Not one time-out for each of them."
    assert (pending(site), events(site)) == (12, 1)

    sidecar.answer = token
    sidecar.requests.clear()
    site.php(RUN_EVENTS)
    assert sorted(user["login"] for user in revoked(sidecar)) == sorted(f"bulk{n}@example.com" for n in range(1, 13))
    assert pending(site) == 0


def test_roles_of_many_change_on_a_good_day(site: WordPress, sidecar: ScriptedSidecar, dozen: list[int]) -> None:
    change_roles(site, dozen)
    site.php(RUN_EVENTS)
    assert sorted(user["login"] for user in revoked(sidecar)) == sorted(f"bulk{n}@example.com" for n in range(1, 13))
    assert pending(site) == 0


def test_event_stops_at_the_first_failure_and_comes_again(
    site: WordPress, sidecar: ScriptedSidecar, dozen: list[int]
) -> None:
    sidecar.answer = hang
    change_roles(site, dozen)
    sidecar.answer = lambda request: problem(503, "not_ready")
    sidecar.requests.clear()
    for _ in range(2):
        site.php(RUN_EVENTS)
    assert len(sidecar.requests) == 2
    assert (pending(site), events(site)) == (12, 1)


def test_one_revocation_that_is_refused_holds_up_no_other(
    site: WordPress, sidecar: ScriptedSidecar, dozen: list[int]
) -> None:
    sidecar.answer = lambda request: (
        problem(400, "invalid_request") if request.body["user"]["login"] == "bulk1@example.com" else token(request)
    )
    change_roles(site, dozen)
    site.php(RUN_EVENTS)
    assert {user["login"] for user in revoked(sidecar)} == {f"bulk{n}@example.com" for n in range(1, 13)}
    assert (pending(site), events(site)) == (1, 1)


def test_revocation_is_given_up_when_its_tokens_have_ended(site: WordPress, sidecar: ScriptedSidecar) -> None:
    site.php(
        "foreach ( array( time() - 1, 'nonsense' ) as $until ) { add_user_meta( 1, '_widgets_for_box_revoke',"
        " array( 'user' => array( 'login' => 'admin@example.com' ), 'until' => $until ) ); }"
        " do_action( 'widgets_for_box_revoke_again' );"
    )
    assert not sidecar.requests
    assert (pending(site), events(site)) == (0, 0)


def test_log_out_does_not_wait_for_a_hung_sidecar(
    site: WordPress,
    sidecar: ScriptedSidecar,
    mallory: Session,
    widget: str,
) -> None:
    assert ask(mallory, widget).status_code == 200
    sidecar.answer = hang
    sidecar.requests.clear()
    began = time.monotonic()
    end_by_log_out(site, mallory)
    assert time.monotonic() - began < 10
    assert len(sidecar.requests) == 1
    assert site.php("echo WidgetsForBox\\Revocations::TIMEOUT;") == "1"
    assert (pending(site), events(site)) == (1, 1)


def test_late_revocation_spares_the_next_session(
    site: WordPress,
    sidecar: ScriptedSidecar,
    mallory: Session,
    widget: str,
) -> None:
    assert ask(mallory, widget).status_code == 200
    sidecar.stop()
    try:
        end_by_log_out(site, mallory)
    finally:
        sidecar.start()
    sidecar.requests.clear()
    assert ask(site.login("mallory", "mallory-demo"), widget).status_code == 200
    site.php(RUN_EVENTS)
    assert [request.path for request in sidecar.requests] == ["/v1/tokens/revoke", "/v1/tokens"]
    assert pending(site) == 0


def test_no_new_token_while_the_old_ones_cannot_be_ended(
    site: WordPress,
    sidecar: ScriptedSidecar,
    mallory: Session,
    widget: str,
) -> None:
    assert ask(mallory, widget).status_code == 200

    def refuse(request: Request) -> Answer:
        return problem(503, "not_ready") if request.path == "/v1/tokens/revoke" else token(request)

    sidecar.answer = refuse
    site.php("get_user_by( 'login', 'mallory' )->set_role( 'contributor' );")
    refused = ask(mallory, widget)
    assert (refused.status_code, refused.json()["code"]) == (503, "not_ready")
    # That Box can't be told now is the sidecar's business: it has forgotten the tokens.
    sidecar.answer = lambda request: (
        problem(503, "box_unavailable") if request.path == "/v1/tokens/revoke" else token(request)
    )
    assert ask(mallory, widget).status_code == 200
    assert pending(site) == 0


def test_revocation_that_takes_long_keeps_nobody_else_from_box(
    site: WordPress,
    sidecar: ScriptedSidecar,
    mallory: Session,
    widget: str,
) -> None:
    """Box may be slow to revoke: whose tokens are in memory need not notice."""
    assert ask(mallory, widget).status_code == 200
    site.php("get_user_by( 'login', 'mallory' )->set_role( 'contributor' );")
    site.php(ISSUE, people=[int(site.php("echo get_user_by( 'login', 'mallory' )->ID;"))])
    sidecar.answer = lambda request: hang(request) if request.path == "/v1/tokens/revoke" else token(request)
    site.php("get_user_by( 'login', 'mallory' )->set_role( 'subscriber' );")
    refused = ask(mallory, widget)
    assert (refused.status_code, refused.json()["code"]) == (503, "sidecar_timeout")
    assert ask(site.login("ana"), widget).status_code == 200
    site.php(RUN_EVENTS)
    assert ask(site.login("ana"), widget).status_code == 200


def test_all_sessions_of_everybody_end(
    site: WordPress, sidecar: ScriptedSidecar, dozen: list[int], widget: str
) -> None:
    ana = site.login("ana", "ana-demo")
    assert ask(ana, widget).status_code == 200
    site.php("WP_User_Meta_Session_Tokens::destroy_all_for_all_users();")
    Site.forget_sessions()
    assert ana.get("/wp-admin/admin-ajax.php", params={"action": "rest-nonce"}).status_code == 400
    site.php(RUN_EVENTS)
    assert "ana@example.com" in {user["login"] for user in revoked(sidecar)}
    assert {f"bulk{n}@example.com" for n in range(1, 13)} <= {user["login"] for user in revoked(sidecar)}
    assert pending(site) == 0


class Restricted(WordPress):
    """A host that has disabled functions of PHP."""

    def _serve(self) -> Process:
        disabled = "posix_getpwuid,posix_geteuid,get_current_user,flock"
        options = [*php_options(self._php_log), "-d", f"disable_functions={disabled}"]
        server = Process(
            ["php", *options, "-S", f"127.0.0.1:{self.port}", "-t", self.docroot, PHP_FILES / "router.php"],
            log=self._log_directory / "server.log",
            cwd=self.docroot,
            env={"PHP_CLI_SERVER_WORKERS": "4"},
        )
        server.wait_for_port(self.port)
        return server


@pytest.mark.parametrize("site", ["6.8"], indirect=True)
def test_people_log_out_where_functions_are_disabled(
    site: WordPress, tmp_path: Path, plugin_zip: Path, sidecar: ScriptedSidecar, short_directory: Path
) -> None:
    socket = {"WIDGETS_FOR_BOX_SOCKET": str(short_directory / "sidecar.sock")}
    with Restricted(tmp_path / "restricted", version="6.1", constants=socket, people=PEOPLE, plugin=plugin_zip) as host:
        widget = descriptor(host, "[box_explorer]")
        ana, admin = host.login("ana"), host.login("admin")
        assert ask(ana, widget).status_code == 200
        assert ask(admin, widget).status_code == 200
        sidecar.stop()
        try:
            failed = ask(admin, widget)
            end_by_log_out(host, ana)
        finally:
            sidecar.start()
        assert (failed.status_code, failed.json()["code"]) == (503, "sidecar_unreachable")
        assert ana.get("/wp-admin/admin-ajax.php", params={"action": "rest-nonce"}).status_code == 400
        assert pending(host) == 1
        assert "Fatal" not in host.log()
