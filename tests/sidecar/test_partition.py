"""A network that loses what one sidecar and the store send each other, and says nothing: cables between namespaces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from intranet.emulator_process import EmulatorProcess, find_description
from intranet.network import Cables, NoNetworks
from intranet.sidecar_process import SidecarProcess
from intranet.store_process import StoreProcess, certificate
from sidecar.support import calls, last, metric, revoke, together, token, until

pytestmark = pytest.mark.system

PORTS = {"redis": 6379, "rediss": 6380}
ANA, KENJI = "ana@example.com", "kenji@example.com"
ONCE = {"jwt-bearer": 1, "GET /2.0/users": 1, "token-exchange": 1}


class Place(NamedTuple):
    """Two sidecars beside Box, each with a cable of its own to the store."""

    box: EmulatorProcess
    cables: Cables
    one: SidecarProcess
    other: SidecarProcess


@pytest.fixture(params=PORTS)
def place(request: pytest.FixtureRequest, folder: Path, tmp_path: Path) -> Iterator[Place]:
    home = folder / f"partition-{request.param}"
    home.mkdir()
    with ExitStack() as running:
        try:
            cables = running.enter_context(Cables(home, 2))
        except NoNetworks as error:
            pytest.skip(str(error))
        tmp_path.chmod(0o700)
        addresses = [cables.address(number) for number in range(2)]
        certificate(tmp_path / "tls", *addresses)
        options = ["--bind", *addresses, "--port", str(PORTS["redis"]), "--protected-mode", "no"]
        options += StoreProcess.tls(tmp_path / "tls", PORTS["rediss"])
        running.enter_context(StoreProcess(home / "store", *options, program=[*cables.there, "redis-server"]))
        described = {"within": cables.here, "description": find_description()}
        box = running.enter_context(EmulatorProcess(home / "box", **described))  # type: ignore[arg-type]
        sidecars = []
        for address in addresses:
            url = f"{request.param}://{address}:{PORTS[request.param]}"
            url += f"?ca-file={tmp_path}/tls/cert.pem" if request.param == "rediss" else ""
            details = {"app_config": box.app_config, "api_url": box.url, "command": tuple(cables.here)}
            cache = {"store": url, "ledger": ""}
            sidecar = SidecarProcess(home / address, **details, cache=cache)  # type: ignore[arg-type]
            sidecars.append(running.enter_context(sidecar))
        yield Place(box, cables, *sidecars)


def test_who_is_cut_off_goes_on_alone_and_then_as_one_of_all(place: Place) -> None:
    box, cables, one, other = place
    people = [f"p{number}@example.com" for number in range(12)]
    for login in people:
        box.add_user(login, login)
    first, kenjis = token(one, ANA), token(one, KENJI)
    assert (token(other, ANA), token(other, KENJI)) == (first, kenjis)

    cables.pull(0)
    assert token(one, ANA) == first, "from memory"
    token(one, people[0])
    until(lambda: metric(one, "store_up") == 0)
    slow = metric(one, 'store_requests_total{outcome="slow"}')
    since = last(box)
    for login in people[1:10]:
        token(one, login)
    assert Counter(calls(box, since)) == dict.fromkeys(ONCE, 9)
    assert metric(one, 'store_requests_total{outcome="slow"}') == slow, "nobody has waited for the store"
    ready = one.request("GET", "/health/ready")
    assert ready.status_code == 200 and "goes on with its own memory" in ready.json()["why"]
    assert metric(other, "store_up") == 1
    for teller, login in ((other, ANA), (other, people[0]), (one, KENJI)):
        revoke(teller, login)
    revoked = {known["token"]: known["revoked"] for known in box.tokens()}
    assert revoked[first] and revoked[kenjis], "at Box at once, by whoever knows of it"
    alone = token(one, people[0])

    cables.plug(0)
    until(lambda: metric(one, "store_up") == 1, 30)
    until(lambda: {known["token"]: known["revoked"] for known in box.tokens()}[alone])
    assert one.request("GET", "/health/ready").json() == {"status": "pass"}
    for login in (ANA, KENJI, people[0]):
        again = token(one, login)
        assert again == token(other, login) and again not in {first, kenjis, alone}
    since = last(box)
    assert len(set(together(2, lambda number: token((one, other)[number], people[11])))) == 1
    assert Counter(calls(box, since)) == ONCE
    told = one.log.read_text()
    assert told.count("this sidecar goes on with its own memory") == told.count("the store can be used again") == 1
