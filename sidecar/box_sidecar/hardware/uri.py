"""The name of a key in hardware: a PKCS#11 URI (RFC 7512), of which we take what names one key for certain."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote, unquote_to_bytes

from msgspec import Struct

_UNRESERVED = r"A-Za-z0-9\-._~"
_ENCODED = r"%[0-9A-Fa-f]{2}"
# RFC 7512, section 2.3: pk11-pchar and pk11-qchar.
_PATH = re.compile(rf"(?:[{_UNRESERVED}:\[\]@!$'()*+,=&]|{_ENCODED})*")
_QUERY = re.compile(rf"(?:[{_UNRESERVED}:\[\]@!$'()*+,=/?|]|{_ENCODED})*")
_IN_PATH = ("token", "serial", "object", "id", "type")
_IN_QUERY = ("module-path", "pin-source")


class KeyUri(Struct, frozen=True):
    """One private key: ``token`` (its label) or ``serial``, or both; ``object`` (the key's label) or ``id``, or both;
    the ``module`` that speaks with the token, and the ``pin_file``, ``None`` for a token that asks for no PIN.
    """

    token: str | None
    serial: str | None
    object: str | None
    id: bytes | None
    module: Path
    pin_file: Path | None

    @property
    def holder(self) -> str:
        """The token's name, for people."""
        return self.token or self.serial or ""


def parse(text: str) -> KeyUri:
    """Take a PKCS#11 URI apart.

    Raises:
        ValueError: it is none, names too little, or something that we do not know; says what it must be.
    """
    scheme, _, rest = text.partition(":")
    if scheme != "pkcs11":
        raise ValueError("key must begin with pkcs11:, like pkcs11:token=…;object=…?module-path=…&pin-source=file:…")
    path, _, query = rest.partition("?")
    if "pin-value" in query:
        raise ValueError(
            "key must not hold the PIN (pin-value): whoever reads the configuration would have it; put it into a file "
            "of its own with mode 0600 and name that: pin-source=file:/etc/box-sidecar/pin"
        )
    named = _attributes(path, ";", _PATH, _IN_PATH)
    asked = _attributes(query, "&", _QUERY, _IN_QUERY)
    if not (named.get("token") or named.get("serial")):
        raise ValueError("key must name the token: token=LABEL or serial=NUMBER")
    if not (named.get("object") or named.get("id")):
        raise ValueError("key must name the key on the token: object=LABEL or id=%01")
    if named.get("type", "private") != "private":
        raise ValueError("key must name the private key: type=private, or no type at all")
    module = asked.get("module-path", "")
    if not module.startswith("/"):
        raise ValueError("key must name the token's module by an absolute path: module-path=/usr/lib/….so")
    return KeyUri(
        token=_text(named, "token"),
        serial=_text(named, "serial"),
        object=_text(named, "object"),
        id=unquote_to_bytes(named["id"]) if "id" in named else None,
        module=Path(_text(asked, "module-path") or ""),
        pin_file=_pin_file(_text(asked, "pin-source")),
    )


def _attributes(text: str, separator: str, allowed: re.Pattern[str], known: tuple[str, ...]) -> dict[str, str]:
    """Each once, still percent-encoded."""
    found: dict[str, str] = {}
    for part in text.split(separator) if text else ():
        name, equals, value = part.partition("=")
        if name not in known:
            raise ValueError(f"key must not have the attribute {name[:40]!r}; known here are {', '.join(known)}")
        if not equals or not value or not allowed.fullmatch(value):
            raise ValueError(f"key must give {name} a value, with all but letters and digits as %20 has it (RFC 7512)")
        if name in found:
            raise ValueError(f"key must not name {name} twice")
        found[name] = value
    return found


def _text(found: dict[str, str], name: str) -> str | None:
    if name not in found:
        return None
    try:
        text = unquote(found[name], errors="strict")
    except UnicodeDecodeError:
        raise ValueError(f"key must have UTF-8 text as {name}") from None
    if not text.isprintable():
        raise ValueError(f"key must not have control characters in {name}")
    return text


def _pin_file(source: str | None) -> Path | None:
    if source is None:
        return None
    path = source.removeprefix("file:").removeprefix("//")
    if not source.startswith("file:") or not path.startswith("/") or path.startswith("//"):
        raise ValueError("key must name the PIN's file by an absolute path: pin-source=file:/etc/box-sidecar/pin")
    return Path(path)
