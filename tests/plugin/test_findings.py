"""What the sidecar finds, in the administrator's language; whatever a sidecar says, it stays text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from box_sidecar.doctor import failed
from box_sidecar.problems import CODES, Problem
from box_sidecar.schemas import Check
from box_sidecar.sentences import say
from intranet.wordpress import WordPress
from plugin.scripted_sidecar import Answer, ScriptedSidecar, problem, token

#: For what is the same code in every WordPress.
ONE_SITE = pytest.mark.parametrize("site", ["6.8"], indirect=True)

HOSTILE = "<img src=x onerror=alert(1)> %s %1$s {url} {offset} \\' </script>"


@pytest.fixture
def german(site: WordPress) -> Iterator[None]:
    """The site in German."""
    site.php("update_option( 'WPLANG', 'de_DE' );")
    yield
    site.php("delete_option( 'WPLANG' );")


def told(site: WordPress, sidecar: ScriptedSidecar, *checks: Any) -> dict[str, dict[str, str]]:
    """What the panel gets, by id, where the sidecar has these findings."""
    body = {"status": "fail", "checks": msgspec.to_builtins(checks)}
    sidecar.answer = lambda request: Answer(body=body) if request.path == "/v1/doctor" else token(request)
    answer = site.login("admin").rest("GET", "widgets-for-box/v1/status")
    assert answer.status_code == 200, answer.text
    return {check["id"]: check for check in answer.json()["checks"]}


@pytest.mark.usefixtures("german")
def test_findings_are_in_the_language_of_who_reads_them(site: WordPress, sidecar: ScriptedSidecar) -> None:
    offset = say("Box's clock is {offset} s from this machine's. The sidecar corrects for it.", offset="+75")
    newer = say("Something that only a newer sidecar says of {what}.", what="socks")
    found = told(
        site,
        sidecar,
        Check("clock", "warn", offset, say("Mend this machine's clock all the same: timedatectl set-ntp true")),
        failed("app", Problem("app_not_authorized", detail=say("Box answered {status}.", status=403))),
        Check("newer", "fail", newer, say("Mend the file.")),
        {"id": "older", "status": "fail", "summary": "Box refused.", "fix": CODES["key_rejected"].fix},
    )
    assert found["sidecar"]["summary"] == "Der Sidecar antwortet.", "what the plugin says itself is translated, too"
    assert found["clock"]["summary"] == (
        "Box’ Uhr weicht um +75 s von der dieser Maschine ab. Der Sidecar gleicht das aus."
    )
    assert found["clock"]["fix"] == "Stellen Sie die Uhr dieser Maschine trotzdem richtig: timedatectl set-ntp true"
    assert found["app"]["summary"] == "Die App ist in diesem Unternehmen nicht autorisiert. Box antwortete 403."
    assert found["app"]["fix"].startswith("„Admin Console“ (app.box.com/master) → „Integrations“")
    assert found["newer"]["summary"] == "Something that only a newer sidecar says of socks."
    assert found["newer"]["fix"] == "Bringen Sie die Datei in Ordnung."
    assert found["older"]["summary"] == "Box hat abgelehnt."
    assert found["older"]["fix"].startswith("„Developer Console“")
    fix = CODES["user_not_found"].fix
    sidecar.answer = lambda request: problem(404, "user_not_found", fix=fix)
    tried = site.login("admin").rest("POST", "widgets-for-box/v1/trial", json={"user": 1}).json()
    assert "Hat ein verwalteter Benutzer genau diese primäre E-Mail-Adresse?" in tried["data"]["fix"]


@pytest.mark.usefixtures("german")
def test_pages_for_visitors_do_not_load_them(site: WordPress) -> None:
    found = site.php("echo __( 'Mend the file.', 'widgets-for-box' );")
    assert found == "Mend the file."
    shown = site.php(
        "echo WidgetsForBox\\Findings::translate( 'Mend the file.' ), '|', __( 'Box', 'widgets-for-box' ), '|',"
        " __( 'The sidecar answers.', 'widgets-for-box' ); switch_to_locale( 'en_US' );"
        " echo '|', WidgetsForBox\\Findings::translate( 'Mend the file.' ); restore_previous_locale();"
        " echo '|', WidgetsForBox\\Findings::translate( 'Mend the file.' );"
    )
    german = "Bringen Sie die Datei in Ordnung."
    assert shown == f"{german}|Box|Der Sidecar antwortet.|Mend the file.|{german}"


@ONE_SITE
@pytest.mark.usefixtures("german")
def test_what_is_put_in_stays_text(site: WordPress, sidecar: ScriptedSidecar) -> None:
    found = told(site, sidecar, Check("network", "fail", say("{url} can't be reached.", url=HOSTILE), HOSTILE))
    assert found["network"]["summary"] == f"{HOSTILE} ist nicht erreichbar."
    assert found["network"]["fix"] == HOSTILE
    health = site.login("admin").rest("GET", "widgets-for-box/v1/site-health").json()
    assert "&lt;img src=x onerror=alert(1)&gt; %s %1$s {url} {offset}" in health["description"]
    assert "<img" not in health["description"] and "</script>" not in health["description"]


@ONE_SITE
@pytest.mark.usefixtures("german")
def test_a_message_that_is_not_understood_is_the_english(site: WordPress, sidecar: ScriptedSidecar) -> None:
    english = {"status": "fail", "summary": "Plain English.", "fix": "Do it."}
    strange: list[Any] = [
        "text", 5, [], None, {"summary": "text"}, {"summary": [5]}, {"summary": [{"template": ["x"]}]},
        {"summary": [{"template": 5}]}, {"summary": ["text"]}, {"summary": []}, {"summary": None, "fix": False},
        {"summary": [{"params": {"a": "b"}}], "fix": {"template": "x"}},
    ]  # fmt: skip
    checks: list[Any] = [{**english, "id": f"strange{number}", "message": one} for number, one in enumerate(strange)]
    params: list[Any] = [None, "text", 7, [1, "x"], {"status": ["x"]}, {"status": None}, {"": "x", "status": {}}]
    template = "Box answered {status}."
    checks += [
        {**english, "id": f"params{number}", "message": {"summary": [{"template": template, "params": one}]}}
        for number, one in enumerate(params)
    ]
    found = told(site, sidecar, *checks, "no finding", None, 7, ["list"])
    for number in range(len(strange)):
        assert found[f"strange{number}"]["summary"] == "Plain English.", strange[number]
        assert found[f"strange{number}"]["fix"] == "Do it."
    for number in range(len(params)):
        assert found[f"params{number}"]["summary"] == "Box antwortete {status}."


@ONE_SITE
def test_english_is_as_the_sidecar_says_it(site: WordPress, sidecar: ScriptedSidecar) -> None:
    check = failed("app", Problem("box_unavailable", detail=say("Box answered {status}.", status=503)))
    found = told(site, sidecar, check)
    assert (found["app"]["summary"], found["app"]["fix"]) == (check.summary, check.fix)
