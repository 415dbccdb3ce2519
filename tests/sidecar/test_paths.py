"""A path leads to the person's own folder or to none: not to a stranger's, not out of what policy allows."""

from __future__ import annotations

import unicodedata
from typing import Any

import httpx
import msgspec
import pytest

from intranet.emulator_process import EmulatorProcess
from intranet.sidecar_process import SidecarProcess
from sidecar.conftest import Serve
from sidecar.support import ask, calls, code, greeted, last, together, until

ANA, KENJI, OLGA = "ana@example.com", "kenji@example.com", "olga@example.com"
UPLOADING: dict[str, Any] = {"element": "explorer", "scopes": ("item_upload",)}
LISTINGS: dict[str, Any] = {"method": "GET", "path": r"/2\.0/folders/\d+/items"}


class Person:
    """Somebody who works in Box itself."""

    def __init__(self, box: EmulatorProcess, login: str) -> None:
        app: dict[str, Any] = msgspec.json.decode(box.ccg_config.read_bytes())["boxAppSettings"]
        grant = {"grant_type": "client_credentials", "client_id": app["clientID"], "client_secret": app["clientSecret"]}
        self.id = box.user(login)["id"]
        answer = httpx.post(
            f"{box.url}/oauth2/token", data=grant | {"box_subject_type": "user", "box_subject_id": self.id}
        )
        bearer = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        self._client = httpx.Client(base_url=f"{box.url}/2.0", headers=bearer)

    def makes(self, name: str, parent: str = "0") -> str:
        return self._call("POST", "/folders", {"name": name, "parent": {"id": parent}})

    def shares(self, folder: str, login: str) -> str:
        item = {"type": "folder", "id": folder}
        return self._call(
            "POST",
            "/collaborations",
            {"item": item, "accessible_by": {"type": "user", "login": login}, "role": "editor"},
        )

    def renames(self, folder: str, name: str) -> None:
        self._call("PUT", f"/folders/{folder}", {"name": name})

    def deletes(self, folder: str) -> None:
        self._client.delete(f"/folders/{folder}", params={"recursive": "true"}).raise_for_status()

    def _call(self, method: str, path: str, body: dict[str, Any]) -> str:
        answer = self._client.request(method, path, json=body)
        answer.raise_for_status()
        return str(answer.json()["id"])


@pytest.fixture
def ana(box: EmulatorProcess) -> Person:
    return Person(box, ANA)


@pytest.fixture
def olga(box: EmulatorProcess) -> Person:
    return Person(box, OLGA)


def folder_of(answer: httpx.Response) -> str:
    """The folder to which a token is limited, as the answer tells it."""
    assert answer.status_code == 200, answer.text
    resource = answer.json()["resource"]
    assert resource.keys() == {"type", "id"} and resource["type"] == "folder"
    return str(resource["id"])


def opened(box: EmulatorProcess) -> list[Any]:
    """What the widgets' tokens open, as Box knows it."""
    return [token["resource"] for token in box.tokens() if token["kind"] == "downscoped"]


def test_a_path_leads_each_person_to_their_own_folder(box: EmulatorProcess, sidecar: SidecarProcess) -> None:
    for login in (ANA, KENJI):
        person = Person(box, login)
        person.makes("2026", person.makes("Receipts"))
    found = {login: folder_of(sidecar.token(login, path="Receipts/2026")) for login in (ANA, KENJI)}
    assert found == {login: box.item(login, "/Receipts/2026")["id"] for login in (ANA, KENJI)}
    assert [resource["id"] for resource in opened(box)] == list(found.values()), "the tokens open nothing else"


def test_a_folder_that_a_stranger_shares_is_not_taken_for_the_persons_own(
    box: EmulatorProcess, sidecar: SidecarProcess, ana: Person, olga: Person
) -> None:
    theirs = olga.makes("Receipts")
    olga.makes("2026", theirs)
    olga.shares(theirs, ANA)
    for path in ("Receipts", "Receipts/2026"):
        answer = sidecar.token(ANA, path=path)
        assert (answer.status_code, code(answer)) == (404, "folder_not_found"), path
    own = ana.makes("Receipts")
    assert folder_of(sidecar.token(ANA, path="Receipts")) == own, "nor is it ambiguous"
    assert code(sidecar.token(ANA, path="Receipts/2026")) == "folder_not_found"
    assert [resource["id"] for resource in opened(box)] == [own]


