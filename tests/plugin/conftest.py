"""A WordPress with the plugin as it is in this working tree, in front of a scripted sidecar."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from intranet.wordpress import PEOPLE, Person, Session, WordPress
from plugin.scripted_sidecar import ScriptedSidecar, token
from plugin.support import remove

EDITH = Person("edith", "edith@example.com", "Edith Author", role="author")

#: The oldest WordPress that is supported, on SQLite, and a current one as it is run in earnest: nginx, MariaDB.
VERSIONS = ("6.1", "6.8")


class Site(WordPress):
    """A WordPress whose usual people log in once: most tests only need somebody's session."""

    _sessions: ClassVar[dict[tuple[str, str], Session]] = {}

    def login(self, name: str, password: str | None = None) -> Session:
        """A session that others use too, unless a password is given."""
        if password is not None:
            return super().login(name, password)
        key = (self.url, name)
        if key not in self._sessions:
            self._sessions[key] = super().login(name)
        return self._sessions[key]

    @classmethod
    def forget_sessions(cls) -> None:
        """For a test that ends them."""
        cls._sessions.clear()


@pytest.fixture(scope="session", params=VERSIONS)
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, plugin_zip: Path, short_directory: Path
) -> Iterator[WordPress]:
    """WordPress, the plugin's socket set by constant, and an author besides the usual people."""
    oldest = request.param == VERSIONS[0]
    with Site(
        tmp_path_factory.mktemp(f"site-{request.param}"),
        version=request.param,
        database="sqlite" if oldest else "mariadb",
        server="php" if oldest else "nginx",
        constants={"WIDGETS_FOR_BOX_SOCKET": str(short_directory / "sidecar.sock")},
        people=(*PEOPLE, EDITH),
        plugin=plugin_zip,
    ) as wordpress:
        yield wordpress


@pytest.fixture(scope="session")
def _listening(short_directory: Path) -> Iterator[ScriptedSidecar]:
    with ScriptedSidecar(short_directory / "sidecar.sock") as sidecar:
        yield sidecar


@pytest.fixture
def sidecar(_listening: ScriptedSidecar) -> ScriptedSidecar:
    """The sidecar that the site asks: grants everything and has no past."""
    _listening.answer = token
    _listening.requests.clear()
    return _listening


@pytest.fixture(autouse=True)
def no_php_complaints(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fails a test during which PHP logged anything about the plugin."""
    if "site" not in request.fixturenames:
        yield
        return
    site: WordPress = request.getfixturevalue("site")
    before = len(site.log())
    yield
    complaints = [line for line in site.log()[before:].splitlines() if "widgets-for-box" in line]
    assert not complaints, "\n".join(complaints)


@pytest.fixture(scope="session", params=("6.1", "6.8", "newest"))
def editing_site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, plugin_zip: Path, short_directory: Path
) -> Iterator[WordPress]:
    """As `site`, and the newest WordPress too: the editor is what changes most from one to the next."""
    constants = {"WIDGETS_FOR_BOX_SOCKET": str(short_directory / "sidecar.sock")}
    directory = tmp_path_factory.mktemp(f"editing-{request.param}")
    with Site(directory, version=request.param, constants=constants, plugin=plugin_zip) as wordpress:
        yield wordpress


@pytest.fixture
def mallory(site: WordPress) -> Iterator[Session]:
    """A subscriber, made by an administrator, and gone after the test."""
    account = {"username": "mallory", "password": "mallory-demo", "email": "mallory@example.com"}
    made = site.login("admin").rest("POST", "wp/v2/users", json={**account, "roles": ["subscriber"]})
    assert made.status_code == 201, made.text
    yield site.login("mallory", "mallory-demo")
    remove(site, "mallory")
