"""Findings in other languages: everything that can be said is written down once, and translated with its parameters."""

from __future__ import annotations

import ast
import gettext
import re
from pathlib import Path

import pytest

import translations
from box_sidecar.doctor import failed
from box_sidecar.problems import Problem
from box_sidecar.schemas import Check
from box_sidecar.sentences import Said, join, say
from box_sidecar.tools import language

PLACES = re.compile(r"{(\w*)[^}]*}")
#: What is typed, read or looked up as it is, in every language.
AS_IT_IS = re.compile(
    r"“[A-Z][^”]*”|--[\w-]+|\b[\w-]+(?:\.[\w-]+)+|\b[A-Z]+_[A-Z_]+\b|\b(?:box-sidecar|systemctl|chmod) \w+"
)


def catalogue(name: str) -> gettext.GNUTranslations:
    with (translations.LOCALE / name / "LC_MESSAGES/box-sidecar.mo").open("rb") as file:
        return gettext.GNUTranslations(file)


def test_all_that_is_made_of_the_sentences_is_current_and_translated(capsys: pytest.CaptureFixture[str]) -> None:
    assert translations.main(check=True) == 0, capsys.readouterr().err


@pytest.mark.parametrize("name", translations.LANGUAGES)
def test_a_translation_keeps_what_is_put_in_and_what_is_typed(name: str) -> None:
    translated = catalogue(name)
    for english in translations.templates():
        told = translated.gettext(english)
        assert sorted(PLACES.findall(told)) == sorted(PLACES.findall(english)), told
        for literal in AS_IT_IS.findall(english):
            assert literal.strip("“”") in told, told
        if name == "ja":
            assert re.search(r"[ぁ-んァ-ヶ一-龠]", told), f"{english} is not translated"


def test_every_finding_is_made_of_sentences_that_can_be_translated() -> None:
    """No bare text as a summary or a fix: it would be collected from nowhere."""
    bare = []
    for path in translations.PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Check":
                texts = [*node.args[2:], *(word.value for word in node.keywords if word.arg in {"summary", "fix"})]
                bare += [f"{path.name}:{one.lineno}" for one in texts if isinstance(one, ast.Constant | ast.JoinedStr)]
    assert bare == []


def test_what_is_no_literal_is_not_collected_silently(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "module.py").write_text('text = "Hello"\nsay(text)\n')
    monkeypatch.setattr(translations, "PACKAGE", tmp_path)
    with pytest.raises(translations.NotALiteralError, match=r"module\.py:2"):
        translations.templates()


def test_a_finding_tells_its_templates_beside_the_english() -> None:
    check = failed("app", Problem("box_unavailable", detail=say("Box answered {status}.", status=503)))
    assert (type(check.summary), type(check.fix)) == (str, str)
    assert check.summary == "Box can't be reached. Box answered 503."
    assert check.message
    assert check.message.summary == (Said("Box can't be reached."), Said("Box answered {status}.", {"status": "503"}))
    assert check.message.fix == (Said(check.fix),)


def test_a_finding_of_an_older_sidecar_has_its_english_as_template() -> None:
    check = Check("x", "fail", "Something {odd}.")
    assert check.message and check.message.summary == (Said("Something {odd}."),) and check.message.fix == ()


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"LANG": "de_DE.UTF-8"}, "de"),
        ({"LANG": "de_AT"}, "de"),
        ({"LANG": "pt_BR.UTF-8@euro"}, "pt_BR"),
        ({"LANG": "pt_PT.UTF-8"}, "en"),  # another Portuguese, which nobody has written
        ({"LANG": "fr_FR", "LC_MESSAGES": "ja_JP"}, "ja"),
        ({"LANG": "fr_FR", "LC_MESSAGES": "ja_JP", "LC_ALL": "es_ES"}, "es"),
        ({"LANG": "fr_FR", "LANGUAGE": "xx:de:ja"}, "de"),
        ({"LANG": "fr_FR", "LANGUAGE": "en_GB:de"}, "en"),
        ({"LANG": "C.UTF-8", "LANGUAGE": "de"}, "en"),
        ({"LC_ALL": "C", "LANG": "de_DE", "LANGUAGE": "de"}, "en"),
        ({"LANGUAGE": "de"}, "en"),
        ({"LANG": "../../../etc", "LC_ALL": ""}, "en"),
        ({"LANG": "de/../ja"}, "en"),
        ({"LANG": "ja\x1b[31m"}, "en"),
        ({"LANG": "de" * 50_000}, "en"),
        ({}, "en"),
    ],
)
def test_the_environment_chooses_the_language(
    environment: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    language.catalogue.cache_clear()
    told = language.translated(say("Box answered {status}.", status=503))
    language.catalogue.cache_clear()
    english = "Box answered 503."
    wanted = english if expected == "en" else catalogue(expected).gettext("Box answered {status}.").format(status=503)
    assert told == wanted
    assert (told == english) == (expected == "en")


def test_what_is_put_in_is_text_and_no_template(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    language.catalogue.cache_clear()
    hostile = "{status} {0.__class__} %s Box refused."
    told = language.translated(join("Unknown {words} of {0}.", say("Box said: {words}", words=hostile), "Box refused."))
    language.catalogue.cache_clear()
    assert told == f"Unknown {{words}} of {{0}}. Box sagte: {hostile} Box hat abgelehnt."


def test_it_works_from_a_folder_without_any_translation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    monkeypatch.setattr(language, "CATALOGUES", tmp_path / "none")
    language.catalogue.cache_clear()
    assert language.translated(say("Mend the file.")) == "Mend the file."
    language.catalogue.cache_clear()
