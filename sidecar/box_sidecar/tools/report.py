"""What the probe found: of each element, what its token could do, and how this Box does what is documented nowhere.

It names no file, folder or person and holds no token, so that it can be pasted into a question.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from box_sidecar import __version__
from box_sidecar.problems import CODES
from box_sidecar.schemas import Check, DoctorAnswer
from box_sidecar.sentences import say
from box_sidecar.tools.language import translated

Outcome = Literal["works", "refused", "failed", "not_granted", "beyond"]

#: What each element does at Box, and the feature scope that it needs for it beside the element's base scope.
ACTIONS: dict[str, dict[str, str]] = {
    "explorer": {
        "list": "",
        "search": "",
        "recents": "",
        "details": "",
        "thumbnail": "item_preview",
        "download": "item_download",
        "preflight": "item_upload",
        "upload": "item_upload",
        "rename": "item_rename",
        "share": "item_share",
        "delete": "item_delete",
    },
    "uploader": {"preflight": "", "upload": ""},
    "picker": {
        "list": "",
        "search": "",
        "recents": "",
        "preflight": "item_upload",
        "upload": "item_upload",
        "share": "item_share",
    },
    "preview": {"details": "", "thumbnail": "", "download": "item_download"},
    "sidebar": {"details": "", "rename": "item_rename"},
}

#: Without these an element shows nothing; without the others it does less.
_ESSENTIAL = frozenset({"list", "details", "preflight"})

ASK_BOX = say("Ask Box support, and take the widgets off until it is explained.")
_SEARCH_FIX = say(
    "Some Boxes let no such token search. Pages hide the search field once Box has refused; nothing else is missing."
)
_MISSING_FIX = say(
    "Compare with what the same person may do in Box itself; then look at the app's scopes in the Developer Console, "
    "and at the enterprise's settings for sharing."
)


class Try(Struct, omit_defaults=True):
    """One action with one element's token. ``status`` is Box's HTTP status, ``error`` Box's own word for a refusal.

    ``beyond``: it worked although the token has no scope for it.
    """

    action: str
    outcome: Outcome
    status: int = 0
    error: str = ""


class ElementReport(Struct):
    """One element: the scopes of its token as Box told them, and what it could do. ``error``: it got no token."""

    element: str
    scopes: tuple[str, ...]
    tries: list[Try]
    error: str = ""


class Report(Struct):
    """What :func:`probe` found. ``dialects``: how this Box does what is documented twice or nowhere."""

    status: str
    elements: list[ElementReport]
    dialects: dict[str, str]
    checks: list[Check]


def document(answer: DoctorAnswer, report: Report | None) -> dict[str, Any]:
    """What may be pasted into a question: of the checks only how they ended, since their sentences name people."""
    return {
        "version": __version__,
        "checks": {check.id: check.status for check in answer.checks},
        "probe": report,
    }


def table(report: Report) -> str:
    """The report for a terminal: what each element's token could do, then how this Box does it."""
    if not report.elements:
        return translated(say("Nothing could be tried."))
    actions = list(dict.fromkeys(action for element in report.elements for action in ACTIONS[element.element]))
    rows = [["", *(element.element for element in report.elements)]]
    for action in actions:
        rows.append([action, *(_cell(element, action) for element in report.elements)])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    legend = say("✓ works   ✗ refused, with Box's status   - not granted by policy   ! works without its scope")
    lines += ["", translated(legend), ""]
    names = max((len(name) for name in report.dialects), default=0)
    return "\n".join(lines + [f"{name.ljust(names)}  {value}" for name, value in report.dialects.items()])


def _cell(element: ElementReport, action: str) -> str:
    if element.error:
        return "✗" if action in ACTIONS[element.element] else ""
    for attempt in element.tries:
        if attempt.action == action:
            marks = {"works": "✓", "not_granted": "-", "beyond": "!"}
            return marks.get(attempt.outcome) or f"✗ {attempt.status or 'no answer'}"
    return ""


ABSENT = object()


def describe_restriction(said: Any, scopes: tuple[str, ...]) -> str:
    """The shape of a ``restricted_to``, in words that name no item."""
    if said is ABSENT or said is None:
        return "absent"
    if not isinstance(said, list) or not all(isinstance(entry, dict) for entry in said):
        return "not a list of objects"
    if not said:
        return "empty"
    joined = len(said) == 1 and len(str(said[0].get("scope", "")).replace(",", " ").split()) == len(scopes)
    shape = "one entry for all scopes" if joined else f"{len(said)} entries for {len(scopes)} scopes"
    objects = [entry.get("object") for entry in said]
    roots = [isinstance(limited, dict) and limited.get("id") == "0" for limited in objects]
    where = "folder 0" if all(roots) else "other objects" if any(objects) else "no object"
    return f"{shape}, {where}"


def findings(report: ElementReport) -> list[Check]:
    """What of one element's table somebody has to know."""
    if report.error:
        told = say("The {element} gets no token: {code}.", element=report.element, code=report.error)
        return [Check(report.element, "fail", told, _fix(report.error))]
    beyond = [attempt.action for attempt in report.tries if attempt.outcome == "beyond"]
    missing = [attempt for attempt in report.tries if attempt.outcome in {"refused", "failed"}]
    if beyond:
        told = say(
            "Box lets the {element} do without the scope for it: {actions}.",
            element=report.element,
            actions=", ".join(beyond),
        )
        return [Check(report.element, "fail", told, ASK_BOX)]
    if missing:
        actions = ", ".join(f"{attempt.action} ({attempt.status or 'no answer'})" for attempt in missing)
        told = say("Box does not let the {element} do: {actions}.", element=report.element, actions=actions)
        worst = "fail" if any(attempt.action in _ESSENTIAL for attempt in missing) else "warn"
        fix = _SEARCH_FIX if {attempt.action for attempt in missing} == {"search"} else _MISSING_FIX
        return [Check(report.element, worst, told, fix)]
    return [
        Check(report.element, "pass", say("The {element} can do all that policy grants it.", element=report.element))
    ]


def _fix(code: str) -> str:
    return CODES[code].fix if code in CODES else ""
