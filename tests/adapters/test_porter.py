"""The porter: codes become passes or nothing, and what is over is ended with a receipt."""

import queue
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from edge.bulletin import MOST_TOPICS, Newest, Revocations, revocations_topic, uses_topic
from edge.bulletin import sign as revoked
from edge.doorevents import AccessGranted
from edge.effects import Emit
from edge.enrolled import Consent, Standing
from edge.facts import PassesRevoked, PassShown, Recorded, TemplateDestroyed
from edge.invitation import Wish, invite
from edge.passbook import Issued
from edge.passes import Claims, sign
from edge.porter import WAITING
from edge.seal import load_key
from edge.terms import Now, Permit, Reason
from edge.whitelist import Whitelist
from tests.adapters.brokers import until
from tests.adapters.porters import NOW, Desk


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
