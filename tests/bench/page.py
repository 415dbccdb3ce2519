"""What a page costs: in WordPress, which asks as the plugin does, and in a browser."""

from __future__ import annotations

import json
import shutil
import statistics
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from bench.machine import apart, named
from bench.parts import RECIPE, SCOPES, TESTS, Effort
from bench.result import Row, candidate
from intranet.browser import FLAGS, PROGRAMS
from intranet.process import ProcessError
from intranet.stack import ELEMENTS_PATH, Stack
from intranet.wordpress import PLUGIN_ZIP, Session

PHP = TESTS / "bench" / "php"
LATENCY_MS = 100
ANA = "ana@example.com"
FIRST_ROW = """
    new MutationObserver(() => {
        if (window.firstRow === undefined && document.querySelector('tr[role=row][data-key]')) {
            window.firstRow = performance.now();
        }
    }).observe(document, { childList: true, subtree: true });
"""


class Site:
    """An intranet on nginx, PHP-FPM and MariaDB, with the pages to be measured."""

    def __init__(self, stack: Stack, effort: Effort) -> None:
        self.rounds = effort.rounds
        self.stack = stack
        self.wordpress = stack.wordpress
        shutil.copy(PHP / "site.php", self.wordpress.content / "mu-plugins" / "bench.php")
        self.paths: dict[str, str] = json.loads(self.php("pages.php"))
        self.ana = self.wordpress.login("ana")
        stack.emulator.settings(latency_ms=LATENCY_MS)

    def php(self, file: str, **data: object) -> str:
        """Run a file of ours inside WordPress."""
        return self.wordpress.php((PHP / file).read_text().removeprefix("<?php"), **data)


@contextmanager
def site(directory: Path, effort: Effort) -> Iterator[Site]:
    """Start all of it."""
    with Stack(directory, version="6.8", database="mariadb", server="nginx", plugin=PLUGIN_ZIP) as stack:
        yield Site(stack, effort)


def in_page(site: Site) -> Row:
    """A cached token, as the plugin asks, against the recipe in the same PHP process."""
    took = json.loads(
        site.php(
            "ask.php",
            recipe=str(RECIPE),
            config=str(site.stack.emulator.app_config),
            api=site.stack.emulator.url,
            login=ANA,
            scopes=SCOPES,
            rounds=len(site.rounds(40, 5)),
            asks=20,
        )
    )
    faster = statistics.median(took["recipe"]) / statistics.median(took["sidecar"])
    return Row(
        "in_page",
        f"token of a known person, in PHP, Box at {LATENCY_MS} ms",
        [
            candidate("plugin and sidecar", took["sidecar"]),
            candidate("PHP recipe", took["recipe"]),
        ],
        f"{faster:.0f} times faster",
        "at least 200 times faster",
        faster >= 200,
    )


def render(site: Site) -> Row:
    """A page with three widgets, against the same without the plugin."""
    ways = {"with three widgets": {}, "without the plugin": {"X-Bench-Plain": "1"}}
    took, calls = _alternately(site, "GET", {name: (site.paths["widgets"], headers) for name, headers in ways.items()})
    if '"widgets-for-box ' in site.ana.get(site.paths["widgets"], headers={"X-Bench-Plain": "1"}).text:
        raise RuntimeError("the page without the plugin has widgets")
    more = _difference(took["with three widgets"], took["without the plugin"])
    return Row(
        "render",
        "page in WordPress with three widgets",
        [candidate(name, values) for name, values in took.items()],
        f"{more * 1000:.2f} ms more",
        "at most 1 ms more, no HTTP call",
        more <= 0.001 and calls["with three widgets"] == 0,
        [f"{calls['with three widgets']} HTTP calls"],
    )


def route(site: Site) -> Row:
    """The plugin's token route, the token being cached, against a route that does nothing."""
    page = site.ana.get(site.paths["explorer"]).text
    widget = page.partition('data-widget="')[2].partition('"')[0]
    headers = {"X-WP-Nonce": site.ana.nonce()}
    names = {"plugin's token route": "widgets-for-box/v1/token", "empty route": "bench/v1/empty"}
    routes = {name: (f"/wp-json/{path}", headers) for name, path in names.items()}
    took, _ = _alternately(site, "POST", routes, {"widget": widget})
    more = _difference(took["plugin's token route"], took["empty route"])
    return Row(
        "route",
        "token route of the plugin",
        [candidate(name, values) for name, values in took.items()],
        f"{more * 1000:.2f} ms more",
        "at most 3 ms more",
        more <= 0.003,
    )