def test_nor_is_it_made_in_its_place(box: EmulatorProcess, serve: Serve, olga: Person) -> None:
    sidecar = serve(policy={"create_folders": True})
    olga.shares(theirs := olga.makes("Receipts"), ANA)
    own = folder_of(sidecar.token(ANA, path="Receipts", **UPLOADING))
    assert own != theirs and own == box.item(ANA, "/Receipts")["id"]


def test_below_a_folder_names_are_taken_whoever_owns_it(
    box: EmulatorProcess, sidecar: SidecarProcess, olga: Person
) -> None:
    team = olga.makes("Team")
    minutes = olga.makes("Minutes", team)
    olga.shares(team, ANA)
    assert folder_of(sidecar.token(ANA, folder=team, path="Minutes")) == minutes
    answer = sidecar.token(KENJI, folder=team, path="Minutes")
    assert (answer.status_code, code(answer)) == (502, "resource_not_found"), "who can't see it gets nothing"


def test_composed_and_decomposed_letters_are_the_same_and_letter_case_is_not(
    box: EmulatorProcess, sidecar: SidecarProcess, ana: Person
) -> None:
    name = "Reçus d’été"
    made = ana.makes(unicodedata.normalize("NFD", name))
    for form in ("NFC", "NFD"):
        assert folder_of(sidecar.token(ANA, path=unicodedata.normalize(form, name))) == made
    assert code(sidecar.token(ANA, path=name.upper())) == "folder_not_found"
    ana.makes(unicodedata.normalize("NFC", name))
    sidecar.request("POST", "/v1/tokens/revoke", json={"user": {"login": ANA}})
    answer = sidecar.token(ANA, path=name)
    assert (answer.status_code, code(answer)) == (409, "path_ambiguous")


def test_a_file_is_no_folder(sidecar: SidecarProcess) -> None:
    assert code(sidecar.token(ANA, path="Bem-vinda.txt")) == "folder_not_found"


@pytest.mark.parametrize(
    "path",
    [
        "", "/", "a/", "/a", "a//b", ".", "..", "a/..", "../a", "./a", "a/./b", " a", "a ", "a/ b", "a /b", "a\\b",
        "a\nb", "a\n", "a\x00", "a\x7fb", "a\u2028b", "\u3000a", "a\u00a0",
        "x" * 256, "/".join("abcdefghi"), "x/" * 300, 7, ["a"],
    ],
)  # fmt: skip
def test_what_is_no_path_is_refused_before_anybody_is_asked(
    path: Any, box: EmulatorProcess, sidecar: SidecarProcess
) -> None:
    greeted(box)
    since = last(box)
    answer = sidecar.token(ANA, path=path)
    assert (answer.status_code, code(answer)) == (400, "invalid_request")
    assert answer.json()["errors"][0]["field"] == "path"
    assert calls(box, since) == []


@pytest.mark.parametrize(
    "path", ["...", ".a", "a.", "a..", "日本/東京", "👩‍💻", "x" * 255, "/".join("abcdefgh"), 'a"<b>&']
)
def test_what_box_takes_for_names_is_looked_for(path: str, sidecar: SidecarProcess) -> None:
    assert code(sidecar.token(ANA, path=path)) == "folder_not_found"


def test_a_path_goes_with_a_folder(box: EmulatorProcess, sidecar: SidecarProcess) -> None:
    file = box.item(ANA, "/Bem-vinda.txt")["id"]
    for body in ({"file": file, "path": "a"}, {"path": "a"}):
        assert code(sidecar.token(ANA, "preview", **body)) == "invalid_request"


