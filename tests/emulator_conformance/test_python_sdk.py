"""Box's official Python SDK, unmodified but for its base URLs. Where it stumbles, the emulator is wrong."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from functools import partial

import pytest
from box_sdk_gen import (
    AccessToken,
    AddShareLinkToFileSharedLink,
    AddShareLinkToFileSharedLinkAccessField,
    AddShareLinkToFolderSharedLink,
    BoxAPIError,
    BoxCCGAuth,
    BoxClient,
    BoxDeveloperTokenAuth,
    BoxJWTAuth,
    BoxRetryStrategy,
    CCGConfig,
    CopyFileParent,
    CopyFolderParent,
    CreateCollaborationAccessibleBy,
    CreateCollaborationAccessibleByTypeField,
    CreateCollaborationItem,
    CreateCollaborationItemTypeField,
    CreateCollaborationRole,
    CreateFolderParent,
    Folder,
    FolderMini,
    GetFileThumbnailByIdExtension,
    GetFolderItemsDirection,
    GetFolderItemsSort,
    JWTConfig,
    NetworkSession,
    PreflightFileUploadCheckParent,
    PromoteFileVersionType,
    UpdateCollaborationByIdRole,
    UpdateFileByIdParent,
    UpdateFolderByIdParent,
    UploadFileAttributes,
    UploadFileAttributesParentField,
    UploadFileVersionAttributes,
)
from box_sdk_gen.internal.null_value import null
from box_sdk_gen.networking import BaseUrls
from PIL import Image

from intranet.emulator_process import EmulatorProcess

As = Callable[[str], BoxClient]
MEGABYTE = 1_000_000


def session(emulator: EmulatorProcess) -> NetworkSession:
    """The emulator's URLs, and no second-long pauses between attempts."""
    urls = BaseUrls(base_url=emulator.url, upload_url=f"{emulator.url}/api", oauth_2_url=emulator.url)
    return NetworkSession(base_urls=urls, retry_strategy=BoxRetryStrategy(retry_base_interval=0.01))


@pytest.fixture
def jwt(emulator: EmulatorProcess) -> BoxJWTAuth:
    return BoxJWTAuth(JWTConfig.from_config_file(str(emulator.app_config)))


@pytest.fixture
def service(emulator: EmulatorProcess, jwt: BoxJWTAuth) -> BoxClient:
    return BoxClient(jwt, network_session=session(emulator))


@pytest.fixture
def as_user(emulator: EmulatorProcess, jwt: BoxJWTAuth) -> As:
    """A client that speaks for the person with a login."""

    def client(login: str) -> BoxClient:
        auth = jwt.with_user_subject(emulator.user(login)["id"])
        return BoxClient(auth, network_session=session(emulator))

    return client


@pytest.fixture
def ana(as_user: As) -> BoxClient:
    return as_user("ana@example.com")


def upload(client: BoxClient, folder: str, name: str, content: bytes) -> str:
    attributes = UploadFileAttributes(name=name, parent=UploadFileAttributesParentField(id=folder))
    files = client.uploads.upload_file(attributes, io.BytesIO(content))
    assert files.entries is not None
    return str(files.entries[0].id)


def read(client: BoxClient, file_id: str) -> bytes:
    stream = client.downloads.download_file(file_id)
    assert stream is not None
    return bytes(stream.read())


def status(call: Callable[[], object]) -> tuple[int, str | None]:
    """Status and code of a refusal."""
    with pytest.raises(BoxAPIError) as caught:
        call()
    return caught.value.response_info.status_code, caught.value.response_info.code


def test_log_in_by_jwt(service: BoxClient, ana: BoxClient) -> None:
    assert str(service.users.get_user_me().login).startswith("AutomationUser_")
    assert ana.users.get_user_me().login == "ana@example.com"


def test_log_in_by_client_credentials(emulator: EmulatorProcess) -> None:
    document = json.loads(emulator.ccg_config.read_text())
    settings = document["boxAppSettings"]
    config = CCGConfig(settings["clientID"], settings["clientSecret"], enterprise_id=document["enterpriseID"])
    auth = BoxCCGAuth(config)
    service = BoxClient(auth, network_session=session(emulator))
    assert str(service.users.get_user_me().login).startswith("AutomationUser_")
    kenji = auth.with_user_subject(emulator.user("kenji@example.com")["id"])
    assert BoxClient(kenji, network_session=session(emulator)).users.get_user_me().name == "田中健二"


