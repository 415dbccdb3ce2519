"""What may be asked for at all, whatever the web server says. Each rule refuses; none grants."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from box_sidecar.elements import ELEMENTS
from box_sidecar.model import Resource, TokenKey, User, normalize_login
from box_sidecar.problems import Problem
from box_sidecar.sentences import say
from box_sidecar.settings import PolicySettings

_STOPPED_S = 300.0  # callers need not ask more often
_UPLOADING = frozenset({"item_upload", "base_upload"})


class Policy:
    """``[policy]`` as questions; each answers with nothing or raises the :class:`Problem`."""

    def __init__(self, settings: PolicySettings) -> None:
        self._elements = {element: frozenset(scopes) for element, scopes in settings.elements.items()}
        self._folders = frozenset(settings.folders)
        self._domains = frozenset(normalize_login(domain).removeprefix("@") for domain in settings.login_domains)
        self._denied_roles = frozenset(settings.denied_roles)
        self._denied_logins = frozenset(login.casefold() for login in settings.denied_logins)
        self.provision_app_users = settings.provision_app_users
        self.create_folders = settings.create_folders
        self.issue = settings.issue
        # A policy never changes, and what it has allowed is asked again and again; a refusal is not remembered.
        self.scopes = lru_cache(1_000)(self._scopes)

    def _scopes(self, element: str, asked: tuple[str, ...]) -> tuple[str, ...]:
        """Base scope and asked feature scopes of an element, in one order whatever the caller's.

        Raises:
            Problem: ``issuing_stopped``, ``element_not_allowed`` or ``scope_not_allowed``.
        """
        if not self.issue:
            raise Problem("issuing_stopped", retry_after=_STOPPED_S)
        allowed = self._elements.get(element)
        if allowed is None:
            told = say("The element “{element}” is not in [policy.elements].", element=element)
            raise Problem("element_not_allowed", detail=told)
        features = frozenset(asked)
        if excess := sorted(features - allowed):
            told = say("{element} may not have: {scopes}.", element=element, scopes=", ".join(excess))
            raise Problem("scope_not_allowed", detail=told)
        return (ELEMENTS[element].base, *sorted(features))

    def check_resource(self, element: str, resource: Resource) -> None:
        """Folder or file as the element needs it, and a folder that policy names.

        Raises:
            Problem: ``invalid_request`` or ``folder_not_allowed``.
        """
        needs = ELEMENTS[element].resource
        if resource.type != needs:
            raise Problem(
                "invalid_request",
                detail=f"{element} needs a {needs}.",
                errors=[{"field": needs, "message": f"{element} needs a {needs}"}],
            )
        if resource.type == "folder" and self._folders and resource.id not in self._folders:
            told = say("Folder {folder} is not in policy.folders.", folder=resource.id)
            raise Problem("folder_not_allowed", detail=told)

    def may_create_folders(self, scopes: Iterable[str]) -> bool:
        """Whether the folders of a path may be made for a token with these scopes: only if it may upload anyway."""
        return self.create_folders and not _UPLOADING.isdisjoint(scopes)

    @property
    def limits_files(self) -> bool:
        """Whether :meth:`check_ancestors` has anything to say, since asking Box for them costs a call."""
        return bool(self._folders)

    def check_ancestors(self, folder_ids: Iterable[str]) -> None:
        """A file must lie below a folder that policy names; raises ``folder_not_allowed``."""
        if self._folders and self._folders.isdisjoint(folder_ids):
            raise Problem("folder_not_allowed", detail=say("The file lies in none of policy.folders."))

    def check_login(self, login: str) -> None:
        """Raises ``login_not_allowed``."""
        # casefold() takes more letters for one than normalize_login(): right where to take two for one is to refuse.
        if login.casefold() in self._denied_logins:
            raise Problem("login_not_allowed", detail=say("The login is in policy.denied_logins."))
        if self._domains and normalize_login(login).rpartition("@")[2] not in self._domains:
            raise Problem("login_not_allowed", detail=say("The login's domain is not in policy.login_domains."))

    def check_user(self, user: User) -> None:
        """Raises ``login_not_allowed``, ``role_not_allowed`` or ``user_inactive``.

        What Box did not tell is not taken for harmless: a user without a role or status is refused.
        """
        self.check_login(user.login)
        if user.role in self._denied_roles or not user.role:
            told = say("The Box role “{role}” is in policy.denied_roles.", role=user.role or "unknown")
            raise Problem("role_not_allowed", detail=told)
        if user.status not in {"active", "cannot_delete_edit", "cannot_delete_edit_upload"}:
            told = say("The Box account is “{status}”.", status=user.status or "unknown")
            raise Problem("user_inactive", detail=told)

    def check(self, user: User, key: TokenKey) -> None:
        """Raise whatever there is against this person's having this token."""
        self.scopes(key.element, key.scopes[1:])
        self.check_resource(key.element, key.asked)
        self.check_user(user)

    def allows(self, user: User, key: TokenKey) -> bool:
        """Whether :meth:`check` has nothing against it."""
        try:
            self.check(user, key)
        except Problem:
            return False
        return True

    def may_refuse_files_of(self, before: Policy) -> bool:
        """Whether a file can be out of bounds that was not under another policy; no folders at all are all."""
        return bool(self._folders) and not (before._folders and before._folders <= self._folders)
