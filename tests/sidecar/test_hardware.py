"""The private key in hardware (PKCS#11): never in the worker's memory, told truly when it can't sign, exchanged
at work.

The token is SoftHSM2; where it must hang or live elsewhere, it is behind p11-kit's server, which is another process.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_public_key,
)
from hypothesis import given
from hypothesis import strategies as st

from box_sidecar.hardware.key import HardwareKey
from box_sidecar.hardware.uri import KeyUri, parse
from box_sidecar.loaded import load
from box_sidecar.problems import ConfigError
from intranet.emulator_process import EmulatorProcess
from intranet.process import ProcessError
from intranet.sidecar_process import SidecarProcess, box_sidecar
from intranet.soft_token import MODULE, PIN, MoodyModule, SoftToken, TokenServer, remote_module
from sidecar.conftest import Serve
from sidecar.support import calls, code, last, needs_root, post, together, until, worker_of

KEY_ID = "hw0key01"


@pytest.fixture
def token(tmp_path: Path) -> SoftToken:
    return SoftToken(tmp_path / "token")


def new_key(folder: Path, bits: int = 2048) -> tuple[RSAPrivateKey, Path]:
    """A key pair, and its private part as a file that SoftHSM imports."""
    key = rsa.generate_private_key(65537, bits)
    path = folder / f"{time.monotonic_ns()}.pem"
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return key, path


def public_pem(key: RSAPublicKey) -> str:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def json_without_key(box: EmulatorProcess, path: Path, key_id: str = KEY_ID, **app_auth: str) -> Path:
    """The Console's JSON as it is for a public key that was pasted there."""
    document = json.loads(box.app_config.read_text())
    empty = {"publicKeyID": key_id, "privateKey": "", "passphrase": ""}
    document["boxAppSettings"]["appAuth"] = empty | app_auth
    path.touch(mode=0o600)
    path.write_text(json.dumps(document))
    return path


@pytest.fixture
def key(token: SoftToken, box: EmulatorProcess, tmp_path: Path) -> RSAPrivateKey:
    """A key on the token, whose public part Box knows."""
    made, path = new_key(tmp_path)
    token.import_key(path)
    path.unlink()
    box.add_key(KEY_ID, public_pem(made.public_key()))
    return made


@pytest.fixture
def details(token: SoftToken, key: RSAPrivateKey, box: EmulatorProcess, tmp_path: Path) -> dict[str, Any]:
    """What `serve` takes for a sidecar with this key."""
    app_config = json_without_key(box, tmp_path / "box_config.json")
    return {"app_config": app_config, "env": token.env, "box": {"key": token.uri()}}


@pytest.fixture
def module(token: SoftToken, details: dict[str, Any], tmp_path: Path) -> MoodyModule:
    """A module that has the token fail at will; `details` have it, too."""
    made = MoodyModule(tmp_path)
    details["env"] = token.env | made.env
    details["box"] = {"key": token.uri(module=made.path)}
    return made


def hang_up(sidecar: SidecarProcess) -> None:
    assert sidecar.process
    os.kill(sidecar.process.pid, signal.SIGHUP)


def said(sidecar: SidecarProcess) -> str:
    return sidecar.log.read_text()


def signer_of(sidecar: SidecarProcess) -> int:
    """The process that speaks with the token."""
    worker = worker_of(sidecar)
    children = Path(f"/proc/{worker}/task").glob("*/children")
    (signer,) = [int(child) for file in children for child in file.read_text().split()]
    return signer


