"""All lifetimes and time-outs, from the browser to Box, as the code has them: the table in ARCHITECTURE.md.

Whoever adds one to the code says here what it means; what is said of one that is gone, or of one that is new nothing,
a test finds.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

REPOSITORY = Path(__file__).resolve().parents[1]
BROWSER, WORDPRESS, SIDECAR, BOX = "Browser", "WordPress", "Sidecar", "Box"

#: Where the code of each is. Box's own times are the emulator's, which is as strict.
FOLDERS = {
    BROWSER: REPOSITORY / "wp-plugin/assets",
    WORDPRESS: REPOSITORY / "wp-plugin/includes",
    SIDECAR: REPOSITORY / "sidecar/box_sidecar",
    BOX: REPOSITORY / "tests/box_emulator",
}

#: In the order in which a request passes them.
MEANINGS: dict[tuple[str, str, str], str] = {
    (BROWSER, "tokens.js", "PATIENCE"): "for an answer of the site",
    (BROWSER, "drop.js", "PATIENCE"): "for Box's dialog that takes dropped files",
    (BROWSER, "tokens.js", "MARGIN"): "a token with less life than this is renewed before it is used again",
    (BROWSER, "tokens.js", "ENDURANCE"): "to come back while the site says that it is busy",
    (BROWSER, "presence.js", "PAUSE"): "until what failed is tried again by itself, the first time; then twice as long",
    (BROWSER, "presence.js", "LONGEST_PAUSE"): "at most, between two such attempts",
    (BROWSER, "notices.js", "PATIENCE"): "of loading after which it is said what is being waited for",
    (BROWSER, "notices.js", "SITE_PATIENCE"): "after which it is said that the site takes longer than usual",
    (BROWSER, "progress.js", "PAUSE"): "between two looks at how far it has come",
    (BROWSER, "progress.js", "ANNOUNCEMENT_PAUSE"): "between two announcements of that to screen readers",
    (
        BROWSER,
        "progress.js",
        "JUDGEMENT_PAUSE",
    ): "of reading along before each of three judgements whether a script comes once",
    (BROWSER, "language.js", "PATIENCE"): "for a widget's sentences in the person's language",
    (BROWSER, "editor-view.js", "PAUSE"): "without a change before an author’s own view is signed anew",
    (WORDPRESS, "class-tokens.php", "PATIENCE"): "until one of a person's three turns is free; then 429",
    (WORDPRESS, "class-view-as.php", "LIFE"): "for which a view in a colleague's place gets tokens",
    (WORDPRESS, "class-view-as.php", "TOKEN_LIFE"): "for which it is remembered that there may be such a token",
    (WORDPRESS, "class-language.php", "TEXTS_LIFE"): "that the sentences of a language may be kept by anyone",
    (WORDPRESS, "class-elements-copy.php", "TIMEOUT"): "for a look at one file of a copy of Box's Elements",
    (WORDPRESS, "class-elements-copy.php", "LEAST_LIFE"): "that browsers are to keep such a copy, at least",
    (WORDPRESS, "class-sidecar.php", "TIMEOUT"): "for a whole call of the sidecar",
    (WORDPRESS, "class-usage.php", "TIMEOUT"): "for the sidecar to tell what it has counted",
    (WORDPRESS, "class-usage-report.php", "PAUSE"): "in which a sidecar that takes no reports is told none",
    (WORDPRESS, "class-socket.php", "CONNECT_TIMEOUT_MS"): "to be connected, should the socket's queue be full",
    (WORDPRESS, "class-breaker.php", "PAUSE"): "in which nobody asks a sidecar that was silent",
    (WORDPRESS, "class-breaker.php", "PATIENCE"): "for the one who tries afterwards",
    (WORDPRESS, "class-revocations.php", "TIMEOUT"): "that a log-out waits for one revocation",
    (
        WORDPRESS,
        "class-revocations.php",
        "BUDGET",
    ): "after which a log-out begins no further one; the rest is done later",
    (WORDPRESS, "class-revocations.php", "LONG_TIMEOUT"): "for one revocation where nobody waits",
    (WORDPRESS, "class-revocations.php", "EVENT_BUDGET"): "after which the scheduled event begins no further one",
    (WORDPRESS, "class-address-link.php", "LIFE"): "of a link that proves an address",
    (WORDPRESS, "class-coverage.php", "LIFE"): "that somebody who was found at Box is remembered as found, to be shown",
    (WORDPRESS, "class-look-up-pace.php", "PAUSE"): "between two batches of people who are looked up",
    (WORDPRESS, "class-look-up-pace.php", "EVENT_PAUSE"): "between two of them by schedule, or after a failure",
    (WORDPRESS, "class-look-up-pace.php", "LONGEST_PAUSE"): "at most, that a failure stops the look-up",
    (WORDPRESS, "class-look-up.php", "BUDGET"): "after which a batch asks about nobody further",
    (SIDECAR, "protocol.py", "_REQUEST_S"): "for a whole request to arrive, and for an answer to be read",
    (SIDECAR, "protocol.py", "_IDLE_S"): "between two requests on one connection",
    (SIDECAR, "protocol.py", "_GONE_S"): "for a request to end well whose caller has gone",
    (SIDECAR, "crowd.py", "_LAST_S"): "for who is connected to ask once more, when the worker is to end",
    (SIDECAR, "crowd.py", "_STANDSTILL_S"): "that the process itself stood still: then no caller counts as slow",
    (SIDECAR, "peers.py", "_LOOKUP_S"): "for the system to say who is in the socket's group",
    (SIDECAR, "serving.py", "_STOP_S"): "for requests under way when the worker is to end",
    (SIDECAR, "telemetry.py", "_FLUSH_S"): "for the last spans to be sent when the worker ends",
    (SIDECAR, "server.py", "_STOP_S"): "after which gunicorn ends it",
    (SIDECAR, "server.py", "_SOON_S"): "between two looks at what the worker reports, while systemd waits for it",
    (SIDECAR, "sidecar.py", "_WATCH_S"): "between two looks at the configuration's files",
    (SIDECAR, "sink.py", "_PATIENCE_S"): "for a pipe, socket or terminal to take a line of the audit",
    (SIDECAR, "rate_limit.py", "_WINDOW_S"): "in which new tokens are counted",
    (
        SIDECAR,
        "settings.py",
        "user_ttl_s",
    ): "that a person's Box id, status and role are believed, and where a path leads",
    (SIDECAR, "settings.py", "unknown_user_ttl_s"): "that “no such user” is believed",
    (SIDECAR, "settings.py", "min_life_s"): "of life that each token handed out has, unless Box is down",
    (SIDECAR, "settings.py", "refresh_ahead_s"): "before its end a token in use is renewed in the background",
    (SIDECAR, "renewer.py", "_RETRY_S"): "until a renewal that failed is tried again",
    (SIDECAR, "token_cache.py", "_USER_TOKEN_S"): "that a person's own token is kept, to make others from it",
    (SIDECAR, "token_cache.py", "_USER_TOKEN_MIN_LIFE_S"): "of life that it must have left for that",
    (SIDECAR, "minter.py", "_UNTIL_BOX_KNOWS_S"): "until Box is asked again about a token that it has just issued",
    (SIDECAR, "revocation.py", "_MARK_S"): "that a revocation is remembered, for requests that began before it",
    (SIDECAR, "revocation.py", "_LOOK_S"): "between two looks at what Box has not yet been told to revoke",
    (SIDECAR, "revocation.py", "_RETRY_S"): "until Box is told again of what it would not revoke",
    (SIDECAR, "ledger.py", "_LOCK_PAUSE_S"): "until a ledger that another process holds is tried again",
    (SIDECAR, "ledger.py", "_LIFE_MAX_S"): "of a token in the ledger that is believed",
    (SIDECAR, "connection.py", "_PATIENCE_S"): "that a request waits for the store that several sidecars share",
    (SIDECAR, "connection.py", "_SLICE_S"): "of that at a time, however long this process itself was busy",
    (SIDECAR, "connection.py", "_CONNECT_S"): "for a connection to the store, in the background",
    (SIDECAR, "hearing.py", "_WAIT_S"): "after which it is known that what others revoke is not heard any more",
    (SIDECAR, "hearing.py", "_RETRY_S"): "until a store that was down is tried again",
    (SIDECAR, "hearing.py", "_RESEND_S"): "that a revocation is put back into a store that has lost it, to be heard",
    (SIDECAR, "hearing.py", "MEMORY_S"): "that the store and each sidecar know of a revocation",
    (SIDECAR, "hearing.py", "_NOBODY_S"): "that the store knows it of a name that leads to nobody",
    (SIDECAR, "hearing.py", "_FAR_S"): "by which the store's clock may be ahead of Box's",
    (SIDECAR, "flight.py", "_LEASE_S"): "after which others make what a sidecar that was killed was making",
    (SIDECAR, "flight.py", "_LEASE_RENEWAL_S"): "between two renewals of that lease",
    (SIDECAR, "flight.py", "_WORK_S"): "for what nobody waits for; two thirds of a request are for what another makes",
    (SIDECAR, "shared.py", "_START_S"): "for the store to answer at the start; then it begins without it",
    (SIDECAR, "shared.py", "_SLOW_S"): "that an answer of the store may take at best; a slower one is told of",
    (SIDECAR, "shared.py", "_WINDOW_S"): "in which new tokens of all servers are counted",
    (SIDECAR, "shared.py", "_LIFE_MAX_S"): "of a token in the store that is believed",
    (SIDECAR, "policy.py", "_STOPPED_S"): "that callers are told to wait while nothing is issued",
    (SIDECAR, "usage.py", "_WRITE_S"): "between two times that what is used is written to its file",
    (SIDECAR, "usage.py", "_LOOK_S"): "after which it is looked whether another day has begun",
    (SIDECAR, "usage.py", "_DAY_S"): "of a day, by UTC",
    (SIDECAR, "running.py", "_PATIENCE_S"): "that a command waits for the sidecar's answer",
    (SIDECAR, "client.py", "_SERVICE_MIN_LIFE_S"): "of life that the service account's token has when it is used",
    (SIDECAR, "client.py", "_SERVICE_REFRESH_AHEAD_S"): "before its end it is renewed in the background",
    (SIDECAR, "assertion.py", "_ASSERTION_LIFE_S"): "of an assertion; Box allows a little more",
    (SIDECAR, "key.py", "_PATIENCE_S"): "for a key in hardware to be found, to be free, or to sign",
    (SIDECAR, "key.py", "_RETRY_S"): "in which nobody asks a token that has just failed",
    (SIDECAR, "key.py", "_KILL_S"): "for the process that speaks with the token to be gone once it is killed",
    (SIDECAR, "settings.py", "timeout_s"): "for one call of Box; with all retries one and a half times as much",
    (SIDECAR, "transport.py", "_BACKOFF_S"): "before the second attempt, doubled for each further one, with jitter",
    (SIDECAR, "responses.py", "_RETRY_AFTER_MAX_S"): "of a Retry-After that is believed",
    (SIDECAR, "responses.py", "_LIFE_MAX_S"): "of a token's life that is believed",
    (SIDECAR, "breaker.py", "_PROBE_S"): "between probes of a Box that was down; the last one repeats",
    (SIDECAR, "clock.py", "_AGREE_S"): "by which two readings of Box's clock may differ",
    (SIDECAR, "doctor.py", "_DRIFT_S"): "by which this machine's clock may differ before doctor warns",
    (SIDECAR, "check.py", "_MORE_PATIENCE_S"): "that the command waits longer than the sidecar for Box",
    (SIDECAR, "key_file.py", "_OLD_S"): "after which the command says to make another key",
    (SIDECAR, "key_file.py", "_DAY_S"): "of a day, in which it tells that age",
    (SIDECAR, "check.py", "_NEWS_S"): "after which who waits at a terminal is told for what",
    (SIDECAR, "setup.py", "_READY_S"): "for a service that was just installed to serve",
    (SIDECAR, "removal.py", "_TAKEN_OVER_S"): "for the service to stop issuing, before it is removed",
    (SIDECAR, "steps.py", "_COMMAND_S"): "for a command that installs it",
    (SIDECAR, "ask.py", "_PATIENCE_S"): "for the sidecar's answer to a command",
    (BOX, "oauth.py", "MAX_LIFE_S"): "that an assertion may live at most",
    (BOX, "settings.py", "token_life_s"): "of every token, or a little more",
}

_PYTHON = re.compile(r"_?[A-Z_]+_M?S|[a-z_]+_s")
_OTHERS = re.compile(
    r"^\s*(?:export )?const ((?:[A-Z_]+_)?(?:TIMEOUT|LIFE|PAUSE|PATIENCE|BUDGET|MARGIN|ENDURANCE)(?:_MS)?|[A-Z_]+_M?S)"
    r" += ([^;\n]+);",
    re.MULTILINE,
)
_UNITS = {
    "MONTH_IN_SECONDS": 2_592_000,
    "WEEK_IN_SECONDS": 604_800,
    "DAY_IN_SECONDS": 86_400,
    "HOUR_IN_SECONDS": 3600,
    "MINUTE_IN_SECONDS": 60,
}


class Lifetime(NamedTuple):
    """A time in the code: `seconds` is several where one follows the other."""

    where: str
    file: str
    name: str
    seconds: tuple[float, ...]


def in_code() -> Iterator[Lifetime]:
    """Every time that has a name in the code; of Box's only those that have a meaning."""
    for where, folder in FOLDERS.items():
        for path in sorted(folder.rglob("*")):
            if path.suffix not in {".py", ".php", ".js"}:
                continue
            for name, text in _assignments(path):
                if where == BOX and (where, path.name, name) not in MEANINGS:
                    continue
                in_milliseconds = name.endswith("_MS") or path.suffix == ".js"
                if seconds := _seconds(text, 0.001 if in_milliseconds else 1.0):
                    yield Lifetime(where, path.name, name, seconds)


