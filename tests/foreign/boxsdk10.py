"""A walk with boxsdk 10, as its users write programs: ``boxsdk10.py (jwt|ccg) CONFIG LOGIN``."""

from __future__ import annotations

import hashlib
import io
import json
import os
import sys
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from box_sdk_gen import (
    AddShareLinkToFileSharedLink,
    AddShareLinkToFileSharedLinkAccessField,
    BoxAPIError,
    BoxCCGAuth,
    BoxClient,
    BoxDeveloperTokenAuth,
    BoxJWTAuth,
    CCGConfig,
    CopyFileParent,
    CopyFolderParent,
    CreateCollaborationAccessibleBy,
    CreateCollaborationAccessibleByTypeField,
    CreateCollaborationItem,
    CreateCollaborationItemTypeField,
    CreateCollaborationRole,
    CreateFolderParent,
    CreateGroupMembershipGroup,
    CreateGroupMembershipUser,
    DownloadZipItems,
    DownloadZipItemsTypeField,
    GetFileThumbnailByIdExtension,
    GetFileThumbnailUrlExtension,
    JWTConfig,
    PreflightFileUploadCheckParent,
    PromoteFileVersionType,
    TransferOwnedFolderOwnedBy,
    UpdateCollaborationByIdRole,
    UpdateFileByIdCollections,
    UpdateFileByIdLock,
    UpdateFileByIdParent,
    UploadFileAttributes,
    UploadFileAttributesParentField,
    UploadFileVersionAttributes,
)
from box_sdk_gen.internal.null_value import null

from foreign.steps import refused, step

MEGABYTE = 1_000_000


def main(kind: str, config: str, login: str) -> None:
    service, user = clients(kind, config, login)
    people(service, login)
    groups(service, login)
    folders(user)
    files(user)
    versions(user)
    sharing(user)
    big_files(user)
    trash(user)
    narrowing(user)


def clients(kind: str, config: str, login: str) -> tuple[BoxClient, BoxClient]:
    """One that speaks for the service account, one that speaks for the person with `login`."""
    auth: BoxJWTAuth | BoxCCGAuth
    if kind == "jwt":
        auth = BoxJWTAuth(JWTConfig.from_config_file(config))
    else:
        document = json.loads(Path(config).read_text())
        settings = document["boxAppSettings"]
        auth = BoxCCGAuth(
            CCGConfig(settings["clientID"], settings["clientSecret"], enterprise_id=document["enterpriseID"])
        )
    service = BoxClient(auth)
    with step("authentication of the service account"):
        assert str(service.users.get_user_me().login).startswith("AutomationUser_")
    found = [user for user in service.users.get_users(filter_term=login).entries or [] if user.login == login]
    user = BoxClient(auth.with_user_subject(found[0].id))
    with step("authentication for a person"):
        assert user.users.get_user_me().login == login
    return service, user


def upload(client: BoxClient, name: str, content: bytes, folder: str = "0", **attributes: Any) -> str:
    wanted = UploadFileAttributes(name=name, parent=UploadFileAttributesParentField(id=folder), **attributes)
    files = client.uploads.upload_file(wanted, io.BytesIO(content))
    assert files.entries
    return str(files.entries[0].id)


def read(client: BoxClient, file: str, **options: Any) -> bytes:
    stream = client.downloads.download_file(file, **options)
    assert stream is not None
    return bytes(stream.read())


