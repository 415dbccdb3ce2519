"""What is alive at Box is written down before anybody has it: a restart, or kill -9, forgets nothing that is to end."""

from __future__ import annotations

import os
import random
import signal
import stat
import subprocess
import threading
import time
import tracemalloc
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from box_sidecar import clock
from box_sidecar.ledger import Ledger
from box_sidecar.model import Resource, Subject, Token
from box_sidecar.problems import Problem
from box_sidecar.sealed import Sealer
from box_sidecar.secret import Secret
from box_sidecar.settings import PolicySettings, Settings
from intranet.emulator_process import EmulatorProcess
from intranet.process import ProcessError
from intranet.sidecar_process import SidecarProcess, box_sidecar
from sidecar.conftest import Serve
from sidecar.scripted_box import DOWN, LOGINS, Stage
from sidecar.support import code, needs_root, post, until, worker_of

SECRET = Secret("the app's client secret")
NAMES = (Subject("login", "ana@example.com"), Subject("id", "7"))


def token(value: str, life: float = 3600.0) -> Token:
    return Token(Secret(value), clock.monotonic() + life)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    tmp_path.chmod(0o700)
    return tmp_path / "tokens.ledger"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    made = Ledger(lambda: time.time())  # noqa: PLW0108 - tests put another in its place
    made.names_of = lambda owner: NAMES if owner == "7" else ()
    made.open(path, SECRET)
    yield made
    made.close()


def values(ledger: Ledger) -> list[str]:
    return [recorded.token.secret.reveal() for recorded in ledger.recorded()]


def reopened(ledger: Ledger, path: Path, secret: Secret = SECRET) -> list[str]:
    """What the next process finds."""
    ledger.close()
    ledger.open(path, secret)
    return values(ledger)


def test_only_who_has_the_secret_can_open_a_value_or_make_one() -> None:
    sealer = Sealer(SECRET, "test")
    sealed = sealer.seal("name", b"value")
    assert sealer.open("name", sealed) == b"value"
    assert sealer.seal("name", b"value") != sealed, "the same value never looks the same"
    for other in (sealed[:-4], sealed[4:], "", "!", "AAAA", "é" * 40, sealed.swapcase(), "A" * len(sealed)):
        assert sealer.open("name", other) is None
    assert sealer.open("another", sealed) is None
    assert Sealer(Secret("another"), "test").open("name", sealed) is None
    assert Sealer(SECRET, "another purpose").open("name", sealed) is None


def test_what_was_made_and_not_ended_is_there_after_a_restart(ledger: Ledger, path: Path) -> None:
    for number in range(5):
        ledger.add("7", token(f"token {number}"))
    ledger.add("", token("the service account's"))
    ledger.add("7", token("that had ended", -5))
    ledger.end(Secret("token 3"))
    ledger.end(Secret("nobody's"))
    ledger.add("7", token("token 4"), is_ended=True)
    assert reopened(ledger, path) == ["token 0", "token 1", "token 2", "token 4", "the service account's"]
    first, *_, last, service = ledger.recorded()
    assert (first.owner, first.names, service.owner, service.names) == ("7", NAMES, "", ())
    assert last.is_ended and not first.is_ended
    assert 3500 < first.token.life < 3602
    content = path.read_bytes()
    for plain in (b"token", b"ana", b"example", b"login"):
        assert plain not in content
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_torn_line_costs_no_other(ledger: Ledger, path: Path) -> None:
    ledger.add("7", token("one"))
    whole = path.read_bytes()
    for length in range(1, len(whole), 7):
        ledger.close()
        path.write_bytes(whole + whole[:length].replace(b"\n", b""))
        ledger.open(path, SECRET)
        ledger.add("7", token("two"))
        assert reopened(ledger, path) == ["one", "two"]


