"""``box-sidecar token``: one token, as a page would get it."""

from __future__ import annotations

import argparse
import asyncio

import msgspec

from box_sidecar.issuer import Issued
from box_sidecar.logs import printable
from box_sidecar.problems import Problem
from box_sidecar.schemas import TokenRequest
from box_sidecar.sentences import say
from box_sidecar.sidecar import Sidecar
from box_sidecar.tools.local import with_sidecar


def run(arguments: argparse.Namespace) -> int:
    """Issue it and tell about it; the exit status.

    Raises:
        ConfigError, Problem: it can't be had.
    """
    body = {"user": {"login": arguments.login}, "element": arguments.element, "scopes": arguments.scope}
    place = {"file": arguments.file} if arguments.file else {"folder": arguments.folder or "0"}
    if arguments.path is not None:
        place["path"] = arguments.path
    try:
        asked = msgspec.convert(body | place, TokenRequest)
    except msgspec.ValidationError as error:
        raise Problem("invalid_request", detail=f"{error}.", fix=say("See: box-sidecar token --help")) from None

    async def issue(sidecar: Sidecar) -> Issued:
        return await sidecar.issuer.issue(asked.user.who, asked.element, asked.scopes, asked.resource)

    issued = asyncio.run(with_sidecar(arguments.config, issue, keep=arguments.show_token))
    resource = issued.key.resource
    print(printable(f"user:     {issued.user.name} <{issued.user.login}> (Box id {issued.user.id})"))
    print(f"scopes:   {' '.join(issued.token.scopes)}")
    print(f"resource: {resource.type} {resource.id}{' (the whole tree)' if resource.is_root else ''}")
    print(f"life:     {issued.token.life:.0f} s")
    if arguments.show_token:
        print(f"token:    {issued.token.secret.reveal()}")
    return 0