def people(service: BoxClient, login: str) -> None:
    users = service.users
    with step("users: by offset"):
        assert len(users.get_users(limit=2, offset=1).entries or []) == 2
    with step("users: by marker"):
        page = users.get_users(limit=2, usemarker=True)
        assert page.next_marker
        assert users.get_users(limit=1000, usemarker=True, marker=page.next_marker).entries
    with step("users: fields"):
        found = users.get_users(filter_term=login, fields=["status", "role"]).entries or []
        assert found[0].status is not None
    with step("users: app user by its external id"):
        robot = users.create_user("Robot", is_platform_access_only=True, external_app_user_id="7")
        (again,) = users.get_users(external_app_user_id="7").entries or []
        assert again.id == robot.id
    with step("users: managed user"):
        rita = users.create_user("Rita", login="rita@example.com")
        assert users.update_user_by_id(rita.id, job_title="Editor").job_title == "Editor"
    with step("users: a login that is taken"), refused(BoxAPIError, 409):
        users.create_user("R", login="RITA@example.com")
    with step("users: e-mail aliases"):
        alias = service.email_aliases.create_user_email_alias(rita.id, "r@example.com")
        assert service.email_aliases.get_user_email_aliases(rita.id).total_count == 1
        service.email_aliases.delete_user_email_alias_by_id(rita.id, str(alias.id))
    with step("users: avatar"):
        picture = b"\x89PNG\r\n\x1a\n"
        service.avatars.create_user_avatar(
            rita.id, io.BytesIO(picture), pic_file_name="a.png", pic_content_type="image/png"
        )
        stream = service.avatars.get_user_avatar(rita.id)
        assert stream is not None
        assert stream.read() == picture
    with step("users: what they own goes to another"):
        heir = service.users.get_user_me()
        folder = service.transfer.transfer_owned_folder(rita.id, TransferOwnedFolderOwnedBy(id=heir.id), notify=False)
        assert folder.owned_by is not None
        assert folder.owned_by.id == heir.id
    with step("users: end of their sessions"):
        message = service.session_termination.terminate_users_sessions([rita.id], ["rita@example.com"]).message
        assert "successful" in str(message)
    with step("users: delete"):
        users.delete_user_by_id(rita.id)
        with refused(BoxAPIError, 404):
            users.get_user_by_id(rita.id)


def groups(service: BoxClient, login: str) -> None:
    person = (service.users.get_users(filter_term=login).entries or [])[0]
    with step("groups: create"):
        group = service.groups.create_group("Editors", description="They edit")
        assert group.id in [one.id for one in service.groups.get_groups().entries or []]
    with step("groups: members"):
        member = service.memberships.create_group_membership(
            CreateGroupMembershipUser(id=person.id), CreateGroupMembershipGroup(id=group.id)
        )
        assert service.memberships.get_group_memberships(group.id).total_count == 1
        service.memberships.delete_group_membership_by_id(str(member.id))
    with step("groups: delete"):
        service.groups.delete_group_by_id(group.id)


def folders(user: BoxClient) -> None:
    root = CreateFolderParent(id="0")
    with step("folders: create"):
        folder = user.folders.create_folder("boxsdk 10", root)
    with step("folders: conflict"), refused(BoxAPIError, 409):
        user.folders.create_folder("BOXSDK 10", root)
    with step("folders: items by offset"):
        assert user.folders.get_folder_items("0", limit=1).total_count
    with step("folders: items by marker"):
        assert user.folders.get_folder_items("0", limit=1, usemarker=True).next_marker
    with step("folders: rename"):
        assert user.folders.update_folder_by_id(folder.id, name="boxsdk ten").name == "boxsdk ten"
    with step("folders: copy"):
        copied = user.folders.copy_folder(folder.id, CopyFolderParent(id="0"), name="boxsdk copy")
    with step("folders: not empty"), refused(BoxAPIError, 400):
        user.folders.create_folder("inner", CreateFolderParent(id=copied.id))
        user.folders.delete_folder_by_id(copied.id)
    with step("folders: delete"):
        user.folders.delete_folder_by_id(copied.id, recursive=True)
        with refused(BoxAPIError, 404):
            user.folders.get_folder_by_id(copied.id)


