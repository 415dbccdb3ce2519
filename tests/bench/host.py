"""Everything that runs in a soak: Box and the line to it, two sidecars as systemd would run them, their store, a
WordPress, and the floor beside them."""

from __future__ import annotations

import asyncio
import contextlib
import mmap
import os
import shutil
import signal
import struct
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bench.load import get
from bench.machine import pss, tree
from intranet.activation import Activated
from intranet.emulator_process import EmulatorProcess
from intranet.process import Process
from intranet.release import REPOSITORY
from intranet.sidecar_process import SidecarProcess
from intranet.store_process import StoreProcess
from intranet.wordpress import WordPress

TESTS = Path(__file__).resolve().parents[1]
FIRST, SECOND, WORDPRESS, FLOOR = "first", "second", "WordPress", "floor"
_RESTART_S = 2.0  # RestartSec= of the unit
_ROOM_MIB = 64
_ROTATED = 4 * 2**20
_CLOCK = """
import mmap, pathlib, struct, time
true = time.time
with pathlib.Path(__file__).with_name("offset").open("rb") as file:
    offset = mmap.mmap(file.fileno(), 8, access=mmap.ACCESS_READ)
time.time = lambda: true() + struct.unpack("d", offset)[0]
"""


def login(number: int) -> str:
    """The login of one of the people."""
    return f"p{number:05}@example.com"


class Line:
    """The way to Box: what is between here and there can be cut, and be there again, while Box knows what it knew."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self.port = self.box = 0

    @property
    def url(self) -> str:
        """What sidecars have in the place of Box's address."""
        return f"http://127.0.0.1:{self.port}"

    async def open(self) -> None:
        """Take connections."""
        self._server = await asyncio.start_server(self._pass_on, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """End all connections, and refuse others."""
        if self._server:
            self._server.close()
        for writer in self._writers:
            writer.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            there, back = await asyncio.open_connection("127.0.0.1", self.box)
            await asyncio.gather(self._copy(reader, back), self._copy(there, writer))

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            with contextlib.suppress(OSError):
                while data := await reader.read(65536):
                    writer.write(data)
                    await writer.drain()
        finally:
            self._writers.discard(writer)
            writer.close()

    def do(self, what: Any) -> None:
        """Have one of the above done, from another thread."""
        asyncio.run_coroutine_threadsafe(what, self._loop).result(10)


class Disk:
    """A small file system of its own, where root may have one; else a folder that can't be filled."""

    def __init__(self, place: Path) -> None:
        self.place = place
        place.mkdir(mode=0o700)
        options = f"size={_ROOM_MIB}m,mode=700"
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", place], capture_output=True, check=False
        )
        self.is_small = mounted.returncode == 0

    def fill(self) -> None:
        """Leave no byte on it."""
        with (self.place / "ballast").open("wb", buffering=0) as ballast, contextlib.suppress(OSError):
            while True:
                ballast.write(bytes(4096))

    def empty(self) -> None:
        """Give the room back."""
        (self.place / "ballast").unlink()

    def close(self) -> None:
        """Leave no mount behind."""
        if self.is_small:
            subprocess.run(["umount", "--lazy", self.place], check=False)


