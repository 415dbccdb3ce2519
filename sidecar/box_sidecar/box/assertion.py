"""Assertions (RFC 7523): what proves to Box that we are the app."""

from __future__ import annotations

import secrets
from typing import Any, Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from joserfc import jwt
from joserfc.jwk import RSAKey

from box_sidecar.app_config import KeyPair
from box_sidecar.problems import ConfigError

#: Box's guide "JWT without SDK": always this, whatever host the request goes to.
AUDIENCE = "https://api.box.com/oauth2/token"

_ASSERTION_LIFE_S = 45  # Box allows 60; the rest is for the way


class Signer(Protocol):
    """What makes assertions."""

    async def assertion(self, subject_type: str, subject: str, now: float) -> str:
        """A new assertion at Box's time ``now``; it carries neither ``iat`` nor ``nbf``, which are optional."""


class AssertionSigner:
    """The app's private key, opened once, and the assertions it signs (RFC 7523, section 3).

    joserfc signs, which Authlib is built on: Authlib's own ``JWTBearerGrant.sign`` always claims ``iat``, one more time
    that Box would hold against its clock.

    Raises:
        ConfigError: the key can't be opened with the passphrase, or is no RSA key of 2048 bits or more.
    """

    def __init__(self, client_id: str, pair: KeyPair) -> None:
        try:
            passphrase = pair.passphrase.reveal().encode() or None if pair.passphrase else None
            key = load_pem_private_key(pair.private_key.reveal().encode() if pair.private_key else b"", passphrase)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise ConfigError(
                "boxAppSettings.appAuth.privateKey can't be opened with boxAppSettings.appAuth.passphrase; "
                "download the JSON again in the Developer Console (Generate a Public/Private Keypair)"
            ) from None
        if not isinstance(key, RSAPrivateKey) or key.key_size < 2048:
            raise ConfigError("boxAppSettings.appAuth.privateKey is not an RSA key of at least 2048 bits")
        self._key = RSAKey(key, key)
        self._header = {"alg": "RS256", "kid": pair.id}
        self._issuer = client_id

    async def assertion(self, subject_type: str, subject: str, now: float) -> str:
        """See :class:`Signer`."""
        return jwt.encode(self._header, claims(self._issuer, subject_type, subject, now), self._key)


def claims(issuer: str, subject_type: str, subject: str, now: float) -> dict[str, Any]:
    """What an assertion says at Box's time ``now``, with a ``jti`` that no other has."""
    return {
        "iss": issuer,
        "sub": subject,
        "box_sub_type": subject_type,
        "aud": AUDIENCE,
        "jti": secrets.token_urlsafe(32),
        "exp": int(now) + _ASSERTION_LIFE_S,
    }
