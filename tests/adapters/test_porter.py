"""The porter: codes become passes or nothing, uses are on the disk first, and what is over is ended with a receipt."""

import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from edge.bulletin import MOST_TOPICS, Newest, Revocations, Uses, revocations_topic, uses_topic
from edge.bulletin import sign as revoked
from edge.doorevents import AccessGranted
from edge.enrolled import Consent, Standing
from edge.facts import Emit, PassesRevoked, PassShown, Recorded, TemplateDestroyed, UseSettled
from edge.invitation import Wish, invite
from edge.passbook import BOOK, Issued, Passbook
from edge.passes import Claims, sign
from edge.porter import WAITING, Known, Lately, Porter
from edge.seal import load_key
from edge.site import Site
from edge.terms import Now, Permit, Reason
from edge.whitelist import Whitelist
from edge.wire import Code, CodeRead
from tests.adapters.brokers import until

NOW = time.time()


class Desk:
    """A porter, what it told, and what was recorded after it had counted."""

    def __init__(self, root: Path, trusted: bool = True) -> None:
        self.site = Site(root, root)
        self.told: list[Any] = []
        self.recorded: list[Emit] = []
        self.here: set[str] = set()
        self.permits: dict[str, Permit] = {}
        self.looked = 0
        self.published: list[dict[str, int]] = []
        """How often passes for several gates were used, as the other gates are told."""
        config, credentials = self.site.config, self.site.credentials
        self.porter = Porter(
            config, credentials, self.told.append, lambda told, now: self.recorded.append(told),
            Known(self.here.__contains__, self.permits.get), self._clock, self._publish,
        )  # fmt: skip
        self._trusted = trusted

    def _clock(self) -> Now:
        self.looked += 1
        return Now(time.monotonic(), NOW, self._trusted)

    def _publish(self, payload: bytes) -> None:
        told = msgspec.json.decode(payload, type=Uses)
        self.published.append({id_: count for id_, (count, _) in told.passes.items()})

    def grant(self, ticket: int, pass_id: str = "k7m2") -> None:
        """The gate has granted somebody with this pass, and the porter has written that down."""
        before = len(self.recorded)
        granted = Emit("door/main", AccessGranted(pass_id, None, credential=pass_id), ticket)
        self.porter.spend(granted, Now(1.0, NOW))
        until(lambda: len(self.recorded) > before)

    @property
    def book(self) -> Passbook:
        return Passbook(self.site.config.state / BOOK)

    def show(self, text: str) -> None:
        self.porter.read(Code("entrance", CodeRead(text, 1.0)))

    def of(self, kind: type) -> list[Any]:
        return [fact for fact in self.told if isinstance(fact, kind)]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    begun: list[Desk] = []

    def begin(**how: Any) -> Desk:
        begun.append(Desk(tmp_path, **how))
        return begun[-1]

    yield begin
    for each in begun:
        each.porter.stop()
        if each.porter.is_alive():
            each.porter.join()


def test_a_code_that_is_no_pass_is_nothing_and_a_pass_says_how_often_it_was_used(desk: Callable[..., Desk]) -> None:
    at = desk()
    made = invite(Wish("A", ["gate-1"], NOW - 60, NOW + 60, 2), at.site.config, at.site.credentials)
    at.book.spend(made.jti, NOW + 60)
    at.porter.start()
    for text in ("https://example.org", "", made.token, made.token[:-4] + "AAAA"):
        at.show(text)
    until(lambda: len(at.of(PassShown)) == 2)
    good, bad = at.of(PassShown)
    assert (good.door, good.shown.id, good.shown.used, good.problem) == ("main", made.jti, 1, None)
    assert (bad.shown, bad.problem) == (None, Reason.PASS_INVALID)