def test_user_search_matches_prefixes_of_names_and_logins(service: BoxClient) -> None:
    found = service.users.get_users(filter_term="ANA@example.com")
    assert [user.login for user in found.entries or []] == [
        "trap@example.com",
        "ana@example.com.br",
        "ana@example.com",
    ]
    assert service.users.get_users(filter_term="example.com").entries == []
    (brien,) = service.users.get_users(filter_term="o'brien+box@example.com").entries or []
    assert brien.name == "Sinéad O'Brien"


def test_user_paging(service: BoxClient, emulator: EmulatorProcess) -> None:
    everybody = {user["id"] for user in emulator.users() if user["kind"] != "service"}
    by_offset = [service.users.get_users(limit=2, offset=offset) for offset in range(0, len(everybody), 2)]
    assert {user.id for page in by_offset for user in page.entries or []} == everybody
    assert by_offset[0].total_count == len(everybody)
    found, marker = [], None
    while True:
        page = service.users.get_users(limit=2, usemarker=True, marker=marker)
        found += [user.id for user in page.entries or []]
        marker = page.next_marker
        if not marker:
            break
    assert sorted(found) == sorted(everybody)
    assert status(lambda: service.users.get_users(offset=10_001))[0] == 400
    assert status(lambda: service.users.get_users(limit=1001))[0] == 400


def test_users_fields(service: BoxClient) -> None:
    (ines,) = service.users.get_users(filter_term="ines@", fields=["status", "role"]).entries or []
    assert set(ines.to_dict()) == {"type", "id", "name", "login", "status", "role"}
    assert ines.status is not None
    assert ines.status.value == "inactive"


def test_app_users(service: BoxClient, jwt: BoxJWTAuth, emulator: EmulatorProcess) -> None:
    made = service.users.create_user("Robot", is_platform_access_only=True, external_app_user_id="wp-7")
    assert str(made.login).endswith("@boxdevedition.com")
    (found,) = service.users.get_users(external_app_user_id="wp-7").entries or []
    assert found.id == made.id
    again = partial(service.users.create_user, "R", is_platform_access_only=True, external_app_user_id="wp-7")
    assert status(again)[0] == 409
    robot = BoxClient(jwt.with_user_subject(made.id), network_session=session(emulator))
    assert robot.users.get_user_me().id == made.id
    service.users.delete_user_by_id(made.id)
    assert status(lambda: service.users.get_user_by_id(made.id))[0] == 404


def test_managed_users(service: BoxClient) -> None:
    rita = service.users.create_user("Rita", login="rita@example.com", job_title="Editor")
    assert status(lambda: service.users.create_user("R", login="Rita@example.com")) == (409, "user_login_already_used")
    assert service.users.update_user_by_id(rita.id, name="Rita Nova").name == "Rita Nova"
    assert (service.users.get_users(filter_term="rita nova").entries or [])[0].id == rita.id
    aliases = service.email_aliases.get_user_email_aliases(rita.id)
    assert aliases.total_count == 0


def test_downscoping_and_revocation(ana: BoxClient, emulator: EmulatorProcess) -> None:
    folder = emulator.item("ana@example.com", "/Projetos")["id"]
    token: AccessToken = ana.auth.downscope_token(
        ["base_explorer", "item_download"],
        resource=f"https://api.box.com/2.0/folders/{folder}",
        network_session=session(emulator),
    )
    assert token.restricted_to is not None
    assert {
        (str(scope.scope.value), scope.object.id) for scope in token.restricted_to if scope.scope and scope.object
    } == {
        ("base_explorer", folder),
        ("item_download", folder),
    }
    narrow = BoxClient(BoxDeveloperTokenAuth(str(token.access_token)), network_session=session(emulator))
    assert len(narrow.folders.get_folder_items(folder).entries or []) == 3
    assert status(lambda: narrow.folders.get_folder_items("0"))[0] == 403
    assert status(lambda: narrow.folders.update_folder_by_id(folder, name="x"))[0] == 403
    ana.auth.revoke_token(network_session=session(emulator))
    assert [token["revoked"] for token in emulator.tokens() if token["kind"] == "user"] == [True]
    assert len(narrow.folders.get_folder_items(folder).entries or []) == 3


