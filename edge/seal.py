"""Signing, sealing and the hash chain: the only place that touches keys.

Signatures are Ed25519 in JWS compact form (RFC 8037), seals AES-256-GCM, both by well-kept libraries.
"""

import base64
import hashlib
import os
import secrets
from pathlib import Path
from typing import Any

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from joserfc import jwe, jws
from joserfc.errors import JoseError
from joserfc.jwk import OctKey, OKPKey

from edge import files
from edge.errors import SealError

GENESIS = "0" * 64
"""The `previoushash` of the first event of an epoch."""


def commit(value: object) -> tuple[str, str]:
    """A salt and the SHA-256 commitment to `value` under it, both hexadecimal."""
    salt = secrets.token_hex(16)
    return salt, commitment(salt, value)


def commitment(salt: str, value: object) -> str:
    """SHA-256 of salt and value: tells whether a personal field is the one that was committed to."""
    return hashlib.sha256(salt.encode() + msgspec.json.encode(value)).hexdigest()


def chain_hash(envelope: dict[str, object]) -> str:
    """SHA-256 of an event without its personal fields, keys sorted; the next event's `previoushash`.

    `envelope` is the decoded JSON object of an `edge.transport.Envelope`.
    """
    data = envelope["data"]
    assert isinstance(data, dict)
    public = {**envelope, "data": {key: value for key, value in data.items() if key != "personal"}}
    return hashlib.sha256(msgspec.json.encode(public, order="sorted")).hexdigest()


class Signer:
    """Signs with one Ed25519 key, for one purpose (`typ`). The key's id is its thumbprint (RFC 7638) or a name."""

    def __init__(self, key: OKPKey, typ: str, kid: str = "") -> None:
        self._key, self._typ, self._kid = key, typ, kid or key.thumbprint()

    def sign(self, claims: dict[str, object]) -> str:
        """A JWS in compact form."""
        header = {"alg": "Ed25519", "typ": self._typ, "kid": self._kid}
        return jws.serialize_compact(header, msgspec.json.encode(claims), self._key, algorithms=["Ed25519"])


def header(token: str) -> dict[str, str]:
    """The protected header of a JWS in compact form, unverified; ValueError when it is none of ours."""
    head = token.partition(".")[0]
    return msgspec.json.decode(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)), type=dict[str, str])


class _Ed25519(jws.JWSRegistry):
    """Verifies with Ed25519 whichever of its names the header has; the header was compared before."""

    def get_alg(self, name: str) -> Any:
        return self.algorithms["Ed25519"]


