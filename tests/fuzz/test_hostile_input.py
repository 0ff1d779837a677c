"""Whatever comes from another process, the network, a disk or an editor is taken or refused by name, never a crash.

The examples are the same in every run. Each strategy bends something genuine: pure noise never gets past the door.
"""

import base64
import json
import secrets
import socket
import sqlite3
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jwe, jws
from joserfc.jwk import OctKey, OKPKey

from edge import records, wire
from edge.config import load
from edge.doorevents import RequestToExit
from edge.enrolled import Consent
from edge.errors import ConfigurationError, LinkError, SealError, StoreError
from edge.mqtt import Message
from edge.presence import Cues
from edge.seal import GENESIS, Parcel, Seal, Signer, Verifier, new_signing_key
from edge.terms import Quality, Status
from edge.transport import ACK_TYPE, Channel, Envelope, Presence, topic, type_name
from edge.whitelist import FIELDS, Whitelist
from monitor.ledger import Ledger
from monitor.recorder import Desk
from monitor.stream import Unacceptable, parse
from tests.test_config import GOOD

repeatable = settings(derandomize=True, deadline=None, max_examples=400, database=None)

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.binary(max_size=8)
numbers = st.integers(-(2**80), 2**80) | st.floats(allow_nan=False, allow_infinity=False)
plain = st.none() | st.booleans() | numbers | st.text(max_size=8)
documents = st.recursive(
    plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
)


