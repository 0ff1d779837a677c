"""What gates are told of passes, through a real broker: revocations of an issuer, and uses at other gates."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec import structs

from edge import bulletin, passes
from edge.broker import Broker
from edge.bulletin import Bulletin, Revocations, revocations_topic, uses_topic
from edge.config import BrokerSection, Config
from edge.doorevents import AccessGranted
from edge.effects import Emit, UseSettled
from edge.enrolled import Consent, Standing
from edge.errors import EdgeError
from edge.facts import PassShown, TemplateDestroyed
from edge.invitation import Wish, announce, end, invite, issued
from edge.outbox import Outbox
from edge.passbook import BOOK, Issued, Passbook
from edge.passes import Claims
from edge.porter import Known, Porter
from edge.seal import load_key, new_signing_key
from edge.session import Heard
from edge.simulate import HOST
from edge.site import Site
from edge.terms import Now, Pass, Reason
from edge.whitelist import Whitelist
from edge.wire import Code, CodeRead
from tests.adapters.brokers import Mosquitto, until

NOW = time.time()
SITE = "demo"


class Gate:
    """The porter and the broker's link of one gate; the key of the passes is the same at all of them."""

    def __init__(self, root: Path, name: str, port: int, key: Path) -> None:
        site, self.told = Site(root, root), list[Any]()
        for suffix in (".jwk", ".pub"):
            (site.secrets / "pass").with_suffix(suffix).write_bytes(key.with_suffix(suffix).read_bytes())
        self.config: Config = structs.replace(
            site.config, gate=structs.replace(site.config.gate, name=name), broker=BrokerSection(HOST, port)
        )
        self.credentials, self._stack = site.credentials, ExitStack()
        outbox = Outbox(self.config.state / "outbox.sqlite", SITE, name, 1000, 0.8, self.told.append)
        self._stack.callback(outbox.close)
        self.broker = Broker(self.config, site.credentials, outbox, self.told.append)
        self._stack.callback(self.broker.close)
        self.porter = Porter(
            self.config, site.credentials, self.told.append, lambda told, now: None,
            Known(lambda person: True, lambda person: None),
            lambda: Now(time.monotonic(), NOW), lambda payload: self.broker.keep(uses_topic(SITE, name), payload),
        )  # fmt: skip
        self.broker.heard = Heard(self.porter.bulletin.filters, self.porter.hear)
        self.broker.start()
        self.porter.start()
        self._stack.callback(self.porter.stop)

    def close(self) -> None:
        self._stack.close()
        self.porter.join()

    def show(self, token: str) -> PassShown:
        before = len(self.shown)
        self.porter.read(Code("entrance", CodeRead(token, 1.0)))
        until(lambda: len(self.shown) > before)
        return self.shown[-1]

    @property
    def shown(self) -> list[PassShown]:
        return [fact for fact in self.told if isinstance(fact, PassShown)]

    def used(self, token: str) -> int:
        shown = self.show(token).shown
        return shown.used if isinstance(shown, Pass) else -1

    def grant(self, pass_id: str) -> None:
        self.porter.spend(Emit("door/main", AccessGranted(pass_id, None, credential=pass_id), 1), Now(1.0, NOW))
        self.porter.settle(UseSettled(pass_id, 1, stands=True))


@pytest.fixture
def gates(mosquitto: Mosquitto, tmp_path: Path) -> Iterator[Callable[[str], Gate]]:
    mosquitto.start()
    new_signing_key(tmp_path / "pass.jwk")
    open_: list[Gate] = []

    def gate(name: str) -> Gate:
        (tmp_path / name).mkdir()
        open_.append(Gate(tmp_path / name, name, mosquitto.port, tmp_path / "pass.jwk"))
        return open_[-1]

    yield gate
    for each in open_:
        each.close()


@pytest.mark.real
def test_uses_at_one_gate_count_at_the_others_also_for_one_that_comes_later(gates: Callable[[str], Gate]) -> None:
    north = gates("north")
    wish = Wish("A", ["north", "south", "east"], NOW - 60, NOW + 60, 2, multi_gate=True)
    made = invite(wish, north.config, north.credentials)
    south = gates("south")
    assert south.used(made.token) == 0
    assert north.used(made.token) == 0
    north.grant(made.jti)
    until(lambda: south.used(made.token) == 1)
    south.grant(made.jti)
    until(lambda: north.used(made.token) == 2)
    east = gates("east")
    until(lambda: east.used(made.token) == 2)
    assert issued(north.config)[0].used == 2
    (shown,) = {each.shown for each in east.shown if each.shown and each.shown.used == 2}
    assert shown.uses == 2, "and the rules refuse it"