def test_policy_names_the_folder_at_which_a_path_begins(box: EmulatorProcess, serve: Serve, ana: Person) -> None:
    project, receipts = box.item(ANA, "/Projetos")["id"], ana.makes("Receipts")
    below = box.item(ANA, "/Projetos/Aurora")["id"]
    sidecar = serve(policy={"folders": [project, receipts]})
    assert folder_of(sidecar.token(ANA, folder=project, path="Aurora")) == below
    assert folder_of(sidecar.token(ANA, folder=project, path="Aurora")) == below, "from memory, too"
    assert code(sidecar.token(ANA, folder=below)) == "folder_not_allowed", "the token for the path is no way to it"
    since = last(box)
    for place in ({"path": "Receipts"}, {"folder": "0", "path": "Projetos/Aurora"}, {"folder": below, "path": "Atas"}):
        assert code(sidecar.token(ANA, **place)) == "folder_not_allowed", place
    assert calls(box, since) == []


def test_what_policy_forbids_by_now_is_revoked(box: EmulatorProcess, serve: Serve) -> None:
    project, receipts = box.item(ANA, "/Projetos")["id"], box.item(ANA, "/Recibos")["id"]
    sidecar = serve(policy={"folders": [project, receipts]})
    token = sidecar.token(ANA, folder=project, path="Aurora").json()["access_token"]
    sidecar.settings["policy"]["folders"] = [receipts]
    sidecar.write_config()
    until(lambda: token in {one["token"] for one in box.tokens() if not one["alive"]})
    assert code(sidecar.token(ANA, folder=project, path="Aurora")) == "folder_not_allowed"


def test_where_a_path_leads_is_remembered_until_a_log_out(
    box: EmulatorProcess, sidecar: SidecarProcess, ana: Person
) -> None:
    first = ana.makes("Receipts")
    sidecar.token(ANA, path="Receipts")
    since = last(box)
    assert folder_of(sidecar.token(ANA, path="Receipts")) == first
    assert calls(box, since) == []
    assert folder_of(sidecar.token(ANA, "uploader", path="Receipts")) == first
    assert not [call for call in calls(box, since) if "items" in call]
    sidecar.request("POST", "/v1/tokens/revoke", json={"user": {"login": ANA}})
    ana.renames(first, "Old")
    second = ana.makes("Receipts")
    assert folder_of(sidecar.token(ANA, path="Receipts")) == second


def test_a_folder_that_is_gone_is_looked_for_again(box: EmulatorProcess, sidecar: SidecarProcess, ana: Person) -> None:
    first = ana.makes("Receipts")
    assert folder_of(sidecar.token(ANA, path="Receipts")) == first
    ana.deletes(first)
    second = ana.makes("Receipts")
    assert folder_of(sidecar.token(ANA, "uploader", path="Receipts")) == second
    ana.deletes(second)
    answer = sidecar.token(ANA, "picker", path="Receipts")
    assert (answer.status_code, code(answer)) == (404, "folder_not_found")


def test_folders_are_made_only_where_policy_says_so_and_the_element_may_upload(
    box: EmulatorProcess, serve: Serve, sidecar: SidecarProcess
) -> None:
    since = last(box)
    assert code(sidecar.token(ANA, path="Receipts/2026", **UPLOADING)) == "folder_not_found"
    allowed = serve(policy={"create_folders": True})
    assert code(allowed.token(ANA, "explorer", ("item_download",), path="Receipts/2026")) == "folder_not_found"
    assert code(allowed.token(ANA, "picker", path="Receipts/2026")) == "folder_not_found"
    assert "POST /2.0/folders" not in calls(box, since)
    made = folder_of(allowed.token(ANA, path="Receipts/2026", **UPLOADING))
    assert made == box.item(ANA, "/Receipts/2026")["id"]
    assert box.item(ANA, "/Receipts")["created_by"] == ANA
    assert folder_of(allowed.token(KENJI, "uploader", path="Receipts")) == box.item(KENJI, "/Receipts")["id"]
    assert calls(box, since).count("POST /2.0/folders") == 3
    lines = [line for line in allowed.audit() if line["event"] == "folder_created"]
    assert [line["resource"] for line in lines] == [
        f"folder/{box.item(login, path)['id']}"
        for login, path in ((ANA, "/Receipts"), (ANA, "/Receipts/2026"), (KENJI, "/Receipts"))
    ]
    assert [line["user_id"] for line in lines] == [box.user(login)["id"] for login in (ANA, ANA, KENJI)]
    assert {line["outcome"] for line in lines} == {"created"}