@st.composite
def bent(draw: st.DrawFn, genuine: bytes) -> bytes:
    """Some bytes of a genuine message changed, cut off or put in."""
    content = bytearray(genuine)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(content)))
        content[at : at + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
    return bytes(content[: draw(st.integers(0, len(content)))] if draw(st.booleans()) else content)


# Between the processes ------------------------------------------------------------------------------------------------

QUALITY = Quality(80.0, 1.0, 0.0, 0.0, 0.5)
MESSAGES = (
    wire.Observation(1, 2.0, 1.0, QUALITY, Cues((0.9, 0.8), 0.1, 0.2, 0.3), np.ones(8, "<f4").tobytes()),
    wire.EyeReport("front", Status.STREAMING, "", 25.0, 10.0, "zoo", True),
    wire.TrackGone(7),
)


@repeatable
@given(st.sampled_from(MESSAGES).flatmap(lambda message: bent(msgspec.msgpack.encode(message))))
def test_a_datagram_is_a_message_of_the_schema_or_ends_the_connection(datagram: bytes) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    accepted = tuple(map(type, MESSAGES))
    with ours, theirs:
        theirs.send(datagram)
        try:
            message = wire.Peer(ours, *accepted).receive()
        except (LinkError, EOFError):
            return
        assert isinstance(message, accepted)


# From the network -----------------------------------------------------------------------------------------------------

EPOCH = "0123456789abcdef"
WHERE = topic("hq", "lobby", Channel.EVENT)


def event(sequence: int = 1) -> dict[str, Any]:
    place = f"{sequence:012}"
    genuine = Envelope(
        f"{EPOCH}-{place}", "/hq/lobby", type_name(RequestToExit), "door/main", "2026-06-01T00:00:00.000Z", 100, True,
        EPOCH, place, GENESIS, {"personal": {"person": ["salt", "ann"]}, "commitments": {"person": "00"}},
    )  # fmt: skip
    built: dict[str, Any] = msgspec.to_builtins(genuine)
    return built


@st.composite
def events(draw: st.DrawFn) -> bytes:
    """A genuine event with a field replaced by anything, or with some of its bytes bent."""
    sequence = draw(st.integers(1, 5))
    field = draw(st.sampled_from(["data", "data", "data", "data", *Envelope.__struct_fields__]))
    personal = st.dictionaries(st.sampled_from(["person", "x"]), st.lists(plain, max_size=3) | documents, max_size=2)
    optional = {"personal": personal | documents, "commitments": documents, "detail": documents}
    data = st.fixed_dictionaries({}, optional=optional)
    value = draw(data if field == "data" else documents)
    changed = json.dumps(event(sequence) | {field: value}).encode()
    return changed if draw(st.booleans()) else draw(bent(changed))


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return Signer(new_signing_key(tmp_path_factory.mktemp("keys") / "recorder.jwk"), ACK_TYPE)


def test_the_recorder_takes_or_quarantines_whatever_is_published(tmp_path: Path, signer: Signer) -> None:
    taken = refused = 0
    presence = msgspec.json.encode(Presence("online", None, {}))
    states = documents.map(lambda value: json.dumps(value).encode()) | bent(presence)
    places = st.sampled_from([topic("hq", "lobby", Channel.STATE), "edge/v1/../x/event"])
    with closing(Ledger(tmp_path / "events.sqlite")) as ledger:
        answers: list[Message] = []
        desk = Desk(ledger, signer, answers.append, lambda template, **fields: None)

        @repeatable
        @given(st.tuples(st.just(WHERE), events()) | st.tuples(places, events() | states))
        def receive(message: tuple[str, bytes]) -> None:
            nonlocal taken, refused
            where, payload = message
            desk.receive(where, payload)
            desk.settle(0.0)
            if where == WHERE:
                try:
                    parse(where, payload)
                    taken += 1
                except Unacceptable:
                    refused += 1

        receive()
        assert taken > 10 and refused > 10, "both ways were gone"
        desk.receive(WHERE, msgspec.json.encode(event(6)))
        desk.settle(0.0)
        assert ledger.totals().gates == 1, "it is still at work, and nobody else's events came in"


@pytest.mark.parametrize("depth", [200, 20_000])
def test_a_deeply_nested_event_is_refused(depth: int) -> None:
    with pytest.raises(Unacceptable):
        parse(WHERE, b'{"data":' + b"[" * depth + b"]" * depth + b"}")


def test_an_acknowledgement_is_the_recorders_or_refused() -> None:
    key = OKPKey.import_key(KEY)
    genuine = Signer(key, ACK_TYPE).sign({"sequence": 1})
    verifier = Verifier(key, ACK_TYPE)
    assert verifier.verify(genuine) == {"sequence": 1}
    parts = genuine.split(".")
    agreed = {"alg": "Ed25519", "typ": ACK_TYPE, "kid": key.thumbprint()}
    keys = st.sampled_from(["alg", "typ", "kid", "crit", "b64", "jwk", "x5c", "jku", "zip"])
    headers = st.dictionaries(keys, documents | st.sampled_from(["Ed25519", "none", "HS256", ACK_TYPE]), max_size=4)
    heads = (headers | documents).map(lambda value: encoded(json.dumps(value).encode()))
    tokens = st.one_of(
        st.builds(lambda head, rest: ".".join([head, *parts[rest:]]), heads, st.integers(1, 2)),
        headers.map(lambda more: encoded(json.dumps(agreed | more).encode())).map(lambda h: ".".join([h, *parts[1:]])),
        bent(genuine.encode()).map(lambda content: content.decode("ascii", "replace")),
        st.text(alphabet="ab.=-_é", max_size=12),
    )

    @repeatable
    @given(tokens)
    def verify(text: str) -> None:
        try:
            claims = verifier.verify(text)
        except SealError:
            return
        assert claims == {"sequence": 1}

    verify()


DEEP = b'{"x":' + b"[" * 20_000 + b"]" * 20_000 + b"}"


def test_what_is_nested_deeply_is_refused_whoever_has_signed_or_sealed_it() -> None:
    key, parcel = OKPKey.import_key(KEY), Parcel(bytes(32), "typ", "kid")
    signed = jws.serialize_compact({"alg": "Ed25519", "typ": "typ", "kid": "kid"}, DEEP, key, algorithms=["Ed25519"])
    with pytest.raises(SealError):
        Verifier(key, "typ", "kid").verify(signed)
    head = {"alg": "dir", "enc": "A256GCM", "typ": "typ", "kid": "kid"}
    with pytest.raises(SealError):
        parcel.open(jwe.encrypt_compact(head, DEEP, OctKey.import_key(bytes(32))))


def test_a_report_that_is_nested_deeply_is_none() -> None:
    report = records.encode(records.Report("site", "gate-1", 1, 0.0, 1, 0.0))
    more = bytes([report[0] + 1]) + report[1:] + records.encode("more") + b"\x91" * 20_000 + b"\xc0"
    with pytest.raises(ValueError, match="nested"):
        records.decode(more, records.Report)


KEY: dict[str, str | list[str]] = {
    "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
}  # fmt: skip
"""The key of RFC 8037, so that the examples are the same in every run."""


def encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


# From the disk --------------------------------------------------------------------------------------------------------


def test_a_record_in_the_whitelist_is_the_one_that_was_sealed_or_nobodys(tmp_path: Path) -> None:
    today, seal = date(2026, 6, 1), Seal(secrets.token_bytes(32))
    whitelist = Whitelist(tmp_path / "whitelist.sqlite", seal, write=True)
    consent = Consent("form", "access", today + timedelta(days=9))
    ann, bob = (whitelist.enroll(name, consent, "zoo", np.eye(8, dtype=np.float32)[:1]) for name in ("ann", "bob"))
    gate = Whitelist(whitelist.path, seal)

    @settings(repeatable, max_examples=150)
    @given(st.sampled_from(["head.revision", *FIELDS.split(", "), "sealed"]), scalars.filter(storable))
    def change(column: str, value: object) -> None:
        with closing(sqlite3.connect(whitelist.path)) as db:
            table, name = ("head", "revision") if column == "head.revision" else ("people", column)
            where = "" if table == "head" else f" WHERE id = '{ann.id}'"
            [(before,)] = db.execute(f"SELECT {name} FROM {table}{where}").fetchall()
            row = db.execute(f"SELECT rowid FROM {table}{where}").fetchone()[0]
            statement = f"UPDATE {table} SET {name} = ? WHERE rowid = ?"
            try:
                with db:
                    db.execute(statement, (value, row))
                gate.revision()
                people = gate.gallery("zoo", today).gallery.people
                gate.people(today)
            except StoreError:
                people = ()
            finally:
                with db:
                    db.execute(statement, (before, row))
        assert table == "head" or value == before or ann.id not in people
        assert set(people) <= {ann.id, bob.id}

    change()
    assert gate.gallery("zoo", today).gallery.people == (ann.id, bob.id)


def storable(value: object) -> bool:
    if isinstance(value, str):
        return value.isprintable()
    return not isinstance(value, int) or abs(value) < 2**63


# From an editor -------------------------------------------------------------------------------------------------------

LINES = GOOD.strip().splitlines()


@st.composite
def configurations(draw: st.DrawFn) -> bytes:
    """The small configuration with lines doubled, moved or dropped, values replaced, or bytes bent."""
    lines = draw(st.lists(st.sampled_from(LINES), max_size=14) | st.just(LINES))
    values = ["1", "-1", "1e400", "nan", '""', "[]", "[1]", "{}", "{ line = {} }", "[[]]", "true", "1979-05-27", '"é"']
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(lines)))
        key = draw(
            st.sampled_from(["name", "zone", "url", "relay", "votes", "pulse_s", "camera", "door", "gate", "lamps"])
        )
        lines = [*lines[:at], f"{key} = {draw(st.sampled_from(values))}", *lines[at + draw(st.integers(0, 1)) :]]
    text = "\n".join(lines).encode()
    return draw(st.just(text) | bent(text))


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("config") / "gate.toml"


@repeatable
@given(text=configurations())
def test_a_configuration_is_taken_or_every_mistake_of_it_is_named(file: Path, text: bytes) -> None:
    file.write_bytes(text)
    named = ["nothing is wrong"]
    try:
        load(file)
    except ConfigurationError as error:
        named = [str(problem) for problem in error.problems]
    assert named and all(named)


def test_a_deeply_nested_configuration_is_refused(file: Path) -> None:
    file.write_text("a = " + "[" * 50_000 + "]" * 50_000)
    with pytest.raises(ConfigurationError):
        load(file)
