"""What clients and reports know of Box that its reference does not say, or says elsewhere."""

from __future__ import annotations

import base64
import hashlib
import io
import time
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from emulator_conformance.protocol import ACCESS_TOKEN, TOKEN_EXCHANGE, App, error
from intranet.emulator_process import EmulatorProcess

PATH = "/Projetos/LEIA-ME.md"


@pytest.fixture
def ana(app: App, emulator: EmulatorProcess) -> str:
    return app.user_token(emulator.user("ana@example.com")["id"])


@pytest.fixture
def kenji(app: App, emulator: EmulatorProcess) -> str:
    return app.user_token(emulator.user("kenji@example.com")["id"])


@pytest.fixture
def folder(emulator: EmulatorProcess) -> str:
    return str(emulator.item("ana@example.com", "/Projetos")["id"])


@pytest.fixture
def file(emulator: EmulatorProcess) -> str:
    return str(emulator.item("ana@example.com", PATH)["id"])


def invite(app: App, ana: str, folder: str, role: str = "editor") -> str:
    invitation = {
        "item": {"type": "folder", "id": folder},
        "accessible_by": {"type": "user", "login": "kenji@example.com"},
        "role": role,
    }
    return str(app.api(ana, "POST", "collaborations", json=invitation).raise_for_status().json()["id"])


def test_a_trashed_file_says_so_and_a_trashed_folder_is_not_there(app: App, ana: str, folder: str, file: str) -> None:
    """As Box's own SDKs expect in their tests."""
    app.api(ana, "DELETE", f"folders/{folder}?recursive=true").raise_for_status()
    answer = app.api(ana, "GET", f"files/{file}")
    assert (answer.status_code, answer.json()["item_status"]) == (200, "trashed")
    assert app.api(ana, "GET", f"folders/{folder}").status_code == 404
    assert app.api(ana, "GET", f"folders/{folder}/items").status_code == 404
    assert app.api(ana, "GET", f"files/{file}/content").status_code == 404
    assert app.api(ana, "PUT", f"files/{file}", json={"name": "x"}).status_code == 404


def test_ids_may_be_numbers(tmp_path: Path) -> None:
    """Without Box's description, which allows text alone."""
    with EmulatorProcess(tmp_path) as box, App(box.url, box.app_config) as app:
        ana = app.user_token(box.user("ana@example.com")["id"])
        made = app.api(ana, "POST", "folders", json={"name": "n", "parent": {"id": 0}}).raise_for_status().json()
        moved = app.api(ana, "PUT", f"files/{box.item('ana@example.com', PATH)['id']}", json={"parent": made})
        assert moved.json()["parent"]["id"] == made["id"]
        session = {"folder_id": int(made["id"]), "file_name": "big.bin", "file_size": 30_000_000}
        assert app.api(ana, "POST", "/api/2.0/files/upload_sessions", json=session).status_code == 201


def test_promoting_a_version_brings_its_name_back(app: App, ana: str, file: str, emulator: EmulatorProcess) -> None:
    first = app.api(ana, "GET", f"files/{file}").json()["file_version"]["id"]
    attributes = {"attributes": (None, '{"name": "READ ME.md"}'), "file": ("x", b"new")}
    app.api(ana, "POST", f"/api/2.0/files/{file}/content", files=attributes).raise_for_status()
    assert app.api(ana, "GET", f"files/{file}").json()["name"] == "READ ME.md"
    body = {"type": "file_version", "id": first}
    app.api(ana, "POST", f"files/{file}/versions/current", json=body).raise_for_status()
    assert emulator.item("ana@example.com", PATH)["id"] == file


def test_a_collaborator_may_become_the_owner(
    app: App, ana: str, kenji: str, folder: str, emulator: EmulatorProcess
) -> None:
    entry = invite(app, ana, folder)
    assert app.api(kenji, "PUT", f"collaborations/{entry}", json={"role": "owner"}).status_code == 403
    assert app.api(ana, "PUT", f"collaborations/{entry}", json={"role": "owner"}).status_code == 204
    assert emulator.item("kenji@example.com", PATH)["owner"] == "kenji@example.com"
    assert app.api(ana, "GET", f"collaborations/{entry}").status_code == 404
    (now,) = app.api(ana, "GET", f"folders/{folder}/collaborations").json()["entries"]
    assert (now["role"], now["accessible_by"]["login"]) == ("co-owner", "ana@example.com")


