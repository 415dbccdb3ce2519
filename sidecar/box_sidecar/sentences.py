"""What people read, and what it was made from, so that it can be said in other languages than English, too.

The texts are written where they belong, as the first argument of :func:`say`; ``tests/translations.py`` collects them
from there, as gettext does. What serves knows English alone: who shows a sentence translates it.
"""

from __future__ import annotations

from msgspec import Struct


class Said(Struct, frozen=True, omit_defaults=True):
    """One sentence: ``{name}`` in its ``template`` stands for the parameter of that name, which is no template."""

    template: str
    params: dict[str, str] = {}


class Text(str):
    """English, and the sentences that it consists of."""

    said: tuple[Said, ...] = ()


def say(template: str, /, **params: object) -> Text:
    """A sentence with its parameters put in. The template is a literal, or nobody can translate it."""
    values = {name: str(value) for name, value in params.items()}
    text = Text(template.format_map(values))
    text.said = (Said(template, values),)
    return text


def join(*texts: str) -> Text:
    """One text after the other; a plain one is a sentence without parameters, an empty one nothing."""
    text = Text(" ".join(filter(None, texts)))
    text.said = tuple(part for each in texts for part in said(each))
    return text


def said(text: str) -> tuple[Said, ...]:
    """The sentences of a text."""
    if isinstance(text, Text):
        return text.said
    return (Said(text),) if text else ()
