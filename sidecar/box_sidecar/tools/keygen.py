"""``box-sidecar keygen``: a key pair that is born in hardware, and never leaves it."""

from __future__ import annotations

import argparse
import sys

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from box_sidecar.hardware.key import what_happened
from box_sidecar.hardware.uri import parse
from box_sidecar.problems import DEVELOPER_CONSOLE, ConfigError, Problem
from box_sidecar.settings import load_settings
from box_sidecar.tools.owner import go_on_as_owner

_NEXT = """
The private key is in the token “{token}”, and stays there. Now, so that no request fails meanwhile:
1. {console} → Configuration → Add and Manage Public Keys → Add a Public Key:
   paste what was printed, its first and last line too. Box shows an ID for it.
2. In the app's JSON (box.app_config): that ID as boxAppSettings.appAuth.publicKeyID, and no privateKey or passphrase.
3. In the configuration, under [box]: key = "{uri}"
4. systemctl reload box-sidecar && box-sidecar check
5. Once all is green, remove the old key, if there was one, where you added the new one.
"""


def run(arguments: argparse.Namespace) -> int:
    """Make it, print the public part on standard output and what to do with it on standard error; the exit status.

    Raises:
        ConfigError: the URI, the token or its PIN can't be used, or such a key is there already.
        Problem: ``key_unavailable``.
    """
    text = arguments.key or load_settings(arguments.config).box.key
    if not text:
        raise ConfigError(f"{arguments.config}: box.key names no key in hardware; set it, or give --key URI")
    try:
        uri = parse(text)
    except ValueError as error:
        raise ConfigError(f"--{error}") from None
    if uri.pin_file:
        go_on_as_owner(uri.pin_file)
    from box_sidecar.hardware import module

    try:
        modulus, exponent = module.generate(uri, arguments.bits)
    except module.TokenError as error:
        if error.kind == "configuration":
            raise ConfigError(f"box.key: {error.words}") from None
        raise Problem("key_unavailable", detail=what_happened(error.kind, error.words, uri.holder)) from None
    public_key = RSAPublicNumbers(exponent, modulus).public_key()
    print(public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(), end="")
    print(_NEXT.format(token=uri.holder, console=DEVELOPER_CONSOLE, uri=text), end="", file=sys.stderr)
    return 0
