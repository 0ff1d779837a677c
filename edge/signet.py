"""Signed messages, sealed records and wrapped content keys of the whitelist: binary, since a record is kilobytes.

Ed25519 over the kind and the payload, so that a message of one kind never passes for another; AES-256-GCM for
records; a content key reaches a gate by X25519 and HKDF-SHA256 (the shape of RFC 9180, base mode). With seal.py
the only place that touches keys.
"""

import hashlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from edge import files
from edge.errors import SealError
from edge.records import Signed, encode, parse

DESK_KEY, DESK_PUBLIC, DESK_NEXT = "desk.key", "desk.pub", "desk-next.pub"
"""Credentials: what the desk signs with, what gates check it with, and the key that is to follow, in a rotation."""
GATE_SIGNS, GATE_OPENS = "gate-sign.key", "gate-open.key"
"""Credentials of a gate: what it signs reports with, and what opens its content keys."""
DESK_OPENS, DESK_OPENS_PUBLIC = "desk-open.key", "desk-open.pub"
"""What opens the requests of workstations, and what they seal them with."""
DESK_OPENS_NEXT, DESK_OPENS_NEXT_PUBLIC = "desk-open-next.key", "desk-open-next.pub"
"""The pair that is to follow that, in a rotation."""
WORKSTATION_SIGNS, WORKSTATION_OPENS = "workstation-sign.key", "workstation-open.key"
"""Credentials of a workstation: what it signs requests with, and what opens the replies."""
KEY_BYTES = 32
RAW, RAW_PUBLIC = serialization.Encoding.Raw, serialization.PublicFormat.Raw
DOMAIN = b"edge-gate whitelist 1\0"
"""Signed and derived with everything here: no signature or key of another protocol is one of this."""


class KeyPair(NamedTuple):
    """A private key as it lies in a credential, and its public half; 32 bytes each."""

    private: bytes
    public: bytes


def new_signing_pair(private: bytes = b"") -> KeyPair:
    """An Ed25519 key pair (RFC 8032): of this private half, or a new one."""
    key = Ed25519PrivateKey.from_private_bytes(private) if private else Ed25519PrivateKey.generate()
    return KeyPair(key.private_bytes_raw(), key.public_key().public_bytes(RAW, RAW_PUBLIC))


def new_opening_pair(private: bytes = b"") -> KeyPair:
    """An X25519 key pair (RFC 7748), to which content keys are wrapped: of this private half, or a new one."""
    key = X25519PrivateKey.from_private_bytes(private) if private else X25519PrivateKey.generate()
    return KeyPair(key.private_bytes_raw(), key.public_key().public_bytes(RAW, RAW_PUBLIC))


def write_pair(path: Path, pair: KeyPair) -> None:
    """Put the private key at `path` (mode 0600, never over another) and the public one at `path`.pub."""
    files.secret(path, pair.private)
    files.publish(path, pair.public)


def make_pair(path: Path, make: Callable[[bytes], KeyPair]) -> KeyPair:
    """Make a pair at `path`; or complete one of which only the private half was written. FileExistsError when there
    are both.
    """
    if not files.unpublished(path):
        write_pair(path, pair := make(b""))
        return pair
    pair = make(read_key(path))
    files.publish(path, pair.public)
    return pair


def read_key(path: Path) -> bytes:
    """A key of 32 bytes; SealError when there is none."""
    try:
        key = path.read_bytes()
    except OSError as error:
        hint = "make it with edge-gate keys new or edge-gate gates add, and install it as a credential"
        if path.name in (DESK_OPENS, DESK_OPENS_PUBLIC):
            hint = "edge-gate workstations add makes it; then scripts/install --desk gives it to the desk's unit"
        raise SealError("no key at {path}: {why}", hint, path=path, why=error.strerror) from error
    if len(key) != KEY_BYTES:
        raise SealError(
            "{path} is no key: it has {size} bytes, not {wanted}", path=path, size=len(key), wanted=KEY_BYTES
        )
    return key


def opening_public_of(private: bytes) -> bytes:
    """The public half of an X25519 key."""
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes(RAW, RAW_PUBLIC)


def public_of(private: bytes) -> bytes:
    """The public half of an Ed25519 key."""
    return Ed25519PrivateKey.from_private_bytes(private).public_key().public_bytes(RAW, RAW_PUBLIC)