def test_many_requests_at_once_make_it_once(box: EmulatorProcess, serve: Serve) -> None:
    sidecar = serve(policy={"create_folders": True})
    since = last(box)
    box.fault("delay", seconds=0.3, times=None, **LISTINGS)
    answers = ask(sidecar, ANA, 12, path="Receipts/2026", scopes=["item_upload"])
    assert {folder_of(answer) for answer in answers} == {box.item(ANA, "/Receipts/2026")["id"]}
    assert calls(box, since).count("POST /2.0/folders") == 2


def test_what_somebody_else_made_meanwhile_is_used(box: EmulatorProcess, serve: Serve) -> None:
    sidecar = serve(policy={"create_folders": True})
    box.fault("delay", seconds=0.3, times=2, **LISTINGS)
    paths = ("Receipts/2025", "Receipts/2026")
    answers = together(2, lambda number: sidecar.token(ANA, path=paths[number], **UPLOADING))
    assert [folder_of(answer) for answer in answers] == [box.item(ANA, f"/{path}")["id"] for path in paths]
    assert len([item for item in box.items(ANA) if item["path"] == "/Receipts"]) == 1


def test_one_that_box_made_without_being_able_to_say_so_is_found(box: EmulatorProcess, serve: Serve) -> None:
    sidecar = serve(policy={"create_folders": True})
    since = last(box)
    box.fault("cut", method="POST", path=r"/2\.0/folders", after=True)
    answer = sidecar.token(ANA, path="Receipts", **UPLOADING)
    assert (answer.status_code, code(answer)) == (503, "box_unavailable")
    assert folder_of(sidecar.token(ANA, path="Receipts", **UPLOADING)) == box.item(ANA, "/Receipts")["id"]
    assert calls(box, since).count("POST /2.0/folders") == 1


@pytest.mark.parametrize("path", ["bem-vinda.txt", "RECIBOS"])
def test_a_name_that_is_taken_by_something_else_is_not_found(path: str, serve: Serve) -> None:
    sidecar = serve(policy={"create_folders": True})
    answer = sidecar.token(ANA, path=path, **UPLOADING)
    assert (answer.status_code, code(answer)) == (404, "folder_not_found")


def test_who_may_not_make_a_folder_is_told_that_there_is_none(box: EmulatorProcess, serve: Serve) -> None:
    sidecar = serve(policy={"create_folders": True})
    company = box.item("boss@example.com", "/Company")["id"]  # which Olga may only look at
    answer = sidecar.token(OLGA, folder=company, path="Olga", **UPLOADING)
    assert (answer.status_code, code(answer)) == (404, "folder_not_found")
    assert answer.json()["box"]["status"] == 403


def test_a_root_is_read_to_its_end_and_a_folder_to_its_last_folder(
    box: EmulatorProcess, sidecar: SidecarProcess, ana: Person
) -> None:
    box.settings(rate_limit_per_minute=0)
    for number in range(1_000):
        ana.makes(f"{number}")
    made = ana.makes("Receipts")
    since = last(box)
    assert folder_of(sidecar.token(ANA, path="Receipts")) == made
    assert len([call for call in calls(box, since) if "items" in call]) == 2
    minutes = box.item(KENJI, "/議事録")["id"]
    made = Person(box, KENJI).makes("Ω", minutes)
    since = last(box)
    assert folder_of(sidecar.token(KENJI, folder=minutes, path="Ω")) == made
    assert len([call for call in calls(box, since) if "items" in call]) == 1, "1,200 files are none of its business"


def test_one_that_is_too_large_is_not_guessed_about(box: EmulatorProcess, sidecar: SidecarProcess, ana: Person) -> None:
    ana.makes("Receipts")
    box.fault("merge", body={"next_marker": None}, times=1, **LISTINGS)
    assert folder_of(sidecar.token(ANA, path="Receipts"))
    sidecar.request("POST", "/v1/tokens/revoke", json={"user": {"login": ANA}})
    since = last(box)
    box.fault("status", status=200, body={"entries": [], "next_marker": "more"}, times=None, **LISTINGS)
    answer = sidecar.token(ANA, path="Receipts")
    assert (answer.status_code, code(answer)) == (409, "path_ambiguous")
    assert len([call for call in calls(box, since) if "items" in call]) == 10


