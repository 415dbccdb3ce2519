"""The command line: ``box-sidecar COMMAND``.

What a command needs is imported when it runs, so that the help of each is there at once.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Callable
from pathlib import Path

from box_sidecar import __version__
from box_sidecar.elements import ELEMENTS

#: Where an installation has its configuration.
USUAL = Path("/etc/box-sidecar/box-sidecar.toml")


def main() -> None:
    """Run one command and exit: 0 well, 1 failed, 2 the configuration can't be used."""
    if sys.version_info < (3, 11):  # noqa: UP036 - what pip was told to ignore
        sys.exit(
            "box-sidecar: this takes Python 3.11 or newer; make the environment with one, like python3.12 -m venv."
        )
    arguments = parser().parse_args()
    from box_sidecar.problems import ConfigError, Problem

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a mark or a word that the terminal's encoding lacks stops nothing
    try:
        sys.exit(arguments.run(arguments))
    except (ConfigError, Problem) as failure:
        from box_sidecar.tools.failure import tell

        nothing_there = getattr(arguments, "config", None) == USUAL and _is_missing(USUAL)
        sys.exit(tell(failure, nothing_there=nothing_there))
    except KeyboardInterrupt:
        sys.exit(130)


def _is_missing(path: Path) -> bool:
    try:
        path.stat()
    except FileNotFoundError:
        return True
    except OSError:  # it is there, for others
        return False
    return False


def parser() -> argparse.ArgumentParser:
    """All commands with their options; manual, completions and documents are made from it, too."""
    parser = argparse.ArgumentParser(
        prog="box-sidecar",
        description="Issues short-lived, downscoped Box tokens over a Unix socket, so that the web server never "
        "holds the key to your enterprise.",
        epilog="Start with: box-sidecar config > box-sidecar.toml",
    )
    parser.add_argument("--version", action="version", version=f"box-sidecar {__version__}")
    parser.set_defaults(run=_help)
    commands = parser.add_subparsers(metavar="COMMAND")

    setup = _command(commands, "setup", _setup, "install the service on this machine, and check it; or remove it")
    setup.add_argument("--json", metavar="FILE", help="the JSON from Box's Developer Console")
    kept = setup.add_mutually_exclusive_group()
    kept.add_argument("--remove-json", dest="delete_json", action="store_true", help="delete FILE once it is taken in")
    kept.add_argument("--keep-json", dest="delete_json", action="store_false", help="leave FILE where it is")
    setup.add_argument(
        "--user", action="append", metavar="NAME", help="who runs PHP, like www-data; again for further ones"
    )
    setup.add_argument("--group", metavar="NAME", help="the socket's group, where that is not to be found out")
    setup.add_argument(
        "--site", metavar="URL", help="WordPress, like https://intranet.example.com: try CORS, give links"
    )
    setup.add_argument("--yes", action="store_true", help="do it without asking first")
    setup.add_argument("--dry-run", action="store_true", help="print what would be done, and do nothing")
    setup.add_argument("--remove", action="store_true", help="take everything away again, living tokens included")
    setup.add_argument(
        "--leave-tokens", action="store_true", help="with --remove: also if living tokens can't be ended at Box"
    )
    setup.set_defaults(delete_json=None)
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
    token.add_argument("--element", required=True, choices=list(ELEMENTS), help="for which UI Element")
    token.add_argument(
        "--scope", nargs="*", action="extend", default=[], metavar="SCOPE", help="feature scopes, like item_download"
    )
    place = token.add_mutually_exclusive_group()
    place.add_argument("--folder", metavar="ID", help="limit it to this folder; 0, the default, is everything")
    place.add_argument("--file", metavar="ID", help="limit it to this file")
    token.add_argument("--path", metavar="NAMES", help="limit it to the folder at this path, like Receipts/2026")
    token.add_argument("--show-token", action="store_true", help="print the token itself, which opens what it says")
    revoke = _command(commands, "revoke", _revoke, "end tokens at Box now, one person's or all, through the socket")
    whose = revoke.add_mutually_exclusive_group(required=True)
    whose.add_argument("--login", metavar="EMAIL", help="this person's")
    whose.add_argument("--all", action="store_true", help="everybody's; for root and the sidecar's own user")
    usage = _command(commands, "usage", _usage, "tell what is used by day, and what it comes to in calls to Box")
    usage.add_argument("--days", type=int, default=30, metavar="N", help="the last N days, at most 90 (30)")
    usage.add_argument("--json", action="store_true", help="print JSON; nobody is named in it")
    keygen = _command(commands, "keygen", _keygen, "make a key pair in hardware, and print its public part for Box")
    keygen.add_argument("--key", metavar="URI", help="its PKCS#11 URI (RFC 7512), if not that of box.key")
    keygen.add_argument("--bits", type=int, choices=[2048, 4096], default=2048, help="its length (2048, as Box's own)")
    for command in (serve, check, token, revoke, usage, keygen):
        command.add_argument(
            "--config", default=USUAL, type=Path, metavar="FILE",
            help=f"the TOML file ({USUAL}); see: box-sidecar config",
        )  # fmt: skip
    _command(commands, "config", _config, "print a commented configuration with every key and its default")
    completion = _command(commands, "completion", _completion, "print what completes these commands in a shell")
    completion.add_argument("shell", choices=["bash", "zsh", "fish"], help="which shell")
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


def _help(_arguments: argparse.Namespace) -> int:
    parser().print_help()
    return 0


def _setup(arguments: argparse.Namespace) -> int:
    if sys.platform != "linux":
        print(
            "box-sidecar: the sidecar runs on Linux only: on the web server itself, or in a container.", file=sys.stderr
        )
        return 1
    from box_sidecar.tools import setup

    return setup.run(arguments)


def _serve(arguments: argparse.Namespace) -> int:
    from box_sidecar.logs import log_to_stderr
    from box_sidecar.server import serve
    from box_sidecar.settings import load_settings

    log_to_stderr(load_settings(arguments.config).log.level)
    serve(arguments.config)
    return 0


def _check(arguments: argparse.Namespace) -> int:
    from box_sidecar.tools import check

    return check.run(arguments)


def _token(arguments: argparse.Namespace) -> int:
    from box_sidecar.tools import token

    return token.run(arguments)


def _revoke(arguments: argparse.Namespace) -> int:
    from box_sidecar.tools import revoke

    return revoke.run(arguments)


def _usage(arguments: argparse.Namespace) -> int:
    from box_sidecar.tools import usage

    return usage.run(arguments)


def _keygen(arguments: argparse.Namespace) -> int:
    from box_sidecar.tools import keygen

    return keygen.run(arguments)


def _config(arguments: argparse.Namespace) -> int:
    from box_sidecar.tools import config

    return config.run(arguments)


def _completion(arguments: argparse.Namespace) -> int:
    from box_sidecar.tools import completion

    return completion.run(arguments)


if __name__ == "__main__":
    main()
