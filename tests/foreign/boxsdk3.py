"""A walk with boxsdk 3, as its users write programs: ``boxsdk3.py (jwt|ccg) CONFIG LOGIN``."""

from __future__ import annotations

import io
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests
from boxsdk import BoxAPIException, BoxOAuthException, CCGAuth, Client, JWTAuth, OAuth2  # type: ignore[import-not-found]
from boxsdk.object.collaboration import CollaborationRole  # type: ignore[import-not-found]

from foreign.steps import refused, step

MEGABYTE = 1_000_000


def main(kind: str, config: str, login: str) -> None:
    service_auth, user_auth = authentication(kind, config, login)
    service, user = Client(service_auth), Client(user_auth)
    people(service, login)
    with step("user: get current"):
        assert user.user().get().login == login
    folders(user)
    files(user)
    versions(user)
    sharing(user, service, login)
    uploading(user)
    trash(user)
    narrowing(user)


def authentication(kind: str, config: str, login: str) -> tuple[Any, Any]:
    """For the service account, and for the person with `login`."""
    document = json.loads(Path(config).read_text())
    if kind == "jwt":
        service = JWTAuth.from_settings_file(config)
        with step("JWT: authenticate instance"):
            service.authenticate_instance()
        (found,) = [user for user in Client(service).users(filter_term=login) if user.login == login]
        return service, JWTAuth.from_settings_file(config, user=found)
    settings = document["boxAppSettings"]
    credentials = {"client_id": settings["clientID"], "client_secret": settings["clientSecret"]}
    service = CCGAuth(**credentials, enterprise_id=document["enterpriseID"])
    with step("CCG: authenticate instance"):
        service.authenticate_instance(document["enterpriseID"])
    (found,) = [user for user in Client(service).users(filter_term=login) if user.login == login]
    return service, CCGAuth(**credentials, user=found.id)


def people(service: Any, login: str) -> None:
    with step("user: service account"):
        assert service.user().get().login.startswith("AutomationUser_")
    with step("user: list by offset"):
        assert login in {user.login for user in service.users(limit=2)}
    with step("user: search"):
        assert [user.login for user in service.users(filter_term=login) if user.login == login] == [login]
    with step("user: create app user"):
        made = service.create_user("Robot", None)
        assert made.login.endswith("@boxdevedition.com")
    with step("user: update"):
        assert made.update_info(data={"name": "Robot 2"}).name == "Robot 2"
    with step("user: e-mail aliases"):
        assert list(made.get_email_aliases()) == []
    with step("user: as user"):
        (person,) = [user for user in service.users(filter_term=login) if user.login == login]
        assert service.as_user(person).user().get().login == login
    with step("user: delete"):
        assert made.delete()
        with refused(BoxAPIException, 404):
            made.get()


def folders(user: Any) -> None:
    root = user.root_folder()
    with step("folder: create"):
        base = root.create_subfolder("boxsdk 3")
        assert base.get().name == "boxsdk 3"
    with step("folder: conflict"), refused(BoxAPIException, 409):
        root.create_subfolder("BOXSDK 3")
    with step("folder: items by offset"):
        assert "boxsdk 3" in [item.name for item in root.get_items(limit=2)]
    with step("folder: items by marker"):
        assert "boxsdk 3" in [item.name for item in root.get_items(limit=2, use_marker=True)]
    with step("folder: items sorted"):
        names = [item.name for item in root.get_items(sort="name", direction="DESC") if item.type == "file"]
        assert names == sorted(names, key=str.casefold, reverse=True)
    with step("folder: rename"):
        assert base.rename("boxsdk three").name == "boxsdk three"
    with step("folder: copy"):
        copied = base.copy(parent_folder=root, name="boxsdk copy")
    with step("folder: move"):
        assert copied.move(parent_folder=base, name="inner").parent.id == base.id
    with step("folder: delete what is not empty"), refused(BoxAPIException, 400):
        base.delete(recursive=False)
    with step("folder: delete"):
        assert base.delete()
    with step("folder: gone"), refused(BoxAPIException, 404):
        base.get()