class Clock:
    """The wall clock of a running process and of those that it starts, this far from the machine's."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        (folder / "sitecustomize.py").write_text(_CLOCK)
        (folder / "offset").write_bytes(bytes(8))
        with (folder / "offset").open("r+b") as file:
            self._offset = mmap.mmap(file.fileno(), 8)

    def jump(self, seconds: float) -> None:
        """Be wrong by so much from now on."""
        self._offset[:8] = struct.pack("d", seconds)


class Service(Activated):
    """A sidecar with its socket, disk and clock, and what systemd would do with them."""

    def __init__(self, name: str, folder: Path, **settings: Any) -> None:
        folder.mkdir()
        self.name = name
        self.disk = Disk(folder / "state")
        self.clock = Clock(folder / "clock")
        self.audit = self.disk.place / "audit.jsonl"
        self.kept: list[Path] = []
        self.kills: list[float] = []
        settings["log"] = {"audit_file": str(self.audit)}
        settings["cache"] |= {"ledger": str(self.disk.place / "tokens.ledger")}
        environment = {"PYTHONPATH": str(self.clock.folder)}
        self.sidecar = SidecarProcess(folder, env=environment, **settings)
        super().__init__(self.sidecar)

    @property
    def master(self) -> int:
        """Its main process."""
        assert self.process
        return self.process.pid

    @property
    def worker(self) -> int:
        """The process that serves; 0 while there is none."""
        children = Path(f"/proc/{self.master}/task/{self.master}/children").read_text().split()
        return int(children[0]) if children else 0

    def kill_worker(self) -> None:
        """kill -9."""
        if worker := self.worker:
            self.kills.append(time.monotonic())
            os.kill(worker, signal.SIGKILL)

    def kill_master(self) -> None:
        """kill -9 of the main process; systemd ends what is left of the unit (KillMode=mixed) and starts it again."""
        self.kills.append(time.monotonic())
        assert self.process
        os.kill(self.master, signal.SIGKILL)
        self.process.signal(signal.SIGKILL)
        self.process.stop()
        time.sleep(_RESTART_S)
        self.start()

    def restart(self) -> None:
        """systemctl restart."""
        self.stop()
        self.start()

    def reload(self) -> None:
        """systemctl reload."""
        os.kill(self.master, signal.SIGHUP)

    def rotate(self) -> None:
        """What logrotate does to an audit that has grown."""
        if self.audit.stat().st_size < _ROTATED:
            return
        old = self.audit.with_suffix(".1")
        self.audit.rename(old)
        os.kill(self.master, signal.SIGUSR1)
        end = time.monotonic() + 10
        while not self.audit.exists() and time.monotonic() < end:
            time.sleep(0.1)
        self.kept.append(self.sidecar.directory / f"audit.{len(self.kept)}")
        shutil.move(old, self.kept[-1])

    def descriptors(self) -> set[int]:
        """Those that the worker has open."""
        return {int(name) for name in os.listdir(f"/proc/{self.worker}/fd")}

    def measure(self, box: int) -> tuple[float, int, int, int, int] | None:
        """MiB of memory (PSS), descriptors of the worker and those of connections to Box's port, processes, threads;
        nothing while one of them is ending.
        """
        try:
            processes = list(tree(self.master))
            threads = sum(len(os.listdir(f"/proc/{process}/task")) for process in processes)
            folder = Path(f"/proc/{self.worker}/fd")
            opened = [str(descriptor.readlink()) for descriptor in folder.iterdir()]
            to_box = len(_connections(box).intersection(opened))
            return round(pss(self.master), 2), len(opened) - to_box, to_box, len(processes), threads
        except (FileNotFoundError, ProcessLookupError):
            return None

    def said(self) -> list[Path]:
        """All that it has written about what it did."""
        return [*self.kept, self.audit, self.sidecar.log]


def _connections(port: int) -> set[str]:
    """The sockets that are connected to this port of this machine, as /proc/PID/fd shows them (proc(5))."""
    rows = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    return {f"socket:[{row[9]}]" for row in rows if row[2].endswith(f":{port:04X}")}


class Host:
    """All of it in one folder with a short name, as a context manager. ``people`` is how many know Box."""

    def __init__(self, folder: Path, people: int, line: Line) -> None:
        self.folder, self.people, self.line = folder, people, line
        self.regulars = people // 20
        seed = folder / "people.toml"
        known = [("Ana Souza", "ana@example.com"), ("Kenji", "kenji@example.com")]
        known += [(f"Person {number}", login(number)) for number in range(people)]
        seed.write_text("\n".join(f'[[people]]\nname = "{name}"\nlogin = "{one}"\n' for name, one in known))
        self.box = EmulatorProcess(folder / "box", seed=seed)
        self.app_config = folder / "app.json"
        self.store = StoreProcess(folder / "store")
        self.services: dict[str, Service] = {}
        self.parts = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as parts:
            parts.enter_context(self.box)
            self.line.box = int(self.box.url.rpartition(":")[2])
            # The limit is the service account's, whom we make ask thousands of times. Tokens live ten minutes, not an
            # hour: what is kept as long as they live is kept by everybody's after that, and has no reason to grow.
            self.box.settings(rate_limit_per_minute=0, token_life_s={"user": 600, "downscoped": 600})
            self.take_key()
            parts.enter_context(self.store)
            for name in (FIRST, SECOND):
                self.services[name] = self._service(name, parts)
            self.wordpress = parts.enter_context(self._wordpress())
            self.floor = parts.enter_context(self._floor())
            self.parts = parts.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.parts.close()

    def said(self) -> list[Path]:
        """All that sidecars and PHP have written about what they did."""
        ours = [path for service in self.services.values() for path in service.said()]
        return [*ours, *(self.folder / "wordpress/log").glob("*.log")]

    def take_key(self) -> None:
        """Put Box's present JSON of the app in the place of the one before, in one step."""
        new = self.app_config.with_suffix(".new")
        shutil.copy(self.box.app_config, new)
        new.chmod(0o600)
        new.rename(self.app_config)

    def _service(self, name: str, parts: ExitStack) -> Service:
        service = Service(
            name,
            self.folder / name,
            app_config=self.app_config,
            api_url=self.line.url,
            box={"timeout_s": 3.0},
            policy={"mints_per_minute": 1_000_000, "mints_per_user_per_minute": 1_000_000},
            # Full once everybody has been there: from then on memory has no reason to grow.
            cache={"max_tokens": self.people // 2, "store": self.store.url},
        )
        parts.callback(service.disk.close)
        return parts.enter_context(service)

    def _wordpress(self) -> WordPress:
        plugin = self.folder / "widgets-for-box.zip"
        subprocess.run([REPOSITORY / "wp-plugin/bin/build-zip", plugin], check=True, capture_output=True)
        constants = {"WIDGETS_FOR_BOX_SOCKET": str(self.services[FIRST].sidecar.socket)}
        return WordPress(self.folder / "wordpress", plugin=plugin, constants=constants)

    def _floor(self) -> Process:
        self.floor_socket = self.folder / "floor.sock"
        gunicorn = str(Path(sys.executable).with_name("gunicorn"))
        options = ["--worker-class", "asgi", "--workers", "1", "--asgi-loop", "asyncio", "--http-parser", "python"]
        place = ["--keep-alive", "15", "--no-control-socket", "--bind", f"unix:{self.floor_socket}"]
        command = [gunicorn, *options, *place, "bench.floor:application"]
        floor = Process(command, log=self.folder / "floor.log", cwd=TESTS)
        floor.wait_until(self._floor_is_up)
        return floor

    def _floor_is_up(self) -> bool:
        with contextlib.suppress(OSError):
            return bool(get(self.floor_socket, "/health/startup"))
        return False
