"""What is written for people to read: one line an event, whatever strangers say in it."""

from __future__ import annotations

import codecs
import logging
import re
import sys
from typing import Any

from box_sidecar import TLS_KEYS_WANTED

log = logging.getLogger(__name__)

_ESCAPED = codecs.lookup("unicode_escape").encode  # looked up now: later there may be no descriptor to load it with
_NAME = re.compile(r"[a-z_]{1,40}")


def printable(text: str) -> str:
    """Text whose control characters, line ends and changes of direction are escaped."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else _ESCAPED(letter)[0].decode() for letter in text)


def redact_error(text: str, length: int) -> str:
    """What a log line or an answer may hold of a stranger's error: at most ``length`` characters, and no secret."""
    # A long run that is no name like cors_origin_not_whitelisted could be a token or assertion sent back to us.
    words = ("…" if len(word) > 24 and not _NAME.fullmatch(word) else word for word in text.split())
    return "".join(char if char.isprintable() else "�" for char in " ".join(words))[:length]


class Formatter(logging.Formatter):
    """One line an event; a traceback's lines are marked as such."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        """The line."""
        return printable(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802
        """The traceback."""
        return _marked(super().formatException(ei))

    def formatStack(self, stack_info: str) -> str:  # noqa: N802
        """The stack."""
        return _marked(super().formatStack(stack_info))


def _marked(lines: str) -> str:
    return "\n".join(f"  | {printable(line)}" for line in lines.split("\n"))


def log_to_stderr(level: str) -> None:
    """Send every logger's lines from ``level`` on to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=level.upper(), handlers=[handler])
    if TLS_KEYS_WANTED:
        log.warning("SSLKEYLOGFILE is not honoured: it would write down what protects the app's secret and all tokens")
    # These would write what is in a request or an answer.
    for name in ("asyncio", "aiohttp", "httpx"):
        logging.getLogger(name).setLevel(logging.WARNING)
