"""Log-out, role change, deletion: everything of a person is revoked at Box and forgotten, also what is on its way."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from intranet.emulator import Emulator
from intranet.sidecar import Sidecar
from sidecar.conftest import Serve
from sidecar.support import Wire, code, greeted, last, request_bytes, until


def revoke(sidecar: Sidecar, **user: str) -> httpx.Response:
    return sidecar.request("POST", "/v1/tokens/revoke", json={"user": user or {"login": "ana@example.com"}})


def alive(box: Emulator, login: str = "ana@example.com") -> list[dict[str, Any]]:
    return [token for token in box.tokens() if token["login"] == login and token["alive"]]


def test_every_token_of_the_person_is_revoked_at_box_and_nobody_elses(box: Emulator, sidecar: Sidecar) -> None:
    for scopes in ((), ("item_share",)):
        sidecar.token("ana@example.com", scopes=scopes)
    kenjis = sidecar.token("kenji@example.com").json()["access_token"]
    assert len(alive(box)) == 3  # two widgets', and the user token they were made from
    answer = revoke(sidecar, login="ANA@example.com")
    assert (answer.status_code, answer.json()) == (200, {"revoked": 3})
    assert alive(box) == []
    assert sidecar.token("kenji@example.com").json()["access_token"] == kenjis
    assert len(alive(box, "kenji@example.com")) == 2
    line = [line for line in sidecar.audit() if line["event"] == "tokens_revoked"][-1]
    assert line["outcome"] == "revoked 3" and line["peer_uid"] is not None
    assert sidecar.token("ana@example.com").status_code == 200
    assert sidecar.audit()[-1]["outcome"] == "mint", "the person is looked at anew"


def test_tokens_that_were_renewed_meanwhile_are_revoked_too(box: Emulator, serve: Serve) -> None:
    box.settings(token_life_s={"service": 3600, "user": 3600, "downscoped": 6})
    sidecar = serve(cache={"min_life_s": 0.5, "refresh_ahead_s": 5.5})
    first = sidecar.token("ana@example.com").json()["access_token"]
    until(lambda: sidecar.token("ana@example.com").json()["access_token"] != first)
    assert first in {token["token"] for token in alive(box)}, "a browser may still hold the token that was replaced"
    assert revoke(sidecar).status_code == 200
    assert alive(box) == []


def test_a_token_that_was_not_renewed_for_good_reason_is_revoked_too(box: Emulator, serve: Serve) -> None:
    box.settings(token_life_s={"service": 3600, "user": 3600, "downscoped": 8})
    sidecar = serve(cache={"min_life_s": 0.5, "refresh_ahead_s": 7.5})
    held = sidecar.token("ana@example.com").json()["access_token"]
    box.change_user(box.user("ana@example.com")["id"], role="admin")
    until(lambda: any(line["event"] == "renewal_failed" for line in sidecar.audit()))
    assert held in {token["token"] for token in alive(box)}, "it is handed out no more, but a browser may hold it"
    assert revoke(sidecar, id=box.user("ana@example.com")["id"]).status_code == 200
    assert alive(box) == []


@pytest.mark.parametrize("by", ["login", "id"])
def test_a_person_is_found_however_named_and_however_the_token_was_asked_for(
    by: str, box: Emulator, sidecar: Sidecar
) -> None:
    identity = box.user("ana@example.com")["id"]
    ask = {"id": identity} if by == "login" else {"login": "ana@example.com"}
    sidecar.request("POST", "/v1/tokens", json={"user": ask, "element": "explorer"})
    named = {"login": "ana@example.com"} if by == "login" else {"id": identity}
    assert revoke(sidecar, **named).json() == {"revoked": 2}
    assert alive(box) == []


def test_of_somebody_we_never_saw_there_is_nothing_to_revoke_and_nothing_to_ask(
    box: Emulator, sidecar: Sidecar
) -> None:
    greeted(box)
    since = last(box)
    assert revoke(sidecar, login="nora@example.com").json() == {"revoked": 0}
    assert box.log(since) == []


@pytest.mark.parametrize(
    ("path", "grant"),
    [("/2.0/users", ""), ("/oauth2/token", "jwt-bearer"), ("/oauth2/token", "token-exchange")],
)
def test_a_token_that_is_being_made_is_handed_out_to_nobody(
    path: str, grant: str, box: Emulator, sidecar: Sidecar
) -> None:
    greeted(box)
    since = last(box)
    box.fault("delay", path=path, grant=grant, seconds=0.8)
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(sidecar.token, "ana@example.com")
        time.sleep(0.4)
        assert not coming.done()
        assert revoke(sidecar).status_code == 200
        answer = coming.result()
    assert answer.status_code == 409 and code(answer) == "tokens_revoked"
    assert "access_token" not in answer.text
    until(lambda: alive(box) == [], 5)
    assert box.log(since)
    assert sidecar.token("ana@example.com").status_code == 200


def test_when_box_is_down_they_are_forgotten_and_box_is_told_later(box: Emulator, sidecar: Sidecar) -> None:
    sidecar.token("ana@example.com")
    box.fault("cut", path="/oauth2/revoke", times=None)
    answer = revoke(sidecar)
    assert (answer.status_code, code(answer)) == (503, "box_unavailable")
    assert len(alive(box)) == 2
    box.clear_faults()
    until(lambda: alive(box) == [], 40, 0.3)


def test_a_caller_who_does_not_wait_leaves_no_token_alive(box: Emulator, sidecar: Sidecar) -> None:
    sidecar.token("ana@example.com")
    box.fault("delay", path="/oauth2/revoke", seconds=1, times=2)
    with Wire(sidecar.socket) as wire:
        wire.send(request_bytes("POST", "/v1/tokens/revoke", {"user": {"login": "ana@example.com"}}))
        time.sleep(0.3)
    until(lambda: alive(box) == [], 10)


def test_a_refused_revocation_is_not_called_one(box: Emulator, sidecar: Sidecar) -> None:
    sidecar.token("ana@example.com")
    body = {"error": "invalid_client", "error_description": "The client credentials are invalid"}
    box.fault("status", path="/oauth2/revoke", status=400, body=body, times=2)
    answer = revoke(sidecar)
    assert (answer.status_code, code(answer)) == (502, "bad_client_credentials")


def test_a_deleted_person_gets_nothing_more(box: Emulator, sidecar: Sidecar) -> None:
    sidecar.token("ana@example.com")
    identity = box.user("ana@example.com")["id"]
    revoke(sidecar)
    box.delete_user(identity)
    assert code(sidecar.token("ana@example.com")) == "user_not_found"


def test_a_deleted_person_with_a_remembered_user_token_gets_no_other_token(box: Emulator, sidecar: Sidecar) -> None:
    sidecar.token("ana@example.com")
    box.delete_user(box.user("ana@example.com")["id"])
    assert code(sidecar.token("ana@example.com", scopes=("item_share",))) == "user_not_found"
