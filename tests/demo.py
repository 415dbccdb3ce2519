"""`make demo`: the whole intranet on this machine, without a Box account.

Real WordPress, real plugin, real sidecar, real Box UI Elements; only Box itself is played by the emulator, and only
configuration says so. DEMO_PORT (8080) is the port, DEMO_STATE (.cache/demo) the folder where all of it lives.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import httpx

from intranet.packages import GROUPS, PackagesError, missing
from intranet.process import ProcessError, answers
from intranet.release import CACHE, ReleaseError
from intranet.stack import ELEMENTS, Stack, StackError
from intranet.wordpress import ADMIN, ANA, KENJI, NORA, WordPressError

PEOPLE = (ADMIN, ANA, KENJI, NORA)


class DemoError(RuntimeError):
    """The demo can't start; the message is the one line that says why."""


class Ended(Exception):
    """Somebody asked the demo to end."""


def main() -> int:
    """Run until somebody ends it; exit status 1 with one line when it can't start."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    try:
        with state() as directory:
            port = free_demo_port()
            check_tools()
            print("Starting. The first time takes a minute: WordPress comes from Debian, Box UI Elements from npm.")
            print(f"The Elements are Box's software, under Box's own licence: {ELEMENTS}/*/LICENSE", flush=True)
            with Stack(directory, port=port, people=PEOPLE) as stack:
                print(welcome(stack, directory), flush=True)
                while True:
                    signal.pause()
    except Ended:
        print('\nEnded, nothing is left running. The next start keeps what changed in WordPress, but not in "Box".')
        return 0
    except (DemoError, ReleaseError, StackError, ProcessError, WordPressError, httpx.HTTPError, OSError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1


def end(_number: int, _frame: FrameType | None) -> None:
    """Unwind once; further signals must not interrupt the cleaning up."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    raise Ended


@contextlib.contextmanager
def state() -> Iterator[Path]:
    """The folder of the demo's state, for this demo alone."""
    directory = Path(os.environ.get("DEMO_STATE") or CACHE / "demo").absolute()
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DemoError(f"a demo already runs in {directory}; DEMO_STATE names another folder") from error
        yield directory


def free_demo_port() -> int:
    """The demo's port; DemoError when it is none or is taken."""
    wanted = os.environ.get("DEMO_PORT") or "8080"
    if not wanted.isdecimal() or not 1 <= int(wanted) <= 65535:
        raise DemoError(f"DEMO_PORT={wanted} is not a port: a number from 1 to 65535 is")
    if answers(int(wanted)):
        raise DemoError(f"port {wanted} is taken; choose another: make demo DEMO_PORT={int(wanted) % 65535 + 1}")
    return int(wanted)


def check_tools() -> None:
    """DemoError with the one command that installs what is missing."""
    try:
        lacking = missing(GROUPS["demo"])
    except PackagesError as error:
        raise DemoError(str(error)) from error
    if lacking:
        raise DemoError(f"please install first: sudo apt-get install --no-install-recommends {' '.join(lacking)}")


def welcome(stack: Stack, directory: Path) -> str:
    """What there is to see, and how."""
    return f"""
  The intranet   {stack.wordpress.url}/
  Inside "Box"   {stack.emulator.url}/   accounts, live tokens, the last requests

  Log in as      with           and see
  {ANA.login:<14} {ANA.password:<14} the Box folder of {ANA.name}
  {KENJI.login:<14} {KENJI.password:<14} the Box folder of {KENJI.name}, with a folder of more than a thousand files
  {NORA.login:<14} {NORA.password:<14} what someone without a Box account is told
  {ADMIN.login:<14} {ADMIN.password:<14} the administrator's side: their own folder, the block editor, the settings

  Try this
  1. Open the intranet, press "Log in", be {ANA.login}: her files are on the front page, with no Box log-in.
  2. Drop a file on the uploader, then go to another folder and back: it is there.
  3. In a private window be {KENJI.login}: the same page shows his files, not hers.
  4. Edit the front page as {ADMIN.login}: the widgets are blocks, and their eye shows your own files.
  Previews alone are missing: their code comes from Box's CDN only, and the demo talks to no other machine.

  All of it lives in {directory}. Ctrl-C ends it.
"""


if __name__ == "__main__":
    sys.exit(main())
