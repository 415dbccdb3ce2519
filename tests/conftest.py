"""What several suites share: the intranet as real processes, and a browser to look at it with."""

from __future__ import annotations

import functools
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from intranet.browser import Browser
from intranet.emulator_process import find_description
from intranet.release import REPOSITORY, ReleaseError, build_packages
from intranet.stack import Stack
from intranet.wordpress import PEOPLE

SCREENSHOTS = REPOSITORY / "dist" / "screenshots"

FAILED = pytest.StashKey[bool]()
"""Whether a test has failed, for what is to be kept of it then."""


class ByIntranet(LoadScopeScheduling):  # type: ignore[misc]
    """Where suites run side by side, what needs the same intranet runs in the same process; else each module does.

    (xdist's own loadgroup can't tell pytest 9.2 its groups: it writes them into the ids of tests, which are fixed now.)
    """

    def _split_scope(self, nodeid: str) -> str:
        module, _, name = nodeid.partition("::")
        folder = module.rpartition("/")[0].rpartition("/")[2]
        variant = re.search(r"[\[-](6\.\d+|newest)[-\]]", name)
        if folder == "browser":
            return f"browser {variant[1] if variant else USUAL_VARIANT}"
        if folder == "plugin":
            return f"plugin {variant[1] if variant else ''}"
        return folder if folder == "foreign" else module


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByIntranet:
    """What deals the tests out."""
    return ByIntranet(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note for the fixtures whether the test itself has failed."""
    report = yield
    if report.when == "call":
        item.stash[FAILED] = report.failed
    return report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Chromium beside two others on two processors loses a click now and then: what fails there is tried once more.

    The summary names it, as RERUN: it is a fault of the test or of the product all the same.
    """
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(scope="session")
def plugin_zip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plugin's zip, built from this working tree."""
    target = tmp_path_factory.mktemp("plugin") / "widgets-for-box.zip"
    subprocess.run([REPOSITORY / "wp-plugin/bin/build-zip", target], check=True, capture_output=True)
    return target


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all packages of the sidecar, built from this working tree."""
    return build_packages(REPOSITORY, tmp_path_factory.mktemp("packages"))


@pytest.fixture(scope="session")
def short_directory() -> Iterator[Path]:
    """A folder with a short name: the path of a Unix socket has room for 107 bytes."""
    directory = Path(tempfile.mkdtemp(prefix="wfb-"))
    yield directory
    shutil.rmtree(directory)


USUAL_VARIANT = "6.8"
VARIANTS: dict[str, dict[str, Any]] = {
    "6.1": {"version": "6.1", "dialect": {"root_restricted_to": "joined"}},
    "6.8": {"version": "6.8", "database": "mariadb", "server": "nginx"},
    "newest": {
        "version": "newest",
        "dialect": {"root_restricted_to": "absent", "root_resource": True, "fresh_subject_token_refused": True},
    },
}
"""The oldest WordPress that is supported, as small as it gets; a current one, as companies run it; and the newest.

Each has a Box of another dialect: how a root's token is told and asked for is what every page depends on.
"""


@pytest.fixture(scope="session")
def _stacks(short_directory: Path, plugin_zip: Path) -> Iterator[Callable[[str], Stack]]:
    with ExitStack() as running:

        @functools.cache
        def start(variant: str) -> Stack:
            # Tokens that live for seconds are what some tests are about.
            sidecar = {"cache": {"min_life_s": 1.0}}
            described = {"description": find_description(), **VARIANTS[variant]}
            made = Stack(short_directory / variant, plugin=plugin_zip, sidecar=sidecar, **described)
            try:
                return running.enter_context(made)
            except ReleaseError as error:
                if variant == "newest":
                    # Debian's unstable archive moves while one reads it; that is nobody's fault here.
                    pytest.skip(str(error))
                raise

        yield start


@pytest.fixture
def stack(request: pytest.FixtureRequest, _stacks: Callable[[str], Stack]) -> Iterator[Stack]:
    """The whole intranet, one of each variant for all tests: without faults and with the usual settings.

    `@pytest.mark.parametrize("stack", ["6.1"], indirect=True)` chooses another than the current WordPress.
    """
    running = _stacks(getattr(request, "param", USUAL_VARIANT))
    before = len(running.emulator.violations())
    yield running
    # The Elements' own requests are theirs to answer for; what the emulator says must be as Box describes it.
    said = [found for found in running.emulator.violations()[before:] if found["side"] == "response"]
    if running.sidecar.process is None or not running.sidecar.process.running():
        running.sidecar.start()
    for person in PEOPLE:  # a token that one test has spoilt at Box is not the next one's
        running.sidecar.request("POST", "/v1/tokens/revoke", json={"user": {"login": person.email}})
    running.emulator.reset()  # Files, links and settings as at the start, under the same ids.
    assert said == []


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, for one module: Playwright's event loop must not meet another suite's."""
    with Browser() as running:
        yield running
