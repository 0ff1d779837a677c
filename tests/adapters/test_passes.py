"""Passes: real signatures, and everything that is none; the passbook on a real disk."""

import base64
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from edge.config import Config, Credentials, load
from edge.errors import StoreError
from edge.passbook import Issued, Passbook
from edge.passes import TYPE, Claims, Passes, PassRefused, sign
from edge.seal import new_signing_key
from edge.site import Site

HOUR = 3600
DAY = 1_800_000_000
VISIT = {"jti": "k7m2p9", "aud": "demo/gate-1", "nbf": DAY, "exp": DAY + HOUR, "host": "王芳"}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path, tmp_path)


def passes(site: Site, more: str = "") -> Passes:
    site.file.write_text(site.file.read_text() + more)
    return Passes(site.config, site.credentials)


def part(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class Elsewhere:
    """Another maker's invitation system: it has a key, the standard and nothing of ours."""

    def __init__(self) -> None:
        self._key = Ed25519PrivateKey.generate()
        self.public = part(self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))

    def token(self, header: dict[str, Any] | None = None, **changes: Any) -> str:
        head = {"alg": "EdDSA", "typ": TYPE, "kid": "online", **(header or {})}
        signed = f"{part(head)}.{part({**VISIT, **changes})}"
        return f"{signed}.{part(self._key.sign(signed.encode()))}"

    def table(self, more: str = "") -> str:
        return f'\n[[issuer]]\nname = "online"\nkey = "{self.public}"\n{more}'


def test_a_pass_of_the_desk_is_read_by_the_gate_that_it_names(site: Site) -> None:
    key = new_signing_key(site.secrets / "pass.jwk")
    token = sign(Claims("k7m2p9", "demo/gate-1", DAY, DAY + HOUR, host="王芳", uses=3), key)
    assert len(token) < 300, "a longer token makes a denser code"
    shown = passes(site).read(token, "gate-1")
    assert (shown.id, shown.person, shown.issuer, shown.uses, shown.face) == ("k7m2p9", "k7m2p9", "desk", 3, False)


@pytest.mark.parametrize("algorithm", ["EdDSA", "Ed25519"])
def test_whoever_the_configuration_lists_may_sign_by_either_name_of_the_signature(site: Site, algorithm: str) -> None:
    online = Elsewhere()
    shown = passes(site, online.table()).read(online.token({"alg": algorithm}), "gate-1")
    assert (shown.issuer, shown.uses, shown.valid_until) == ("online", 1, DAY + HOUR)


@pytest.mark.parametrize(
    ("header", "changes", "why"),
    [
        ({"alg": "none"}, {}, "its algorithm is none"),
        ({"alg": "HS256"}, {}, "its algorithm is HS256"),
        ({"typ": "edge-gate-ack+jwt"}, {}, "signed for another purpose"),
        ({"kid": "desk"}, {}, "its issuer is not known here: desk"),
        ({"jwk": "mine"}, {}, "damaged or forged"),
        ({"crit": ["b64"]}, {}, "damaged, or not a pass"),
        ({}, {"aud": "other/gate-1"}, "for another site: other/gate-1"),
        ({}, {"aud": "demo/gate-2"}, "for another gate: gate-2"),
        ({}, {"aud": "demo/*"}, "for another gate"),
        ({}, {"aud": []}, "for another site"),
        ({}, {"exp": DAY}, "its window or its uses make no sense"),
        ({}, {"exp": DAY + 400 * 24 * HOUR}, "valid for longer than its issuer may say"),
        ({}, {"nbf": 10**30, "exp": 10**30 + 1}, "its window or its uses make no sense"),
        ({}, {"jti": ""}, "its claims are not those of a pass"),
        ({}, {"nbf": -5}, "its window or its uses make no sense"),
        ({}, {"uses": -1}, "its window or its uses make no sense"),
        ({}, {"sub": "ab23cd45"}, "a staff pass must rotate"),
        ({}, {"jti": 7}, "its claims are not those of a pass"),
        ({}, {"admin": True}, "its claims are not those of a pass"),
        ({}, {"host": "x" * 1000}, "it is too large"),
    ],
)  # fmt: skip
def test_what_is_no_pass_here_says_why(site: Site, header: dict[str, Any], changes: dict[str, Any], why: str) -> None:
    online = Elsewhere()
    with pytest.raises(PassRefused) as refused:
        passes(site, online.table()).read(online.token(header, **changes), "gate-1")
    assert why in str(refused.value)


