"""Command line of the emulator: ``python -m box_emulator --help``."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from aiohttp import web

from .box import Box
from .description import Description
from .errors import BoxError
from .seed import DEFAULT, Seed
from .server import application
from .settings import Settings
from .tls import server_context

SHUTDOWN_S = 0.1
"""How long a request may go on at the end; 0 would be for ever."""


def main() -> int:
    options = _parser().parse_args()
    source = "--setting"
    try:
        settings = Settings.parse(options.setting)
        settings.cors_origins += options.cors_origin
        source = options.seed
        seed = Seed.load(options.seed)
        box = Box(options.state, settings)
        seed.plant(box)
    except (OSError, ValueError, BoxError) as error:
        print(f"box_emulator: {source}: {error}", file=sys.stderr)
        return 2
    try:
        asyncio.run(_serve(options, box, seed))
    except OSError as error:
        print(f"box_emulator: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m box_emulator", description=__import__("box_emulator").__doc__)
    parser.add_argument(
        "--state", type=Path, required=True, metavar="DIR", help="folder for the apps' JSON files, made if missing"
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0 for any free one (%(default)s)")
    parser.add_argument("--seed", type=Path, default=DEFAULT, metavar="FILE", help="people and trees, in TOML")
    parser.add_argument(
        "--cors-origin", action="append", default=[], metavar="ORIGIN", help="a CORS domain of the app; may be repeated"
    )
    parser.add_argument(
        "--description", type=Path, metavar="FILE", help="check all traffic against this copy of Box's OpenAPI file"
    )
    parser.add_argument(
        "--setting",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a setting of the start (settings.py has them all); may be repeated",
    )
    parser.add_argument("--tls", action="store_true", help="speak HTTPS; the CA's certificate goes to DIR/ca.pem")
    parser.add_argument(
        "--tls-name", action="append", default=[], metavar="NAME", help="a host's name for the certificate, with --tls"
    )
    parser.add_argument("--socket", type=Path, metavar="FILE", help="listen on this Unix socket, too, without TLS")
    return parser


async def _serve(options: argparse.Namespace, box: Box, seed: Seed) -> None:
    """Serve until a signal comes."""
    description = Description.load(options.description) if options.description else None
    runner = web.AppRunner(application(box, seed, description), access_log=None, shutdown_timeout=SHUTDOWN_S)
    await runner.setup()
    context = server_context(options.state, (options.host, *options.tls_name)) if options.tls else None
    site = web.TCPSite(runner, options.host, options.port, ssl_context=context)
    await site.start()
    if options.socket is not None:
        await web.UnixSite(runner, options.socket).start()
    port = runner.addresses[0][1]
    scheme = "https" if options.tls else "http"
    print(json.dumps({"url": f"{scheme}://{options.host}:{port}", "pid": os.getpid()}), flush=True)
    await _stopped()
    await runner.cleanup()


async def _stopped() -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()


if __name__ == "__main__":
    sys.exit(main())
