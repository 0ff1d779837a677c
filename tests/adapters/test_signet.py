"""Signatures, seals and wrapped keys with the real algorithms: what is accepted, and what is not."""

from pathlib import Path

import pytest
from joserfc import jws
from joserfc.jwk import OKPKey

from edge.errors import SealError
from edge.seal import Signer, Verifier
from edge.signet import (
    Checker,
    Sealer,
    Stamp,
    new_opening_pair,
    new_signing_pair,
    read_key,
    unwrap,
    wrap,
    write_pair,
)
from tests.commands import answer, complaint

PAIR, OTHER = new_signing_pair(), new_signing_pair()


def test_a_message_of_one_kind_is_none_of_another() -> None:
    message = Stamp(PAIR.private).sign("record", b"content")
    assert Checker([PAIR.public])(message).payload == b"content"
    with pytest.raises(SealError, match="not the desk's"):
        Checker([PAIR.public])(message.replace(b"record", b"answer"))


def test_while_a_signing_key_is_rotated_both_are_accepted() -> None:
    checker = Checker([PAIR.public, OTHER.public])
    assert {checker(Stamp(pair.private).sign("x", b"y")).payload for pair in (PAIR, OTHER)} == {b"y"}
    with pytest.raises(SealError):
        Checker([OTHER.public])(Stamp(PAIR.private).sign("x", b"y"))


def test_a_seal_binds_the_head() -> None:
    sealer = Sealer({"k1": bytes(32)})
    sealed = sealer.close("k1", b"template", b"ann 3")
    assert sealer.open("k1", sealed, b"ann 3") == b"template" and b"template" not in sealed
    for kid, content, head in (("k1", sealed, b"ann 4"), ("k1", sealed[:-1], b"ann 3"), ("k1", b"", b"ann 3")):
        with pytest.raises(SealError, match="changed"):
            sealer.open(kid, content, head)
    with pytest.raises(SealError, match="k2"):
        sealer.open("k2", sealed, b"ann 3")


def test_a_content_key_opens_at_the_gate_it_is_wrapped_for_and_nowhere_else() -> None:
    gate, thief = new_opening_pair(), new_opening_pair()
    wrapped = wrap(b"k" * 32, gate.public, "hq/lobby/k1")
    assert unwrap(wrapped, gate.private, "hq/lobby/k1") == b"k" * 32
    assert wrap(b"k" * 32, gate.public, "hq/lobby/k1") != wrapped
    changed = wrapped[:-1] + bytes([wrapped[-1] ^ 1])
    attempts = [
        (wrapped, thief.private, "hq/lobby/k1"),
        (wrapped, gate.private, "hq/lobby/k2"),
        (changed, gate.private, "hq/lobby/k1"),
    ]
    for given, private, bound in [*attempts, (b"", gate.private, "hq/lobby/k1"), (bytes(80), gate.private, "x")]:
        with pytest.raises(SealError):
            unwrap(given, private, bound)


def test_keys_are_made_once_and_only_for_their_owner(tmp_path: Path) -> None:
    made = [Path(path) for path in answer("keys", "new", "gate", "--directory", tmp_path)["keys"]]
    assert [path.name for path in made] == ["gate-sign.key", "gate-open.key"]
    assert {path.stat().st_mode & 0o777 for path in made} == {0o600}
    assert len(read_key(made[0].with_suffix(".pub"))) == 32
    assert "there is a key at" in complaint("keys", "new", "gate", "--directory", tmp_path)
    with pytest.raises(FileExistsError):
        write_pair(made[0], PAIR)
    made[0].write_bytes(b"short")
    with pytest.raises(SealError, match="5 bytes"):
        read_key(made[0])


def test_a_header_is_exactly_the_agreed_one_before_a_library_obeys_it() -> None:
    key = OKPKey.generate_key("Ed25519")
    verifier = Verifier(key, "agreed", "k1")
    assert verifier.verify(Signer(key, "agreed", "k1").sign({"a": 1})) == {"a": 1}
    named = {"alg": "Ed25519", "typ": "agreed", "kid": "k1"}
    for change in ({"typ": "other"}, {"kid": "k2"}, {"jku": "https://example.org"}):
        token = jws.serialize_compact(named | change, b'{"a": 1}', key, algorithms=["Ed25519"])
        with pytest.raises(SealError, match="is not what was agreed"):
            verifier.verify(token)
