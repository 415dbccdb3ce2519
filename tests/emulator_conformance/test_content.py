"""What the SDKs do not look at, but browsers and the Elements do."""

from __future__ import annotations

import socket
import time

import pytest

from emulator_conformance.protocol import App
from intranet.emulator_process import EmulatorProcess


@pytest.fixture
def ana(app: App, emulator: EmulatorProcess) -> str:
    return app.user_token(emulator.user("ana@example.com")["id"])


def test_each_item_says_where_it_is(app: App, ana: str, emulator: EmulatorProcess) -> None:
    """Also those beside a root, which has no parent at all."""
    projects = emulator.item("ana@example.com", "/Projetos")["id"]
    fields = "parent,path_collection,item_collection"
    for folder, path in (("0", ["0"]), (projects, ["0", projects])):
        listing = app.api(ana, "GET", f"folders/{folder}", params={"fields": fields}).json()["item_collection"]
        assert listing["entries"]
        for entry in listing["entries"]:
            assert entry["parent"]["id"] == folder
            assert [ancestor["id"] for ancestor in entry["path_collection"]["entries"]] == path


def test_fields(app: App, ana: str, emulator: EmulatorProcess) -> None:
    file = emulator.item("ana@example.com", "/Bem-vinda.txt")["id"]
    answer = app.api(ana, "GET", f"files/{file}", params={"fields": "name,no_such_field,extension"})
    assert answer.json() == {"type": "file", "id": file, "etag": "0", "name": "Bem-vinda.txt", "extension": "txt"}
    root = app.api(ana, "GET", "folders/0", params={"fields": "name,etag"}).json()
    assert root == {"type": "folder", "id": "0", "etag": None, "name": "All Files"}


def test_not_modified(app: App, ana: str, emulator: EmulatorProcess) -> None:
    file = emulator.item("ana@example.com", "/Bem-vinda.txt")["id"]
    assert app.api(ana, "GET", f"files/{file}", headers={"If-None-Match": "0"}).status_code == 304
    app.api(ana, "PUT", f"files/{file}", json={"description": "new"}).raise_for_status()
    changed = app.api(ana, "GET", f"files/{file}", headers={"If-None-Match": "0"})
    assert (changed.status_code, changed.json()["etag"], changed.json()["description"]) == (200, "1", "new")


def test_conflicts_name_the_item_as_the_elements_expect(app: App, ana: str, emulator: EmulatorProcess) -> None:
    file = emulator.item("ana@example.com", "/Bem-vinda.txt")["id"]
    folder = emulator.item("ana@example.com", "/Projetos")["id"]
    upload = app.upload(ana, "0", "BEM-VINDA.txt", b"x")
    assert (upload.status_code, upload.json()["context_info"]["conflicts"]["id"]) == (409, file)
    created = app.api(ana, "POST", "folders", json={"name": "Projetos", "parent": {"id": "0"}})
    assert [conflict["id"] for conflict in created.json()["context_info"]["conflicts"]] == [folder]


@pytest.mark.parametrize(
    ("wish", "status", "body", "place"),
    [
        ("bytes=0-2", 206, b"012", "bytes 0-2/10"),
        ("bytes=7-", 206, b"789", "bytes 7-9/10"),
        ("bytes=-2", 206, b"89", "bytes 8-9/10"),
        ("bytes=5-100", 206, b"56789", "bytes 5-9/10"),
        ("bytes=10-", 416, b"", "bytes */10"),
        ("lines=1-2", 200, b"0123456789", None),
    ],
)
def test_ranges(app: App, ana: str, wish: str, status: int, body: bytes, place: str | None) -> None:
    file = app.upload(ana, "0", "digits.txt", b"0123456789").json()["entries"][0]["id"]
    location = app.api(ana, "GET", f"files/{file}/content").headers["Location"]
    answer = app.http.get(location, headers={"Range": wish})
    assert (answer.status_code, answer.content, answer.headers.get("Content-Range")) == (status, body, place)


def test_downloads_are_never_shown_as_pages(app: App, ana: str) -> None:
    file = app.upload(ana, "0", "page.html", b"<script>alert(1)</script>").json()["entries"][0]["id"]
    answer = app.http.get(app.api(ana, "GET", f"files/{file}/content").headers["Location"])
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_download_urls_end(app: App, ana: str, emulator: EmulatorProcess) -> None:
    file = emulator.item("ana@example.com", "/Bem-vinda.txt")["id"]
    location = app.api(ana, "GET", f"files/{file}/content").headers["Location"]
    emulator.settings(clock_offset_s=16 * 60)
    assert app.http.get(location).status_code == 401