def test_folders(ana: BoxClient) -> None:
    made = ana.folders.create_folder("Ideias 💡", CreateFolderParent(id="0"))
    assert made.path_collection is not None
    assert [entry.name for entry in made.path_collection.entries] == ["All Files"]
    assert status(lambda: ana.folders.create_folder("ideias 💡", CreateFolderParent(id="0"))) == (
        409,
        "item_name_in_use",
    )
    for name in ("a/b", "..", "x ", "", "x\n"):
        assert status(partial(ana.folders.create_folder, name, CreateFolderParent(id="0")))[0] == 400
    inner = ana.folders.create_folder("Inner", CreateFolderParent(id=made.id))
    renamed = ana.folders.update_folder_by_id(made.id, name="Ideas", description="Good ones")
    assert (renamed.name, renamed.description, renamed.etag) == ("Ideas", "Good ones", "1")
    into_itself = UpdateFolderByIdParent(id=inner.id)
    assert status(lambda: ana.folders.update_folder_by_id(made.id, parent=into_itself))[0] == 403
    copied = ana.folders.copy_folder(made.id, CopyFolderParent(id="0"), name="Ideas 2")
    assert copied.item_collection is not None
    assert copied.item_collection.total_count == 1
    assert status(lambda: ana.folders.delete_folder_by_id(made.id)) == (400, "folder_not_empty")
    ana.folders.delete_folder_by_id(made.id, recursive=True)
    assert status(lambda: ana.folders.get_folder_by_id(made.id))[0] == 404
    assert status(lambda: ana.folders.get_folder_by_id(inner.id))[0] == 404


def test_items_by_offset_and_by_marker(as_user: As, emulator: EmulatorProcess) -> None:
    kenji = as_user("kenji@example.com")
    folder = emulator.item("kenji@example.com", "/議事録")["id"]
    expected = [f"議事録 {number:04}.txt" for number in range(1, 1201)]
    by_offset: list[str] = []
    for offset in range(0, 1200, 500):
        page = kenji.folders.get_folder_items(folder, limit=500, offset=offset)
        assert page.total_count == 1200
        by_offset += [str(entry.name) for entry in page.entries or []]
    assert by_offset == expected
    by_marker, marker = [], None
    while True:
        page = kenji.folders.get_folder_items(folder, limit=500, usemarker=True, marker=marker)
        by_marker += [str(entry.name) for entry in page.entries or []]
        marker = page.next_marker
        if not marker:
            break
    assert sorted(by_marker) == expected
    assert status(lambda: kenji.folders.get_folder_items(folder, limit=1001))[0] == 400


def test_sorting(ana: BoxClient) -> None:
    def names(by: GetFolderItemsSort, direction: GetFolderItemsDirection) -> list[str]:
        listing = ana.folders.get_folder_items("0", sort=by, direction=direction, fields=["name", "size", "type"])
        return [str(entry.name) for entry in listing.entries or [] if not isinstance(entry, FolderMini)]

    ascending = names(GetFolderItemsSort.NAME, GetFolderItemsDirection.ASC)
    assert ascending == sorted(ascending)
    assert names(GetFolderItemsSort.NAME, GetFolderItemsDirection.DESC) == ascending[::-1]
    assert names(GetFolderItemsSort.SIZE, GetFolderItemsDirection.DESC)[0] == "Relatório anual.pdf"


def test_upload_and_download(ana: BoxClient) -> None:
    content = "Olá 世界".encode()
    sha1 = hashlib.sha1(content).hexdigest()
    attributes = UploadFileAttributes(name="Notas ✓.txt", parent=UploadFileAttributesParentField(id="0"))
    files = ana.uploads.upload_file(attributes, io.BytesIO(content), content_md_5=sha1)
    (file,) = files.entries or []
    assert (file.name, file.sha_1, file.size) == ("Notas ✓.txt", sha1, len(content))
    assert read(ana, file.id) == content
    assert ana.downloads.get_download_file_url(file.id).endswith("/download")
    wrong = partial(ana.uploads.upload_file, content_md_5="0" * 40)
    other = UploadFileAttributes(name="Other.txt", parent=UploadFileAttributesParentField(id="0"))
    assert status(lambda: wrong(other, io.BytesIO(content)))[0] == 400
    assert status(lambda: ana.uploads.upload_file(attributes, io.BytesIO(content))) == (409, "item_name_in_use")
    parent = PreflightFileUploadCheckParent(id="0")
    check = partial(ana.uploads.preflight_file_upload_check, size=5, parent=parent)
    assert str(check(name="Free.txt").upload_url).endswith("/api/2.0/files/content")
    assert status(lambda: check(name="Notas ✓.txt"))[0] == 409


