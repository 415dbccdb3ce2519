"""The command line: ``box-sidecar serve | check | token | config``."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from box_sidecar import __version__
from box_sidecar.elements import ELEMENT_SCOPES
from box_sidecar.logs import log_to_stderr, printable
from box_sidecar.problems import CODES, ConfigError, Problem
from box_sidecar.schemas import Check, DoctorAnswer
from box_sidecar.settings import load_settings
from box_sidecar.tools.config import TEMPLATE

if TYPE_CHECKING:
    from box_sidecar.sidecar import Sidecar

T = TypeVar("T")

_USUAL = Path("/etc/box-sidecar/box-sidecar.toml")

_OK, _FAILED, _UNUSABLE = 0, 1, 2
_MARKS = {"pass": "✓", "warn": "!", "fail": "✗"}


def main() -> None:
    """Run one command and exit: 0 well, 1 failed, 2 the configuration can't be used."""
    arguments = _parser().parse_args()
    try:
        sys.exit(arguments.run(arguments))
    except ConfigError as error:
        print(f"box-sidecar: {printable(str(error))}", file=sys.stderr)
        sys.exit(_UNUSABLE)
    except Problem as problem:
        print(printable(f"box-sidecar: {CODES[problem.code].title}. {problem.detail}"), file=sys.stderr)
        if problem.box and problem.box.error:
            print(printable(f"  Box said: {problem.box.error}: {problem.box.error_description}"), file=sys.stderr)
        print(f"  Fix: {problem.fix or CODES[problem.code].fix}", file=sys.stderr)
        sys.exit(_FAILED)
    except KeyboardInterrupt:
        sys.exit(130)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="box-sidecar",
        description="Issues short-lived, downscoped Box tokens over a Unix socket, so that the web server never "
        "holds the key to your enterprise.",
        epilog="Start with: box-sidecar config > box-sidecar.toml",
    )
    parser.add_argument("--version", action="version", version=f"box-sidecar {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    serve = _command(commands, "serve", _serve, "serve tokens on the socket until SIGTERM; SIGHUP reloads")
    check = _command(commands, "check", _check, "find out what is wrong, and what to click to mend it")
    check.add_argument("--login", metavar="EMAIL", help="also try a token for this person")
    check.add_argument("--origin", metavar="URL", help="also try whether pages of this site may call Box (CORS)")
    check.add_argument("--user", metavar="NAME", help="also judge whether this user, like www-data, may connect")
    check.add_argument(
        "--probe",
        action="store_true",
        help="with --login: try all that the elements do at Box, with their own tokens, in a folder that is made for "
        "it and removed again; tells how this Box does what is documented nowhere",
    )
    check.add_argument("--json", action="store_true", help="print JSON; it holds no secret, and no name with --probe")
    token = _command(commands, "token", _token, "issue one token, as a page would get it, and tell about it")
    token.add_argument("--login", required=True, metavar="EMAIL", help="whose token")
    token.add_argument("--element", required=True, choices=list(ELEMENT_SCOPES), help="for which UI Element")
    token.add_argument(
        "--scope", nargs="*", action="extend", default=[], metavar="SCOPE", help="feature scopes, like item_download"
    )
    place = token.add_mutually_exclusive_group()
    place.add_argument("--folder", metavar="ID", help="limit it to this folder; 0, the default, is everything")
    place.add_argument("--file", metavar="ID", help="limit it to this file")
    token.add_argument("--show-token", action="store_true", help="print the token itself, which opens what it says")
    for command in (serve, check, token):
        command.add_argument(
            "--config", default=_USUAL, type=Path, metavar="FILE",
            help=f"the TOML file ({_USUAL}); see: box-sidecar config",
        )  # fmt: skip
    _command(commands, "config", _config, "print a commented configuration with every key and its default")
    return parser


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    run: Callable[[argparse.Namespace], int],
    text: str,
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    parser.set_defaults(run=run)
    return parser


def _serve(arguments: argparse.Namespace) -> int:
    from box_sidecar import server

    config: Path = arguments.config
    log_to_stderr(load_settings(config).log.level)
    server.serve(config)
    return _OK


def _check(arguments: argparse.Namespace) -> int:
    from box_sidecar import doctor
    from box_sidecar.tools import probe

    if arguments.probe and not arguments.login:
        raise Problem("invalid_request", detail="--probe needs a person to try things as.", fix="Add --login EMAIL.")

    async def examine(sidecar: Sidecar) -> tuple[DoctorAnswer, probe.Report | None]:
        answer = await doctor.examine(sidecar, login=arguments.login, origin=arguments.origin, user=arguments.user)
        if not arguments.probe or answer.status == "fail":
            return answer, None
        return answer, await probe.probe(sidecar, arguments.login, _progress)

    answer, report = asyncio.run(_with_sidecar(arguments.config, examine))
    if arguments.json:
        document: Any = probe.document(answer, report) if arguments.probe else answer
        print(msgspec.json.format(msgspec.json.encode(document)).decode())
    else:
        _print_checks(answer.checks)
        if report:
            print(f"\n{probe.table(report)}\n")
            _print_checks(report.checks)
    failed = answer.status == "fail" or (report is not None and report.status == "fail")
    return _FAILED if failed else _OK


def _progress(text: str) -> None:
    """What takes a while says so, where somebody watches."""
    if sys.stderr.isatty():
        print(f"… {text}", file=sys.stderr, flush=True)


def _print_checks(checks: list[Check]) -> None:
    for check in checks:
        print(printable(f"{_MARKS[check.status]} {check.id}: {check.summary}"))
        if check.status != "pass" and check.fix:
            print(printable(f"    → {check.fix}"))


def _token(arguments: argparse.Namespace) -> int:
    from box_sidecar.issuer import Issued
    from box_sidecar.schemas import TokenRequest

    body = {"user": {"login": arguments.login}, "element": arguments.element, "scopes": arguments.scope}
    place = {"file": arguments.file} if arguments.file else {"folder": arguments.folder or "0"}
    try:
        asked = msgspec.convert(body | place, TokenRequest)
    except msgspec.ValidationError as error:
        raise Problem("invalid_request", detail=f"{error}.", fix="See: box-sidecar token --help") from None

    async def issue(sidecar: Sidecar) -> Issued:
        return await sidecar.service.issue(asked.user.who, asked.element, asked.scopes, asked.resource)

    issued = asyncio.run(_with_sidecar(arguments.config, issue))
    resource = asked.resource
    print(printable(f"user:     {issued.user.name} <{issued.user.login}> (Box id {issued.user.id})"))
    print(f"scopes:   {' '.join(issued.token.scopes)}")
    print(f"resource: {resource.type} {resource.id}{' (the whole tree)' if resource.is_root else ''}")
    print(f"life:     {issued.token.life:.0f} s")
    if arguments.show_token:
        print(f"token:    {issued.token.secret.reveal()}")
    return _OK


async def _with_sidecar(config: Path, work: Callable[..., Awaitable[T]]) -> T:
    """Run one piece of work with the same parts that serve, but no server."""
    from box_sidecar.server import harden
    from box_sidecar.sidecar import Sidecar

    harden()
    log_to_stderr("warning")
    sidecar = Sidecar(config)
    await sidecar.transport.open()
    try:
        return await work(sidecar)
    finally:
        await sidecar.transport.close()


def _config(_arguments: argparse.Namespace) -> int:
    print(TEMPLATE, end="")
    return _OK


if __name__ == "__main__":
    main()