@pytest.mark.parametrize("entry", [{"id": "0"}, {"id": "1/2"}, {"id": ""}, {"id": 7}, {"id": "5\n"}, {"type": None}])
def test_an_answer_that_makes_no_sense_opens_nothing(
    entry: dict[str, Any], box: EmulatorProcess, sidecar: SidecarProcess
) -> None:
    owner = {"type": "user", "id": box.user(ANA)["id"]}
    body = {"entries": [{"type": "folder", "id": "5", "name": "Receipts", "owned_by": owner, **entry}]}
    box.fault("status", status=200, body=body, times=None, **LISTINGS)
    answer = sidecar.token(ANA, path="Receipts")
    assert (answer.status_code, code(answer)) == (502, "box_refused")
    assert opened(box) == []


@pytest.mark.parametrize("owner", [None, {}, {"id": ""}, {"id": None}, {"id": "77"}])
def test_a_folder_whose_owner_is_not_told_is_not_the_persons(
    owner: Any, box: EmulatorProcess, sidecar: SidecarProcess
) -> None:
    body = {"entries": [{"type": "folder", "id": "5", "name": "Receipts", "owned_by": owner}]}
    box.fault("status", status=200, body=body, times=None, **LISTINGS)
    assert code(sidecar.token(ANA, path="Receipts")) == "folder_not_found"


@pytest.mark.parametrize(
    ("fault", "status", "expected"),
    [
        ({"kind": "html", "status": 502}, 503, "box_unavailable"),
        ({"kind": "html", "status": 404}, 503, "box_unavailable"),
        ({"kind": "hang", "seconds": 30}, 503, "box_unavailable"),
        ({"kind": "status", "status": 429, "headers": {"Retry-After": "7"}}, 503, "box_rate_limited"),
        ({"kind": "status", "status": 418, "body": {"code": "teapot"}}, 502, "box_refused"),
    ],
)
def test_a_bad_day_of_boxs_is_told_as_one(
    fault: dict[str, Any], status: int, expected: str, box: EmulatorProcess, sidecar: SidecarProcess
) -> None:
    assert sidecar.token(KENJI).status_code == 200
    box.fault(times=None, **LISTINGS, **fault)
    answer = sidecar.token(ANA, path="Recibos")
    assert (answer.status_code, code(answer)) == (status, expected)
    assert answer.elapsed.total_seconds() < 6, "within the patience of one and a half time-outs, and a little"
    if expected == "box_unavailable":
        box.clear_faults()
        until(lambda: sidecar.token(ANA, path="Recibos").status_code == 200)


def test_a_token_of_the_persons_own_that_box_has_ended_is_replaced(
    box: EmulatorProcess, sidecar: SidecarProcess
) -> None:
    assert sidecar.token(ANA).status_code == 200
    box.expire_tokens(kind="user", login=ANA)
    assert folder_of(sidecar.token(ANA, path="Recibos")) == box.item(ANA, "/Recibos")["id"]


def test_one_person_can_have_so_many_paths_looked_up_a_minute(box: EmulatorProcess, serve: Serve) -> None:
    sidecar = serve(policy={"mints_per_user_per_minute": 4})
    answers = [sidecar.token(ANA, path=f"guess {number}") for number in range(6)]
    assert [code(answer) for answer in answers] == ["folder_not_found"] * 4 + ["rate_limited"] * 2
    assert sidecar.token(KENJI).status_code == 200


def test_the_audit_tells_the_folder_and_no_names(box: EmulatorProcess, sidecar: SidecarProcess, ana: Person) -> None:
    made = ana.makes("Secret project")
    sidecar.token(ANA, path="Secret project")
    sidecar.token(ANA, path="Secret project")
    sidecar.token(ANA, path="Other secret")
    lines = sidecar.audit()[-3:]
    assert [line["resource"] for line in lines] == [f"folder/{made}", f"folder/{made}", "folder/0"]
    assert [line["outcome"] for line in lines] == ["mint", "hit", "folder_not_found"]
    assert "secret" not in str(lines).lower()
    assert "secret" not in sidecar.request("GET", "/metrics").text.lower()
