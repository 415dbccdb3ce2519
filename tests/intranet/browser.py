"""Chromium, driven by Playwright: what a person sees, and all that their browser was told::

with Browser() as browser, browser.tab(wordpress.login("ana"), wordpress.url) as tab:
    tab.page.goto("/")
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit

import httpx
from playwright.sync_api import BrowserContext as PlaywrightContext
from playwright.sync_api import ConsoleMessage, Error, Request, Response, Route, sync_playwright

PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    # A page that a test serves itself has no address; its requests to this machine would be taken for an attack. And
    # nobody sees Chromium's own bars, for which it would start a process beside each window.
    "--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests,PreloadTopChromeWebUI",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)
DESKTOP = (1280, 900)
PHONE = (390, 844)


class BrowserError(RuntimeError):
    """There is no Chromium on this machine."""


class Browser:
    """One headless Chromium. Playwright keeps an event loop running in this thread until it is closed."""

    def __enter__(self) -> Browser:
        program = next(filter(None, map(shutil.which, PROGRAMS)), None)
        if program is None:
            raise BrowserError("chromium is not installed")
        self._playwright = sync_playwright().start()
        try:
            self._browser = self._playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        except BaseException:
            self._playwright.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._browser.close()
        self._playwright.stop()

    def tab(
        self,
        session: httpx.Client | None,
        url: str,
        *,
        viewport: tuple[int, int] = DESKTOP,
        locale: str = "en-US",
        screenshots: Path | None = None,
        cache: bool = False,
    ) -> Tab:
        """A window of its own, with the cookies of `session`; relative addresses are below `url`.

        Nothing outside of this machine is reached. `viewport` is in CSS pixels. With `cache` the browser keeps what it
        loads, as people's do, and what the page wanted of other machines is not noted.
        """
        context = self._browser.new_context(
            base_url=url,
            viewport={"width": viewport[0], "height": viewport[1]},
            locale=locale,
            has_touch=viewport == PHONE,
            is_mobile=viewport == PHONE,
            reduced_motion="reduce",
        )
        if session is not None:
            context.add_cookies(
                [
                    {"name": cookie.name, "value": cookie.value or "", "url": url}
                    for cookie in session.cookies.jar
                    if cookie.value
                ]
            )
        return Tab(context, screenshots, cache)


class Tab:
    """A page and the record of it.

    `errors`: what the console and the scripts complained about; `outside`: addresses of other machines that the page
    wanted; `responses`: every answer that the browser got; `pictures`: how many were taken.
    """

    def __init__(self, context: PlaywrightContext, screenshots: Path | None, cache: bool) -> None:
        self.context = context
        self.errors: list[str] = []
        self.outside: list[str] = []
        self.requests: list[Request] = []
        self.responses: list[Response] = []
        self.pictures = 0
        self._screenshots = screenshots
        if not cache:  # Whoever looks at requests has no cache.
            context.route(lambda url: not is_local(url), self._refuse)
        context.on("request", lambda request: self.requests.append(request))  # noqa: PLW0108 - Playwright marks its handlers
        context.on("response", lambda response: self.responses.append(response))  # noqa: PLW0108
        context.on("console", self._note)
        context.on("weberror", lambda error: self.errors.append(str(error.error)))
        self.page = context.new_page()
        self.page.set_default_timeout(30_000)

    def __enter__(self) -> Tab:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None:
            self.screenshot("failed")
        self.context.close()

    def screenshot(self, name: str, *, full_page: bool = False) -> None:
        """Keep a picture, as NAME.png, where the tab was made with a folder for them."""
        if self._screenshots is not None:
            self.pictures += 1
            self._screenshots.mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=self._screenshots / f"{name}.png", full_page=full_page)

    def received(self) -> Mapping[str, str]:
        """All that the browser was told by anyone: for each address the answer's headers and body as text."""
        told: dict[str, str] = {}
        for response in self.responses:
            try:
                body = response.body().decode(errors="replace")
            except Error:
                body = ""  # A redirect or a preflight has none.
            headers = "\n".join(f"{name}: {value}" for name, value in response.headers.items())
            told[response.url] = f"{told.get(response.url, '')}\n{headers}\n\n{body}"
        return told

    def _note(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(f"{message.text} ({message.location.get('url', '')})")

    def _refuse(self, route: Route) -> None:
        self.outside.append(route.request.url)
        route.abort()


def is_local(url: str) -> bool:
    """Whether an address is one of this machine, or no network address at all."""
    parts = urlsplit(url)
    return parts.scheme not in ("http", "https", "ws", "wss") or parts.hostname in ("127.0.0.1", "localhost")