def test_file_changes(ana: BoxClient, emulator: EmulatorProcess) -> None:
    file = upload(ana, "0", "a.txt", b"a")
    folder = emulator.item("ana@example.com", "/Projetos/Boreal")["id"]
    assert ana.files.update_file_by_id(file, name="b.txt", if_match="0").name == "b.txt"
    assert status(lambda: ana.files.update_file_by_id(file, name="c.txt", if_match="0"))[0] == 412
    moved = ana.files.update_file_by_id(file, parent=UpdateFileByIdParent(id=folder), tags=["draft"])
    assert moved.parent is not None
    assert (moved.parent.id, moved.parent.name) == (folder, "Boreal")
    assert emulator.item("ana@example.com", "/Projetos/Boreal/b.txt")["id"] == file
    assert ana.files.get_file_by_id(file, fields=["tags", "extension"]).to_dict()["tags"] == ["draft"]
    copied = ana.files.copy_file(file, CopyFileParent(id="0"), name="copy.txt")
    assert read(ana, copied.id) == b"a"
    assert copied.id != file


def test_trash(ana: BoxClient, emulator: EmulatorProcess) -> None:
    file = upload(ana, "0", "old.txt", b"old")
    folder = ana.folders.create_folder("Old", CreateFolderParent(id="0")).id
    inside = upload(ana, folder, "inside.txt", b"inside")
    ana.files.delete_file_by_id(file)
    ana.folders.delete_folder_by_id(folder, recursive=True)
    assert ana.files.get_file_by_id(file).item_status == "trashed"
    assert status(lambda: ana.downloads.download_file(file))[0] == 404
    assert status(lambda: ana.files.update_file_by_id(file, name="x.txt"))[0] == 404
    trash = ana.trashed_items.get_trashed_items()
    assert {entry.id for entry in trash.entries or []} == {file, folder}
    assert ana.trashed_files.get_trashed_file_by_id(file).item_status.value == "trashed"
    assert ana.trashed_folders.get_trashed_folder_by_id(folder).name == "Old"
    assert status(lambda: ana.trashed_files.get_trashed_file_by_id(inside))[0] == 404
    replacement = upload(ana, "0", "old.txt", b"new")
    assert status(lambda: ana.trashed_files.restore_file_from_trash(file))[0] == 409
    assert ana.trashed_files.restore_file_from_trash(file, name="older.txt").name == "older.txt"
    ana.trashed_folders.restore_folder_from_trash(folder)
    assert read(ana, inside) == b"inside"
    ana.files.delete_file_by_id(replacement)
    ana.trashed_files.delete_trashed_file_by_id(replacement)
    assert status(lambda: ana.trashed_files.get_trashed_file_by_id(replacement))[0] == 404
    assert emulator.items("ana@example.com", trashed=True) == []


def test_shared_links(ana: BoxClient, as_user: As, emulator: EmulatorProcess) -> None:
    file = emulator.item("ana@example.com", "/Bem-vinda.txt")["id"]
    link = AddShareLinkToFileSharedLink(access=AddShareLinkToFileSharedLinkAccessField.COMPANY, password="s3cret")
    shared = ana.shared_links_files.add_share_link_to_file(file, "shared_link", shared_link=link)
    assert shared.shared_link is not None
    assert shared.shared_link.is_password_enabled
    assert shared.shared_link.access is not None
    assert shared.shared_link.access.value == "company"
    kenji = as_user("kenji@example.com")
    header = f"shared_link={shared.shared_link.url}"
    assert status(lambda: kenji.shared_links_files.find_file_for_shared_link(header))[0] == 403
    found = kenji.shared_links_files.find_file_for_shared_link(f"{header}&shared_link_password=s3cret")
    assert found.id == file
    assert status(lambda: kenji.files.get_file_by_id(file))[0] == 404
    ana.shared_links_files.remove_shared_link_from_file(file, "shared_link", shared_link=null)
    assert emulator.item("ana@example.com", "/Bem-vinda.txt")["shared_link"] is None
    assert status(lambda: kenji.shared_links_files.find_file_for_shared_link(header))[0] == 404
    folder = emulator.item("ana@example.com", "/Projetos")["id"]
    open_link = AddShareLinkToFolderSharedLink()
    answer = ana.shared_links_folders.add_share_link_to_folder(folder, "shared_link", shared_link=open_link)
    assert answer.shared_link is not None
    assert answer.shared_link.effective_access.value == "open"


