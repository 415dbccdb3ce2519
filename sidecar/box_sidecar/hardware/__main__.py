"""The process that speaks with the token: data to be signed comes through a socket, signatures go back.

It ends with the worker, by the worker's hand alone, and holds nothing of the worker's. What a module prints goes
nowhere.
"""

from __future__ import annotations

import os
import signal
import socket
import sys

from box_sidecar.hardening import die_with, harden
from box_sidecar.hardware.answers import Answer, Refused, Signed, encode
from box_sidecar.hardware.uri import parse
from box_sidecar.problems import ConfigError

_MESSAGE_MAX = 65_536  # bytes


def main() -> None:
    """Open the key that the argument names, tell about it, and sign until nobody is there to ask or something fails."""
    die_with(os.getppid())
    harden()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # requests under way are answered before the worker ends, and us with it
    with socket.socket(fileno=os.dup(0)) as channel:
        last = _serve(channel, sys.argv[1])
        channel.send(encode(last))


def _serve(channel: socket.socket, uri: str) -> Answer:
    """Until it can't be done any more; why."""
    try:
        from box_sidecar.hardware import module
    except ConfigError as error:
        return Refused("configuration", str(error))
    try:
        key = module.HeldKey(parse(uri))
        channel.send(encode(key.told))
        while data := channel.recv(_MESSAGE_MAX):
            channel.send(encode(Signed(key.sign(data))))
    except module.TokenError as error:
        return Refused(error.kind, error.words)
    except ConfigError as error:
        return Refused("configuration", str(error))
    os._exit(0)  # nobody is there to ask; a module's own end may take its time


if __name__ == "__main__":
    main()
