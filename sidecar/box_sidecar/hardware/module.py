"""A key on a token, through the token's own module (PKCS#11, by python-pkcs11).

Only the process that speaks with the token imports this, and ``box-sidecar keygen``: a module is somebody else's code,
and a token that is software keeps its keys in the memory of whoever has loaded it.
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from box_sidecar.hardware.answers import Kind, Opened
from box_sidecar.hardware.uri import KeyUri
from box_sidecar.problems import ConfigError
from box_sidecar.trusted_file import check_way, read_private

try:
    import pkcs11
    from pkcs11 import Attribute, KeyType, Mechanism, MechanismFlag, ObjectClass, TokenFlag
    from pkcs11.constants import DEFAULT
except ModuleNotFoundError:
    raise ConfigError(
        "a key in hardware takes python-pkcs11, which is not here; install sidecar/pkcs11.lock as docs/keys.md has it"
    ) from None

#: DigestInfo of SHA-256 (RFC 8017, section 9.2, note 1), for tokens that only know the bare RSA operation.
_SHA256_DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")
_LEAST_BITS = 2048
#: What the public part may do in the token, where nobody uses it, is left to the token: a TPM's module refuses either.
_PUBLIC = dict.fromkeys((Attribute.ENCRYPT, Attribute.VERIFY, Attribute.WRAP), DEFAULT)


class TokenError(Exception):
    """What is wrong with the token, its PIN or the key."""

    def __init__(self, kind: Kind, words: str = "") -> None:
        super().__init__(words)
        self.kind = kind
        self.words = words


class HeldKey:
    """A private key that was found on its token and has signed once.

    Raises:
        TokenError: it was not found, or can't sign.
    """

    def __init__(self, uri: KeyUri) -> None:
        with _errors():
            token = _find_token(uri)
            self._key = _find_key(_log_in(token, uri), uri)
            self._mechanism = _mechanism(token)
            self.told = Opened(_bits(self._key), bool(_attribute(self._key, Attribute.EXTRACTABLE)))
        self.sign(b"box-sidecar looks whether this key signs")

    def sign(self, data: bytes) -> bytes:
        """A signature by RS256 (RFC 7518, section 3.3)."""
        if self._mechanism is Mechanism.RSA_PKCS:
            data = _SHA256_DIGEST_INFO + hashlib.sha256(data).digest()
        with _errors():
            signature: bytes = self._key.sign(data, mechanism=self._mechanism)
        return signature


@contextlib.contextmanager
def _errors() -> Iterator[None]:
    """The module's failures as ours. Their names are the standard's (CKR_…), and hold nothing secret."""
    try:
        yield
    except (pkcs11.exceptions.TokenNotPresent, pkcs11.exceptions.DeviceRemoved):
        raise TokenError("absent") from None
    except pkcs11.exceptions.PKCS11Error as error:
        raise TokenError("failed", type(error).__name__) from None


def _find_token(uri: KeyUri) -> Any:
    """The one token that the URI names."""
    if not uri.module.is_file():
        raise TokenError("configuration", f"there is no module {uri.module}; name the token's own in module-path")
    check_way(uri.module)  # whoever writes it has the PIN
    try:
        library = pkcs11.lib(str(uri.module))
    except pkcs11.exceptions.PKCS11Error as error:
        raise TokenError(
            "configuration", f"the module {uri.module} can't be loaded: {error or type(error).__name__}"
        ) from None
    found = [token for token in _tokens(library) if _is(token, uri)]
    if not found:
        raise TokenError("absent")
    if len(found) > 1:
        raise TokenError("configuration", f"{len(found)} tokens are named so; name one by its serial=…")
    return found[0]


def _tokens(library: Any) -> Iterator[Any]:
    for slot in library.get_slots(token_present=True):
        with contextlib.suppress(pkcs11.exceptions.TokenNotPresent, pkcs11.exceptions.TokenNotRecognised):
            yield slot.get_token()


def _is(token: Any, uri: KeyUri) -> bool:
    serial = token.serial.decode(errors="replace").strip()
    return uri.token in {None, token.label} and uri.serial in {None, serial}


def _log_in(token: Any, uri: KeyUri, *, to_write: bool = False) -> Any:
    """A session with the token; a PIN is never tried where one more wrong one would lock it."""
    if uri.pin_file is None:
        if token.flags & TokenFlag.LOGIN_REQUIRED:
            raise TokenError("configuration", "the token wants a PIN; name its file: pin-source=file:/…")
        return token.open(rw=to_write)
    if token.flags & TokenFlag.USER_PIN_LOCKED:
        raise TokenError("locked")
    if token.flags & TokenFlag.USER_PIN_FINAL_TRY:
        raise TokenError("last_try")
    pin = _pin(uri.pin_file)
    try:
        return token.open(rw=to_write, user_pin=pin)
    except (pkcs11.exceptions.PinIncorrect, pkcs11.exceptions.PinInvalid, pkcs11.exceptions.PinLenRange):
        raise TokenError("refused") from None
    except (pkcs11.exceptions.PinLocked, pkcs11.exceptions.PinExpired):
        raise TokenError("locked") from None
    except pkcs11.exceptions.UserPinNotInitialized:
        raise TokenError("configuration", "the token has no user PIN yet; set one with the token's own tool") from None


def _pin(file: Path) -> str:
    try:
        content = read_private(file, "the token's PIN")
    except FileNotFoundError:
        raise ConfigError(f"{file}: there is no such file; it holds the token's PIN (pin-source)") from None
    try:
        pin = content.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        pin = ""
    if not pin or not pin.isprintable():
        raise ConfigError(f"{file}: must hold the token's PIN (pin-source) in one line, and nothing else")
    return pin


def generate(uri: KeyUri, bits: int) -> tuple[int, int]:
    """Make a key pair that never leaves the token; the public key's modulus and exponent.

    Raises:
        ConfigError: there is such a key already.
        TokenError: it can't be made.
    """
    with _errors():
        session = _log_in(_find_token(uri), uri, to_write=True)
        if any(_find_objects(session, uri, kind) for kind in (ObjectClass.PRIVATE_KEY, ObjectClass.PUBLIC_KEY)):
            raise ConfigError(
                f"box.key: the token “{uri.holder}” has such a key already, and nothing is overwritten; "
                "give the new one another name: object=… or id=%…"
            )
        try:
            public, _ = session.generate_keypair(
                KeyType.RSA,
                bits,
                id=uri.id or secrets.token_bytes(8),
                label=uri.object,
                store=True,
                capabilities=MechanismFlag.SIGN,
                public_template=_PUBLIC,
                private_template={Attribute.EXTRACTABLE: False, Attribute.SENSITIVE: True},
            )
        except pkcs11.exceptions.DeviceMemory:
            raise ConfigError(
                f"box.key: the token “{uri.holder}” has no room for another key; remove one by its own tool, or name "
                "another token: token=…"
            ) from None
        modulus, exponent = (
            int.from_bytes(public[name], "big") for name in (Attribute.MODULUS, Attribute.PUBLIC_EXPONENT)
        )
    return modulus, exponent


def _find_objects(session: Any, uri: KeyUri, kind: Any) -> list[Any]:
    """The objects of a class that the URI names."""
    named = {Attribute.LABEL: uri.object, Attribute.ID: uri.id}
    return list(session.get_objects({Attribute.CLASS: kind} | {name: one for name, one in named.items() if one}))


def _find_key(session: Any, uri: KeyUri) -> Any:
    found = _find_objects(session, uri, ObjectClass.PRIVATE_KEY)
    if not found:
        raise TokenError(
            "configuration", f"the token “{uri.holder}” has no such private key; make one with: box-sidecar keygen"
        )
    if len(found) > 1:
        raise TokenError("configuration", f"{len(found)} private keys are named so; name one by its id=%…")
    (key,) = found
    if _attribute(key, Attribute.KEY_TYPE) is not KeyType.RSA or _bits(key) < _LEAST_BITS:
        raise TokenError("configuration", f"the key is not an RSA key of at least {_LEAST_BITS} bits")
    if _attribute(key, Attribute.SIGN) is False:
        raise TokenError("configuration", "the key may not sign (CKA_SIGN)")
    if _attribute(key, Attribute.ALWAYS_AUTHENTICATE):
        raise TokenError(
            "configuration",
            "the key asks for its PIN at each signature (CKA_ALWAYS_AUTHENTICATE); take one that does not",
        )
    return key


def _attribute(key: Any, name: Any) -> Any:
    """``None`` where the token does not tell."""
    try:
        return key[name]
    except pkcs11.exceptions.PKCS11Error:
        return None


def _bits(key: Any) -> int:
    return int.from_bytes(_attribute(key, Attribute.MODULUS) or b"", "big").bit_length()


def _mechanism(token: Any) -> Any:
    known = token.slot.get_mechanisms()
    for mechanism in (Mechanism.SHA256_RSA_PKCS, Mechanism.RSA_PKCS):
        if mechanism in known:
            return mechanism
    raise TokenError("configuration", "the token can't sign with RSA (neither CKM_SHA256_RSA_PKCS nor CKM_RSA_PKCS)")