def test_search(ana: BoxClient, as_user: As, emulator: EmulatorProcess) -> None:
    def found(client: BoxClient, query: str, **options: list[str]) -> set[str]:
        results = client.search.search_for_content(query=query, **options)  # type: ignore[arg-type]
        return {str(entry.name) for entry in results.entries or []}  # type: ignore[union-attr]

    assert found(ana, "reunião 3") == {"Reunião 3.md"}
    assert found(ana, "praia", file_extensions=["pdf"]) == set()
    receipts = emulator.item("ana@example.com", "/Recibos")["id"]
    assert found(ana, "reunião", ancestor_folder_ids=[receipts]) == set()
    assert found(as_user("kenji@example.com"), "reunião") == set()
    assert "富士山.png" in found(as_user("kenji@example.com"), "富士")
    assert status(ana.search.search_for_content)[0] == 400


def test_thumbnails_and_representations(ana: BoxClient, emulator: EmulatorProcess) -> None:
    file = emulator.item("ana@example.com", "/Fotos da equipe/Praia.png")["id"]
    for form in GetFileThumbnailByIdExtension:
        stream = ana.files.get_file_thumbnail_by_id(file, form, max_height=160, max_width=160)
        assert stream is not None
        picture = Image.open(io.BytesIO(stream.read()))
        assert (picture.format, max(picture.size)) == ({"png": "PNG", "jpg": "JPEG"}[form.value], 160)
    hints = "[jpg?dimensions=320x320&paged=false][text]"
    described = ana.files.get_file_by_id(file, fields=["representations"], x_rep_hints=hints)
    assert described.representations is not None
    (entry,) = described.representations.entries or []
    assert entry.representation == "jpg"
    text = emulator.item("ana@example.com", "/Recibos/Recibo 01.pdf")["id"]
    assert ana.files.get_file_thumbnail_by_id(text, GetFileThumbnailByIdExtension.PNG) is not None


def test_versions(ana: BoxClient) -> None:
    file = upload(ana, "0", "v.txt", b"one")
    first = ana.files.get_file_by_id(file).file_version
    assert first is not None
    for content in (b"two", b"three"):
        attributes = UploadFileVersionAttributes(name="v.txt")
        ana.uploads.upload_file_version(file, attributes, io.BytesIO(content))
    past = ana.file_versions.get_file_versions(file)
    assert [version.version_number for version in past.entries or []] == ["2", "1"]
    stream = ana.downloads.download_file(file, version=first.id)
    assert stream is not None
    assert stream.read() == b"one"
    promoted = ana.file_versions.promote_file_version(file, id=first.id, type=PromoteFileVersionType.FILE_VERSION)
    assert promoted.version_number == "4"
    assert read(ana, file) == b"one"
    ana.file_versions.delete_file_version_by_id(file, first.id)
    assert ana.file_versions.get_file_version_by_id(file, first.id).trashed_at is not None
    restored = ana.file_versions.update_file_version_by_id(file, first.id, trashed_at=null)
    assert restored.trashed_at is None
    stale = UploadFileVersionAttributes(name="v.txt")
    assert status(lambda: ana.uploads.upload_file_version(file, stale, io.BytesIO(b"x"), if_match="0"))[0] == 412


def test_recent_items(ana: BoxClient) -> None:
    first, second = (upload(ana, "0", f"r{number}.txt", b"r") for number in (1, 2))
    read(ana, first)
    recent = ana.recent_items.get_recent_items().entries or []
    assert [entry.item.id for entry in recent if entry.item] == [first, second]
    assert [entry.interaction_type.value for entry in recent if entry.interaction_type] == ["item_open", "item_upload"]