# The name of a key


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("token=A;object=b?module-path=/m.so", KeyUri("A", None, "b", None, Path("/m.so"), None)),
        (
            "serial=00%2F1;id=%01%FF;type=private?pin-source=file:/p&module-path=/a%20b.so",
            KeyUri(None, "00/1", None, b"\x01\xff", Path("/a b.so"), Path("/p")),
        ),
        (
            "token=T%C3%BCr;object=x;id=ab?module-path=/m&pin-source=file:///etc/pin",
            KeyUri("Tür", None, "x", b"ab", Path("/m"), Path("/etc/pin")),
        ),
    ],
)
def test_a_uri_names_one_key(text: str, expected: KeyUri) -> None:
    assert parse(f"pkcs11:{text}") == expected


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("http://x", "pkcs11:"),
        ("pkcs11:token=A;object=b?module-path=/m&pin-value=1234", "pin-value"),
        ("pkcs11:object=b?module-path=/m", "token="),
        ("pkcs11:token=A?module-path=/m", "object="),
        ("pkcs11:token=A;object=b", "module-path"),
        ("pkcs11:token=A;object=b?module-path=m.so", "absolute"),
        ("pkcs11:token=A;object=b?module-path=/m&pin-source=/etc/pin", "pin-source=file:"),
        ("pkcs11:token=A;object=b?module-path=/m&pin-source=%7Ccat", "pin-source=file:"),
        ("pkcs11:token=A;object=b?module-path=/m&pin-source=file:pin", "absolute"),
        ("pkcs11:token=A;token=B;object=b?module-path=/m", "twice"),
        ("pkcs11:token=A;object=b;slot-id=1?module-path=/m", "slot-id"),
        ("pkcs11:token=A;object=b;type=public?module-path=/m", "type=private"),
        ("pkcs11:token=A B;object=b?module-path=/m", "%20"),
        ("pkcs11:token=%FF;object=b?module-path=/m", "UTF-8"),
        ("pkcs11:token=A;object=%0A?module-path=/m", "control"),
        ("pkcs11:token=;object=b?module-path=/m", "value"),
    ],
)
def test_a_uri_that_names_none_is_refused_with_the_key_and_the_line(
    uri: str, words: str, box: EmulatorProcess, tmp_path: Path
) -> None:
    config = tmp_path / "box-sidecar.toml"
    config.write_text(f"[box]\n\nkey = {json.dumps(uri)}\n")
    with pytest.raises(ConfigError) as raised:
        load(config)
    told = str(raised.value)
    assert told.startswith(f"{config}: line 3: box.key: key must ") and words in told and "1234" not in told
    assert len(told.splitlines()) == 1


@given(st.text() | st.from_regex(r"pkcs11:(token|object|id|serial|x)=.*\?(module-path|pin-source)=.*", fullmatch=True))
def test_whatever_it_is_it_is_understood_or_refused(text: str) -> None:
    try:
        found = parse(text)
    except ValueError as error:
        assert str(error).startswith("key must ")
    else:
        assert found.module.is_absolute() and found.holder and (found.object or found.id)


@given(st.text(min_size=1).filter(str.isprintable), st.binary(min_size=1))
def test_what_is_encoded_comes_back(label: str, key_id: bytes) -> None:
    found = parse(f"pkcs11:token={quote(label, safe='')};id={quote(key_id, safe='')}?module-path=/m")
    assert (found.token, found.id) == (label, key_id)


# What is wrong is said before anything is served


