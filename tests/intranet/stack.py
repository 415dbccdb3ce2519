"""The whole intranet: Box's emulator, the sidecar, and a WordPress with the plugin, wired by configuration alone::

with Stack(directory) as stack:
    ana = stack.wordpress.login("ana")
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from intranet.emulator_process import EmulatorProcess
from intranet.release import CACHE, REPOSITORY, one_at_a_time
from intranet.sidecar_process import SidecarProcess
from intranet.webserver import PHP_FILES
from intranet.wordpress import PEOPLE, PLUGIN_ZIP, Constant, Person, WordPress

ELEMENTS = CACHE / "elements"
ELEMENTS_PATH = "wp-content/box-ui-elements"


class StackError(RuntimeError):
    """A part of the stack can't be had; the message says which and why."""


class Stack:
    """Emulator, sidecar and WordPress in `directory`, which may be used again.

    Parameters: `port` of WordPress, 0 for a free one; `version`, `database`, `server`, `people`, `constants` and
    `plugin` as WordPress takes them; `sidecar` holds further tables of the sidecar's configuration file,
    `sidecar_source` another package than ours; `dialect` are settings with which the emulator starts; `description`
    is a copy of Box's OpenAPI file, to check traffic against.
    """

    def __init__(
        self,
        directory: Path,
        *,
        port: int = 0,
        version: str = "6.8",
        database: Literal["sqlite", "mariadb"] = "sqlite",
        server: Literal["php", "nginx"] = "php",
        people: Sequence[Person] = PEOPLE,
        constants: Mapping[str, Constant] | None = None,
        plugin: Path = PLUGIN_ZIP,
        sidecar: Mapping[str, Any] | None = None,
        sidecar_source: Path | None = None,
        dialect: Mapping[str, Any] | None = None,
        description: Path | None = None,
    ) -> None:
        self.wordpress = WordPress(
            directory / "wordpress",
            version=version,
            database=database,
            server=server,
            port=port,
            people=people,
            plugin=plugin,
        )
        self._constants = dict(constants or {})
        origins = (self.wordpress.url, self.wordpress.url.replace("127.0.0.1", "localhost"))
        self.emulator = EmulatorProcess(
            directory / "box", cors_origins=origins, settings=dialect, description=description
        )
        self._sidecar_directory = directory / "sidecar"
        self._sidecar_settings = dict(sidecar or {})
        self._sidecar_env = {"PYTHONPATH": str(sidecar_source)} if sidecar_source else None
        self._parts = ExitStack()

    def __enter__(self) -> Stack:
        with ExitStack() as parts:
            fetch_elements()
            parts.enter_context(self.emulator)
            self.sidecar = parts.enter_context(
                SidecarProcess(
                    self._sidecar_directory,
                    app_config=self.emulator.app_config,
                    api_url=self.emulator.url,
                    env=self._sidecar_env,
                    **self._sidecar_settings,
                )
            )
            self.wordpress.constants.update(self.plugin_constants() | self._constants)
            parts.enter_context(self.wordpress)
            self._link_elements()
            self.wordpress.php((PHP_FILES / "pages.php").read_text().removeprefix("<?php"))
            self._parts = parts.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._parts.close()

    def plugin_constants(self) -> dict[str, Constant]:
        """What a site's owner would write into wp-config.php: where the sidecar, Box and the Elements are."""
        return {
            "WIDGETS_FOR_BOX_SOCKET": str(self.sidecar.socket),
            "WIDGETS_FOR_BOX_API_HOST": self.emulator.url,
            "WIDGETS_FOR_BOX_UPLOAD_HOST": self.emulator.url,
            "WIDGETS_FOR_BOX_STATIC_HOST": self.emulator.url,
            "WIDGETS_FOR_BOX_ELEMENTS_URL": f"{self.wordpress.url}/{ELEMENTS_PATH}/{{version}}/{{locale}}/{{file}}",
        }

    def _link_elements(self) -> None:
        link = self.wordpress.docroot / ELEMENTS_PATH
        link.unlink(missing_ok=True)
        link.symlink_to(ELEMENTS)


def fetch_elements() -> None:
    """Have Box UI Elements in the cache folder; they may not be in the repository."""
    command = [sys.executable, str(REPOSITORY / "wp-plugin/bin/elements"), "--quiet", str(ELEMENTS)]
    with one_at_a_time(ELEMENTS):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise StackError(done.stderr.strip())
