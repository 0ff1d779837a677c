"""The roster against a broker that lies: whatever it shows, only whole lists that the desk signed are ever in use."""

import pytest

from edge.outcomes import Adopt, Answered, Bury, Keep
from edge.records import Answer, Mark, Tombstone, encode
from edge.roster import Roster
from edge.signet import Stamp, new_signing_pair
from tests.core.lists import FRESH, GATE, PEOPLE, SITE, Desk, roster


def show_all(gate: Roster, desk: Desk) -> list[object]:
    return [outcome for topic, message in desk.shown.items() for outcome in gate.feed(topic, message)]


def documents(desk: Desk) -> dict[str, bytes]:
    """What a gate keeps of the list beside its records."""
    return {topic: message for topic, message in desk.shown.items() if "/people/" not in topic}


@pytest.fixture
def desk() -> Desk:
    made = Desk()
    for person in PEOPLE[:3]:
        made.put(person)
    return made


def test_a_list_is_adopted_when_it_is_whole_and_not_before(desk: Desk) -> None:
    gate = roster(desk)
    last = desk.topics.person("bob")
    for topic, message in desk.shown.items():
        if topic != last:
            assert not any(isinstance(outcome, Adopt) for outcome in gate.feed(topic, message))
    assert gate.running == {} and gate.trouble and gate.holding.lacking == {"bob"}
    kept, adopted = gate.feed(last, desk.shown[last])
    assert isinstance(kept, Keep) and isinstance(adopted, Adopt)
    assert gate.running.keys() == {"ann", "bob", "cem"} and gate.revision == 3 and gate.trouble is None
    assert gate.mark.revision == 3 and not gate.problems


def test_an_edit_brings_in_only_what_changed(desk: Desk) -> None:
    gate = roster(desk)
    show_all(gate, desk)
    before = desk.people["ann"].hash
    desk.put("ann")
    [_kept, adopted] = show_all(gate, desk)
    assert isinstance(adopted, Adopt)
    assert [entry.id for entry in adopted.put] == ["ann"] and adopted.drop == [] and adopted.discard == [before]


def test_a_tombstone_acts_at_once_alone(desk: Desk) -> None:
    gate = roster(desk)
    show_all(gate, desk)
    desk.revoke("bob")
    topic = desk.topics.person("bob")
    [buried] = gate.feed(topic, desk.shown[topic])
    assert isinstance(buried, Bury) and "bob" not in gate.running and gate.graves == {"bob": 4}
    assert gate.revision == 3
    show_all(gate, desk)
    assert gate.revision == 4 and gate.graves == {} and "bob" not in gate.running


def test_a_renewed_manifest_is_adopted_and_the_older_one_refused(desk: Desk) -> None:
    gate = roster(desk)
    show_all(gate, desk)
    old = desk.shown[desk.topics.manifest]
    desk.renew()
    [adopted] = show_all(gate, desk)
    assert isinstance(adopted, Adopt) and adopted.put == [] == adopted.drop
    gate.feed(desk.topics.manifest, old)
    assert "shown again" in gate.problems["manifest"]
    show_all(gate, desk)
    assert gate.problems == {}


def test_a_broker_that_was_rolled_back_is_believed_in_nothing(desk: Desk) -> None:
    gate = roster(desk)
    before = dict(desk.shown)
    desk.revoke("ann")
    desk.put("bob")
    show_all(gate, desk)
    for topic, message in before.items():
        assert gate.feed(topic, message) == []
    assert {"manifest", "ann", "bob"} <= gate.problems.keys()
    assert gate.running.keys() == {"bob", "cem"} and gate.revision == 5
    show_all(gate, desk)
    assert gate.problems == {}