def files(user: BoxClient) -> None:
    with step("files: check beforehand"):
        parent = PreflightFileUploadCheckParent(id="0")
        url = user.uploads.preflight_file_upload_check(name="new.txt", size=3, parent=parent).upload_url
        assert str(url).startswith("https://upload.box.com/")
    with step("files: a size below nothing"), refused(BoxAPIError, 400):
        user.uploads.preflight_file_upload_check(name="new.txt", size=-1, parent=parent)
    with step("files: upload"):
        then = datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)
        file = upload(user, "ünï & +.txt", b"one", content_modified_at=then)
        assert user.files.get_file_by_id(file).content_modified_at == then
    with step("files: hash"):
        assert user.files.get_file_by_id(file).sha_1 == hashlib.sha1(b"one").hexdigest()
    with step("files: conflict"), refused(BoxAPIError, 409):
        upload(user, "ÜNÏ & +.txt", b"two")
    with step("files: download"):
        assert read(user, file) == b"one"
    with step("files: download of a part"):
        assert read(user, file, range="bytes=1-") == b"ne"
    with step("files: download URL"):
        assert user.downloads.get_download_file_url(file).startswith("https://dl.boxcloud.com/")
    with step("files: update"):
        changed = user.files.update_file_by_id(file, name="b.txt", description="said", tags=["x"])
        assert (changed.name, changed.description) == ("b.txt", "said")
    with step("files: ETag"), refused(BoxAPIError, 412):
        user.files.update_file_by_id(file, name="c.txt", if_match="0")
    with step("files: move"):
        folder = user.folders.create_folder("moved", CreateFolderParent(id="0")).id
        moved = user.files.update_file_by_id(file, parent=UpdateFileByIdParent(id=folder))
        assert moved.parent is not None
        assert moved.parent.id == folder
    with step("files: copy"):
        assert read(user, user.files.copy_file(file, CopyFileParent(id="0"), name="copy.txt").id) == b"one"
    with step("files: lock"):
        locked = user.files.update_file_by_id(
            file, lock=UpdateFileByIdLock(is_download_prevented=True), fields=["lock"]
        )
        assert locked.lock is not None
        user.files.update_file_by_id(file, lock=null)
    with step("files: favorites"):
        (favorites,) = user.collections.get_collections().entries or []
        user.files.update_file_by_id(file, collections=[UpdateFileByIdCollections(id=str(favorites.id))])
        assert user.collections.get_collection_items(str(favorites.id)).total_count == 1
        user.files.update_file_by_id(file, collections=[])
    with step("files: thumbnail"):
        stream = user.files.get_file_thumbnail_by_id(file, GetFileThumbnailByIdExtension.PNG)
        assert stream is not None
        assert stream.read().startswith(b"\x89PNG")
    with step("files: thumbnail of an unknown type"):
        unknown = upload(user, "x.unknown", b"x")
        address = user.files.get_file_thumbnail_url(unknown, GetFileThumbnailUrlExtension.PNG)
        assert address.startswith("https://")
    with step("search"):
        assert user.search.search_for_content(query="copy.txt").total_count == 1
    with step("recent items"):
        assert file in [one.item.id for one in user.recent_items.get_recent_items().entries or [] if one.item]
    with step("events"):
        assert user.events.get_events().entries
    with step("events: where to wait"):
        assert user.events.get_events_with_long_polling().entries
    with step("zip"):
        kind = DownloadZipItemsTypeField
        items = [DownloadZipItems(id=folder, type=kind.FOLDER), DownloadZipItems(id=unknown, type=kind.FILE)]
        stream = user.zip_downloads.download_zip(items, download_file_name="all")
        assert stream is not None
        assert zipfile.ZipFile(io.BytesIO(stream.read())).namelist() == ["moved/b.txt", "x.unknown"]


def versions(user: BoxClient) -> None:
    file = upload(user, "v.txt", b"one")
    first = user.files.get_file_by_id(file).file_version
    assert first is not None
    with step("versions: upload"):
        user.uploads.upload_file_version(file, UploadFileVersionAttributes(name="w.txt"), io.BytesIO(b"two"))
        assert read(user, file) == b"two"
    with step("versions: list"):
        assert [one.id for one in user.file_versions.get_file_versions(file).entries or []] == [first.id]
    with step("versions: content"):
        assert read(user, file, version=first.id) == b"one"
    with step("versions: promote"):
        user.file_versions.promote_file_version(file, id=first.id, type=PromoteFileVersionType.FILE_VERSION)
        assert (read(user, file), user.files.get_file_by_id(file).name) == (b"one", "v.txt")
    with step("versions: delete and restore"):
        user.file_versions.delete_file_version_by_id(file, first.id)
        assert user.file_versions.update_file_version_by_id(file, first.id, trashed_at=null).trashed_at is None