def test_a_committed_session_may_be_deleted(app: App, ana: str) -> None:
    size = 20_000_000
    wish = {"folder_id": "0", "file_name": "big.bin", "file_size": size}
    session = app.api(ana, "POST", "/api/2.0/files/upload_sessions", json=wish).raise_for_status().json()
    parts = []
    for first in range(0, size, session["part_size"]):
        content = bytes(min(session["part_size"], size - first))
        place = f"bytes {first}-{first + len(content) - 1}/{size}"
        # The SDKs write the algorithm in capitals, the reference in small letters.
        headers = {"Digest": digest(content, "SHA" if first else "sha"), "Content-Range": place}
        sent = app.api(ana, "PUT", f"/api/2.0/files/upload_sessions/{session['id']}", content=content, headers=headers)
        parts.append(sent.raise_for_status().json()["part"])
    path = f"/api/2.0/files/upload_sessions/{session['id']}"
    headers = {"Digest": digest(bytes(size), "Sha")}
    app.api(ana, "POST", f"{path}/commit", json={"parts": parts}, headers=headers).raise_for_status()
    assert app.api(ana, "GET", path).status_code == 404
    assert app.api(ana, "DELETE", path).status_code == 204
    assert app.api(ana, "GET", "search?query=big.bin").json()["total_count"] == 1


def digest(content: bytes, algorithm: str) -> str:
    return f"{algorithm}={base64.b64encode(hashlib.sha1(content).digest()).decode()}"


@pytest.mark.parametrize("path", ["files/content", "files/content/"])
def test_checks_before_an_upload(app: App, ana: str, path: str) -> None:
    wish = {"name": " leads with a space.txt", "size": 5, "parent": {"id": "0"}}
    assert app.api(ana, "OPTIONS", path, json=wish).status_code == 200
    assert app.api(ana, "OPTIONS", path, json=wish | {"size": -1}).status_code == 400
    assert app.api(ana, "OPTIONS", path, json=wish | {"name": "ends with a space "}).status_code == 400


def test_a_search_can_tell_of_links(app: App, ana: str) -> None:
    found = app.api(ana, "GET", "search?query=bem-vinda&include_recent_shared_links=true").json()
    assert found["type"] == "search_results_with_shared_links"
    assert [(entry["type"], entry["item"]["name"]) for entry in found["entries"]] == [
        ("search_result", "Bem-vinda.txt")
    ]


def test_thumbnails_of_unknown_types(app: App, ana: str, emulator: EmulatorProcess) -> None:
    made = app.upload(ana, "0", "x.bin", b"x").json()["entries"][0]["id"]
    answer = app.api(ana, "GET", f"files/{made}/thumbnail.png")
    assert answer.status_code == 302
    assert httpx.get(answer.headers["Location"]).headers["Content-Type"] == "image/png"
    emulator.settings(unknown_thumbnail="not_found")
    answer = app.api(ana, "GET", f"files/{made}/thumbnail.png")
    assert (answer.status_code, answer.json()["code"]) == (404, "preview_cannot_be_generated")


def test_locks_keep_others_out(
    app: App, ana: str, kenji: str, folder: str, file: str, emulator: EmulatorProcess
) -> None:
    invite(app, ana, folder)
    wish = {"lock": {"type": "lock", "is_download_prevented": True, "expires_at": "2999-01-01T00:00:00+00:00"}}
    locked = app.api(ana, "PUT", f"files/{file}?fields=lock", json=wish).raise_for_status().json()["lock"]
    assert (locked["type"], locked["is_download_prevented"]) == ("lock", True)
    refused = app.api(kenji, "PUT", f"files/{file}", json={"name": "x.md"})
    assert (refused.status_code, refused.json()["code"]) == (403, "access_denied_item_locked")
    for method, path in (("GET", "content"), ("OPTIONS", "content")):
        assert app.api(kenji, method, f"files/{file}/{path}", json={}).status_code == 403
    assert app.api(kenji, "DELETE", f"files/{file}").status_code == 403
    assert app.api(ana, "PUT", f"files/{file}", json={"description": "mine"}).status_code == 200
    app.api(ana, "PUT", f"files/{file}", json={"lock": None}).raise_for_status()
    assert app.api(kenji, "PUT", f"files/{file}", json={"name": "x.md"}).status_code == 200


def test_locks_end(app: App, ana: str, kenji: str, folder: str, file: str, emulator: EmulatorProcess) -> None:
    invite(app, ana, folder)
    soon = datetime.fromtimestamp(time.time() + 60, UTC).isoformat()
    app.api(ana, "PUT", f"files/{file}", json={"lock": {"type": "lock", "expires_at": soon}}).raise_for_status()
    assert app.api(kenji, "GET", f"files/{file}/content").status_code == 302
    assert app.api(kenji, "PUT", f"files/{file}", json={"name": "x.md"}).status_code == 403
    emulator.settings(clock_offset_s=61)
    assert app.api(kenji, "PUT", f"files/{file}", json={"name": "x.md"}).status_code == 200