def _assignments(path: Path) -> Iterator[tuple[str, str]]:
    """Names that are times by the sound of them, of modules and of classes, and what stands behind them."""
    source = path.read_text()
    if path.suffix != ".py":
        yield from _OTHERS.findall(source)
        return
    module = ast.parse(source)
    for node in [*module.body, *(inner for one in module.body if isinstance(one, ast.ClassDef) for inner in one.body)]:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        value = getattr(node, "value", None)
        if isinstance(target, ast.Name) and isinstance(value, ast.expr) and _PYTHON.fullmatch(target.id):
            yield target.id, ast.unparse(value)


def _seconds(text: str, unit: float) -> tuple[float, ...]:
    """What a number, or several in parentheses, comes to; empty for anything else."""
    if text.strip() in _UNITS:
        return (_UNITS[text.strip()],)
    try:
        value = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError):
        return ()
    values = value if isinstance(value, tuple) else (value,)
    return tuple(one * unit for one in values if isinstance(one, int | float) and not isinstance(one, bool))


def table() -> str:
    """The table, in the order of MEANINGS; what has no meaning is left out, for a test to find."""
    known = {(one.where, one.file, one.name): one for one in in_code()}
    rows = ["| Where | Time | What | In the code |", "|---|---|---|---|"]
    before = ""
    for key, meaning in MEANINGS.items():
        if one := known.get(key):
            time = ", ".join(map(_told, one.seconds))
            rows.append(
                f"| {one.where if one.where != before else ''} | {time} | {meaning} | `{one.file}`, `{one.name}` |"
            )
            before = one.where
    return "\n".join([*rows, ""])


def _told(seconds: float) -> str:
    """A time as people say it."""
    for unit, size in (("days", 86_400), ("hours", 3600), ("min", 60)):
        if seconds >= 2 * size and seconds % size == 0:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"