def test_what_somebody_else_wrote_there_is_passed_over(
    ledger: Ledger, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ledger.add("7", token("one"))
    line = path.read_bytes()
    ends, name, sealed, _ = line.split()
    forged = [
        b"%b %b %b ." % (ends, name[::-1], sealed),
        b"%b %b %b ." % (ends, b"0" * 32, Sealer(Secret("mine"), "ledger").seal("0" * 32, b"\x94").encode()),
        b"\0" * 5000, b"9" * 5000, b"\xff" * 100, b"- ", b"-1 - -", b"A" * 100_000,
    ]  # fmt: skip
    with path.open("ab") as file:
        file.write(b"\n".join(forged) + b"\n")
    caplog.clear()
    assert reopened(ledger, path) == ["one"]
    assert [record.message for record in caplog.records] == [
        "2 entries of the ledger can't be opened with this client secret and are passed over"
    ]


def test_another_secret_opens_nothing_unless_it_came_while_running(ledger: Ledger, path: Path) -> None:
    new = Secret("a new one")
    ledger.add("7", token("one"))
    ledger.begin_anew(new, forget=False)
    ledger.add("7", token("two"))
    assert values(ledger) == ["one", "two"]
    assert reopened(ledger, path, new) == ["one", "two"]
    assert reopened(ledger, path, SECRET) == []
    ledger.open(path, new)
    ledger.begin_anew(new, forget=True)
    assert reopened(ledger, path, new) == []


def test_it_stays_small_and_forgets_nothing_that_lives(
    ledger: Ledger, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    monkeypatch.setattr("box_sidecar.ledger.time.time", lambda: now)
    for hour in range(6):
        for number in range(400):
            ledger.add("7", token(f"{hour} {number}", 3600 - 300 * (number % 2)))
            now += 9
        assert {f"{hour} {number}" for number in range(40, 400)} <= set(values(ledger))
    assert sum(file.stat().st_size for file in path.parent.iterdir()) < 700_000
    assert len(reopened(ledger, path)) < 500
    monkeypatch.setattr("box_sidecar.ledger._MOST_BYTES", 10_000)
    ledger.add("7", token("too much"))
    assert "File too large" in ledger.why and "too much" not in values(ledger)


def test_a_huge_file_takes_no_more_room_than_what_lives(ledger: Ledger, path: Path) -> None:
    for number in range(3):
        ledger.add("7", token(f"token {number}"))
    lines = path.read_bytes().splitlines(keepends=True)
    with path.open("ab") as file:
        file.write(lines[1] * 20_000 + b"x" * 2_000_000 + b"\n" + lines[0].replace(lines[0].split()[0], b"1600000000"))
    ledger.close()
    path.rename(path.with_name("tokens.ledger.old"))
    tracemalloc.start()
    ledger.open(path, SECRET)
    found = values(ledger)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found == ["token 1", "token 2"], "what ended by the last line about it has ended"
    assert most < 1_000_000


def test_a_clock_that_was_wrong_for_a_moment_costs_nothing(path: Path) -> None:
    now = time.time()
    ledger = Ledger(lambda: now)
    ledger.open(path, SECRET)
    now += 10 * 365 * 86_400
    ledger.add("7", token("of the future"))
    now -= 10 * 365 * 86_400
    ledger.close()
    path.rename(path.with_name("tokens.ledger.old"))
    ledger.open(path, SECRET)
    ledger.add("7", token("of today"))
    assert sorted(values(ledger)) == ["of the future", "of today"]
    assert max(recorded.token.life for recorded in ledger.recorded()) <= 86_400
    now += 86_500
    for number in range(250):
        ledger.add("7", token(f"{number} {'x' * 200}"))
    assert "of the future" not in values(ledger) and "249 " + "x" * 200 in values(ledger), "the store has turned"
    ledger.close()


def test_records_of_another_shape_are_passed_over(ledger: Ledger, path: Path, caplog: pytest.LogCaptureFixture) -> None:
    ledger.add("7", token("one"))
    ends, sealer = path.read_bytes().split()[0].decode(), Sealer(SECRET, "ledger")
    shapes = b"", b"\x94", b"\x01", b"\x80", b"\x91\xa17", b"\x93\x07\x90\xa1t", b"\xa1" * 99
    with path.open("a") as file:
        for number, shape in enumerate(shapes):
            file.write(f"{ends} {number:032x} {sealer.seal(f'{number:032x}', shape)} .\n")
    caplog.clear()
    assert reopened(ledger, path) == ["one"]
    assert "7 entries of the ledger can't be opened" in caplog.text


def test_a_rotation_that_fails_leaves_what_was_there(
    ledger: Ledger, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.add("7", token("one"))
    before, older, new = path.read_bytes(), path.with_name("tokens.ledger.old"), Secret("a new one")
    older.mkdir()
    ledger.begin_anew(new, forget=False)
    assert ledger.why and path.read_bytes() == before, "what can't be read is not thrown away"
    older.rmdir()
    assert reopened(ledger, path) == ["one"]
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", _refuse)  # as if killed before the new file is in its place
        ledger.begin_anew(new, forget=False)
    assert ledger.why and path.read_bytes() == before
    assert reopened(ledger, path) == ["one"]
    ledger.begin_anew(new, forget=False)
    assert not ledger.why and reopened(ledger, path, new) == ["one"]
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_turn_that_fails_loses_nothing_and_is_made_later(
    ledger: Ledger, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"{number} {'x' * 300}" for number in range(150)]
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", _refuse)
        for name in names:
            ledger.add("7", token(name))
        assert ledger.why and values(ledger) == names
    ledger.add("7", token("last"))
    assert not ledger.why and path.stat().st_size < 1000 and values(ledger) == [*names, "last"]
    for number in range(400):
        ledger.add("7", token(f"more {number}"))
    assert len(reopened(ledger, path)) == 551, "the older file still lives, and stays"


def _refuse(*_: object) -> None:
    raise OSError(5, "Input/output error")


def test_what_box_is_not_told_is_written_once_and_comes_back_as_ended(path: Path) -> None:
    ana = Subject("login", LOGINS[0])
    with Stage() as stage:
        stage.ledger.open(path, SECRET)
        for login in LOGINS:
            stage.token(login)
        stage.token(LOGINS[0], element="uploader")
        stage.world.fails["revoke"] = DOWN
        for _ in range(5):
            for work in (stage.service.revocations.revoke(ana), stage.service.revocations.revoke_all()):
                with pytest.raises(Problem, match="box_unavailable"):
                    stage.run(work)
        assert path.read_bytes().count(b"\n") == len(list(stage.ledger.recorded())) == len(stage.world.living()) == 7
        assert all(recorded.is_ended for recorded in stage.ledger.recorded())
    with Stage() as stage:
        stage.ledger.open(path.with_name("another"), SECRET)
        stage.token(LOGINS[0])
        stage.token(LOGINS[1], element="uploader")
        stage.world.fails["revoke"] = DOWN
        stage.reload(Settings(policy=PolicySettings(denied_logins=[LOGINS[0]])))
        (recorded,) = stage.ledger.recorded()
        assert recorded.owner == "1" and recorded.is_ended, "what another policy ends, too"


def test_all_are_as_many_as_the_ledger_knows(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("box_sidecar.token_cache._RECOVERED", 10)
    with Stage(Settings(policy=PolicySettings(mints_per_user_per_minute=1000))) as stage:
        stage.ledger.open(path, SECRET)
        for number in range(35):
            stage.ledger.add("1", token(stage.token(resource=Resource("folder", str(number)))))
        stage.service.cache.clear()
        assert stage.run(stage.service.revocations.revoke_all()) == 35
        assert stage.living() == set() and list(stage.ledger.recorded()) == []
        for number in range(35):
            stage.ledger.add("1", token(stage.token(resource=Resource("folder", str(number)))))
        stage.service.cache.clear()
        stage.world.on_ended = lambda _: None  # as where the disk is full: what has ended stays written
        with pytest.raises(Problem, match="knows more"):
            stage.run(stage.service.revocations.revoke_all())
        assert len(stage.living()) == 25, "it neither goes on for ever nor says that all are revoked"


@pytest.mark.parametrize("kind", ["open to all", "a link", "a pipe", "a folder", "another sidecar's", "no folder"])
def test_a_file_that_is_not_ours_alone_is_not_used_and_said_once(
    kind: str, path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("box_sidecar.ledger._LOCK_TRIES", 2)
    other = Ledger(time.time)
    match kind:
        case "open to all":
            path.write_text("")
            path.chmod(0o644)
        case "a link":
            path.with_name("elsewhere").write_text("keep me")
            path.symlink_to("elsewhere")
        case "a pipe":
            os.mkfifo(path, 0o600)
        case "a folder":
            path.mkdir()
        case "another sidecar's":
            other.open(path, SECRET)
        case "no folder":
            path = path.parent / "away" / "tokens.ledger"
    ledger = Ledger(time.time)
    ledger.open(path, SECRET)
    assert ledger.why and caplog.text.count("can't be revoked after a restart") == 1
    ledger.add("7", token("one"))
    assert values(ledger) == []
    if kind == "a link":
        assert path.read_text() == "keep me"
    other.close()


@needs_root
def test_a_full_disk_stops_nobody_and_is_over_when_it_is(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    if os.system(f"mount -t tmpfs -o size=64k,mode=700 tmpfs {tmp_path} 2>/dev/null"):
        pytest.skip("nothing can be mounted here")
    try:
        ledger = Ledger(time.time)
        ledger.open(tmp_path / "tokens.ledger", SECRET)
        for number in range(600):
            ledger.add("7", token(f"token {number} {'x' * 100}"))
        assert "No space left" in ledger.why and caplog.text.count("can't be revoked after a restart") == 1
        kept = len(values(ledger))
        assert kept > 100
        os.system(f"mount -o remount,size=1m {tmp_path}")
        ledger.add("7", token("room"))
        assert not ledger.why and values(ledger)[-1] == "room" and len(values(ledger)) == kept + 1
        ledger.close()
    finally:
        os.system(f"umount {tmp_path}")


def test_an_entry_costs_little(ledger: Ledger) -> None:
    started = time.process_time()
    for number in range(2000):
        ledger.add("7", token(f"1!{number:0128}"))
    assert (time.process_time() - started) / 2000 < 0.0005, (
        "of each first token's two milliseconds, ten times as on an idle machine"
    )


# With real processes


def alive(box: EmulatorProcess, login: str | None = None) -> list[dict[str, Any]]:
    """People's tokens, or one person's."""
    found = [entry for entry in box.tokens() if entry["alive"] and entry["kind"] != "service"]
    return [entry for entry in found if entry["login"] == login] if login else found


def revoke(sidecar: SidecarProcess, **body: Any) -> httpx.Response:
    return sidecar.request("POST", "/v1/tokens/revoke", json=body)


def kill(sidecar: SidecarProcess) -> None:
    """The master and the worker, both at once."""
    assert sidecar.process
    worker = worker_of(sidecar)
    os.kill(sidecar.process.pid, signal.SIGKILL)
    os.kill(worker, signal.SIGKILL)
    sidecar.stop()


def test_a_restart_forgets_no_token_of_a_person(box: EmulatorProcess, serve: Serve) -> None:
    sidecar = serve()
    sidecar.token("ana@example.com")
    sidecar.token("ana@example.com", "picker")
    # A second name, after the tokens.
    sidecar.request("POST", "/v1/tokens", json={"user": {"id": box.user("ana@example.com")["id"]}, "element": "picker"})
    sidecar.token("kenji@example.com")
    kill(sidecar)
    sidecar.start()
    assert len(alive(box)) == 5
    assert revoke(sidecar, user={"login": "ANA@example.com"}).json() == {"revoked": 3}
    assert alive(box, "ana@example.com") == [] and len(alive(box)) == 2
    kill(sidecar)
    sidecar.start()
    assert revoke(sidecar, user={"login": "ana@example.com"}).json() == {"revoked": 0}, "what was ended is written down"
    box.fault("status", path="/oauth2/revoke", status=503, times=None)
    assert code(revoke(sidecar, user={"login": "kenji@example.com"})) == "box_unavailable"
    kill(sidecar)
    box.clear_faults()
    sidecar.start()
    until(lambda: alive(box) == [])  # what Box could not be told it is told by the next one, unasked


def test_by_a_name_that_came_later_too(box: EmulatorProcess, serve: Serve) -> None:
    sidecar = serve(policy={"provision_app_users": True})
    made = sidecar.request("POST", "/v1/users", json={"external_app_user_id": "e-1", "name": "App User"}).json()
    by_id = {"user": {"id": made["id"]}, "element": "explorer"}
    assert sidecar.request("POST", "/v1/tokens", json=by_id).status_code == 200
    by_name = by_id | {"user": {"external_app_user_id": "e-1"}}
    assert sidecar.request("POST", "/v1/tokens", json=by_name).status_code == 200
    kill(sidecar)
    sidecar.start()
    assert revoke(sidecar, user={"external_app_user_id": "e-1"}).json() == {"revoked": 2}
    assert alive(box) == []


def test_without_a_ledger_nothing_is_written_and_a_restart_forgets(box: EmulatorProcess, serve: Serve) -> None:
    sidecar = serve(cache={"ledger": ""}, usage={"file": ""})
    sidecar.token("ana@example.com")
    kill(sidecar)
    sidecar.start()
    assert revoke(sidecar, all=True).status_code == 200
    assert len(alive(box)) == 2
    assert {path.suffix for path in sidecar.directory.iterdir()} == {".lock", ".log", ".sock", ".toml"}


def test_a_worker_that_dies_and_an_app_that_changes(box: EmulatorProcess, serve: Serve) -> None:
    sidecar = serve()
    sidecar.token("ana@example.com")
    worker = worker_of(sidecar)
    os.kill(worker, signal.SIGKILL)
    until(lambda: not Path(f"/proc/{worker}").exists())
    until(lambda: _answers(sidecar))
    assert revoke(sidecar, user={"login": "ana@example.com"}).json() == {"revoked": 2}
    sidecar.token("ana@example.com")
    box.rotate(secret=True)  # in the JSON too: while it runs
    assert sidecar.process
    os.kill(sidecar.process.pid, signal.SIGHUP)
    until(lambda: "configuration reloaded" in sidecar.log.read_text())
    kill(sidecar)
    sidecar.start()
    assert revoke(sidecar, all=True).status_code == 200
    assert alive(box) == []
    sidecar.token("ana@example.com")
    kill(sidecar)
    box.rotate(secret=True)  # while it does not
    sidecar.start()
    assert "can't be opened with this client secret" in sidecar.log.read_text()
    assert revoke(sidecar, all=True).status_code == 200 and len(alive(box)) == 2


def _answers(sidecar: SidecarProcess) -> bool:
    try:
        return sidecar.request("GET", "/health/ready").status_code == 200
    except httpx.TransportError:
        return False


PEOPLE = ("ana@example.com", "kenji@example.com")
ELEMENTS = (
    ("explorer", ()),
    ("explorer", ("item_share",)),
    ("picker", ()),
    ("uploader", ()),
    ("explorer", ("item_download",)),
)


def test_killed_at_any_moment_no_token_that_anybody_has_outlives_a_revocation_of_all(
    box: EmulatorProcess, serve: Serve
) -> None:
    """``kill -9`` under load; then a restart and ``box-sidecar revoke --all``.

    What Box was still telling when the sidecar died nobody has, and nobody can know: at most the calls under way.
    """
    dice = random.Random(14)
    limits = {"mints_per_minute": 100_000, "mints_per_user_per_minute": 100_000}
    sidecar = serve(policy=limits)
    for _ in range(3):
        handed_out: list[str] = []
        stop = threading.Event()
        clients = [threading.Thread(target=load, args=(sidecar, stop, handed_out, number)) for number in range(6)]
        for client in clients:
            client.start()
        until(partial(_has_some, handed_out), pause=0.002)
        time.sleep(dice.random() * 0.4)
        before = len(box.tokens())
        kill(sidecar)
        stop.set()
        for client in clients:
            client.join()
        assert len(set(handed_out)) > 1 and before
        sidecar.start()
        ended = command(sidecar, "revoke", "--all")
        assert ended.returncode == 0 and "Revoked at Box: " in ended.stdout, ended
        left = alive(box)
        assert {entry["token"] for entry in left} & set(handed_out) == set()
        # A person's own token and each client's call at most were on their way.
        assert len(left) <= len(clients) + len(PEOPLE), left
        box.reset()


def _has_some(handed_out: list[str]) -> bool:
    return len(handed_out) > 3


def load(sidecar: SidecarProcess, stop: threading.Event, handed_out: list[str], number: int) -> None:
    with sidecar.client() as client:
        while not stop.is_set():
            element, scopes = ELEMENTS[number % len(ELEMENTS)]
            try:
                login = PEOPLE[number % len(PEOPLE)]
                answer = post(client, login, element=element, scopes=list(scopes), refused=None)
                if answer.status_code == 200:
                    handed_out.append(answer.json()["access_token"])
                if number % 2:
                    client.post("/v1/tokens/revoke", json={"user": {"login": login}})
            except (httpx.TransportError, ProcessError):
                return
            number += len(PEOPLE) + 1


def command(sidecar: SidecarProcess, *arguments: str) -> subprocess.CompletedProcess[str]:
    full = [box_sidecar(), *arguments, "--config", str(sidecar.config)]
    return subprocess.run(full, capture_output=True, text=True, timeout=60, check=False)