def _alternately(
    site: Site, method: str, requests: Mapping[str, tuple[str, Mapping[str, str]]], body: object = None
) -> tuple[dict[str, list[float]], dict[str, int]]:
    """Seconds that PHP had each request, by turns, and the most HTTP calls that one of them made."""
    took: dict[str, list[float]] = {name: [] for name in requests}
    calls = dict.fromkeys(requests, 0)
    with apart(named("nginx", "php-fpm", "mariadbd")):
        for number in range(len(site.rounds(600, 30)) + 10):
            for name, (path, headers) in requests.items():
                cost = _cost(site.ana, method, path, headers, body)
                if number >= 10:  # PHP has compiled everything, each worker was there
                    took[name].append(cost[0] / 1000)
                    calls[name] = max(calls[name], int(cost[1]))
    return took, calls


def _cost(session: Session, method: str, path: str, headers: Mapping[str, str], body: object) -> tuple[float, float]:
    answer = session.request(method, path, headers=headers, json=body).raise_for_status()
    ms, calls = answer.headers["X-Bench"].split()
    return float(ms), float(calls)


def _difference(ours: list[float], others: list[float]) -> float:
    """Median of the differences of pairs, which a slow minute of the machine does not change."""
    return statistics.median(one - other for one, other in zip(ours, others, strict=True))


def navigation(site: Site) -> Row:
    """Navigation until the explorer's first row, against Box's bare sample with a token that is there."""
    (site.wordpress.docroot / "bench.html").write_text(_bare_page(_sample(site)))
    paths = {
        "page of the intranet": site.paths["explorer"],
        "bare sample page": "/bench.html",
        "the sample in a page of the intranet": site.php("sample.php", sample=_sample(site)),
    }
    took: dict[str, list[float]] = {name: [] for name in paths}
    with _chromium() as browser:
        _, storage = _first_row(site, browser, site.paths["explorer"], None)
        for _ in site.rounds(15, 2):
            for name, values in took.items():
                values.append(_first_row(site, browser, paths[name], storage)[0])
    ours, bare, themed = map(statistics.median, took.values())
    return Row(
        "navigation",
        f"navigation to the explorer's first row, Chromium, a person who was here before, empty cache, "
        f"Box at {LATENCY_MS} ms",
        [candidate(name, values) for name, values in took.items()],
        f"{ours / bare:.2f} times",
        "at most 1.1 times",
        ours / bare <= 1.1,
        [f"{ours / themed:.2f} times the same sample in a page of this WordPress"],
    )


def _sample(site: Site) -> str:
    """What Box's guide to the Content Explorer puts into a page; the Elements are those that the intranet serves."""
    token = site.stack.sidecar.token(ANA, scopes=SCOPES).json()["access_token"]
    version = max((site.wordpress.docroot / ELEMENTS_PATH).iterdir()).name
    elements = f"/{ELEMENTS_PATH}/{version}/en-US"
    hosts = dict.fromkeys(("apiHost", "uploadHost", "staticHost"), site.stack.emulator.url)
    options = json.dumps({"container": ".container", **hosts})
    return f"""<link rel="stylesheet" href="{elements}/explorer.css">
<div class="container" style="height:600px"></div>
<script src="{elements}/explorer.js"></script>
<script>
var contentExplorer = new Box.ContentExplorer();
contentExplorer.show('0', '{token}', {options});
</script>"""


def _bare_page(sample: str) -> str:
    style, _, body = sample.partition("\n")
    return f"""<!DOCTYPE html>
<html lang="en-US">
<head>
<meta charset="utf-8"><title>Box UI Elements</title>
{style}
</head>
<body>
{body}
</body>
</html>
"""


@contextmanager
def _chromium() -> Iterator[Browser]:
    """A Chromium that reaches this machine alone, without Playwright's interception, which would slow each request."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        raise ProcessError("chromium is not installed")
    flags = [*FLAGS, "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=flags)
        try:
            yield browser
        finally:
            browser.close()


def _first_row(site: Site, browser: Browser, path: str, storage: Any) -> tuple[float, Any]:
    """Seconds by the page's own clock, which starts with the navigation, and what the browser then keeps."""
    url = site.wordpress.url
    cookies = [{"name": c.name, "value": c.value or "", "url": url} for c in site.ana.cookies.jar if c.value]
    context = browser.new_context(base_url=url, locale="en-US", storage_state=storage)
    try:
        context.add_cookies(cookies)  # type: ignore[arg-type]
        context.add_init_script(FIRST_ROW)
        page = context.new_page()
        page.goto(path, wait_until="commit")
        page.wait_for_function("window.firstRow !== undefined", timeout=30_000)
        return float(page.evaluate("window.firstRow")) / 1000, context.storage_state()
    finally:
        context.close()