def test_an_exchange_for_a_shared_link(app: App, ana: str, kenji: str, folder: str, emulator: EmulatorProcess) -> None:
    """The child reaches the link's item and nothing else, as far as the link goes."""
    body = {"shared_link": {"access": "company"}}
    link = app.api(ana, "PUT", f"folders/{folder}", json=body).raise_for_status().json()["shared_link"]["url"]
    answer = app.exchange(kenji, "base_explorer item_download item_rename", box_shared_link=link).raise_for_status()
    assert {entry["object"]["id"] for entry in answer.json()["restricted_to"]} == {folder}
    child = answer.json()["access_token"]
    assert app.api(child, "GET", f"folders/{folder}/items").status_code == 200
    assert app.api(child, "PUT", f"folders/{folder}", json={"name": "mine"}).status_code == 403
    assert app.api(child, "GET", "folders/0/items").status_code == 403
    assert app.api(kenji, "GET", f"folders/{folder}").status_code == 404
    app.api(ana, "PUT", f"folders/{folder}", json={"shared_link": {"access": "collaborators"}}).raise_for_status()
    assert app.api(child, "GET", f"folders/{folder}/items").status_code == 404
    refused = (400, "invalid_resource", "The target resource is invalid.")
    assert error(app.exchange(kenji, "base_explorer", box_shared_link=link)) == refused
    locked = {"shared_link": {"access": "company", "password": "s3cret"}}
    app.api(ana, "PUT", f"folders/{folder}", json=locked).raise_for_status()
    assert error(app.exchange(kenji, "base_explorer", box_shared_link=link)) == refused
    beside = f"https://api.box.com/2.0/folders/{folder}"
    assert error(app.exchange(ana, "base_explorer", beside, box_shared_link=link))[:2] == (400, "invalid_request")


def test_the_token_endpoint_takes_multipart(app: App, ana: str) -> None:
    form = {
        "grant_type": TOKEN_EXCHANGE,
        "subject_token": ana,
        "subject_token_type": ACCESS_TOKEN,
        "scope": "base_explorer",
    }
    parts = {name: (None, value) for name, value in form.items()}
    assert app.http.post("/oauth2/token", files=parts).json()["restricted_to"] == [{"scope": "base_explorer"}]


def test_when_a_content_was_made_is_kept(app: App, ana: str, file: str) -> None:
    """rclone sets the time of a file that is there already so."""
    then = "2020-01-02T03:04:05+00:00"
    answer = app.api(ana, "PUT", f"files/{file}", json={"content_modified_at": then}).raise_for_status()
    assert answer.json()["content_modified_at"] == then
    attributes = {"attributes": (None, '{"name": "v.md", "content_modified_at": "2021-01-02T03:04:05Z"}')}
    parts = attributes | {"file": ("x", b"new")}
    sent = app.api(ana, "POST", f"/api/2.0/files/{file}/content", files=parts).raise_for_status()
    assert sent.json()["entries"][0]["content_modified_at"] == "2021-01-02T03:04:05+00:00"


def test_an_archive(app: App, ana: str, folder: str, file: str) -> None:
    wish = {"items": [{"type": "folder", "id": folder}], "download_file_name": "all"}
    answer = app.api(ana, "POST", "zip_downloads", json=wish).raise_for_status()
    status = f"/2.0/{answer.json()['status_url'].partition('/2.0/')[2]}"
    assert app.api(ana, "GET", status).status_code == 404
    packed = httpx.get(answer.json()["download_url"]).raise_for_status()
    with zipfile.ZipFile(io.BytesIO(packed.content)) as archive:
        assert {"Projetos/LEIA-ME.md", "Projetos/Aurora/Atas/Reunião 1.md"} <= set(archive.namelist())
    counts = app.api(ana, "GET", status).json()
    assert (counts["state"], counts["total_file_count"]) == ("succeeded", len(archive.namelist()))
    assert app.api(ana, "POST", "zip_downloads", json={"items": [{"type": "folder", "id": "0"}]}).status_code == 400


def test_an_archive_for_a_downscoped_token(app: App, file: str, emulator: EmulatorProcess) -> None:
    ana = emulator.user("ana@example.com")["id"]
    token = app.downscoped(ana, "base_explorer item_download")
    wish = {"items": [{"type": "file", "id": file}]}
    assert app.api(token, "POST", "zip_downloads", json=wish).status_code == 401
    emulator.settings(downscoped_zip=True)
    assert app.api(token, "POST", "zip_downloads", json=wish).status_code == 202
    reader = app.downscoped(ana, "base_explorer")
    assert app.api(reader, "POST", "zip_downloads", json=wish).status_code == 403