def test_pictures_say_what_they_are(app: App, ana: str, emulator: EmulatorProcess) -> None:
    file = emulator.item("ana@example.com", "/Fotos da equipe/Praia.png")["id"]
    for form, kind in (("png", "image/png"), ("jpg", "image/jpeg")):
        answer = app.api(ana, "GET", f"files/{file}/thumbnail.{form}")
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, kind)
    assert app.api(ana, "GET", f"files/{file}/thumbnail.png?max_width=0").status_code == 400
    binary = app.upload(ana, "0", "x.bin", b"x").json()["entries"][0]["id"]
    assert app.api(ana, "GET", f"files/{binary}/thumbnail.png").status_code == 302


def test_storage_is_limited(app: App, ana: str) -> None:
    check = {"name": "huge.bin", "size": 6 * 2**30, "parent": {"id": "0"}}
    answer = app.api(ana, "OPTIONS", "files/content", json=check)
    assert (answer.status_code, answer.json()["code"]) == (403, "file_size_limit_exceeded")


def test_unknown_paths_and_methods(app: App, ana: str) -> None:
    assert app.api(ana, "GET", "nothing").json()["code"] == "not_found"
    assert app.api(ana, "PATCH", "folders/0").status_code == 405


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'"x"'])
def test_bodies_that_are_no_json_objects(app: App, ana: str, body: bytes) -> None:
    assert app.api(ana, "POST", "folders", content=body).status_code == 400


def test_moving_into_anothers_folder_changes_the_owner(app: App, ana: str, emulator: EmulatorProcess) -> None:
    folder = emulator.item("ana@example.com", "/Projetos/Aurora")["id"]
    kenji = app.user_token(emulator.user("kenji@example.com")["id"])
    item = emulator.item("kenji@example.com", "/写真")["id"]
    invitation = {
        "item": {"type": "folder", "id": folder},
        "accessible_by": {"type": "user", "login": "kenji@example.com"},
        "role": "editor",
    }
    app.api(ana, "POST", "collaborations", json=invitation).raise_for_status()
    app.api(kenji, "PUT", f"folders/{item}", json={"parent": {"id": folder}}).raise_for_status()
    assert emulator.item("ana@example.com", "/Projetos/Aurora/写真/京都.png")["owner"] == "ana@example.com"
    assert not [entry for entry in emulator.items("kenji@example.com") if entry["path"].startswith("/写真")]


@pytest.mark.parametrize("latency_ms", [0, 100])
def test_a_client_that_goes_away_in_the_middle_of_an_upload(
    app: App, ana: str, emulator: EmulatorProcess, latency_ms: int
) -> None:
    """No file, no answer, and (conftest.py) no trace of a crash."""
    before, since = emulator.items("ana@example.com"), emulator.log()[-1]["n"]
    emulator.settings(latency_ms=latency_ms)
    head = f"POST /api/2.0/files/content HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ana}\r\n"
    head += "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 9000000\r\n\r\n--b\r\n"
    with socket.create_connection((app.http.base_url.host, app.http.base_url.port or 80)) as connection:
        connection.sendall(head.encode())
    while not emulator.log(since):
        time.sleep(0.05)
    assert emulator.log(since)[0]["status"] == 0
    assert emulator.items("ana@example.com") == before


@pytest.mark.parametrize("body", [b"", b"no parts", b"--b\r\nX", b"--b\r\n\r\n{}\r\n--b--"])
def test_broken_forms(app: App, ana: str, body: bytes) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = app.api(ana, "POST", "/api/2.0/files/content", headers=headers, content=body)
    assert answer.status_code == 400


def test_the_file_comes_after_its_attributes(app: App, ana: str) -> None:
    files = {"file": ("x.txt", b"x"), "attributes": (None, '{"name": "x.txt", "parent": {"id": "0"}}')}
    answer = app.api(ana, "POST", "/api/2.0/files/content", files=files)
    assert (answer.status_code, answer.json()["code"]) == (400, "metadata_after_file_contents")
