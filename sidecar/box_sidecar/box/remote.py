"""Assertions that are signed elsewhere: imported only where the private key is in hardware."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from joserfc.util import json_b64encode, urlsafe_b64encode

from box_sidecar.box.assertion import claims
from box_sidecar.tracing import step


class RemoteSigner:
    """``sign`` has a signature by RS256 made of bytes (RFC 7515, section 5.1)."""

    def __init__(self, client_id: str, key_id: str, sign: Callable[[bytes], Awaitable[bytes]]) -> None:
        self._issuer = client_id
        self._header = json_b64encode({"alg": "RS256", "kid": key_id})
        self._sign = sign

    @step("sign")
    async def assertion(self, subject_type: str, subject: str, now: float) -> str:
        """See ``Signer``; raises what ``sign`` does."""
        signed = self._header + b"." + json_b64encode(claims(self._issuer, subject_type, subject, now))
        return (signed + b"." + urlsafe_b64encode(await self._sign(signed))).decode()
