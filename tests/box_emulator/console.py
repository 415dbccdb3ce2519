"""Applications as the Developer Console makes them, and the JSON that it lets people download."""

from __future__ import annotations

import json
import os
import secrets
import string
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc.jwk import RSAKey

MANY_ASSERTIONS = 10_000
ALPHANUMERIC = string.ascii_lowercase + string.digits


def _random(length: int, alphabet: str = ALPHANUMERIC) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))


@dataclass(slots=True)
class KeyPair:
    """An RSA key pair; ``private_pem`` is PKCS#8, encrypted with ``passphrase``."""

    id: str
    private_pem: str
    passphrase: str
    public: RSAKey

    @classmethod
    def generate(cls) -> KeyPair:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        passphrase = secrets.token_hex(16)
        private_pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(passphrase.encode()),
        ).decode()
        return cls(_random(8), private_pem, passphrase, _public(key))

    @classmethod
    def load(cls, app_auth: dict[str, str]) -> KeyPair:
        """Read ``boxAppSettings.appAuth``."""
        key = serialization.load_pem_private_key(app_auth["privateKey"].encode(), app_auth["passphrase"].encode())
        assert isinstance(key, rsa.RSAPrivateKey)
        return cls(app_auth["publicKeyID"], app_auth["privateKey"], app_auth["passphrase"], _public(key))


def _public(key: rsa.RSAPrivateKey) -> RSAKey:
    encoding, form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    return RSAKey.import_key(key.public_key().public_bytes(encoding, form))


@dataclass(slots=True)
class Application:
    """A custom app with server authentication: by JWT if it has keys, else by client credentials.

    `added` are further public keys by their ids, whose private parts somebody else has.
    """

    client_id: str
    client_secret: str
    enterprise_id: str
    path: Path
    key: KeyPair | None = None
    added: dict[str, RSAKey] = field(default_factory=dict)
    service_account_id: str = ""
    _seen_jti: dict[str, float] = field(default_factory=dict)

    @classmethod
    def open(cls, path: Path, enterprise_id: str, with_key: bool) -> Application:
        """The application whose JSON lies at `path`; made, and the JSON written, if there is none."""
        if path.exists():
            return cls._load(path)
        key = KeyPair.generate() if with_key else None
        app = cls(_random(32), _random(32, string.ascii_letters + string.digits), enterprise_id, path, key)
        app.save()
        return app

    @classmethod
    def _load(cls, path: Path) -> Application:
        document = json.loads(path.read_text())
        settings = document["boxAppSettings"]
        key = KeyPair.load(settings["appAuth"]) if "appAuth" in settings else None
        return cls(settings["clientID"], settings["clientSecret"], document["enterpriseID"], path, key)

    def public_key(self, key_id: str | None) -> RSAKey | None:
        """The public key with this id; the first one where none is named, as the Node SDK names none."""
        if self.key is not None and key_id in (None, self.key.id):
            return self.key.public
        return self.added.get(key_id or "")

    def rotate_key(self, keep_old: bool) -> None:
        """Make a new key pair, forget the old one unless it is to be kept, and write the JSON anew."""
        if keep_old and self.key is not None:
            self.added[self.key.id] = self.key.public
        self.key = KeyPair.generate()
        self.save()

    def rotate_secret(self) -> None:
        self.client_secret = _random(32, string.ascii_letters + string.digits)
        self.save()

    def first_use(self, jti: str, expiry: float, now: float) -> bool:
        """Remember an assertion's ``jti`` until the assertion expires; false if it was remembered already."""
        if len(self._seen_jti) > MANY_ASSERTIONS:
            self._seen_jti = {seen: exp for seen, exp in self._seen_jti.items() if exp > now}
        if jti in self._seen_jti:
            return False
        self._seen_jti[jti] = expiry
        return True

    def document(self) -> dict[str, Any]:
        """The JSON of the Developer Console."""
        settings: dict[str, Any] = {"clientID": self.client_id, "clientSecret": self.client_secret}
        if self.key is not None:
            settings["appAuth"] = {
                "publicKeyID": self.key.id,
                "privateKey": self.key.private_pem,
                "passphrase": self.key.passphrase,
            }
        return {"boxAppSettings": settings, "enterpriseID": self.enterprise_id}

    def save(self) -> None:
        """Write the JSON, readable by its owner alone, in one step."""
        scratch = self.path.with_suffix(".new")
        scratch.unlink(missing_ok=True)
        descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(self.document(), file, indent=2)
        scratch.replace(self.path)
