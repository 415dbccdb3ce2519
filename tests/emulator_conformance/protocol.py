"""Box's protocol by hand, so that tests can also do what no client does."""

from __future__ import annotations

import json
import secrets
import time
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
from cryptography.hazmat.primitives import serialization
from joserfc import jws
from joserfc.jwk import RSAKey

AUDIENCE = "https://api.box.com/oauth2/token"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
ALGORITHMS = ["RS256", "RS384", "RS512", "HS256", "ES256"]


class App:
    """An application by the JSON from the Developer Console."""

    def __init__(self, url: str, config: Path) -> None:
        document = json.loads(config.read_text())
        self.settings: dict[str, Any] = document["boxAppSettings"]
        self.enterprise_id: str = document["enterpriseID"]
        self.client_id: str = self.settings["clientID"]
        # Nothing to verify on plain HTTP, and loading the CAs would be the slowest part of many a test.
        self.http = httpx.Client(base_url=url, trust_env=False, verify=False)
        if "appAuth" in self.settings:
            self.key_id: str = self.settings["appAuth"]["publicKeyID"]
            self.key = _open(self.settings["appAuth"]["privateKey"], self.settings["appAuth"]["passphrase"])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.http.close()

    def claims(self, **changes: Any) -> dict[str, Any]:
        """A good assertion's claims for the service account, with `changes`; None takes a claim away."""
        claims = {
            "iss": self.client_id,
            "sub": self.enterprise_id,
            "box_sub_type": "enterprise",
            "aud": AUDIENCE,
            "jti": secrets.token_hex(32),
            "exp": int(time.time()) + 45,
        }
        return {name: value for name, value in (claims | changes).items() if value is not None}

    def assertion(self, claims: dict[str, Any], key: Any = None, alg: str = "RS256", **header: Any) -> str:
        fields = {"alg": alg, "typ": "JWT", "kid": self.key_id} | header
        protected = {name: value for name, value in fields.items() if value is not None}
        return jws.serialize_compact(protected, json.dumps(claims), key or self.key, algorithms=ALGORITHMS)

    def post_token(self, form: dict[str, Any]) -> httpx.Response:
        """POST /oauth2/token with the app's credentials unless `form` has others; None leaves a field out."""
        credentials = {"client_id": self.client_id, "client_secret": self.settings["clientSecret"]}
        fields = {name: value for name, value in (credentials | form).items() if value is not None}
        return self.http.post("/oauth2/token", data=fields)

    def jwt(self, assertion: str | None = None, **changes: Any) -> httpx.Response:
        assertion = assertion or self.assertion(self.claims(**changes))
        return self.post_token({"grant_type": JWT_BEARER, "assertion": assertion})

    def user_token(self, user_id: str) -> str:
        return str(self.jwt(sub=user_id, box_sub_type="user").raise_for_status().json()["access_token"])

    def exchange(self, token: str, scopes: str, resource: str | None = None, **changes: Any) -> httpx.Response:
        form = {"grant_type": TOKEN_EXCHANGE, "subject_token": token, "subject_token_type": ACCESS_TOKEN}
        return self.post_token(form | {"scope": scopes, "resource": resource} | changes)

    def downscoped(self, user_id: str, scopes: str, resource: str | None = None) -> str:
        url = None if resource is None else f"https://api.box.com/2.0/{resource}"
        answer = self.exchange(self.user_token(user_id), scopes, url).raise_for_status()
        return str(answer.json()["access_token"])

    def api(self, token: str, method: str, path: str, **details: Any) -> httpx.Response:
        """A call to ``/2.0/path`` (or to a path with a slash before it) with a token."""
        headers = {"Authorization": f"Bearer {token}", **details.pop("headers", {})}
        return self.http.request(method, path if path.startswith("/") else f"/2.0/{path}", headers=headers, **details)

    def upload(self, token: str, folder: str, name: str, content: bytes, **headers: str) -> httpx.Response:
        attributes = json.dumps({"name": name, "parent": {"id": folder}})
        files = {"attributes": (None, attributes), "file": (name, content, "application/octet-stream")}
        return self.api(token, "POST", "/api/2.0/files/content", files=files, headers=headers)


@cache
def _open(pem: str, passphrase: str) -> RSAKey:
    """The private key; opening one takes longer than most tests."""
    private = serialization.load_pem_private_key(pem.encode(), passphrase.encode())
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return RSAKey.import_key(private.private_bytes(encoding, form, serialization.NoEncryption()))


def error(response: httpx.Response) -> tuple[int, str, str]:
    """Status, ``error`` and ``error_description`` of a refusal by the token endpoint."""
    body = response.json()
    return response.status_code, body["error"], body["error_description"]