def files(user: Any) -> None:
    root = user.root_folder()
    with step("file: upload"):
        file = root.upload_stream(io.BytesIO(b"one"), "ünï & +.txt")
        assert file.get().size == 3
    with step("file: upload with a check and a time"):
        then = "2020-01-02T03:04:05+00:00"
        timed = root.upload_stream(
            io.BytesIO(b"t"), "timed.txt", preflight_check=True, preflight_expected_size=1, content_modified_at=then
        )
        assert datetime.fromisoformat(timed.get().content_modified_at) == datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)
    with step("file: conflict"), refused(BoxAPIException, 409):
        root.upload_stream(io.BytesIO(b"two"), "ünï & +.txt")
    with step("file: content"):
        assert file.content() == b"one"
    with step("file: range"):
        assert file.content(byte_range=(1, 2)) == b"ne"
    with step("file: download URL"):
        assert file.get_download_url().startswith("https://dl.boxcloud.com/")
    with step("file: update"):
        assert file.update_info(data={"description": "said", "name": "b.txt"}).description == "said"
    with step("file: ETag"):
        etag = file.get().etag
        file.update_info(data={"description": "x"}, etag=etag)
        with refused(BoxAPIException, 412):
            file.update_info(data={"description": "y"}, etag=etag)
    with step("file: copy"):
        assert file.copy(parent_folder=root, name="copy.txt").content() == b"one"
    with step("file: lock"):
        file.lock(prevent_download=True)
        assert file.get(fields=["lock"]).response_object["lock"]["is_download_prevented"]
    with step("file: unlock"):
        file.unlock()
        assert file.get(fields=["lock"]).response_object["lock"] is None
    with step("file: thumbnail"):
        assert file.get_thumbnail(extension="png", min_width=32, min_height=32).startswith(b"\x89PNG")
    with step("file: embed URL"):
        assert file.get_embed_url().startswith("https://")
    with step("file: representations"):
        assert file.get_representation_info("[text]")[0]["representation"] == "text"
    with step("search"):
        assert "copy.txt" in [item.name for item in user.search().query("copy", type="file")]
    with step("search with shared links"):
        assert user.search().query_with_shared_links("copy").next()["item"].name == "copy.txt"
    with step("recent items"):
        assert file.id in [entry.item.id for entry in user.get_recent_items()]
    with step("events: position"):
        assert user.events().get_latest_stream_position() is not None
    with step("collections"):
        favorites = next(iter(user.collections()))
        file.add_to_collection(favorites)
        assert file.id in [item.id for item in favorites.get_items()]
        file.remove_from_collection(favorites)
        assert file.id not in [item.id for item in favorites.get_items()]
    with step("zip"):
        target = io.BytesIO()
        status = user.download_zip("all", [file, timed], target)
        assert (status["state"], target.getvalue()[:2]) == ("succeeded", b"PK")


def versions(user: Any) -> None:
    root = user.root_folder()
    with step("version: upload"):
        file = root.upload_stream(io.BytesIO(b"one"), "v.txt")
        assert file.update_contents_with_stream(io.BytesIO(b"two"), file_name="w.txt").name == "w.txt"
    with step("version: list"):
        (first,) = file.get_previous_versions()
    with step("version: content"):
        assert file.content(file_version=first) == b"one"
    with step("version: promote"):
        file.promote_version(first)
        assert (file.content(), file.get().name) == (b"one", "v.txt")
    with step("version: delete"):
        assert file.delete_version(first)


