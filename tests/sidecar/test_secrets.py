"""Key, passphrase, client secret and tokens: in memory and nowhere else, at any log level, also in a crash."""

from __future__ import annotations

import json
import os
import pickle
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from copy import copy
from pathlib import Path

import httpx
import pytest

from box_sidecar.app_config import AppConfig, load_app_config
from box_sidecar.box.assertion import AssertionSigner
from box_sidecar.box.transport import Request
from box_sidecar.secret import Secret
from intranet.emulator_process import EmulatorProcess
from intranet.sidecar_process import SidecarProcess, box_sidecar
from sidecar.conftest import Serve
from sidecar.support import Wire, code, request_bytes, until


def secrets_of(app_config: Path) -> list[str]:
    """What must never be seen: the key line by line, as it stands in the JSON too, its passphrase, the secret."""
    settings = json.loads(app_config.read_text())["boxAppSettings"]
    auth = settings.get("appAuth", {})
    lines = [line for line in auth.get("privateKey", "").splitlines() if line and "---" not in line]
    return [settings["clientSecret"], *([auth["passphrase"]] if auth else []), *lines]


def opened_key(app_config: Path) -> list[bytes]:
    """The key's own numbers as they would stand in a PEM without passphrase, or raw in memory."""
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    auth = json.loads(app_config.read_text())["boxAppSettings"]["appAuth"]
    key = load_pem_private_key(auth["privateKey"].encode(), auth["passphrase"].encode())
    assert isinstance(key, RSAPrivateKey)
    d = key.private_numbers().d
    return [str(d).encode(), f"{d:x}".encode(), d.to_bytes(256, "big")]


def processes(sidecar: SidecarProcess) -> list[int]:
    """Master and worker."""
    assert sidecar.process
    return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if group(pid) == sidecar.process.pid]