def test_several_gates_only_when_it_is_marked_so(site: Site) -> None:
    online = Elsewhere()
    reader = passes(site, online.table())
    both = online.token(aud=["demo/gate-1", "demo/gate-2"])
    assert {reader.read(both, gate).id for gate in ("gate-1", "gate-2")} == {"k7m2p9"}
    assert reader.read(online.token(aud=["demo/*"]), "any")
    with pytest.raises(PassRefused, match="another gate"):
        reader.read(both, "gate-3")


def test_an_issuer_keeps_to_its_limits(site: Site) -> None:
    online = Elsewhere()
    reader = passes(site, online.table('gates = ["gate-1"]\nlongest_s = 1800\n'))
    with pytest.raises(PassRefused, match="longer than its issuer may say"):
        reader.read(online.token(), "gate-1")
    with pytest.raises(PassRefused, match="may not invite to gate-2"):
        reader.read(online.token(aud="demo/gate-2", exp=DAY + 60), "gate-2")
    assert reader.read(online.token(exp=DAY + 60), "gate-1")


def test_no_issuer_may_say_more_than_the_site(site: Site) -> None:
    online = Elsewhere()
    reader = passes(site, "\n[passes]\nlongest_s = 1800\n" + online.table())
    with pytest.raises(PassRefused, match="longer than its issuer may say"):
        reader.read(online.token(), "gate-1")
    assert reader.read(online.token(exp=DAY + 60), "gate-1")


def test_a_staff_pass_that_rotates_names_its_person(site: Site) -> None:
    online = Elsewhere()
    assert passes(site, online.table()).read(online.token(sub="ab23cd45", exp=DAY + 60), "gate-1").person == "ab23cd45"


def test_a_signature_under_another_key_or_over_other_claims_is_forged(site: Site) -> None:
    online = Elsewhere()
    reader = passes(site, online.table())
    head, _, signature = online.token().split(".")
    for token in (Elsewhere().token(), f"{head}.{part({**VISIT, 'uses': 99})}.{signature}", f"{head}.{head}."):
        with pytest.raises(PassRefused, match="damaged or forged"):
            reader.read(token, "gate-1")


@given(st.one_of(st.text(max_size=300), st.binary(max_size=300).map(lambda raw: f"{part(raw)}.{part(raw)}.")))
def test_nothing_that_a_camera_can_read_breaks_the_gate(token: str) -> None:
    with pytest.raises(PassRefused):
        Passes(EMPTY, Credentials(Path("/nowhere"))).read(token, "gate-1")


EMPTY: Config = load(Path(__file__).parent.parent.parent / "config/gate.toml")


def test_an_issuer_without_its_key_is_named(site: Site) -> None:
    online = Elsewhere()
    with pytest.raises(PassRefused, match="the key of its issuer online cannot be used"):
        passes(site, '\n[[issuer]]\nname = "online"\ncredential = "none.pub"\n').read(online.token(), "gate-1")


# The passbook -------------------------------------------------------------------------------------------------------


def test_uses_and_revocations_are_still_known_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "passes.sqlite"
    book = Passbook(path)
    book.spend("k7m2", DAY)
    Passbook(path).spend("k7m2", DAY)
    book.revoke("zzzz", DAY)
    book.issue(Issued("k7m2", "王芳", ["gate-1"], DAY, DAY + HOUR, uses=2))
    again = Passbook(path)
    assert (again.used("k7m2"), again.used("other"), again.revoked("zzzz"), again.revoked("k7m2")) == (
        2,
        0,
        True,
        False,
    )
    assert [(each.id, each.used, each.revoked) for each in again.issued()] == [("k7m2", 2, False)]
    again.forget(DAY + HOUR)
    assert again.used("k7m2") == 2, "kept for a day after its end"
    again.forget(DAY + 2 * 24 * HOUR)
    assert (again.used("k7m2"), again.revoked("zzzz"), again.issued()) == (0, False, [])


@pytest.mark.parametrize("damage", [b"\xff", b"{", b'{"id": "\xff"}'])
def test_a_pass_that_cannot_be_read_is_told(tmp_path: Path, damage: bytes) -> None:
    book = Passbook(path := tmp_path / "passes.sqlite")
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("INSERT INTO issued VALUES ('a', 1, ?)", (damage,))
    with pytest.raises(StoreError, match="cannot be used"):
        book.issued()


def test_a_damaged_passbook_is_told_and_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    path = tmp_path / "passes.sqlite"
    Passbook(path)
    path.write_bytes(b"not a database" * 1000)
    with pytest.raises(StoreError, match="cannot be used"):
        Passbook(path)
