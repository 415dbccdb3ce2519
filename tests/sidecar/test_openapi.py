"""``/openapi.json`` describes what runs: valid by itself, and held against the running service by schemathesis."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from jsonschema import ValidationError
from openapi_schema_validator import OAS31Validator

from intranet.emulator_process import EmulatorProcess
from intranet.sidecar_process import SidecarProcess
from sidecar.conftest import Serve

ANYTHING = 1_000_000

#: What the document can't say: the contract's own status for a missing header, Box's refusals of made-up folders, and
#: "exactly one of" for parameters.
SCHEMATHESIS = """
headers = { Box-Sidecar = "1" }

[checks]
missing_required_header.expected-statuses = [412]
not_a_server_error.expected-statuses = ["2xx", "4xx", 502, 503]

[[operations]]
include-path = "/v1/users"
include-method = "GET"
checks.positive_data_acceptance.enabled = false
"""


@pytest.fixture
def wide_open(box: EmulatorProcess, serve: Serve) -> SidecarProcess:
    policy = {"mints_per_minute": ANYTHING, "mints_per_user_per_minute": ANYTHING, "provision_app_users": True}
    return serve(policy=policy)


@pytest.fixture
def bridge(wide_open: SidecarProcess) -> Iterator[str]:
    """A TCP address whose bytes go to the sidecar's socket, for tools that know no Unix sockets."""
    listener = socket.create_server(("127.0.0.1", 0))

    def copy(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(str(wide_open.socket))
                for pair in ((client, server), (server, client)):
                    threading.Thread(target=copy, args=pair, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    listener.close()


def test_schemathesis_finds_no_difference(bridge: str, wide_open: SidecarProcess, tmp_path: Path) -> None:
    (tmp_path / "schemathesis.toml").write_text(SCHEMATHESIS)
    command = [str(Path(sys.executable).with_name("schemathesis")), "run", f"{bridge}/openapi.json", "--no-color"]
    options = ["--max-examples", "20", "--phases", "coverage,fuzzing", "--generation-database", "none"]
    ended = subprocess.run([*command, *options], cwd=tmp_path, capture_output=True, text=True, timeout=180, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "11 selected / 11 total" in ended.stdout
    log = wide_open.log.read_text()
    assert "internal error" not in log and "Traceback" not in log


def test_its_schemas_are_valid_and_accept_what_is_answered(box: EmulatorProcess, sidecar: SidecarProcess) -> None:
    document = sidecar.request("GET", "/openapi.json").json()
    components = document["components"]["schemas"]

    def fits(name: str, value: object) -> None:
        OAS31Validator({"$ref": f"#/components/schemas/{name}", "components": document["components"]}).validate(value)

    for schema in components.values():
        OAS31Validator.check_schema(schema)
    fits("TokenAnswer", sidecar.token("ana@example.com").json())
    fits("UserAnswer", sidecar.request("GET", "/v1/users", params={"login": "ana@example.com"}).json())
    fits("DoctorAnswer", sidecar.request("GET", "/v1/doctor").json())
    fits("HealthAnswer", sidecar.request("GET", "/health/ready").json())
    fits("ProblemDocument", sidecar.token("nora@example.com").json())
    box.settings(user_tokens_enabled=False)
    fits("ProblemDocument", sidecar.token("kenji@example.com").json())
    fits("ProblemDocument", sidecar.request("POST", "/v1/tokens", json={}).json())
    with pytest.raises(ValidationError):
        fits("TokenRequest", {"element": "preview", "user": {"login": "a"}})
    with pytest.raises(ValidationError):
        fits("UserRef", {"login": "a", "id": "1"})