@pytest.mark.real
def test_what_the_desk_revokes_every_gate_refuses_and_its_face_is_destroyed(
    gates: Callable[[str], Gate], tmp_path: Path
) -> None:
    desk, gate = gates("desk"), gates("north")
    people = Whitelist.of(gate.config, gate.credentials, write=True)
    today = date.fromtimestamp(NOW)
    visitor = people.enroll("A", Consent("x", "visit", today + timedelta(days=1)), "pack", np.eye(1, 8, dtype="f4")).id
    Passbook(gate.config.state / BOOK).issue(Issued(visitor, "A", ["north"], NOW - 60, NOW + 60, 1, face=True))
    claims = Claims(visitor, f"{SITE}/north", int(NOW) - 60, int(NOW) + 60, face=True)
    token = passes.sign(claims, load_key(tmp_path / "pass.jwk"))
    assert gate.show(token).problem is None
    assert not end(visitor, desk.config, desk.credentials), "the desk has no template of this visitor"
    announce(desk.config, desk.credentials)
    until(lambda: gate.show(token).problem is Reason.CREDENTIAL_NOT_ENABLED)
    until(lambda: any(isinstance(each, TemplateDestroyed) and each.person == visitor for each in gate.told))
    assert [each.standing for each in people.people(today)] == [Standing.ERASED]
    late = gates("late")
    elsewhere = passes.sign(structs.replace(claims, aud=f"{SITE}/late"), load_key(tmp_path / "pass.jwk"))
    until(lambda: late.show(elsewhere).problem is Reason.CREDENTIAL_NOT_ENABLED)


def signed(key: Path, typ: str = bulletin.TYPE, site: str = SITE, issuer: str = passes.DESK) -> bytes:
    if typ == passes.TYPE:
        return passes.sign(Claims("a", "demo/north", 1, 2), load_key(key)).encode()
    return bulletin.sign(Revocations(site, {"a": 1}), load_key(key), issuer)


def test_only_an_issuer_of_this_site_revokes_and_only_counts_are_uses(tmp_path: Path) -> None:
    site = Site(tmp_path, tmp_path)
    ours, theirs = site.secrets / "pass.jwk", tmp_path / "theirs.jwk"
    new_signing_key(ours)
    new_signing_key(theirs)
    board, revoked = Bulletin(site.config, site.credentials), revocations_topic(SITE, "desk")
    assert board.read(revoked, signed(ours)) == Revocations(SITE, {"a": 1})
    many = bulletin.sign(Revocations(SITE, {f"{number:040}": 1 for number in range(6_000)}), load_key(ours))
    with pytest.raises(EdgeError, match="too large"):
        board.read(revoked, many)
    for refused in (signed(theirs), signed(ours, passes.TYPE), signed(ours, site="other"), b"\xff", b"x" * 300_000,
                    signed(ours, issuer="nobody")):  # fmt: skip
        with pytest.raises(EdgeError):
            board.read(revoked, refused)
    for nonsense in (b"", b'{"passes": {"a": [-1, 5]}}', b'{"passes": {"": [1, 5]}}', b'{"passes": {"\xff": [1, 5]}}',
                     b'{"passes": {"a": [%d, 5]}}' % 2**64, b'{"x": ' + b"[" * 9_000):  # fmt: skip
        with pytest.raises(EdgeError):
            board.read(uses_topic(SITE, "south"), nonsense)
    assert board.read(uses_topic(SITE, site.config.gate.name), b'{"passes": {"a": [1, 5]}}') is None, "its own"
    assert board.read("edge/v1/demo/south/state", b"{}") is None


def test_an_old_message_takes_no_use_back(tmp_path: Path) -> None:
    book = Passbook(tmp_path / BOOK)
    book.spend("a", NOW, shared=True)
    book.learn("south", {"a": (2, NOW)})
    book.learn("south", {"a": (1, NOW)})
    book.learn("east", {"a": (1, NOW)})
    assert book.used("a") == 4 and book.shared() == {"a": (1, NOW)}
    book.forget(NOW + 90_000)
    assert book.used("a") == 0


def test_no_list_with_an_earlier_end_brings_a_revoked_pass_back(tmp_path: Path) -> None:
    book, ends = Passbook(tmp_path / BOOK), NOW + 30 * 86_400
    for older in ({"a": 0.0}, {"a": NOW - 200_000, "b": 0.0}):
        book.revoke_all({"a": ends})
        book.revoke_all(older)
        book.forget(NOW)
        assert book.revoked("a") and book.revocations()["a"] == ends
    book.forget(ends + 90_000)
    assert not book.revoked("a"), "it is over, and opens nothing"


def test_no_count_with_an_earlier_end_keeps_a_use_from_being_remembered(tmp_path: Path) -> None:
    book = Passbook(tmp_path / BOOK)
    for over in (0.0, NOW + 60, 0.0):
        book.learn("south", {"a": (1, over)})
    book.forget(NOW)
    assert book.used("a") == 1