def test_collaborations(ana: BoxClient, as_user: As, emulator: EmulatorProcess) -> None:
    folder = emulator.item("ana@example.com", "/Projetos")["id"]
    item = CreateCollaborationItem(type=CreateCollaborationItemTypeField.FOLDER, id=folder)
    user = CreateCollaborationAccessibleByTypeField.USER
    who = CreateCollaborationAccessibleBy(type=user, login="kenji@example.com")
    made = ana.user_collaborations.create_collaboration(item, who, CreateCollaborationRole.VIEWER)
    kenji = as_user("kenji@example.com")
    root = kenji.folders.get_folder_items("0")
    assert folder in {entry.id for entry in root.entries or []}
    assert status(lambda: upload(kenji, folder, "k.txt", b"k"))[0] == 403
    ana.user_collaborations.update_collaboration_by_id(made.id, role=UpdateCollaborationByIdRole.EDITOR)
    file = upload(kenji, folder, "k.txt", b"k")
    assert emulator.item("ana@example.com", "/Projetos/k.txt")["created_by"] == "kenji@example.com"
    listed = ana.list_collaborations.get_folder_collaborations(folder).entries or []
    assert [entry.accessible_by.id for entry in listed if entry.accessible_by] == [
        emulator.user("kenji@example.com")["id"]
    ]
    stranger = CreateCollaborationAccessibleBy(type=user, login="new@elsewhere.example")
    pending = ana.user_collaborations.create_collaboration(item, stranger, CreateCollaborationRole.EDITOR)
    assert pending.status is not None
    assert pending.status.value == "pending"
    ana.user_collaborations.delete_collaboration_by_id(made.id)
    assert status(lambda: kenji.files.get_file_by_id(file))[0] == 404


def test_chunked_upload(ana: BoxClient, emulator: EmulatorProcess) -> None:
    content = bytes(range(256)) * (21 * MEGABYTE // 256)
    made = ana.chunked_uploads.upload_big_file(io.BytesIO(content), "big.bin", len(content), "0")
    assert emulator.content(made.id) == content
    changed = content[:-1] + b"!"
    since = emulator.log()[-1]["n"]
    ana.chunked_uploads.upload_big_file_version(made.id, io.BytesIO(changed), len(changed))
    assert emulator.content(made.id) == changed
    # Two of the three parts are as before, and so are not sent again.
    assert [entry["method"] for entry in emulator.log(since)].count("PUT") == 1


def test_upload_sessions_are_strict(ana: BoxClient) -> None:
    sessions = ana.chunked_uploads
    assert status(lambda: sessions.create_file_upload_session("0", 1000, "small.bin"))[0] == 400
    assert status(lambda: sessions.create_file_upload_session("0", 20 * MEGABYTE, "Bem-vinda.txt"))[0] == 409
    made = sessions.create_file_upload_session("0", 20 * MEGABYTE, "s.bin")
    part = b"x" * int(made.part_size or 0)
    last = len(part) - 1
    digest = "sha-512=" + "A" * 86 + "=="
    send = partial(sessions.upload_file_part, str(made.id))
    assert status(lambda: send(io.BytesIO(part), digest, f"bytes 0-{last}/{20 * MEGABYTE}"))[0] == 412
    assert status(lambda: send(io.BytesIO(part), digest, f"bytes 5-{last + 5}/{20 * MEGABYTE}"))[0] == 416
    sessions.delete_file_upload_session_by_id(str(made.id))
    assert status(lambda: sessions.get_file_upload_session_by_id(str(made.id)))[0] == 404


def test_an_expired_token_is_renewed(ana: BoxClient, emulator: EmulatorProcess) -> None:
    ana.users.get_user_me()
    emulator.expire_tokens(kind="user")
    assert ana.users.get_user_me().login == "ana@example.com"


def test_faults_are_retried(ana: BoxClient, emulator: EmulatorProcess) -> None:
    ana.users.get_user_me()
    emulator.fault("status", path="/2.0/users/me", status=503, times=2)
    emulator.fault("cut", path="/2.0/users/me")
    emulator.fault("status", path="/2.0/users/me", status=429, headers={"Retry-After": "0"}, body={"status": 429})
    assert ana.users.get_user_me().login == "ana@example.com"


def test_the_sdk_resends_an_assertion_after_429(service: BoxClient, emulator: EmulatorProcess) -> None:
    """A known fault of the SDK: the assertion of the first attempt is used up, as it is with Box."""
    emulator.fault("status", path="/oauth2/token", status=429, headers={"Retry-After": "0"}, after=True)
    assert status(service.users.get_user_me)[0] == 400
    assert [entry["status"] for entry in emulator.log()] == [429, 400]


def test_the_sdk_does_not_correct_its_clock(service: BoxClient, emulator: EmulatorProcess) -> None:
    emulator.settings(clock_offset_s=3600)
    assert status(service.users.get_user_me)[0] == 400


def test_service_accounts_have_their_own_root(service: BoxClient) -> None:
    root = service.folders.get_folder_by_id("0")
    assert isinstance(root, Folder)
    assert root.item_collection is not None
    assert root.item_collection.total_count == 0