class Verifier:
    """Accepts what one key signed for one purpose, and nothing else.

    `kid` is the agreed key id, the key's thumbprint without one. `eddsa` also accepts the older name of the same
    signature (RFC 8037), which other makers' libraries write.
    """

    def __init__(self, key: OKPKey, typ: str, kid: str = "", eddsa: bool = False) -> None:
        self._key = key
        self._header = {"alg": "Ed25519", "typ": typ, "kid": kid or key.thumbprint()}
        self._names = ("Ed25519", "EdDSA") if eddsa else ("Ed25519",)

    def verify(self, token: str) -> dict[str, object]:
        """The claims of a JWS; SealError when signature, algorithm, type or key id is not exactly as agreed."""
        try:
            given = header(token)
            if given.get("alg") in self._names:
                given["alg"] = "Ed25519"
            if differ := [name for name, value in self._header.items() if given.pop(name, "") != value] + list(given):
                raise ValueError(f"its {', '.join(differ)[:40]} is not what was agreed")  # before a library obeys it
            signed = jws.deserialize_compact(token, self._key, registry=_Ed25519())
            return msgspec.json.decode(signed.payload, type=dict[str, object])
        except (JoseError, msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise SealError("a signed message was refused: {why}", why=error) from error


def new_signing_key(path: Path) -> OKPKey:
    """Make an Ed25519 key pair at `path` (private, mode 0600) and `path`.pub (public); both JWK.

    One of which only the private half was written is completed; FileExistsError when there are both.
    """
    begun = files.unpublished(path)
    key = load_key(path) if begun else OKPKey.generate_key("Ed25519")
    if not begun:
        files.secret(path, msgspec.json.encode(key.as_dict(private=True)))
    files.publish(path, msgspec.json.encode(key.as_dict(private=False)))
    return key


def own_signing_key(path: Path) -> OKPKey:
    """The pair at `path`, made on first use; a link that leads nowhere has lost its key, and is not made anew."""
    return load_key(path) if os.path.lexists(path) and not files.unpublished(path) else new_signing_key(path)


def load_key(path: Path) -> OKPKey:
    """Read a JWK of an Ed25519 key, private or public."""
    try:
        return OKPKey.import_key(msgspec.json.decode(path.read_bytes(), type=dict[str, str | list[str]]))
    except OSError as error:
        hint = "make one with: edge-gate keys new, or install the credential"
        raise SealError("no key at {path}: {why}", hint, path=path, why=error.strerror) from error
    except (JoseError, msgspec.MsgspecError, ValueError) as error:
        raise SealError("{path} is not an Ed25519 key in JWK form: {why}", path=path, why=error) from error


def public_key(x: str, path: Path) -> OKPKey:
    """The public Ed25519 key whose JWK has this `x`, or without one that of the JWK at `path`."""
    if not x:
        return load_key(path)
    try:
        return OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": x})
    except (JoseError, ValueError) as error:
        raise SealError("{key} is not a public Ed25519 key: {why}", key=x, why=error) from error


def new_sealing_key(path: Path) -> None:
    """Make a 256-bit AES key at `path`, mode 0600."""
    files.secret(path, AESGCM.generate_key(256))


def load_secret(path: Path) -> bytes:
    """The 256-bit key at `path`, as `new_sealing_key` made it."""
    try:
        key = path.read_bytes()
    except OSError as error:
        hint = "make one with: edge-gate keys new {name} --directory {directory}"
        names = {"path": path, "name": path.stem, "directory": path.parent}
        raise SealError("no key at {path}: {why}", hint, why=error.strerror, **names) from error
    if len(key) != 32:
        hint = "put back the copy that was kept: nothing else opens what was sealed with it"
        text = "{path} is no sealing key: it has {size} bytes, not 32"
        raise SealError(text, hint, path=path, size=len(key))
    return key


class Parcel:
    """Seals short messages between the two holders of one key: JWE in compact form, `dir` with A256GCM (RFC 7516)."""

    def __init__(self, key: bytes, typ: str, kid: str) -> None:
        self._key = OctKey.import_key(key)
        self._header = {"alg": "dir", "enc": "A256GCM", "typ": typ, "kid": kid}

    def close(self, claims: dict[str, object]) -> str:
        return jwe.encrypt_compact(dict(self._header), msgspec.json.encode(claims), self._key)

    def open(self, token: str) -> dict[str, object]:
        """The claims; SealError when the header or the key is not exactly as agreed, or the message was changed."""
        try:
            given = header(token)  # before a library obeys it
        except (msgspec.MsgspecError, ValueError):
            given = {}
        if given != self._header:
            raise SealError("a sealed message has not the header that was agreed")
        try:
            opened = jwe.decrypt_compact(token, self._key, algorithms=["dir", "A256GCM"])
            return msgspec.json.decode(opened.plaintext or b"", type=dict[str, object])
        except (JoseError, msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise SealError("a sealed message was changed, or sealed with another key") from error


class Seal:
    """AES-256-GCM under one key; `bound` is authenticated with the content, so a record cannot pose as another."""

    def __init__(self, key: bytes) -> None:
        if len(key) != 32:
            raise SealError("a sealing key has 32 bytes, not {size}", size=len(key))
        self._cipher = AESGCM(key)

    @classmethod
    def load(cls, path: Path) -> "Seal":
        """The seal with the key at `path`, as `new_sealing_key` made it."""
        return cls(load_secret(path))

    def close(self, content: bytes, bound: bytes) -> bytes:
        nonce = secrets.token_bytes(12)
        return nonce + self._cipher.encrypt(nonce, content, bound)

    def open(self, sealed: bytes, bound: bytes) -> bytes:
        try:
            return self._cipher.decrypt(sealed[:12], sealed[12:], bound)
        except (InvalidTag, ValueError) as error:
            raise SealError("a sealed record was changed, or sealed with another key") from error