def test_a_groups_members_collaborate(app: App, ana: str, kenji: str, folder: str, emulator: EmulatorProcess) -> None:
    service = app.jwt().json()["access_token"]
    group = app.api(service, "POST", "groups", json={"name": "Editors"}).raise_for_status().json()
    assert app.api(service, "POST", "groups", json={"name": "EDITORS"}).status_code == 409
    assert app.api(kenji, "GET", "groups").status_code == 403
    who = {"type": "group", "id": group["id"]}
    invitation = {"item": {"type": "folder", "id": folder}, "accessible_by": who, "role": "editor"}
    app.api(ana, "POST", "collaborations", json=invitation).raise_for_status()
    assert app.api(kenji, "GET", f"folders/{folder}").status_code == 404
    wish = {"user": {"id": emulator.user("kenji@example.com")["id"]}, "group": {"id": group["id"]}}
    app.api(service, "POST", "group_memberships", json=wish).raise_for_status()
    assert app.api(kenji, "GET", f"folders/{folder}").status_code == 200
    app.api(service, "DELETE", f"groups/{group['id']}").raise_for_status()
    assert app.api(kenji, "GET", f"folders/{folder}").status_code == 404


def test_events_are_ones_own(app: App, ana: str, kenji: str) -> None:
    before = app.api(ana, "GET", "events?stream_position=now").json()["next_stream_position"]
    app.upload(kenji, "0", "k.txt", b"k").raise_for_status()
    app.upload(ana, "0", "a.txt", b"a").raise_for_status()
    events = app.api(ana, "GET", f"events?stream_position={before}").json()
    assert [(one["event_type"], one["source"]["name"]) for one in events["entries"]] == [("ITEM_UPLOAD", "a.txt")]
    assert app.api(ana, "GET", "events?stream_type=admin_logs").status_code == 403
    (server,) = app.api(ana, "OPTIONS", "events").json()["entries"]
    assert httpx.get(server["url"]).json() == {"message": "reconnect"}


def test_the_enterprises_events_are_everybodys(app: App, ana: str) -> None:
    service = app.jwt().json()["access_token"]
    app.upload(ana, "0", "a.txt", b"a").raise_for_status()
    robot = {"name": "Robot", "is_platform_access_only": True}
    made = app.api(service, "POST", "users", json=robot).raise_for_status().json()["id"]
    app.api(service, "DELETE", f"users/{made}").raise_for_status()

    def seen(**query: str) -> list[str]:
        answer = app.api(service, "GET", "events", params={"stream_type": "admin_logs"} | query)
        return [entry["event_type"] for entry in answer.raise_for_status().json()["entries"]]

    assert seen() == ["UPLOAD", "NEW_USER", "DELETE_USER"]
    assert seen(event_type="UPLOAD,DELETE_USER") == ["UPLOAD", "DELETE_USER"]
    assert seen(created_before="2020-01-01T00:00:00Z") == []
    assert seen(created_after="2020-01-01T00:00:00Z", limit="1") == ["UPLOAD"]
    assert seen(stream_position="2") == ["DELETE_USER"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "events"),
        ("OPTIONS", "events"),
        ("GET", "collections"),
        ("GET", "collections/1"),
        ("GET", "collections/1/items"),
        ("GET", "groups"),
        ("POST", "groups"),
        ("GET", "groups/1"),
        ("POST", "groups/terminate_sessions"),
        ("POST", "group_memberships"),
        ("GET", "group_memberships/1"),
        ("GET", "users/{user}/memberships"),
        ("POST", "users/terminate_sessions"),
        ("PUT", "users/{user}/folders/0"),
        ("POST", "users/{user}/avatar"),
        ("DELETE", "users/{user}/avatar"),
        ("POST", "users/{user}/email_aliases"),
        ("POST", "invites"),
        ("GET", "invites/1"),
    ],
)
def test_a_downscoped_token_does_not_open_what_no_element_needs(
    app: App, emulator: EmulatorProcess, method: str, path: str
) -> None:
    ana = emulator.user("ana@example.com")["id"]
    token = app.downscoped(
        ana, "base_explorer item_preview item_download item_upload item_rename item_share item_delete"
    )
    assert app.api(token, method, path.format(user=ana), json={}).status_code == 403


def test_a_route_that_is_not_played_says_so(app: App, ana: str) -> None:
    answer = app.api(ana, "GET", "webhooks")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert answer.json()["message"] == "The emulator does not play this route: GET /2.0/webhooks"
