"""The status panel looks at a copy of Box UI Elements that the site hosts: is it sent as it should be?"""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from intranet.wordpress import WordPress
from plugin.scripted_sidecar import ScriptedSidecar

pytestmark = pytest.mark.parametrize("site", ["6.8"], indirect=True)

FONT = "@font-face{font-family:Lato;src:url(https://cdn01.boxcdn.net/fonts/Lato.woff2)}"
WELL = {"Content-Type": "text/javascript", "Content-Encoding": "gzip", "Cache-Control": "public, max-age=31536000"}


class Host:
    """A web server with a copy; tests say how it sends it."""

    def __init__(self) -> None:
        self.status, self.headers, self.styles = 200, dict(WELL), "a{}"

    def serve(self) -> ThreadingHTTPServer:
        host = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                """Says nothing."""

            def do_GET(self) -> None:
                text = host.styles if self.path.endswith(".css") else "window.Box={}"
                packed = "Content-Encoding" in host.headers
                body = gzip.compress(text.encode()) if packed else text.encode()
                self.send_response(host.status)
                for name, value in host.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        return ThreadingHTTPServer(("127.0.0.1", 0), Handler)


@pytest.fixture
def host(site: WordPress) -> Iterator[Host]:
    """The copy's web server, set in the site's configuration."""
    made = Host()
    server = made.serve()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/copy/{{version}}/{{locale}}/{{file}}"
    site.constants["WIDGETS_FOR_BOX_ELEMENTS_URL"] = url
    site.configure()
    yield made
    del site.constants["WIDGETS_FOR_BOX_ELEMENTS_URL"]
    site.configure()
    server.shutdown()
    server.server_close()


def findings(site: WordPress) -> list[dict[str, Any]]:
    answer = site.login("admin").rest("GET", "widgets-for-box/v1/status").raise_for_status().json()
    return [check for check in answer["checks"] if check["id"] == "elements"]


def test_nothing_is_said_of_the_elements_from_box(site: WordPress, sidecar: ScriptedSidecar) -> None:
    assert findings(site) == []


def test_copy_that_is_sent_well(site: WordPress, sidecar: ScriptedSidecar, host: Host) -> None:
    (found,) = findings(site)
    assert found["status"] == "pass"
    assert found["fix"] == ""


@pytest.mark.parametrize(
    ("name", "value", "summary", "fix"),
    [
        ("Content-Encoding", None, "uncompressed", "gzip_types"),
        ("Cache-Control", None, "not told to keep", "location /copy/ {"),
        ("Cache-Control", "max-age=3600", "not told to keep", "Header set Cache-Control"),
        ("Cache-Control", "no-store, max-age=31536000", "not told to keep", "immutable"),
        ("Content-Type", "text/plain", "sent as “text/plain”", "mime.types"),
    ],
)
def test_what_is_wrong_is_said_with_what_mends_it(
    site: WordPress, sidecar: ScriptedSidecar, host: Host, name: str, value: str | None, summary: str, fix: str
) -> None:
    host.headers.pop(name)
    if value:
        host.headers[name] = value
    (found,) = findings(site)
    assert found["status"] == "warn"
    assert summary in found["summary"]
    assert fix in found["fix"]


def test_fonts_from_elsewhere_are_said(site: WordPress, sidecar: ScriptedSidecar, host: Host) -> None:
    host.styles = f"a{{}}{FONT}"
    (found,) = findings(site)
    assert "Lato" in found["summary"]
    assert "FONTS=system" in found["fix"]


def test_copy_that_is_not_there(site: WordPress, sidecar: ScriptedSidecar, host: Host) -> None:
    host.status = 404
    (found,) = findings(site)
    assert found["status"] == "warn"
    assert "(404)" in found["summary"]
