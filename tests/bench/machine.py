"""The machine: what it is, which processor runs what, and what a process costs."""

from __future__ import annotations

import math
import os
import platform
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

NO_MEMORY = "memory: the sidecar hides its own, only root can measure it"
PACKAGES = ("aiohttp", "box-sidecar", "boxsdk", "cryptography", "falcon", "gunicorn", "joserfc", "msgspec")
PROGRAMS = {
    "PHP": ("php", "-r", "echo PHP_VERSION;"),
    "Chromium": ("chromium-headless-shell", "--version"),
    "nginx": ("nginx", "-v"),
}


def describe() -> dict[str, Any]:
    """Processor, memory, system, and how busy it was before anything was measured."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": next(iter(_fields(Path("/proc/cpuinfo"), "model name")), platform.machine()),
        "processors": os.cpu_count(),
        "memory_gib": round(memory / 2**30, 1),
        "kernel": platform.release(),
        "system": platform.freedesktop_os_release().get("PRETTY_NAME", platform.system()),
        "load_before": round(os.getloadavg()[0], 2),
    }


def versions() -> dict[str, str]:
    """Versions of everything that takes part."""
    found = {"Python": platform.python_version()} | {name: version(name) for name in PACKAGES}
    path = os.environ.get("PATH", "") + ":/usr/sbin"
    for name, (program, *arguments) in PROGRAMS.items():
        if located := shutil.which(program, path=path):
            done = subprocess.run([located, *arguments], capture_output=True, text=True, check=False)
            found[name] = (done.stdout or done.stderr).strip()
    return found


class Processors:
    """Server on one processor, clients and Box on another, where there are two: neither takes time from the other."""

    def __init__(self) -> None:
        usable = sorted(os.sched_getaffinity(0))
        self.server, self.client = usable[0], usable[-1]
        os.sched_setaffinity(0, {self.client})  # inherited by what is started from now on

    def give_server(self, pid: int) -> None:
        """Let a process and all its children run on the server's processor."""
        _allow(pid, {self.server})


@contextmanager
def apart(pids: Iterable[int]) -> Iterator[None]:
    """For a while these processes, and all below them, have a processor without this one."""
    usable = os.sched_getaffinity(0)
    try:
        processors = Processors()
        for pid in pids:
            processors.give_server(pid)
        yield
    finally:
        for pid in (os.getpid(), *pids):
            _allow(pid, usable)


def _allow(pid: int, processors: set[int]) -> None:
    for member in tree(pid):
        for thread in Path(f"/proc/{member}/task").iterdir():
            with suppress(ProcessLookupError):  # it has ended meanwhile
                os.sched_setaffinity(int(thread.name), processors)


def named(*names: str) -> list[int]:
    """The processes below this one whose command has one of these names."""
    return [pid for pid in tree(os.getpid()) if Path(f"/proc/{pid}/comm").read_text().startswith(names)]


def tree(pid: int) -> Iterator[int]:
    """A process and all below it."""
    yield pid
    for thread in Path(f"/proc/{pid}/task").iterdir():
        for child in (thread / "children").read_text().split():
            yield from tree(int(child))


def cpu_seconds(pid: int) -> float:
    """CPU time of a process and all below it, from the scheduler's own accounts."""
    threads = [thread for member in tree(pid) for thread in Path(f"/proc/{member}/task").iterdir()]
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9


def pss(pid: int) -> float:
    """Proportional set size, in MiB, of a process and all below it; not a number where only root may look, as at the
    sidecar, which hides its memory.
    """
    rollups = (Path(f"/proc/{member}/smaps_rollup") for member in tree(pid))
    try:
        return sum(int(_fields(rollup, "Pss")[0].split()[0]) for rollup in rollups) / 1024
    except PermissionError:
        return math.nan


def _fields(file: Path, name: str) -> list[str]:
    """The values of ``name: value`` lines."""
    lines = (line.partition(":") for line in file.read_text().splitlines())
    return [value.strip() for field, _, value in lines if field.strip() == name]
