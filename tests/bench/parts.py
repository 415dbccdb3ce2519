"""What takes part: a Box full of people, sidecars, the floor, the recipe and the official SDK."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from box_sdk_gen import BoxClient, BoxJWTAuth, JWTConfig, NetworkSession
from box_sdk_gen.networking import BaseUrls

from bench import load
from bench.machine import Processors
from intranet.emulator_process import EmulatorProcess
from intranet.process import Process
from intranet.sidecar_process import SidecarProcess, box_sidecar

TESTS = Path(__file__).resolve().parents[1]
RECIPE = Path(__file__).with_name("recipe.php")
SCOPES = ("item_download", "item_preview")
PEOPLE = 10_000
UNLIMITED = {"policy": {"mints_per_minute": 10_000_000, "mints_per_user_per_minute": 10_000_000}}


def login(number: int) -> str:
    """The login of one of the people."""
    return f"p{number:05}@example.com"


class Effort:
    """How often to do things: fewer times when `quick`."""

    def __init__(self, quick: bool) -> None:
        self.quick = quick

    def rounds(self, usual: int, quick: int) -> range:
        """To loop over."""
        return range(quick if self.quick else usual)


class Bench:
    """A Box full of people, and whatever is measured against it.

    From now on this process, and what it starts, keeps to one processor; the servers under measurement have another.
    """

    def __init__(self, directory: Path, effort: Effort) -> None:
        self.directory = directory
        self.quick = effort.quick
        self.rounds = effort.rounds
        self.processors = Processors()
        seed = directory / "people.toml"
        people = (f'[[people]]\nname = "Person {n}"\nlogin = "{login(n)}"\n' for n in range(PEOPLE))
        seed.write_text("\n".join(people))
        self.box = EmulatorProcess(directory / "box", seed=seed)
        self._parts = ExitStack()
        self._names = iter(range(1000))
        self._last_call = 0

    def __enter__(self) -> Self:
        self._parts.enter_context(self.box)
        self.box.settings(rate_limit_per_minute=0)  # of the service account, whom we make ask thousands of times
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._parts.close()

    def last_call(self) -> int:
        """The number of the last call that Box got."""
        for call in self.box.log(since=self._last_call):
            self._last_call = int(call["n"])
        return self._last_call

    def sidecar(self, **settings: Any) -> Server:
        """A sidecar with nobody's token in it and the service account's at hand, on the server's processor."""
        details = {"app_config": self.box.app_config, "api_url": self.box.url, **settings}
        return Server(self, SidecarProcess(self.folder(), **details))

    def floor(self) -> Program:
        """A trivial Falcon application on gunicorn's own ``asgi`` worker, its parser pinned to the one in Python."""
        socket = self.folder() / "floor.sock"
        gunicorn = str(Path(sys.executable).with_name("gunicorn"))
        options = ["--worker-class", "asgi", "--workers", "1", "--asgi-loop", "asyncio", "--http-parser", "python"]
        place = ["--keep-alive", "15", "--no-control-socket", "--bind", f"unix:{socket}"]
        return Program(self, [gunicorn, *options, *place, "bench.floor:application"], socket)

    def limit(self) -> Program:
        """A constant on a bare asyncio protocol."""
        socket = self.folder() / "limit.sock"
        return Program(self, [sys.executable, "-m", "bench.limit", str(socket)], socket)

    def limit_in_c(self) -> Program | None:
        """A constant by epoll in C; none where there is no compiler."""
        compiler = shutil.which("cc")
        if compiler is None:
            return None
        directory = self.folder()
        program = directory / "limit"
        subprocess.run([compiler, "-O2", "-o", program, Path(__file__).with_name("limit.c")], check=True)
        return Program(self, [str(program), str(directory / "limit.sock")], directory / "limit.sock")

    def folder(self) -> Path:
        """A new one."""
        directory = self.directory / f"s{next(self._names)}"
        directory.mkdir()
        return directory


class Server:
    """A sidecar under measurement."""

    def __init__(self, bench: Bench, sidecar: SidecarProcess) -> None:
        self._bench = bench
        self.sidecar = sidecar
        self.socket = sidecar.socket

    def __enter__(self) -> Self:
        before = self._bench.last_call()
        self.sidecar.start()
        self._bench.processors.give_server(self.pid)
        while self._bench.last_call() == before:  # its first call: the service account's token
            time.sleep(0.02)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.sidecar.stop()

    @property
    def pid(self) -> int:
        """Its first process."""
        assert self.sidecar.process is not None
        return self.sidecar.process.pid

    @property
    def command(self) -> list[str]:
        """What starts it."""
        return [box_sidecar(), "serve", "--config", str(self.sidecar.config)]


class Program:
    """Another server under measurement, by its `command`."""

    def __init__(self, bench: Bench, command: list[str], socket: Path) -> None:
        self._bench = bench
        self.command = command
        self.socket = socket
        self.log = socket.with_suffix(".log")

    def __enter__(self) -> Self:
        self.process = Process(self.command, log=self.log, cwd=TESTS)
        self.process.wait_until(lambda: is_up(self.socket))
        self._bench.processors.give_server(self.pid)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.stop()

    @property
    def pid(self) -> int:
        """Its first process."""
        return self.process.pid


def is_up(socket: Path) -> bool:
    """Whether a sidecar or the floor answers there."""
    try:
        return bool(load.get(socket, "/health/startup"))
    except OSError:
        return False


class Recipe:
    """The forum's recipe, in a PHP process that is there already."""

    def __init__(self, box: EmulatorProcess) -> None:
        arguments = [str(RECIPE), str(box.app_config), box.url, " ".join(("base_explorer", *SCOPES))]
        self._php = subprocess.Popen(["php", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._php.communicate()

    def token(self, person: str) -> dict[str, Any]:
        """``seconds``, ``cpu`` and ``token`` of one page view."""
        assert self._php.stdin is not None and self._php.stdout is not None
        self._php.stdin.write(f"{person}\n")
        self._php.stdin.flush()
        return dict(json.loads(self._php.stdout.readline()))


class OfficialSDK:
    """Box's own SDK for Python in a service of its own, which keeps the service account's token and its connections."""

    def __init__(self, box: EmulatorProcess) -> None:
        urls = BaseUrls(base_url=box.url, upload_url=f"{box.url}/api", oauth_2_url=f"{box.url}/oauth2")
        self._session = NetworkSession(base_urls=urls)
        self._auth = BoxJWTAuth(JWTConfig.from_config_file(str(box.app_config)))
        self._client = BoxClient(self._auth, network_session=self._session)
        self._client.users.get_user_me()

    def token(self, person: str) -> str:
        """A downscoped token of one person."""
        page = self._client.users.get_users(filter_term=person, fields=["id", "login"])
        user = next(user for user in page.entries or [] if user.login == person)
        auth = self._auth.with_user_subject(user.id)
        return str(auth.downscope_token(["base_explorer", *SCOPES], network_session=self._session).access_token)


def timed(work: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """Seconds that something takes by that clock."""
    began = clock()
    work()
    return clock() - began


def newcomers() -> Iterator[str]:
    """People of whom no sidecar that was just started knows anything."""
    return (login(number) for number in range(PEOPLE))