def test_a_use_is_on_the_disk_before_the_grant_is_recorded_and_a_damaged_book_opens_nothing(
    desk: Callable[..., Desk],
) -> None:
    at = desk(trusted=False)
    granted = Emit("door/main", AccessGranted("k7m2", None, credential="k7m2"), 5)
    at.porter.start()
    at.porter.spend(granted, Now(1.0, NOW))
    until(lambda: at.recorded)
    assert at.book.used("k7m2") == 1
    at.porter.stop()
    at.porter.join()  # it looks into the book now and then, and would begin one where it finds an empty file
    (at.site.config.state / BOOK).write_bytes(b"damaged" * 1000)
    after = desk(trusted=False)
    after.porter.start()
    after.porter.spend(granted, Now(1.0, NOW))
    until(lambda: after.of(Recorded))
    assert after.of(Recorded) == [Recorded(5, False)] and not after.recorded


def test_a_use_whose_grant_opened_nothing_is_given_back_once_and_never_one_of_another_grant(
    desk: Callable[..., Desk],
) -> None:
    at = desk()
    at.book.spend("k7m2", NOW + 60)
    at.porter.start()
    at.grant(5)
    for ticket in (5, 5, 4):  # twice, and of a grant whose use was never written down
        at.porter.settle(UseSettled("k7m2", ticket, False))
    at.grant(6)
    at.porter.settle(UseSettled("k7m2", 6, True))
    at.grant(7, "other")
    assert at.book.used("k7m2") == 2


def test_a_run_that_ends_before_a_use_is_given_back_leaves_it_counted(desk: Callable[..., Desk]) -> None:
    first = desk()
    first.porter.start()
    first.grant(5)
    second = desk()
    second.porter.start()
    second.porter.settle(UseSettled("k7m2", 5, False))
    second.grant(1, "other")
    assert second.book.used("k7m2") == 1


def test_a_use_is_given_back_when_the_disk_can_be_written_again(desk: Callable[..., Desk]) -> None:
    at = desk()
    made = invite(Wish("A", ["gate-1"], NOW - 60, NOW + 60), at.site.config, at.site.credentials)
    at.porter.start()
    at.grant(5)
    book = at.site.config.state / BOOK
    book.rename(book.with_name("away"))
    book.mkdir()
    at.porter.settle(UseSettled("k7m2", 5, False))
    at.show(made.token)
    until(lambda: at.of(PassShown))  # the porter has come past it
    book.rmdir()
    book.with_name("away").rename(book)
    until(lambda: at.book.used("k7m2") == 0)


def test_other_gates_are_told_of_a_use_when_it_stands(desk: Callable[..., Desk]) -> None:
    """They count for good what they have heard."""
    at = desk()
    for used in ("k7m2", "x"):
        at.book.spend(used, NOW + 60, shared=True)
    at.porter._lately = {used: Lately(NOW + 60, True) for used in ("k7m2", "x")}
    at.porter.start()
    until(lambda: at.published)
    at.grant(5)
    at.grant(6, "x")
    at.porter.settle(UseSettled("x", 6, True))
    until(lambda: len(at.published) == 2)
    at.porter.settle(UseSettled("k7m2", 5, True))
    until(lambda: len(at.published) == 3)
    assert at.published == [{"k7m2": 1, "x": 1}, {"k7m2": 1, "x": 2}, {"k7m2": 2, "x": 2}]


def test_more_than_the_porter_can_take_is_not_heard_and_the_gate_goes_on(desk: Callable[..., Desk]) -> None:
    at = desk()
    made = invite(Wish("A", ["gate-1"], NOW - 60, NOW + 60), at.site.config, at.site.credentials)
    for _ in range(WAITING + 1):
        at.show(made.token)
    at.porter.hear("edge/v1/demo/south/uses", b"{}")
    at.porter.spend(Emit("door/main", AccessGranted("k7m2", None, credential="k7m2"), 5), Now(1.0, NOW))
    assert at.told == [Recorded(5, False)]
    at.porter.start()
    until(lambda: len(at.of(PassShown)) == WAITING)


