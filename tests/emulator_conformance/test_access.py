"""A token that should not work does not: scope, resource, owner, role, origin and rate are enforced."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

import pytest

from emulator_conformance.protocol import App
from intranet.emulator_process import EmulatorProcess

SITE = "http://intranet.example"


LISTING = {"base_explorer", "base_picker", "root_readonly", "root_readwrite"}
SEARCHING = {"root_readonly", "root_readwrite"}
READING = LISTING | {"base_preview", "base_sidebar", "item_preview", "item_download"}
PREVIEWING = {"base_preview", "item_preview", "item_download", "root_readonly", "root_readwrite"}
DOWNLOADING = {"item_download", "root_readonly", "root_readwrite"}
UPLOADING = {"base_upload", "item_upload", "root_readwrite"}
RENAMING = {"item_rename", "root_readwrite"}
SHARING = {"item_share", "root_readwrite"}
DELETING = {"item_delete", "root_readwrite"}
SCOPES = sorted(READING | UPLOADING | RENAMING | SHARING | DELETING)


@dataclass(frozen=True)
class Call:
    """A call on ``{folder}`` and ``{file}``, which stand for ids, and the scopes each of which is enough for it."""

    method: str
    path: str
    scopes: set[str]
    body: Any = None


IN_FOLDER = {"name": "n.txt", "parent": {"id": "{folder}"}}
SESSION = {"folder_id": "{folder}", "file_name": "n.bin", "file_size": 30_000_000}
INVITATION = {
    "item": {"type": "folder", "id": "{folder}"},
    "accessible_by": {"type": "user", "login": "kenji@example.com"},
    "role": "editor",
}
CALLS = {
    "list": Call("GET", "folders/{folder}/items", LISTING),
    "open": Call("GET", "folders/{folder}", LISTING),
    "search": Call("GET", "search?query=a&ancestor_folder_ids={folder}", SEARCHING),
    "recent": Call("GET", "recent_items", LISTING),
    "information": Call("GET", "files/{file}", READING),
    "versions": Call("GET", "files/{file}/versions", READING),
    "thumbnail": Call("GET", "files/{file}/thumbnail.png", PREVIEWING),
    "download": Call("GET", "files/{file}/content", DOWNLOADING),
    "rename": Call("PUT", "files/{file}", RENAMING, {"name": "new.md"}),
    "rename folder": Call("PUT", "folders/{folder}", RENAMING, {"name": "new"}),
    "share": Call("PUT", "files/{file}", SHARING, {"shared_link": {"access": "company"}}),
    "share folder": Call("PUT", "folders/{folder}", SHARING, {"shared_link": {"access": "company"}}),
    "delete": Call("DELETE", "files/{file}", DELETING),
    "delete folder": Call("DELETE", "folders/{folder}?recursive=true", DELETING),
    "create folder": Call("POST", "folders", UPLOADING, IN_FOLDER),
    "upload check": Call("OPTIONS", "files/content", UPLOADING, IN_FOLDER),
    "new version check": Call("OPTIONS", "files/{file}/content", UPLOADING, {"name": "LEIA-ME.md"}),
    "upload session": Call("POST", "/api/2.0/files/upload_sessions", UPLOADING, SESSION),
    "invite": Call("POST", "collaborations", {"root_readwrite"}, INVITATION),
}


@dataclass
class Place:
    ana: str
    folder: str
    file: str
    elsewhere: str


@pytest.fixture
def place(emulator: EmulatorProcess) -> Place:
    def item(path: str) -> str:
        return str(emulator.item("ana@example.com", path)["id"])

    ana = str(emulator.user("ana@example.com")["id"])
    return Place(ana, item("/Projetos"), item("/Projetos/LEIA-ME.md"), item("/Recibos"))


def perform(app: App, token: str, call: Call, folder: str, file: str) -> int:
    def fill(text: str) -> str:
        return text.replace("{folder}", folder).replace("{file}", file)

    body = json.loads(fill(json.dumps(call.body)))
    return app.api(token, call.method, fill(call.path), json=body).status_code


@pytest.mark.parametrize("name", CALLS)
def test_each_scope_opens_what_it_should_and_nothing_else(
    app: App, place: Place, emulator: EmulatorProcess, name: str
) -> None:
    opened = set()
    for scope in SCOPES:
        status = perform(app, app.downscoped(place.ana, scope), CALLS[name], place.folder, place.file)
        if status < 400:
            opened.add(scope)
        else:
            assert status == 403
        emulator.reset()
    assert opened == CALLS[name].scopes


def test_uploading_needs_its_scope(app: App, place: Place) -> None:
    for scope in SCOPES:
        status = app.upload(app.downscoped(place.ana, scope), place.folder, f"{scope}.txt", b"x").status_code
        assert status == (201 if scope in UPLOADING else 403), scope


@pytest.mark.parametrize("name", sorted(set(CALLS) - {"recent"}))
def test_a_resource_ends_at_its_folder(app: App, place: Place, emulator: EmulatorProcess, name: str) -> None:
    call = CALLS[name]
    token = app.downscoped(place.ana, "root_readwrite", f"folders/{place.elsewhere}")
    assert perform(app, token, call, place.folder, place.file) == 403
    token = app.downscoped(place.ana, "root_readwrite", f"folders/{place.folder}")
    assert perform(app, token, call, place.folder, place.file) < 400


def test_a_resource_covers_all_below_and_nothing_above(app: App, place: Place, emulator: EmulatorProcess) -> None:
    emulator.settings(downscoped_search=True)
    token = app.downscoped(place.ana, "base_explorer item_rename", f"folders/{place.folder}")
    deep = emulator.item("ana@example.com", "/Projetos/Aurora/Atas/Reunião 1.md")["id"]
    assert app.api(token, "GET", f"files/{deep}").status_code == 200
    assert app.api(token, "GET", "folders/0").status_code == 403
    assert app.api(token, "GET", "folders/0/items").status_code == 403
    moved = app.api(token, "PUT", f"files/{deep}", json={"parent": {"id": "0"}})
    assert moved.status_code == 403
    results = app.api(token, "GET", "search", params={"query": "a"}).json()
    assert {entry["id"] for entry in results["entries"]} <= {
        item["id"] for item in emulator.items("ana@example.com") if item["path"].startswith("/Projetos/")
    }


def test_a_file_as_resource(app: App, place: Place, emulator: EmulatorProcess) -> None:
    token = app.downscoped(place.ana, "base_preview item_download", f"files/{place.file}")
    assert app.api(token, "GET", f"files/{place.file}/content").status_code == 302
    other = emulator.item("ana@example.com", "/Bem-vinda.txt")["id"]
    assert app.api(token, "GET", f"files/{other}/content").status_code == 403


@pytest.mark.parametrize("name", sorted(set(CALLS) - {"recent"}))
def test_nobody_reaches_anothers_items(app: App, place: Place, emulator: EmulatorProcess, name: str) -> None:
    for login in ("kenji@example.com", "boss@example.com", "ana@example.com.br"):
        token = app.user_token(emulator.user(login)["id"])
        assert perform(app, token, CALLS[name], place.folder, place.file) == 404
    assert perform(app, app.jwt().json()["access_token"], CALLS[name], place.folder, place.file) == 404


def test_root_is_the_tokens_own_users(app: App, emulator: EmulatorProcess) -> None:
    def names(login: str) -> set[str]:
        token = app.user_token(emulator.user(login)["id"])
        entries = app.api(token, "GET", "folders/0/items").json()["entries"]
        return {entry["name"] for entry in entries}

    assert "Bem-vinda.txt" in names("ana@example.com")
    assert "はじめに.txt" in names("kenji@example.com")
    assert not names("ana@example.com") & names("kenji@example.com")


def test_collaborators_get_what_their_role_allows(app: App, emulator: EmulatorProcess) -> None:
    olga = app.user_token(emulator.user("olga@example.com")["id"])
    folder = emulator.item("boss@example.com", "/Company")["id"]
    file = emulator.item("boss@example.com", "/Company/Holidays.txt")["id"]
    assert app.api(olga, "GET", f"files/{file}/content").status_code == 302
    assert app.api(olga, "PUT", f"files/{file}", json={"name": "x.txt"}).status_code == 403
    assert app.upload(olga, folder, "x.txt", b"x").status_code == 403
    assert app.api(olga, "DELETE", f"files/{file}").status_code == 403
    salaries = emulator.item("boss@example.com", "/Salaries.xlsx")["id"]
    assert app.api(olga, "GET", f"files/{salaries}").status_code == 404
    path = app.api(olga, "GET", f"files/{file}").json()["path_collection"]["entries"]
    assert [entry["name"] for entry in path] == ["All Files", "Company"]


def test_permissions_follow_scopes(app: App, place: Place) -> None:
    def permissions(scopes: str) -> dict[str, bool]:
        token = app.downscoped(place.ana, scopes)
        answer = app.api(token, "GET", f"files/{place.file}?fields=permissions").raise_for_status()
        result: dict[str, bool] = answer.json()["permissions"]
        return result

    assert not any(permissions("base_explorer").values())
    assert permissions("base_explorer item_download")["can_download"]
    assert not permissions("base_explorer item_download")["can_rename"]
    assert permissions("base_explorer item_rename")["can_rename"]
    assert permissions("base_explorer item_share")["can_set_share_access"]
    assert permissions("base_explorer item_delete")["can_delete"]
    assert all(permissions("root_readwrite").values())


def test_managing_users_needs_the_applications_scope(app: App, emulator: EmulatorProcess) -> None:
    ana = app.user_token(emulator.user("ana@example.com")["id"])
    assert app.api(ana, "GET", "users").status_code == 403
    assert app.api(ana, "GET", f"users/{emulator.user('kenji@example.com')['id']}").status_code == 403
    emulator.settings(app_scopes=["root_readwrite"])
    assert app.api(app.jwt().json()["access_token"], "GET", "users").status_code == 403


def test_an_app_without_enterprise_access_sees_its_app_users_alone(app: App, emulator: EmulatorProcess) -> None:
    emulator.settings(app_access="app")
    service = app.jwt().json()["access_token"]
    assert app.api(service, "GET", "users?filter_term=ana").json()["entries"] == []
    assert app.api(service, "GET", f"users/{emulator.user('ana@example.com')['id']}").status_code == 404
    robot = {"name": "Robot", "is_platform_access_only": True}
    made = app.api(service, "POST", "users", json=robot).raise_for_status().json()
    assert [user["id"] for user in app.api(service, "GET", "users").json()["entries"]] == [made["id"]]


def test_the_marker_of_a_search_for_users_may_never_end(app: App, emulator: EmulatorProcess) -> None:
    service = app.jwt().json()["access_token"]

    def pages(query: str) -> list[int]:
        """How many users each page has, until the marker is null or three pages were empty."""
        sizes: list[int] = []
        marker = ""
        while marker is not None and sizes[-3:] != [0, 0, 0]:
            page = app.api(service, "GET", f"users?usemarker=true&limit=2&{query}&marker={marker}").json()
            sizes.append(len(page["entries"]))
            marker = page["next_marker"]
        return sizes

    emulator.settings(filter_term_marker="null")
    assert pages("filter_term=ana") == [2, 1]
    emulator.settings(filter_term_marker="endless")
    assert pages("filter_term=ana") == [2, 1, 0, 0, 0]
    assert 0 not in pages("")


def test_a_list_of_users_ends_at_an_offset(app: App, emulator: EmulatorProcess) -> None:
    service = app.jwt().json()["access_token"]
    for most in (10_000, 4):
        emulator.settings(users_max_offset=most)
        assert app.api(service, "GET", f"users?offset={most}").status_code == 200
        assert app.api(service, "GET", f"users?offset={most + 1}").status_code == 400


def test_a_downscoped_token_may_be_kept_from_searching(app: App, emulator: EmulatorProcess) -> None:
    ana = emulator.user("ana@example.com")["id"]
    tokens = {
        "explorer": app.downscoped(ana, "base_explorer item_download"),
        "reader": app.downscoped(ana, "base_explorer root_readonly"),
        "whole": app.user_token(ana),
    }

    def may_search() -> list[str]:
        answers = {name: app.api(token, "GET", "search?query=a") for name, token in tokens.items()}
        assert {answer.status_code for answer in answers.values()} <= {200, 403}
        return [name for name, answer in answers.items() if answer.status_code == 200]

    emulator.settings(downscoped_search=True)
    assert may_search() == ["explorer", "reader", "whole"]
    emulator.settings(downscoped_search=False)
    assert may_search() == ["reader", "whole"]


def test_as_user_is_for_service_accounts(app: App, emulator: EmulatorProcess) -> None:
    ana = {"As-User": emulator.user("ana@example.com")["id"]}
    service = app.jwt().json()["access_token"]
    assert app.api(service, "GET", "users/me", headers=ana).json()["login"] == "ana@example.com"
    kenji = app.user_token(emulator.user("kenji@example.com")["id"])
    assert app.api(kenji, "GET", "users/me", headers=ana).status_code == 403


def test_inactive_and_deleted_users_tokens_die(app: App, emulator: EmulatorProcess) -> None:
    kenji = emulator.user("kenji@example.com")["id"]
    token = app.user_token(kenji)
    emulator.change_user(kenji, status="inactive")
    assert app.api(token, "GET", "users/me").status_code == 401
    emulator.change_user(kenji, status="active")
    assert app.api(token, "GET", "users/me").status_code == 200
    emulator.delete_user(kenji)
    assert app.api(token, "GET", "users/me").status_code == 401


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic eDp5"}])
def test_no_token(app: App, header: dict[str, str]) -> None:
    answer = app.http.get("/2.0/folders/0", headers=header)
    assert (answer.status_code, answer.content) == (401, b"")


def test_token_in_the_query(app: App, emulator: EmulatorProcess) -> None:
    token = app.user_token(emulator.user("ana@example.com")["id"])
    assert app.http.get("/2.0/users/me", params={"access_token": token}).json()["login"] == "ana@example.com"
    assert token not in json.dumps(emulator.log())


def test_cors(app: App, emulator: EmulatorProcess) -> None:
    token = app.user_token(emulator.user("ana@example.com")["id"])
    emulator.settings(cors_origins=[SITE])
    good = app.api(token, "GET", "folders/0", headers={"Origin": SITE})
    assert good.headers["Access-Control-Allow-Origin"] == SITE
    for origin in (SITE + "/", SITE.replace("http", "https"), "http://evil.example", "null"):
        bad = app.api(token, "GET", "folders/0", headers={"Origin": origin})
        assert (bad.status_code, bad.json()["code"]) == (403, "cors_origin_not_whitelisted")
        assert "Access-Control-Allow-Origin" not in bad.headers
    expired = app.http.get("/2.0/folders/0", headers={"Origin": SITE, "Authorization": "Bearer expired"})
    assert expired.status_code == 401
    assert expired.headers["Access-Control-Allow-Origin"] == SITE
    token_endpoint = app.http.post("/oauth2/token", headers={"Origin": "http://evil.example"})
    assert "Access-Control-Allow-Origin" not in token_endpoint.headers


def test_cors_preflight(app: App) -> None:
    wish = {"Origin": SITE, "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "authorization"}
    answer = app.http.options("/2.0/files/1", headers=wish)
    assert answer.status_code == 200
    assert "PUT" in answer.headers["Access-Control-Allow-Methods"]
    assert answer.headers["Access-Control-Allow-Headers"] == "authorization"


def test_rate_limit_counts_by_user(app: App, emulator: EmulatorProcess) -> None:
    emulator.settings(rate_limit_per_minute=5)
    ana = app.user_token(emulator.user("ana@example.com")["id"])
    kenji = app.user_token(emulator.user("kenji@example.com")["id"])
    assert [app.api(ana, "GET", "users/me").status_code for _ in range(6)] == [200] * 5 + [429]
    limited = app.api(ana, "GET", "users/me")
    assert limited.json()["code"] == "rate_limit_exceeded"
    assert 50 <= int(limited.headers["Retry-After"]) <= 60
    assert app.api(kenji, "GET", "users/me").status_code == 200
    emulator.settings(rate_limit_per_minute=0)
    assert app.api(ana, "GET", "users/me").status_code == 200


def test_rate_limits_are_boxs_own_by_default(emulator: EmulatorProcess) -> None:
    limits = ("rate_limit_per_minute", "uploads_per_minute", "searches_per_second", "searches_per_minute")
    assert [emulator.settings()[limit] for limit in limits] == [1000, 240, 6, 60]


def test_uploads_and_searches_have_limits_of_their_own(app: App, emulator: EmulatorProcess) -> None:
    ana = app.user_token(emulator.user("ana@example.com")["id"])

    def uploads() -> list[int]:
        return [app.upload(ana, "0", f"{time.monotonic_ns()}.txt", b"x").status_code for _ in range(4)]

    def searches() -> list[int]:
        return [app.api(ana, "GET", "search?query=x").status_code for _ in range(4)]

    emulator.settings(uploads_per_minute=3, searches_per_second=0, searches_per_minute=2)
    assert uploads() == [201, 201, 201, 429]
    assert searches() == [200, 200, 429, 429]
    assert app.api(ana, "GET", "users/me").status_code == 200
    emulator.settings(searches_per_second=1, searches_per_minute=0)
    limited = next(answer for _ in range(100) if (answer := app.api(ana, "GET", "search?query=x")).status_code == 429)
    assert limited.headers["Retry-After"] == "1"
