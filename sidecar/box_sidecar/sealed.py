"""Values that only the holder of the app's secret can read, or have made: what lies on a disk or at another's server.

Keys come from the client secret (HKDF, RFC 5869), one pair for each purpose; values are sealed by AES-256-GCM (an AEAD,
RFC 5116) with a random nonce. What a value is kept under is sealed with it: none passes for another's.
"""

from __future__ import annotations

import hmac
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from box_sidecar.secret import Secret

_NONCE_BYTES = 12


class Sealer:
    """Seals and opens under keys of its own for one ``purpose``, as long as the app's ``secret`` is the same."""

    def __init__(self, secret: Secret, purpose: str) -> None:
        keys = HKDF(SHA256(), 64, None, f"box-sidecar {purpose} 1".encode()).derive(secret.reveal().encode())
        self._aead = AESGCM(keys[:32])
        self._tag_key = keys[32:]

    def tag(self, value: str) -> bytes:
        """What stands for a value where it is not to be read: 32 bytes, always the same."""
        return hmac.digest(self._tag_key, value.encode(), "sha256")

    def seal(self, name: str, value: bytes) -> str:
        """The value, to be kept under this name, in letters that go into a line of text."""
        nonce = os.urandom(_NONCE_BYTES)
        return urlsafe_b64encode(nonce + self._aead.encrypt(nonce, value, name.encode())).decode()

    def open(self, name: str, sealed: str) -> bytes | None:
        """The value again; ``None`` if another secret, another name or somebody else made it so."""
        try:
            raw = urlsafe_b64decode(sealed)
            return self._aead.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], name.encode())
        except (ValueError, InvalidTag):  # binascii.Error is a ValueError
            return None