@pytest.mark.parametrize("how", ["signature", "payload", "other person", "other kind", "cut", "stranger", "empty list"])
def test_what_was_tampered_with_is_refused_under_its_name(desk: Desk, how: str) -> None:
    gate = roster(desk)
    topic, other = desk.topics.person("ann"), desk.topics.person("bob")
    message = desk.shown[topic]
    forged = {
        "signature": message[:-1] + bytes([message[-1] ^ 1]),
        "payload": message[:40] + bytes([message[40] ^ 1]) + message[41:],
        "other person": desk.shown[other],
        "other kind": desk.shown[desk.topics.manifest],
        "cut": message[: len(message) // 2],
        "stranger": Stamp(new_signing_pair().private).sign("tombstone", encode(Tombstone("ann", 99, 0.0))),
        "empty list": encode([]),
    }[how]
    for shown in (forged, message):
        for known in range(2):
            assert gate.feed(topic, forged) == [], known
            assert gate.problems["ann"]
            if not known and shown is message:
                show_all(gate, desk)
                assert gate.problems == {} and "ann" in gate.running
    assert gate.running.keys() == {"ann", "bob", "cem"}


def test_an_old_tombstone_does_not_remove_who_was_restored(desk: Desk) -> None:
    desk.revoke("ann")
    grave = desk.shown[desk.topics.person("ann")]
    desk.put("ann")
    gate = roster(desk)
    show_all(gate, desk)
    assert gate.feed(desk.topics.person("ann"), grave) == [] and "shown again" in gate.problems["ann"]
    assert "ann" in gate.running


def test_below_the_mark_nothing_is_in_use(desk: Desk) -> None:
    gate = roster(desk, Mark(9, 0.0))
    show_all(gate, desk)
    assert gate.running == {} and gate.trouble and "shown again" in gate.problems["manifest"]


def test_a_store_that_was_rolled_back_admits_nobody(desk: Desk) -> None:
    stored, held = documents(desk), list(desk.people.values())
    gate = roster(desk, Mark(4, 0.0))
    gate.resume(stored, [], held)
    assert "revision 4 was in use before" in str(gate.trouble)
    desk.revoke("ann")
    show_all(gate, desk)
    assert gate.trouble is None and "ann" not in gate.running


def test_without_its_mark_a_gate_waits_for_the_answer_to_its_own_question(desk: Desk) -> None:
    gate = roster(desk, None, "n1")
    show_all(gate, desk)
    assert gate.running and "must answer" in str(gate.trouble) and gate.mark == FRESH
    topic = desk.topics.answer(GATE)
    for answer in (Answer(SITE, GATE, "n0", 3, 1.0), Answer(SITE, "other", "n1", 3, 1.0)):
        assert gate.feed(topic, desk.issuer.answer(answer)) == [] and gate.trouble
    truth = desk.issuer.answer(Answer(SITE, GATE, "n1", 3, desk.issued))
    [answered] = gate.feed(topic, truth)
    assert isinstance(answered, Answered) and gate.trouble is None and gate.mark == Mark(3, desk.issued)


def test_an_answer_that_names_a_newer_list_is_waited_for(desk: Desk) -> None:
    gate = roster(desk, None, "n1")
    show_all(gate, desk)
    gate.feed(desk.topics.answer(GATE), desk.issuer.answer(Answer(SITE, GATE, "n1", 4, desk.issued + 9)))
    assert "revision 4" in str(gate.trouble)
    desk.issued += 20
    desk.put("dan")
    show_all(gate, desk)
    assert gate.trouble is None


def test_after_a_start_who_is_lacking_in_the_store_is_named_and_the_others_pass(desk: Desk) -> None:
    held = [entry for person, entry in desk.people.items() if person != "bob"]
    gate = roster(desk, Mark(3, 0.0))
    gate.resume(documents(desk), [], held)
    assert gate.running.keys() == {"ann", "cem"} and "bob" in gate.problems and gate.trouble is None
    show_all(gate, desk)
    assert gate.running.keys() == {"ann", "bob", "cem"} and gate.problems == {}


def test_pages_that_came_before_their_manifest_are_no_problem_afterwards(desk: Desk) -> None:
    for stored in ({}, {topic: message for topic, message in documents(desk).items() if "/index/0" not in topic}):
        gate = roster(desk)
        gate.resume(stored, [], desk.people.values() if stored else [])
        show_all(gate, desk)  # the manifest comes after its pages
        desk.put("dan")
        show_all(gate, desk)
        assert gate.revision == desk.revision and gate.problems == {}


def test_a_tombstone_in_the_store_is_remembered(desk: Desk) -> None:
    stored, held = documents(desk), list(desk.people.values())
    desk.revoke("bob")
    gate = roster(desk, Mark(3, 0.0))
    gate.resume(stored, [desk.shown[desk.topics.person("bob")]], held)
    assert gate.running.keys() == {"ann", "cem"}
