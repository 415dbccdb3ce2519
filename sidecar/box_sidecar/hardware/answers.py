"""What the process that speaks with the token tells the worker."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec
from msgspec import Struct

#: Why a key can't sign: the ``configuration`` is wrong; the token is ``absent`` or ``failed``; it ``refused`` the PIN,
#: has ``locked`` it, or would with the ``last_try``; the module ``hung`` or ``died``.
Kind = Literal["configuration", "absent", "failed", "refused", "locked", "last_try", "hung", "died"]


class Opened(Struct, frozen=True, tag=True):
    """The key is there and signs. ``bits`` is its length; ``leaves``: the token would give it out (CKA_EXTRACTABLE)."""

    bits: int
    leaves: bool


class Signed(Struct, frozen=True, tag=True):
    """A signature (RSASSA-PKCS1-v1_5 with SHA-256)."""

    signature: bytes


class Refused(Struct, frozen=True, tag=True):
    """No signature. ``words`` say what to change in the configuration, or name the token's own error."""

    kind: Kind
    words: str = ""


Answer: TypeAlias = Opened | Signed | Refused

encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(Answer).decode