def sharing(user: BoxClient) -> None:
    file = upload(user, "shared.txt", b"s")
    with step("shared links: make"):
        wanted = AddShareLinkToFileSharedLink(access=AddShareLinkToFileSharedLinkAccessField.OPEN, password="s3cret")
        link = user.shared_links_files.add_share_link_to_file(file, "shared_link", shared_link=wanted).shared_link
        assert link is not None
        assert link.url.startswith("https://app.box.com/s/")
    with step("shared links: find"):
        header = f"shared_link={link.url}&shared_link_password=s3cret"
        assert user.shared_links_files.find_file_for_shared_link(header).id == file
    with step("shared links: remove"):
        user.shared_links_files.remove_shared_link_from_file(file, "shared_link", shared_link=null)
    with step("collaborations: create"):
        folder = user.folders.create_folder("together", CreateFolderParent(id="0")).id
        item = CreateCollaborationItem(type=CreateCollaborationItemTypeField.FOLDER, id=folder)
        who = CreateCollaborationAccessibleBy(
            type=CreateCollaborationAccessibleByTypeField.USER, login="boss@example.com"
        )
        made = user.user_collaborations.create_collaboration(item, who, CreateCollaborationRole.VIEWER)
    with step("collaborations: list"):
        listed = user.list_collaborations.get_folder_collaborations(folder).entries or []
        assert [entry.id for entry in listed] == [made.id]
    with step("collaborations: another role"):
        changed = user.user_collaborations.update_collaboration_by_id(made.id, role=UpdateCollaborationByIdRole.EDITOR)
        assert changed is not None
    with step("collaborations: delete"):
        user.user_collaborations.delete_collaboration_by_id(made.id)


def big_files(user: BoxClient) -> None:
    content = os.urandom(21 * MEGABYTE)
    with step("chunked upload"):
        made = user.chunked_uploads.upload_big_file(io.BytesIO(content), "big.bin", len(content), "0")
        assert read(user, made.id) == content
    with step("chunked upload of a version"):
        user.chunked_uploads.upload_big_file_version(made.id, io.BytesIO(content[::-1]), len(content))
        assert read(user, made.id) == content[::-1]


def trash(user: BoxClient) -> None:
    file = upload(user, "old.txt", b"old")
    with step("trash: delete"):
        user.files.delete_file_by_id(file)
        assert user.files.get_file_by_id(file).item_status == "trashed"
    with step("trash: list"):
        assert file in [entry.id for entry in user.trashed_items.get_trashed_items().entries or []]
    with step("trash: restore"):
        assert user.trashed_files.restore_file_from_trash(file, name="older.txt").name == "older.txt"
    with step("trash: for good"):
        user.files.delete_file_by_id(file)
        user.trashed_files.delete_trashed_file_by_id(file)
        with refused(BoxAPIError, 404):
            user.trashed_files.get_trashed_file_by_id(file)


def narrowing(user: BoxClient) -> None:
    folder = user.folders.create_folder("narrow", CreateFolderParent(id="0")).id
    with step("downscoping"):
        resource = f"https://api.box.com/2.0/folders/{folder}"
        token = user.auth.downscope_token(["base_explorer", "item_download"], resource=resource)
        narrow = BoxClient(BoxDeveloperTokenAuth(str(token.access_token)))
        assert narrow.folders.get_folder_items(folder).entries == []
    with step("downscoping: elsewhere"), refused(BoxAPIError, 403):
        narrow.folders.get_folder_by_id("0")
    with step("downscoping: by a shared link"):
        link = AddShareLinkToFileSharedLink(access=AddShareLinkToFileSharedLinkAccessField.COMPANY)
        file = upload(user, "linked.txt", b"l")
        shared = user.shared_links_files.add_share_link_to_file(file, "shared_link", shared_link=link).shared_link
        assert shared is not None
        child = user.auth.downscope_token(["item_download"], shared_link=shared.url)
        assert read(BoxClient(BoxDeveloperTokenAuth(str(child.access_token))), file) == b"l"
    with step("revocation"):
        user.auth.revoke_token()


main(*sys.argv[1:])