def test_what_is_revoked_beside_the_gate_or_by_an_issuer_ends_what_has_begun(desk: Callable[..., Desk]) -> None:
    at = desk()
    invite(Wish("A", ["gate-1"], NOW - 60, NOW + 60), at.site.config, at.site.credentials)
    at.book.revoke("before", NOW + 60)
    at.porter.start()
    until(lambda: at.published)
    at.book.revoke("beside", NOW + 60)
    until(lambda: at.of(PassesRevoked))
    key = load_key(at.site.secrets / "pass.jwk")
    told = Revocations("demo", {"beside": int(NOW) + 60, "issuer": int(NOW) + 60, "also": int(NOW) + 60})
    at.porter.hear(revocations_topic("demo", "desk"), revoked(told, key))
    until(lambda: len(at.of(PassesRevoked)) == 2)
    assert [each.passes for each in at.of(PassesRevoked)] == [("beside",), ("also", "issuer")]


def test_a_grant_for_a_pass_that_was_revoked_meanwhile_is_told_so_before_it_is_refused(
    desk: Callable[..., Desk],
) -> None:
    at = desk()
    at.porter.start()
    until(lambda: at.published)
    at.book.revoke("k7m2", NOW + 60)
    at.porter.spend(Emit("door/main", AccessGranted("k7m2", None, credential="k7m2"), 5), Now(1.0, NOW))
    until(lambda: at.of(Recorded))
    assert at.told == [PassesRevoked(("k7m2",)), Recorded(5, False)]
    assert not at.recorded and at.book.used("k7m2") == 0


def test_a_pass_with_a_face_waits_for_its_record(desk: Callable[..., Desk]) -> None:
    at = desk()
    made = invite(Wish("A", ["gate-1"], NOW - 60, NOW + 60), at.site.config, at.site.credentials)
    key = load_key(at.site.secrets / "pass.jwk")
    token = sign(Claims(made.jti, "demo/gate-1", int(NOW) - 60, int(NOW) + 60, face=True), key)
    at.porter.start()
    at.show(token)
    until(lambda: len(at.of(PassShown)) == 1)
    assert at.of(PassShown)[0].problem is Reason.CREDENTIAL_NOT_ENABLED
    at.here.add(made.jti)
    at.show(token)
    until(lambda: len(at.of(PassShown)) == 2)
    assert at.of(PassShown)[1].shown.face


def test_a_staff_pass_that_needs_a_pin_is_refused_where_its_person_has_none(desk: Callable[..., Desk]) -> None:
    at = desk()
    invite(Wish("A", ["gate-1"], NOW - 60, NOW + 60), at.site.config, at.site.credentials)
    key = load_key(at.site.secrets / "pass.jwk")
    token = sign(Claims("p1", "demo/gate-1", int(NOW) - 60, int(NOW) + 3600, sub="ann", pin=True), key)
    at.porter.start()
    for permit in (None, Permit("ann"), Permit("ann", pin="blind")):
        if permit:
            at.permits["ann"] = permit
        before = len(at.of(PassShown))
        at.show(token)
        until(lambda seen=before: len(at.of(PassShown)) > seen)
    unknown, without, good = at.of(PassShown)
    assert unknown.problem is without.problem is Reason.CREDENTIAL_NOT_ENABLED and "PIN" in without.detail
    assert good.shown.with_pin


@pytest.mark.parametrize("trusted", [True, False])
def test_a_face_ends_with_its_pass_and_there_is_a_receipt_unless_the_time_is_not_known(
    desk: Callable[..., Desk], trusted: bool
) -> None:
    at = desk(trusted=trusted)
    people = Whitelist.of(at.site.config, at.site.credentials, write=True)
    face = np.eye(1, 8, dtype=np.float32)
    consent = Consent("invitation", "visit", date.today() + timedelta(days=1))
    over, current = (people.enroll(name, consent, "pack", face).id for name in ("over", "current"))
    at.book.issue(Issued(over, "A", ["gate-1"], NOW - 60, NOW - 1, 1, face=True))
    at.book.issue(Issued(current, "A", ["gate-1"], NOW - 60, NOW + 60, 1, face=True))
    at.porter.start()
    if trusted:
        until(lambda: at.of(TemplateDestroyed))
    else:
        until(lambda: at.looked > 1)
        at.porter.stop()
        at.porter.join()  # what it does after the look is done
    standings = {each.id: each.standing for each in people.people(datetime.now(UTC).date())}
    assert standings == {over: Standing.ERASED if trusted else Standing.ENROLLED, current: Standing.ENROLLED}
    assert [each.person for each in at.of(TemplateDestroyed)] == ([over] if trusted else [])