def group(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return -1


def exposed(pid: int) -> Iterator[bytes]:
    """What the kernel tells others about a process."""
    for name in ("environ", "cmdline", "status", "maps", "comm", "stat", "wchan"):
        yield Path(f"/proc/{pid}/{name}").read_bytes()


def provoke(sidecar: SidecarProcess, box: EmulatorProcess) -> tuple[list[str], set[str]]:
    """Everything that a caller can be answered, failures included; and the tokens that were rightly given."""
    given: set[str] = set()
    answers: list[str] = []

    def note(answer: httpx.Response) -> None:
        answers.append(str(answer.headers))
        if answer.is_success and '"access_token":"' in answer.text:
            given.add(answer.json()["access_token"])  # the one place where a token belongs
        else:
            answers.append(answer.text)

    for element, scopes in (("explorer", ("item_share",)), ("uploader", ()), ("explorer", ("item_share",))):
        note(sidecar.token("ana@example.com", element, scopes))
    (user,) = {token["token"] for token in box.tokens() if token["kind"] == "user"}
    (service,) = {token["token"] for token in box.tokens() if token["kind"] == "service"}
    for body in (
        {"error": "invalid_grant", "error_description": f"No {user} and {service}"},
        {"error": service, "error_description": user},
        {"message": user, "code": "unknown"},
        f"<html>{user}</html>",
    ):
        box.fault("status", path="/oauth2/token", grant="token-exchange", status=400, body=body, times=2)
        note(sidecar.token("kenji@example.com"))
        box.clear_faults()
    for kind in ("truncate", "html", "merge"):
        box.fault(kind, path="/oauth2/token", grant="token-exchange", status=200, body={"restricted_to": None}, times=9)
        note(sidecar.token("olga@example.com"))
        box.clear_faults()
    box.fault("merge", path="/oauth2/token", grant="token-exchange", body={"expires_in": "soon"}, times=9)
    note(sidecar.token("trap@example.com"))
    box.clear_faults()
    for login in ("boss@example.com", "nora@example.com"):
        note(sidecar.token(login))
    note(sidecar.token(service, "explorer"))
    note(sidecar.request("POST", "/v1/tokens", content=b"{"))
    note(sidecar.request("GET", "/v1/users", params={"login": "ana@example.com"}))
    note(sidecar.request("GET", "/v1/doctor"))
    note(sidecar.request("GET", "/metrics"))
    note(sidecar.request("GET", "/health/ready"))
    note(sidecar.request("GET", "/openapi.json"))
    note(sidecar.request("POST", "/v1/tokens/revoke", json={"user": {"login": "ana@example.com"}}))
    with Wire(sidecar.socket) as wire:
        wire.send(request_bytes("GET", "/ \x01"))
        answers.append(wire.read().decode("latin-1"))
    return answers, given


def test_nothing_secret_is_written_answered_or_exposed_at_debug_level(
    box: EmulatorProcess, serve: Serve, tmp_path: Path
) -> None:
    audit = tmp_path / "audit"
    sidecar = serve(
        log={"level": "debug", "audit_file": str(audit)}, env={"PYTHONASYNCIODEBUG": "1", "PYTHONUNBUFFERED": "1"}
    )
    answers, given = provoke(sidecar, box)
    shown = {
        "answers": "\n".join(answers).encode(),
        "log": sidecar.log.read_bytes(),
        "audit": audit.read_bytes(),
        "kernel": b"\n".join(part for pid in processes(sidecar) for part in exposed(pid)),
        "files": b"\n".join(file.read_bytes() for file in sidecar.directory.iterdir() if file.is_file()),
    }
    tokens = [token["token"] for token in box.tokens()]
    assert given <= {token["token"] for token in box.tokens() if token["kind"] == "downscoped"}
    assert len(given) >= 2 and len(tokens) >= 8
    for place, text in shown.items():
        assert text
        for secret in (*secrets_of(box.app_config), *tokens):
            assert secret.encode() not in text, f"{place}: …{secret[:6]}…"
        for number in opened_key(box.app_config):
            assert number not in text, place


def test_the_audit_says_who_and_what_and_no_login(box: EmulatorProcess, sidecar: SidecarProcess) -> None:
    sidecar.token("ana@example.com", scopes=("item_share",))
    sidecar.token("ANA@example.com", scopes=("item_share",))
    sidecar.token("kenji@example.com", "picker", scopes=("item_delete",))
    minted, hit, refused = sidecar.audit()[-3:]
    for line in (minted, hit, refused):
        assert {"time", "event", "request_id", "peer_uid", "peer_pid", "person", "element", "scopes", "resource",
                "outcome", "duration_ms"} <= set(line)  # fmt: skip
        assert "example.com" not in json.dumps(line)
    assert [line["event"] for line in (minted, hit, refused)] == ["token_issued", "token_issued", "token_refused"]
    assert [line["outcome"] for line in (minted, hit, refused)] == ["mint", "hit", "scope_not_allowed"]
    assert minted["person"] == hit["person"] != refused["person"]
    assert minted["user_id"] == box.user("ana@example.com")["id"]
    assert minted["scopes"] == ["item_share"] and minted["granted"] == ["base_explorer", "item_share"]
    assert (minted["element"], minted["resource"]) == ("explorer", "folder/0")


def test_the_processes_dump_no_core_and_let_nobody_look(serve: Serve) -> None:
    sidecar = serve()
    pids = processes(sidecar)
    assert len(pids) == 2
    for pid in pids:
        limits = Path(f"/proc/{pid}/limits").read_text()
        assert next(line for line in limits.splitlines() if "core file" in line).split()[4:6] == ["0", "0"]
        assert "NoNewPrivs:\t1" in Path(f"/proc/{pid}/status").read_text()
        # proc(5): the files of a process that is not dumpable belong to root, whoever runs it.
        assert Path(f"/proc/{pid}/environ").stat().st_uid == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start it as somebody else")
def test_not_even_the_same_user_may_look_into_it(box: EmulatorProcess, folder: Path) -> None:
    home = folder / "unprivileged"
    home.mkdir(mode=0o700)
    app = home / "app.json"
    app.write_bytes(box.app_config.read_bytes())
    app.chmod(0o600)
    sidecar = SidecarProcess(home, app_config=app, api_url=box.url)
    for path in (home, app, sidecar.config):
        os.chown(path, 65534, 65534)
    subprocess.run(["setpriv", "--reuid=65534", "--clear-groups", "true"], check=True)
    sidecar._command = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    if subprocess.run([*sidecar._command, box_sidecar(), "--version"], capture_output=True, check=False).returncode:
        pytest.skip("this Python can't be run by another user")
    with sidecar:
        for pid in processes(sidecar):
            assert Path(f"/proc/{pid}/environ").stat().st_uid == 0
            for name in ("mem", "environ", "maps"):
                look = [
                    "setpriv",
                    "--reuid=65534",
                    "--regid=65534",
                    "--clear-groups",
                    "head",
                    "-c1",
                    f"/proc/{pid}/{name}",
                ]
                assert subprocess.run(look, capture_output=True, check=False).returncode != 0


def test_a_crash_leaves_nothing_behind(box: EmulatorProcess, serve: Serve, tmp_path: Path) -> None:
    sidecar = serve(env={"PYTHONFAULTHANDLER": "1"}, log={"level": "debug"})
    assert sidecar.token("ana@example.com").status_code == 200
    assert sidecar.process
    (worker,) = [pid for pid in processes(sidecar) if pid != sidecar.process.pid]
    os.kill(worker, signal.SIGABRT)
    # The master notices and starts another worker, which opens the key anew.
    until(
        lambda: sidecar.request("GET", "/health/ready").status_code == 200 if alive_again(sidecar, worker) else False,
        15,
    )
    assert sidecar.token("ana@example.com").status_code == 200
    log = sidecar.log.read_bytes()
    for secret in (*secrets_of(box.app_config), *(token["token"] for token in box.tokens())):
        assert secret.encode() not in log
    for directory in (sidecar.directory, Path.cwd()):
        assert not list(directory.glob("core*"))


def alive_again(sidecar: SidecarProcess, worker: int) -> bool:
    assert sidecar.process
    return any(pid not in {worker, sidecar.process.pid} for pid in processes(sidecar))


def test_an_internal_error_says_where_and_not_what(box: EmulatorProcess, serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import msgspec, sys\n"
        "class Bomb:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'box_sidecar.doctor':\n"
        "            import box_sidecar.policy as policy\n"
        "            def explode(self, login):\n"
        "                secret = 'a secret in a local variable'\n"
        "                raise RuntimeError('a secret in the message ' + login)\n"
        "            policy.Policy.check_login = explode\n"
        "sys.meta_path.insert(0, Bomb())\n"
    )
    sidecar = serve(env={"PYTHONPATH": str(tmp_path)}, log={"level": "debug"})
    answer = sidecar.token("ana@example.com")
    assert (answer.status_code, code(answer)) == (500, "internal_error")
    log = sidecar.log.read_text()
    assert "internal error: RuntimeError in sitecustomize.py:8" in log
    assert answer.json()["request_id"] in log
    for text in (answer.text, log):
        assert "a secret" not in text


FORGER = r"""
import logging
from box_sidecar.logs import log_to_stderr
log_to_stderr("debug")
for name in ("box_sidecar.app", "falcon", "gunicorn.error", "gunicorn.access", "concurrent.futures"):
    log = logging.getLogger(name)
    for forged in ("\n", "\r\n", "\x1b[2J\x1b[H", "\x00", "\x85", "\u2028", "\u202e", "\udcff"):
        log.debug("asked for %s2026-01-01 CRITICAL box_sidecar: forged", forged)
        try:
            raise ValueError(f"asked for {forged}2026-01-01 CRITICAL box_sidecar: forged")
        except ValueError:
            log.exception("failed", stack_info=True)
"""


def test_nothing_that_a_stranger_says_begins_a_line_of_the_log_or_moves_a_terminal() -> None:
    ended = subprocess.run([sys.executable, "-c", FORGER], capture_output=True, timeout=30, check=True)
    written = ended.stderr.decode()
    assert written.count("CRITICAL") == 5 * 8 * 2 and "Logging error" not in written
    for line in written.split("\n"):
        assert line.isprintable()
        assert not line.startswith("2026-01-01 C")
        assert line == "" or line.startswith("  | ") or re.match(r"\S+ \S+ (DEBUG|ERROR) \S+: ", line)


def test_what_box_says_begins_no_line_of_the_log(box: EmulatorProcess, serve: Serve) -> None:
    sidecar = serve(log={"level": "debug"})
    words = "No.\n2026-01-01 00:00:00,000 CRITICAL box_sidecar: forged \x1b[2J"
    body = {"error": words, "error_description": words}
    box.fault("status", path="/oauth2/token", grant="token-exchange", status=400, body=body, times=None)
    assert sidecar.token("ana@example.com").status_code == 502
    command = [box_sidecar(), "token", "--config", str(sidecar.config), "--login", "ana@example.com"]
    told = subprocess.run([*command, "--element", "explorer"], capture_output=True, text=True, timeout=30, check=False)
    assert told.returncode == 1 and "forged" in told.stderr
    for written in (sidecar.log.read_text(), told.stderr):
        assert "\n2026-01-01" not in written and "\x1b" not in written


def test_the_keys_of_tls_are_written_nowhere(folder: Path, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    with EmulatorProcess(folder / "keys-tls", tls=True) as box:
        env = {"SSLKEYLOGFILE": str(keys), "SSL_CERT_FILE": str(box.ca)}
        with SidecarProcess(folder / "keys", app_config=box.app_config, api_url=box.url, env=env) as sidecar:
            assert sidecar.token("ana@example.com").status_code == 200
            assert "SSLKEYLOGFILE is not honoured" in sidecar.log.read_text()
    assert not keys.exists()


def test_secrets_show_themselves_to_nobody(box: EmulatorProcess) -> None:
    secret = Secret("hush")
    for shown in (repr(secret), str(secret), f"{secret}", f"{secret!r:>20}", "%s" % secret, repr([secret])):  # noqa: UP031
        assert "hush" not in shown
    for take in (pickle.dumps, copy):
        with pytest.raises(TypeError):
            take(secret)
    app = load_app_config(box.app_config)
    assert app.key
    signer, request = AssertionSigner(app.client_id, app.key), Request("/oauth2/token", b"client_secret=hush", "hush")
    shown = f"{app} {app!r} {signer!r} {vars(signer)} {request}"
    assert "hush" not in shown
    for hidden in secrets_of(box.app_config):
        assert hidden not in shown
    assert isinstance(app, AppConfig)


def test_the_command_line_shows_a_token_only_when_it_is_told_to(box: EmulatorProcess, sidecar: SidecarProcess) -> None:
    command = [
        box_sidecar(),
        "token",
        "--config",
        str(sidecar.config),
        "--login",
        "ana@example.com",
        "--element",
        "explorer",
    ]
    quiet = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    tokens = [token["token"] for token in box.tokens()]
    assert tokens and not any(token in quiet.stdout + quiet.stderr for token in tokens)
    told = subprocess.run([*command, "--show-token"], capture_output=True, text=True, timeout=30, check=True)
    (shown,) = [token["token"] for token in box.tokens() if token["token"] in told.stdout]
    assert next(token["kind"] for token in box.tokens() if token["token"] == shown) == "downscoped"


def test_the_master_has_nothing_that_could_open_a_key_or_speak_to_box() -> None:
    script = "import sys, box_sidecar.cli, box_sidecar.server; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert not {"cryptography", "joserfc", "aiohttp", "falcon", "box_sidecar.box"}.intersection(loaded)
    assert {"box_sidecar.rate_limit", "box_sidecar.loaded"} <= set(loaded), "what workers share is made before the fork"
