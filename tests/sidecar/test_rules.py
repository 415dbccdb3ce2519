"""The rules of policy, one by one: each refuses what it names, says what, and lets everything else pass."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from box_sidecar.model import Resource, TokenKey, User, normalize_login
from box_sidecar.policy import Policy
from box_sidecar.problems import Problem
from box_sidecar.settings import PolicySettings

ROOT = Resource("folder", "0")


def policy(**settings: Any) -> Policy:
    return Policy(PolicySettings(**settings))


def user(login: str = "ana@example.com", role: str = "user", status: str = "active") -> User:
    return User("1", login, "Ana", status, role)


def refused(work: Any, *arguments: Any) -> tuple[str, str]:
    with pytest.raises(Problem) as caught:
        work(*arguments)
    return caught.value.code, caught.value.detail


def test_scopes_are_the_base_and_what_was_asked_in_one_order() -> None:
    scopes = policy(elements={"explorer": ["item_download", "item_share"], "uploader": []}).scopes
    assert scopes("explorer", ("item_share", "item_download")) == ("base_explorer", "item_download", "item_share")
    assert scopes("explorer", ("item_share", "item_share")) == ("base_explorer", "item_share")
    assert scopes("uploader", ()) == ("base_upload",)
    assert refused(scopes, "picker", ()) == ("element_not_allowed", "The element “picker” is not in [policy.elements].")
    assert refused(scopes, "explorer", ("item_upload", "item_share", "item_delete")) == (
        "scope_not_allowed",
        "explorer may not have: item_delete, item_upload.",
    )


def test_an_element_opens_a_folder_or_shows_a_file_and_never_the_other() -> None:
    check = policy().check_resource
    check("explorer", ROOT)
    check("preview", Resource("file", "1"))
    assert refused(check, "explorer", Resource("file", "1")) == ("invalid_request", "explorer needs a folder.")
    with pytest.raises(Problem) as caught:
        check("sidebar", ROOT)
    assert (caught.value.code, caught.value.detail) == ("invalid_request", "sidebar needs a file.")
    assert caught.value.errors == [{"field": "file", "message": "sidebar needs a file"}]


def test_only_named_folders_and_files_below_them() -> None:
    limited = policy(folders=["10", "20"])
    limited.check_resource("explorer", Resource("folder", "10"))
    assert refused(limited.check_resource, "explorer", ROOT) == (
        "folder_not_allowed",
        "Folder 0 is not in policy.folders.",
    )
    limited.check_resource("preview", Resource("file", "10"))
    assert limited.limits_files and not policy().limits_files
    limited.check_ancestors(["0", "20"])
    policy().check_ancestors([])
    assert refused(limited.check_ancestors, ["0", "30"]) == (
        "folder_not_allowed",
        "The file lies in none of policy.folders.",
    )


@pytest.mark.parametrize(
    ("before", "after", "may"),
    [
        ([], [], False),
        ([], ["1"], True),
        (["1"], [], False),
        (["1"], ["1"], False),
        (["1"], ["1", "2"], False),
        (["1", "2"], ["1"], True),
        (["1"], ["2"], True),
    ],
)
def test_files_may_be_out_of_bounds_where_a_folder_is_taken_away(
    before: list[str], after: list[str], may: bool
) -> None:
    assert policy(folders=after).may_refuse_files_of(policy(folders=before)) is may


def test_people_of_named_domains() -> None:
    check = policy(login_domains=["Example.COM", "@other.example"]).check_login
    check("ana@EXAMPLE.com")
    check("ana@other.example")
    wrong = ("login_not_allowed", "The login's domain is not in policy.login_domains.")
    for login in ("ana@sub.example.com", "ana@example.com.br", "ana", "example.com@x", ""):
        assert refused(check, login) == wrong
    policy().check_login("anybody")


def test_named_logins_get_none_in_any_letter_case() -> None:
    check = policy(denied_logins=["ANA@example.com", "straße@example.com"], login_domains=["example.com"]).check_login
    wrong = ("login_not_allowed", "The login is in policy.denied_logins.")
    for login in ("ana@EXAMPLE.com", "Ana@example.com", "STRASSE@example.com", "strasse@example.com"):
        assert refused(check, login) == wrong
    check("kenji@example.com")


@given(st.text(max_size=8), st.text(max_size=8))
def test_who_is_the_same_person_is_denied_as_the_same(one: str, other: str) -> None:
    """Policy takes more letters for one than a look-up does, never fewer."""
    for spelling in (one, one.upper(), one.lower(), one.swapcase(), normalize_login(one), other):
        if normalize_login(spelling) == normalize_login(one):
            assert spelling.casefold() == one.casefold()


def test_roles_and_accounts() -> None:
    check = policy().check_user
    for status in ("active", "cannot_delete_edit", "cannot_delete_edit_upload"):
        check(user(status=status))
    denied = "The Box role “{}” is in policy.denied_roles."
    for role in ("admin", "coadmin", ""):
        assert refused(check, user(role=role)) == ("role_not_allowed", denied.format(role or "unknown"))
    for status in ("inactive", "suspended", ""):
        assert refused(check, user(status=status)) == (
            "user_inactive",
            f"The Box account is “{status or 'unknown'}”.",
        )
    assert refused(policy(denied_logins=["ana@example.com"]).check_user, user())[0] == "login_not_allowed"
    policy(denied_roles=[]).check_user(user(role="admin"))


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({}, None),
        ({"elements": {"explorer": []}}, "scope_not_allowed"),
        ({"elements": {}}, "element_not_allowed"),
        ({"folders": ["1"]}, "folder_not_allowed"),
        ({"denied_roles": ["user"]}, "role_not_allowed"),
        ({"denied_logins": ["ana@example.com"]}, "login_not_allowed"),
    ],
)
def test_what_is_in_memory_is_judged_by_all_rules(settings: dict[str, Any], code: str | None) -> None:
    key = TokenKey("1", "explorer", ("base_explorer", "item_share"), ROOT)
    assert policy(**settings).allows(user(), key) is (code is None)
    if code:
        assert refused(policy(**settings).check, user(), key)[0] == code
    else:
        policy(**settings).check(user(), key)


def test_provisioning_is_as_policy_says() -> None:
    assert policy(provision_app_users=True).provision_app_users and not policy().provision_app_users


def test_a_folder_below_is_judged_by_the_one_that_its_path_began_at() -> None:
    scopes = ("base_explorer",)
    below = TokenKey("1", "explorer", scopes, Resource("folder", "7"), "5")
    assert policy(folders=["5"]).allows(user(), below)
    assert not policy(folders=["7"]).allows(user(), below)
    assert not policy(folders=["5"]).allows(user(), TokenKey("1", "explorer", scopes, Resource("folder", "7")))
    assert not policy(folders=["5"]).allows(user(), TokenKey("1", "explorer", scopes, Resource("folder", "7"), "0"))


def test_folders_are_made_for_what_may_upload_if_at_all() -> None:
    uploading = [("base_explorer", "item_upload"), ("base_picker", "item_share", "item_upload"), ("base_upload",)]
    others = [("base_explorer",), ("base_explorer", "item_delete", "item_rename", "item_share"), ("base_picker",), ()]
    assert all(policy(create_folders=True).may_create_folders(scopes) for scopes in uploading)
    assert not any(policy(create_folders=True).may_create_folders(scopes) for scopes in others)
    assert not any(policy().may_create_folders(scopes) for scopes in [*uploading, *others])
