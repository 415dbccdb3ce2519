"""Findings and problems in the language of whoever types the command, by the environment as gettext has it."""

from __future__ import annotations

import gettext
import os
from functools import cache
from importlib.resources import files

from box_sidecar.sentences import Said, said

CATALOGUES = files("box_sidecar").joinpath("locale")


@cache
def catalogue() -> gettext.NullTranslations:
    """The translations into the first language that is asked for and there; English if there is none."""
    there = {folder.name: folder for folder in CATALOGUES.iterdir()} if CATALOGUES.is_dir() else {}
    for language in _wanted(os.environ.get("LANGUAGE", ""), _locale()):
        plain = language.partition("_")[0]
        if plain == "en":
            break
        if folder := there.get(language) or there.get(plain):
            with folder.joinpath("LC_MESSAGES", "box-sidecar.mo").open("rb") as file:
                return gettext.GNUTranslations(file)
    return gettext.NullTranslations()


def _locale() -> str:
    """The locale of messages (POSIX, section 8.2): the first of these that is not empty."""
    return next((value for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (value := os.environ.get(name))), "")


def _wanted(languages: str, locale: str) -> list[str]:
    """Languages as folders are named, best first. In the "C" locale it is English, whatever ``LANGUAGE`` says."""
    plain = locale.partition(".")[0].partition("@")[0]
    if plain in {"", "C", "POSIX"}:
        return []
    return [language.partition(".")[0].partition("@")[0] for language in languages.split(":") if language] or [plain]


def translated(text: str | tuple[Said, ...]) -> str:
    """A text sentence by sentence; what no catalogue knows stays English. What was put in is never looked up."""
    told = []
    for sentence in said(text) if isinstance(text, str) else text:
        template = catalogue().gettext(sentence.template) if sentence.template else ""
        # A text without parameters may be anybody's words, braces and all.
        told.append(template.format_map(sentence.params) if sentence.params else template)
    return " ".join(told)