def refused(uri: str, token: SoftToken, monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    """What a start says, as the worker opens the key in it."""
    for name, value in token.env.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as raised:
        HardwareKey(uri).open()
    told = str(raised.value)
    assert told.startswith("box.key: ") and len(told.splitlines()) == 1 and PIN not in told
    for word in words:
        assert word in told


def unlink(path: Path) -> None:
    path.unlink()


def open_to_the_group(path: Path) -> None:
    path.chmod(0o640)


def empty(path: Path) -> None:
    path.write_text("")


def test_a_key_that_can_not_be_had_is_told(token: SoftToken, monkeypatch: pytest.MonkeyPatch) -> None:
    for uri, words in (
        (token.uri(module=Path("/nowhere/m.so")), ["no module /nowhere/m.so"]),
        (token.uri(module=token.pin_file), ["can't be loaded"]),
        (token.uri(key="other"), ["no such private key", "keygen"]),
        (token.uri().partition("&")[0], ["wants a PIN", "pin-source"]),
    ):
        refused(uri, token, monkeypatch, *words)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (unlink, ["pin: there is no such file"]),
        (open_to_the_group, ["can read the token's PIN", "chmod 600"]),
        (empty, ["one line"]),
    ],
)
def test_a_pin_is_read_from_a_file_of_one_s_own(
    spoil: Callable[[Path], None], words: list[str], token: SoftToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(token.pin_file)
    refused(token.uri(), token, monkeypatch, *words)


def test_two_keys_of_one_name_and_one_that_is_too_short_are_none(
    token: SoftToken, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key_id in ("01", "02"):
        token.import_key(new_key(tmp_path)[1], key_id=key_id)
    token.import_key(new_key(tmp_path, bits=1024)[1], key="short", key_id="03")
    refused(token.uri(), token, monkeypatch, "2 private keys", "id=%")
    refused(token.uri("short"), token, monkeypatch, "2048 bits")
    HardwareKey(token.uri().replace(";object=box", ";object=box;id=%02")).open()


def test_it_serves_nothing_with_a_key_that_can_not_be_had(
    token: SoftToken, details: dict[str, Any], serve: Serve
) -> None:
    details["box"]["key"] = token.uri("other")
    with pytest.raises(ProcessError, match=r"box\.key: the token “Box keys” has no such private key"):
        serve(**details)


def test_the_key_is_in_one_place(details: dict[str, Any], box: EmulatorProcess, tmp_path: Path) -> None:
    config = tmp_path / "box-sidecar.toml"
    json_without_key(box, tmp_path / "both.json", privateKey="x", passphrase="y")
    config.write_text(f'[box]\napp_config = "both.json"\nkey = {json.dumps(details["box"]["key"])}\n')
    with pytest.raises(ConfigError, match=r"appAuth\.privateKey is there, and box\.key names a key"):
        load(config)
    config.write_text("[box]\n")
    with pytest.raises(ConfigError, match=r"appAuth\.privateKey is missing; .*; or, .* name it in box\.key"):
        load(config)
    config.write_text(f'[box]\napp_config = "ccg.json"\nkey = {json.dumps(details["box"]["key"])}\n')
    shutil.copy(box.ccg_config, tmp_path / "ccg.json")
    with pytest.raises(ConfigError, match=r"appAuth\.publicKeyID is missing"):
        load(config)


def test_without_the_library_it_is_said_what_to_install() -> None:
    program = "import sys; sys.modules['pkcs11'] = None; import box_sidecar.hardware.module"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.stderr.rstrip().endswith("install sidecar/pkcs11.lock as docs/keys.md has it")


# It signs, and stays where it is


def test_a_key_is_made_in_the_token_and_box_takes_its_public_part(
    token: SoftToken, box: EmulatorProcess, serve: Serve, tmp_path: Path
) -> None:
    uri = token.uri("born here")
    command = [box_sidecar(), "keygen", "--key", uri]
    made = subprocess.run(command, env={**os.environ, **token.env}, capture_output=True, text=True, check=True)
    public = load_pem_public_key(made.stdout.encode())
    assert isinstance(public, RSAPublicKey) and public.key_size == 2048
    assert "Add a Public Key" in made.stderr and f'key = "{uri}"' in made.stderr
    assert PIN not in made.stdout + made.stderr
    again = subprocess.run(command, env={**os.environ, **token.env}, capture_output=True, text=True, check=False)
    assert (again.returncode, again.stdout) == (2, "") and "nothing is overwritten" in again.stderr
    box.add_key(KEY_ID, made.stdout)
    app_config = json_without_key(box, tmp_path / "box_config.json")
    sidecar = serve(app_config=app_config, env=token.env, box={"key": uri})
    assert sidecar.token("ana@example.com").is_success
    checks = {check["id"]: check for check in sidecar.request("GET", "/v1/doctor").json()["checks"]}
    assert checks["key"]["status"] == "pass"
    assert "of 2048 bits, signs in the token “Box keys”" in checks["key"]["summary"]


def memory(pid: int) -> bytes:
    """All that a process can read of its own memory."""
    found = []
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as file:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            span, rights, *_ = line.split()
            if not rights.startswith("r") or line.endswith(("[vvar]", "[vsyscall]", "[vvar_vclock]")):
                continue
            begin, end = (int(part, 16) for part in span.split("-"))
            try:
                file.seek(begin)
                found.append(file.read(end - begin))
            except (OSError, OverflowError):
                continue
    return b"\n".join(found)


def private_parts(key: RSAPrivateKey) -> list[bytes]:
    """Each of a private key's numbers as it may stand in memory, in both orders of its bytes."""
    numbers = key.private_numbers()
    parts = (numbers.d, numbers.p, numbers.q, numbers.dmp1, numbers.dmq1, numbers.iqmp)
    return [part.to_bytes((part.bit_length() + 7) // 8, order)[8:-8] for part in parts for order in ("big", "little")]


@needs_root
def test_the_worker_s_memory_holds_no_key(
    token: SoftToken, key: RSAPrivateKey, details: dict[str, Any], serve: Serve
) -> None:
    sidecar = serve(**details)
    assert all(answer.is_success for answer in together(4, lambda _: sidecar.token("ana@example.com")))
    assert sidecar.process
    secret = json.loads(details["app_config"].read_text())["boxAppSettings"]["clientSecret"].encode()
    worker = memory(worker_of(sidecar))
    assert secret in worker, "what it does hold is found"
    for content in (worker, memory(sidecar.process.pid)):
        assert not [part for part in private_parts(key) if part in content]
        assert PIN.encode() not in content
    assert secret not in memory(signer_of(sidecar)), "and the token's process has nothing of the worker's"


@pytest.mark.system
@needs_root
def test_with_the_token_in_another_process_no_process_of_ours_holds_the_key(
    token: SoftToken, key: RSAPrivateKey, details: dict[str, Any], serve: Serve
) -> None:
    with TokenServer(token) as server:
        details |= {"env": server.env, "box": {"key": token.uri(module=remote_module())}}
        sidecar = serve(**details)
        assert sidecar.token("ana@example.com").is_success
        assert sidecar.process
        for pid in (sidecar.process.pid, worker_of(sidecar), signer_of(sidecar)):
            content = memory(pid)
            assert not [part for part in private_parts(key) if part in content]


def test_the_token_s_process_shows_nothing_and_ends_with_the_worker(details: dict[str, Any], serve: Serve) -> None:
    sidecar = serve(**details)
    signer = signer_of(sidecar)
    assert re.search(r"Max core file size +0 +0", Path(f"/proc/{signer}/limits").read_text())
    assert Path(f"/proc/{signer}/status").read_text().count("NoNewPrivs:\t1") == 1
    assert PIN.encode() not in Path(f"/proc/{signer}/cmdline").read_bytes()
    if os.geteuid() != 0:
        with pytest.raises(PermissionError):
            Path(f"/proc/{signer}/environ").read_bytes()
    os.kill(signer, signal.SIGTERM)  # as systemd sends it to all at once: requests under way still need it
    assert sidecar.token("ana@example.com").is_success and signer_of(sidecar) == signer
    os.kill(worker_of(sidecar), signal.SIGKILL)
    until(lambda: not Path(f"/proc/{signer}").exists())
    until(lambda: sidecar.request("GET", "/health/live").is_success)
    assert sidecar.token("kenji@example.com").is_success


@needs_root
def test_a_process_that_breaks_down_leaves_no_core_dump(details: dict[str, Any], serve: Serve, tmp_path: Path) -> None:
    unlimited = ("sh", "-c", 'ulimit -c unlimited && exec "$@"', "sh")
    program = "import os, sys; from box_sidecar.hardening import harden; sys.argv[1:] and harden(); os.abort()"
    dumped = []
    for argument in ([], ["hardened"]):
        child = subprocess.Popen([*unlimited, sys.executable, "-c", program, *argument], cwd=tmp_path)
        dumped.append(os.WCOREDUMP(os.waitpid(child.pid, 0)[1]))
    if not dumped[0]:
        pytest.skip("this machine makes no core dumps")
    assert not dumped[1]
    sidecar = serve(**details, command=unlimited)
    ours = [signer_of(sidecar), worker_of(sidecar)]
    folders = {Path(f"/proc/{pid}/cwd").resolve() for pid in ours}
    before = {path for folder in folders for path in folder.glob("core*")}
    for pid in ours:
        os.kill(pid, signal.SIGSEGV)
    until(lambda: not Path(f"/proc/{ours[1]}").exists())
    assert sidecar.token("ana@example.com").is_success, "the next ones are there"
    assert {path for folder in folders for path in folder.glob("core*")} == before


def test_a_key_that_could_leave_is_warned_of(
    token: SoftToken, box: EmulatorProcess, serve: Serve, tmp_path: Path
) -> None:
    program = """
import sys, pkcs11
session = pkcs11.lib(sys.argv[1]).get_token(token_label="Box keys").open(rw=True, user_pin=sys.argv[2])
template = {pkcs11.Attribute.EXTRACTABLE: True}
session.generate_keypair(pkcs11.KeyType.RSA, 2048, label="box", store=True, private_template=template)
"""
    command = [sys.executable, "-c", program, str(MODULE), PIN]
    subprocess.run(command, env={**os.environ, **token.env}, check=True)
    app_config = json_without_key(box, tmp_path / "box_config.json")
    sidecar = serve(app_config=app_config, env=token.env, box={"key": token.uri()})
    checks = {check["id"]: check for check in sidecar.request("GET", "/v1/doctor").json()["checks"]}
    assert checks["key"]["status"] == "warn" and "CKA_EXTRACTABLE" in checks["key"]["summary"]
    assert "keygen" in checks["key"]["fix"]


# It can't sign


def test_a_token_that_is_taken_out_is_told_and_what_is_in_memory_served(
    token: SoftToken, details: dict[str, Any], serve: Serve, box: EmulatorProcess
) -> None:
    sidecar = serve(**details)
    held = sidecar.token("ana@example.com").json()["access_token"]
    token.take_out()
    answer = sidecar.token("kenji@example.com")
    assert (answer.status_code, code(answer)) == (503, "key_unavailable")
    assert "“Box keys” is not there" in answer.json()["detail"]
    assert sidecar.token("ana@example.com").json()["access_token"] == held
    assert sidecar.request("GET", "/health/ready").is_success
    (check,) = [one for one in sidecar.request("GET", "/v1/doctor").json()["checks"] if one["id"] == "key"]
    assert check["status"] == "fail" and "not there" in check["summary"]
    since = last(box)
    assert sidecar.request("POST", "/v1/tokens/revoke", json={"user": {"login": "ana@example.com"}}).is_success
    assert "POST /oauth2/revoke" in calls(box, since), "a log-out needs no key"
    token.put_back()
    until(lambda: sidecar.token("kenji@example.com").is_success, 15, 0.3)


def test_a_token_that_is_away_at_the_start_may_come(token: SoftToken, details: dict[str, Any], serve: Serve) -> None:
    token.take_out()
    sidecar = serve(**details)
    assert "is not there" in said(sidecar)
    assert code(sidecar.token("ana@example.com")) == "key_unavailable"
    token.put_back()
    until(lambda: sidecar.token("ana@example.com").is_success, 15, 0.3)


@pytest.mark.system
def test_a_token_that_hangs_holds_nobody_else_up(
    token: SoftToken, details: dict[str, Any], serve: Serve, box: EmulatorProcess
) -> None:
    with TokenServer(token) as server:
        details |= {"env": server.env}
        details["box"] = {"key": token.uri(module=remote_module()), "timeout_s": 10.0}
        sidecar = serve(**details)
        held = sidecar.token("ana@example.com").json()["access_token"]
        assert server.process
        server.process.signal(signal.SIGSTOP)
        with_hang = together(9, lambda n: sidecar.token("kenji@example.com" if n % 3 else "ana@example.com"))
        assert [answer.json().get("access_token") for answer in with_hang[::3]] == [held] * 3
        assert {code(answer) for n, answer in enumerate(with_hang) if n % 3} == {"key_unavailable"}
        server.process.signal(signal.SIGCONT)
        until(lambda: sidecar.token("kenji@example.com").is_success, 15, 0.3)
        server.process.signal(signal.SIGSTOP)
        with ThreadPoolExecutor(1) as pool:
            since = last(box)
            coming = pool.submit(sidecar.token, "olga@example.com")
            until(lambda: "GET /2.0/users" in calls(box, since))
            assert sidecar.process
            os.kill(sidecar.process.pid, signal.SIGTERM)
            assert code(coming.result()) == "key_unavailable"
            until(lambda: sidecar.process is not None and not sidecar.process.running(), 15)
        server.process.signal(signal.SIGCONT)


def test_a_wrong_pin_is_tried_once(token: SoftToken, details: dict[str, Any], serve: Serve) -> None:
    token.write_pin("12345678")
    sidecar = serve(**details)
    assert "refuses the PIN" in said(sidecar)
    answer = sidecar.token("ana@example.com")
    assert code(answer) == "key_unavailable" and "reload" in answer.json()["fix"]
    # The token would take it by now, so nobody has tried it again.
    token.util(
        "--init-token", "--token", "Box keys", "--label", "Box keys", "--so-pin", "1234-5678", "--pin", "12345678"
    )
    time.sleep(3.5)
    answer = sidecar.token("ana@example.com")
    assert code(answer) == "key_unavailable" and "refuses the PIN" in answer.json()["detail"]
    token.write_pin("12345678")
    detail = until(lambda: sidecar.token("ana@example.com").json()["detail"])
    assert "no such private key" in detail, "it is, once the file has changed"


TOLD = {
    ("C_Sign", "32"): "“Box keys” is not there",  # CKR_DEVICE_REMOVED
    ("C_OpenSession", "e0"): "“Box keys” is not there",  # CKR_TOKEN_NOT_PRESENT
    ("C_GetSlotList", "30"): "failed: DeviceError",
    ("C_OpenSession", "b1"): "failed: SessionCount",  # no room for one more
    ("C_Sign", "31"): "failed: DeviceMemory",
    ("C_Sign", "hang"): "did not answer in time",
}


@pytest.mark.system
def test_whatever_it_says_is_told_and_what_is_in_memory_served_until_it_is_over(
    module: MoodyModule, details: dict[str, Any], serve: Serve
) -> None:
    sidecar = serve(**details, policy={"mints_per_user_per_minute": 1_000})
    held = sidecar.token("ana@example.com").json()["access_token"]
    for (function, mood), words in TOLD.items():
        os.kill(signer_of(sidecar), signal.SIGKILL)
        module.mood(function, mood)
        answer = sidecar.token("kenji@example.com")
        assert code(answer) == "key_unavailable" and words in answer.json()["detail"], (function, mood, answer.text)
        assert sidecar.token("ana@example.com").json()["access_token"] == held
        module.over()
        until(lambda: sidecar.token("kenji@example.com").is_success, 15, 0.3)
        revoked = sidecar.request("POST", "/v1/tokens/revoke", json={"user": {"login": "kenji@example.com"}})
        assert revoked.is_success


@pytest.mark.system
@pytest.mark.parametrize(
    ("function", "mood", "words", "tries"),
    [
        ("C_Login", "a4", "is locked", 1),  # CKR_PIN_LOCKED
        ("C_Login", "a0", "refuses the PIN", 1),  # CKR_PIN_INCORRECT
        ("flags", "40000", "is locked", 0),  # CKF_USER_PIN_LOCKED
        ("flags", "20000", "Another wrong PIN would lock", 0),  # CKF_USER_PIN_FINAL_TRY
    ],
)
def test_no_pin_is_tried_twice_and_none_where_it_would_lock_the_token(
    function: str, mood: str, words: str, tries: int, module: MoodyModule, details: dict[str, Any], serve: Serve
) -> None:
    module.mood(function, mood)
    sidecar = serve(**details)
    assert words in said(sidecar) and PIN not in said(sidecar)
    time.sleep(3.1)
    answer = sidecar.token("ana@example.com")
    assert code(answer) == "key_unavailable" and words in answer.json()["detail"]
    assert module.calls("C_Login") == tries
    module.over()
    hang_up(sidecar)
    until(lambda: sidecar.token("ana@example.com").is_success)


def test_a_token_that_only_knows_bare_rsa_signs(module: MoodyModule, details: dict[str, Any], serve: Serve) -> None:
    module.mood("bare")
    assert serve(**details).token("ana@example.com").is_success, "Box takes the signature"


def test_a_picky_token_makes_a_key_and_one_without_room_says_so(
    module: MoodyModule, details: dict[str, Any], token: SoftToken
) -> None:
    module.mood("picky")
    command = [box_sidecar(), "keygen", "--key", token.uri("new", module=module.path)]
    run = partial(subprocess.run, env={**os.environ, **details["env"]}, capture_output=True, text=True, check=False)
    assert run(command).stdout.startswith("-----BEGIN PUBLIC KEY-----"), "a TPM's way"
    module.mood("C_GenerateKeyPair", "31")  # CKR_DEVICE_MEMORY
    ended = run([*command[:-1], token.uri("another", module=module.path)])
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "the token “Box keys” has no room for another key" in ended.stderr


# Another key


@pytest.mark.system
def test_another_key_is_taken_over_at_work_without_a_failed_request(
    token: SoftToken, details: dict[str, Any], serve: Serve, box: EmulatorProcess, tmp_path: Path
) -> None:
    limits = {"mints_per_minute": 100_000, "mints_per_user_per_minute": 100_000}
    sidecar = serve(**details, policy=limits)
    old = signer_of(sidecar)
    new, path = new_key(tmp_path)
    token.import_key(path, key="next", key_id="02")
    box.add_key("hw0key02", public_pem(new.public_key()))
    logins = [box.add_user("Somebody", f"s{n}@example.com")["login"] for n in range(240)]  # each a signature
    statuses: list[int] = []

    def ask(_: int) -> None:
        with sidecar.client() as client:
            while logins:
                statuses.append(post(client, logins.pop()).status_code)

    def rotate() -> None:
        until(lambda: len(statuses) > 60, 60)
        json_without_key(box, details["app_config"], "hw0key02")
        sidecar.settings["box"]["key"] = token.uri("next")
        sidecar.write_config()
        hang_up(sidecar)
        until(lambda: "configuration reloaded" in said(sidecar), 20)
        begun = len(statuses)
        until(lambda: len(statuses) > begun + 20 or not logins, 20)
        box.remove_key(KEY_ID)

    together(3, lambda number: rotate() if number == 2 else ask(number))
    assert statuses == [200] * 240
    assert sidecar.token("ana@example.com").is_success, "by the new one: Box knows no other"
    until(lambda: not Path(f"/proc/{old}").exists(), 15)


def test_another_key_that_does_not_sign_is_not_taken_over(
    token: SoftToken, details: dict[str, Any], serve: Serve
) -> None:
    sidecar = serve(**details)
    sidecar.settings["box"]["key"] = token.uri("missing")
    sidecar.write_config()
    hang_up(sidecar)
    until(lambda: "not reloaded, the old configuration stays" in said(sidecar))
    assert "no such private key" in said(sidecar)
    assert sidecar.token("ana@example.com").is_success


def test_a_reload_of_other_things_needs_no_token(token: SoftToken, details: dict[str, Any], serve: Serve) -> None:
    sidecar = serve(**details)
    assert sidecar.token("ana@example.com").is_success
    token.take_out()
    assert code(sidecar.token("kenji@example.com")) == "key_unavailable"
    sidecar.settings["policy"] = {"issue": False}
    sidecar.write_config()
    hang_up(sidecar)
    until(lambda: "configuration reloaded" in said(sidecar))
    assert code(sidecar.token("ana@example.com")) == "issuing_stopped"