def test_a_lone_gate_erases_whose_last_day_is_over(desk: Callable[..., Desk]) -> None:
    at = desk()
    people = Whitelist.of(at.site.config, at.site.credentials, write=True)
    yesterday = Consent("form 1", "access", date.fromtimestamp(NOW) - timedelta(days=1))
    over = people.enroll("over", yesterday, "pack", np.eye(1, 8, dtype=np.float32)).id
    at.porter.start()
    until(lambda: [each.person for each in at.of(TemplateDestroyed)] == [over])
    assert [each.standing for each in people.people(date.today())] == [Standing.ERASED]


def test_who_floods_one_topic_keeps_no_revocation_from_being_heard(desk: Callable[..., Desk]) -> None:
    at = desk()
    made = invite(Wish("A", ["gate-1"], NOW - 60, NOW + 60), at.site.config, at.site.credentials)
    key = load_key(at.site.secrets / "pass.jwk")
    for number in range(MOST_TOPICS + WAITING):
        at.show(made.token)
        at.porter.hear(uses_topic("demo", "south"), b'{"passes": {"a": [%d, 5e9]}}' % number)
        at.porter.hear(uses_topic("demo", f"nobody-{number}"), b"{}")
    at.porter.hear(revocations_topic("demo", "desk"), revoked(Revocations("demo", {made.jti: int(NOW) + 60}), key))
    at.porter.start()
    until(lambda: at.book.revoked(made.jti))
    assert at.book.used("a") == MOST_TOPICS + WAITING - 1, "the newest"
    assert len(at.of(PassShown)) <= WAITING


def test_topics_take_turns_and_the_newest_message_of_each_is_read() -> None:
    heard = Newest(["revoked"])
    assert not heard and heard.take() is None
    assert heard.keep("south", b"1") and not heard.keep("east", b"1") and not heard.keep("south", b"2")
    assert heard.take() == ("south", b"2")
    heard.keep("south", b"3")
    assert heard and [heard.take() for _ in range(3)] == [("east", b"1"), ("south", b"3"), None]


def test_what_comes_from_several_threads_at_once_ends_none(desk: Callable[..., Desk]) -> None:
    """The gate's own reads codes while that of the connection hears messages, and the queue is all but full."""
    at = desk()
    made = invite(Wish("A", ["gate-1"], NOW - 60, NOW + 60), at.site.config, at.site.credentials)

    come = threading.Barrier(5)

    def ask() -> None:
        come.wait(60)
        for _ in range(8_000):
            at.show(made.token)
            at.porter.hear(uses_topic("demo", "south"), b"{}")

    def answer() -> None:
        come.wait(60)
        while not all(each.done() for each in asking):
            with suppress(queue.Empty):
                at.porter._asked.get_nowait()

    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(5) as threads:
            asking = [threads.submit(ask) for _ in range(4)]
            threads.submit(answer).result()
        assert [each.exception() for each in asking] == [None] * 4
    finally:
        sys.setswitchinterval(usual)


def test_a_receipt_is_told_again_by_the_next_run_unless_it_is_on_the_disk(desk: Callable[..., Desk]) -> None:
    first = desk()
    for person in ("ann", "bob"):
        first.book.owe(person)
    first.porter.start()
    until(lambda: len(first.of(TemplateDestroyed)) == 2)
    tickets = {each.person: each.ticket for each in first.of(TemplateDestroyed)}
    first.porter.recorded(Recorded(tickets["ann"], True))
    first.porter.recorded(Recorded(tickets["bob"], False))
    first.porter.recorded(Recorded(1, True))  # of a grant
    until(lambda: first.book.owed() == ["bob"])
    second = desk()
    second.porter.start()
    until(lambda: [each.person for each in second.of(TemplateDestroyed)] == ["bob"])
    assert len(first.of(TemplateDestroyed)) == 2, "once a run"