def fingerprint(public: bytes) -> str:
    """By what people tell keys apart: the beginning of the SHA-256 of a public key."""
    return hashlib.sha256(public).hexdigest()[:16]


class Stamp:
    """Signs messages with one Ed25519 key."""

    def __init__(self, private: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(private)

    def sign(self, kind: str, payload: bytes) -> bytes:
        return encode(Signed(kind, payload, self._key.sign(_covered(kind, payload))))


class Checker:
    """Accepts what one of these keys signed; two of them while a signing key is rotated."""

    def __init__(self, publics: Iterable[bytes]) -> None:
        trusted = list(publics)
        self._keys = [Ed25519PublicKey.from_public_bytes(public) for public in trusted]
        self.trusts = tuple(map(fingerprint, trusted))

    def __call__(self, message: bytes) -> Signed:
        """The message, its signature verified; SealError otherwise."""
        signed = parse(message)
        for key in self._keys:
            try:
                key.verify(signed.signature, _covered(signed.kind, signed.payload))
            except InvalidSignature:
                continue
            return signed
        raise SealError("the signature is not the desk's")


def _covered(kind: str, payload: bytes) -> bytes:
    """What a signature is made over: a digest, since a record would else be hashed twice more by SHA-512."""
    return DOMAIN + kind.encode() + b"\0" + hashlib.sha256(payload).digest()


class Sealer:
    """Seals and opens records with the content keys that it knows, by their ids."""

    def __init__(self, keys: dict[str, bytes]) -> None:
        self._ciphers = {kid: AESGCM(key) for kid, key in keys.items()}

    def __contains__(self, kid: str) -> bool:
        return kid in self._ciphers

    def close(self, kid: str, content: bytes, bound: bytes) -> bytes:
        nonce = os.urandom(12)
        return nonce + self._ciphers[kid].encrypt(nonce, content, bound)

    def open(self, kid: str, sealed: bytes, bound: bytes) -> bytes:
        """The content; SealError when it was changed, belongs to another head, or its key is not here."""
        if kid not in self._ciphers:
            raise SealError("it is sealed with the content key {kid}, which this gate was not given", kid=kid)
        try:
            return self._ciphers[kid].decrypt(sealed[:12], sealed[12:], bound)
        except (InvalidTag, ValueError) as error:
            raise SealError("a sealed record was changed, or sealed with another key") from error


def wrap(content_key: bytes, gate_public: bytes, bound: str) -> bytes:
    """A content key for the one gate that has the private key; `bound` names gate and key."""
    return enclose(content_key, gate_public, bound.encode())


def unwrap(wrapped: bytes, private: bytes, bound: str) -> bytes:
    """The content key; SealError when it was wrapped for another gate or changed."""
    try:
        return disclose(wrapped, private, bound.encode())
    except SealError as error:
        raise SealError("a content key does not open with this gate's key") from error


def enclose(content: bytes, public: bytes, bound: bytes, purpose: bytes = b"") -> bytes:
    """Content for whoever has the private key; `bound` is authenticated with it, and one purpose opens no other's."""
    ephemeral = X25519PrivateKey.generate()
    sender = ephemeral.public_key().public_bytes(RAW, RAW_PUBLIC)
    shared = ephemeral.exchange(X25519PublicKey.from_public_bytes(public))
    return sender + AESGCM(_derived(shared, sender + public, purpose)).encrypt(bytes(12), content, bound)


def disclose(enclosed: bytes, private: bytes, bound: bytes, purpose: bytes = b"") -> bytes:
    """What was enclosed; SealError when it was for another key, head or purpose, or was changed."""
    key, sender = X25519PrivateKey.from_private_bytes(private), enclosed[:KEY_BYTES]
    try:
        shared = key.exchange(X25519PublicKey.from_public_bytes(sender))
        derived = _derived(shared, sender + key.public_key().public_bytes(RAW, RAW_PUBLIC), purpose)
        return AESGCM(derived).decrypt(bytes(12), enclosed[KEY_BYTES:], bound)
    except (InvalidTag, ValueError) as error:
        raise SealError("it is sealed to another key, or was changed") from error


def _derived(shared: bytes, salt: bytes, purpose: bytes) -> bytes:
    """A key of its own for every message, which is why its nonce may be zero."""
    return HKDF(hashes.SHA256(), KEY_BYTES, salt=salt, info=DOMAIN + purpose).derive(shared)