def sharing(user: Any, service: Any, login: str) -> None:
    root = user.root_folder()
    file = root.upload_stream(io.BytesIO(b"s"), "shared.txt")
    with step("link: make"):
        url = file.get_shared_link(access="open", allow_download=True, password="s3cret")
        assert url.startswith("https://app.box.com/s/")
    with step("link: resolve"):
        assert service.get_shared_item(url, password="s3cret").id == file.id
    with step("link: wrong password"), refused(BoxAPIException, 403):
        service.get_shared_item(url, password="wrong")
    with step("link: remove"):
        assert file.remove_shared_link()
    folder = root.create_subfolder("together")
    with step("collaboration: add"):
        entry = folder.collaborate_with_login("boss@example.com", CollaborationRole.EDITOR)
        assert entry.status == "accepted"
    with step("collaboration: list"):
        assert [one.id for one in folder.get_collaborations()] == [entry.id]
    with step("collaboration: change"):
        assert entry.update_info(role=CollaborationRole.VIEWER).role == "viewer"
    with step("collaboration: pending"):
        folder.collaborate_with_login("new@elsewhere.example", CollaborationRole.VIEWER)
        assert isinstance(list(user.get_pending_collaborations()), list)
    with step("collaboration: hand over"):
        assert entry.update_info(role=CollaborationRole.OWNER)
    with step("collaboration: remove"):
        entries = [one for one in folder.get_collaborations() if hasattr(one, "accessible_by")]
        (mine,) = [one for one in entries if one.accessible_by.login == login]
        assert mine.delete()


def uploading(user: Any) -> None:
    root, size = user.root_folder(), 21 * MEGABYTE
    content = os.urandom(size)
    with step("chunked upload"):
        file = root.get_chunked_uploader  # a path is what its users have
        Path("chunked.bin").write_bytes(content)
        file = root.get_chunked_uploader("chunked.bin").start()
        assert file.content() == content
    with step("chunked upload of a version"):
        Path("chunked.bin").write_bytes(content[::-1])
        file.get_chunked_uploader("chunked.bin").start()
        assert file.content() == content[::-1]
    with step("upload session: parts and abort"):
        session = root.create_upload_session(size, "parts.bin")
        session.upload_part_bytes(content[: session.part_size], 0, size)
        assert [part["offset"] for part in session.get_parts()] == [0]
        assert session.abort()
    with step("check beforehand"), refused(BoxAPIException, 409):
        root.preflight_check(5, "chunked.bin")


def trash(user: Any) -> None:
    root = user.root_folder()
    file = root.upload_stream(io.BytesIO(b"old"), "old.txt")
    with step("trash: delete"):
        assert file.delete()
    with step("trash: list"):
        assert file.id in [item.id for item in user.trash().get_items()]
    with step("trash: get"):
        assert user.trash().get_item(file).item_status == "trashed"
    with step("trash: restore"):
        assert user.trash().restore_item(file, name="older.txt").name == "older.txt"
    with step("trash: for good"):
        file.delete()
        assert user.trash().permanently_delete_item(file)


def narrowing(user: Any) -> None:
    folder = user.root_folder().create_subfolder("narrow")
    with step("downscope"):
        token = user.downscope_token(["base_explorer", "item_download"], folder)
        narrow = Client(just_this(token.access_token))
        assert list(narrow.folder(folder.id).get_items()) == []
    with step("downscope: elsewhere"), refused(BoxAPIException, 403):
        narrow.folder("0").get()
    with step("downscope: without a resource"):
        assert user.downscope_token(["base_explorer"]).access_token
    with step("revoke"):
        token = user.auth.access_token
        try:
            user.auth.revoke()
        except BoxOAuthException as error:
            # The SDK waits for JSON, where Box's answer has no body.
            assert (error.status, error.message) == (200, b"")
        me = requests.get("https://api.box.com/2.0/users/me", headers={"Authorization": f"Bearer {token}"}, timeout=60)
        assert me.status_code == 401


def just_this(token: str) -> Any:
    """Authentication by one token that is not renewed."""
    return OAuth2(client_id=None, client_secret=None, access_token=token)


main(*sys.argv[1:])
