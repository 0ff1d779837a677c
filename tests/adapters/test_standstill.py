"""A gate that stood still, and what was sent to it meanwhile: it was meant for then."""

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from edge.challenge import CHALLENGE_S
from edge.command import Answer, Target, Wish, command
from edge.commands import sign
from edge.config import Config, Credentials, GateSection
from edge.doorevents import AccessDenied, DoorModeChanged
from edge.doorsection import DoorSection, LineSection
from edge.enrolled import Applicant, Consent, Edit
from edge.factors import LATE_S
from edge.facts import CommandReceived
from edge.hearing import STILL_S, Hearing
from edge.mqtt import Address, Connection, Message
from edge.reader import ReaderLink
from edge.readers import Presented, Shown, reader_topic, said
from edge.seal import load_key, load_secret, new_sealing_key, new_signing_key
from edge.signers import OperatorSection
from edge.simulate import HOST
from edge.terms import CommandKind
from edge.timetable import ReaderSection
from edge.transport import Command
from edge.whitelist import Whitelist
from tests.adapters.brokers import Mosquitto
from tests.system.house import House, somewhere, wait

CARD = "26:17:4711"


class Heard:
    """What a gate hears, whose operator and reader know what it has published."""

    def __init__(self, directory: Path) -> None:
        self._room, self._pad = new_signing_key(directory / "room.jwk"), directory / "pad.key"
        new_sealing_key(self._pad)
        config = Config(
            GateSection("site", "gate-1", state_dir=str(directory)), [], [DoorSection("main", LineSection(1))],
            operator=[OperatorSection("room", credential="room.pub")],
            reader=[ReaderSection("pad", "main", key_credential="pad.key")],
        )  # fmt: skip
        self.facts = list[Any]()
        self.hearing = Hearing(config, Credentials(directory), self.facts.append, 0.0)
        self._sent = 0

    def sent(self) -> tuple[Message, Message]:
        """A command and a card, as they would be sent now."""
        self._sent += 1
        listening = self.hearing.listening
        assert listening
        asked = Command("id", "site/gate-1", listening.challenge, self._sent, CommandKind.OPEN)
        shown = Presented("site/gate-1", listening.challenge, self._sent, card=CARD)
        return (
            Message("edge/v1/site/gate-1/command", sign(asked, self._room, "room")),
            Message(reader_topic("site", "gate-1", "pad"), said(shown, load_secret(self._pad), "pad")),
        )

    def since(self, sent: tuple[Message, Message], now: float) -> set[float | None]:
        """By when a gate that reads these takes them to have been sent."""
        self.facts.clear()
        for message in sent:
            assert self.hearing.hear(message, now)
        assert [type(fact) for fact in self.facts] == [CommandReceived, Shown]
        return {fact.heard for fact in self.facts}


@pytest.fixture
def heard(tmp_path: Path) -> Heard:
    made = Heard(tmp_path)
    made.hearing.changed(1.0)
    return made


def test_what_is_heard_may_have_come_since_the_last_look(heard: Heard) -> None:
    assert heard.since(heard.sent(), 2.0) == {1.0}
    heard.hearing.changed(2.0)
    assert heard.since(heard.sent(), 2.5) == {2.0}


def test_what_waited_through_a_standstill_is_as_old_as_that_however_long_it_takes_to_read(heard: Heard) -> None:
    waited = [heard.sent() for _ in range(3)]
    goes_on = 1.0 + STILL_S + 1.0
    for number, sent in enumerate(waited):
        assert heard.since(sent, goes_on + number) == {1.0}
        heard.hearing.changed(goes_on + number)
    assert heard.since(heard.sent(), goes_on + 3.0) == {goes_on + 2.0}, "who has read what is published since"


def test_a_challenge_that_is_renewed_in_time_is_no_standstill(heard: Heard) -> None:
    now = 1.0
    while now < CHALLENGE_S - 1.0:
        now += 1.0
        heard.hearing.changed(now)
    before = heard.sent()
    assert heard.hearing.changed(now + 1.0)
    assert heard.since(before, now + 1.5) == {now + 1.0}


# A process that is stopped --------------------------------------------------------------------------------------------


@pytest.fixture
def house(mosquitto: Mosquitto, tmp_path: Path) -> Iterator[House]:
    mosquitto.start()
    house = somewhere(tmp_path, broker_port=mosquitto.port)
    more = '\n[[reader]]\nname = "pad"\ndoor = "main"\nkey_credential = "reader.key"\n'
    more += '\n[[operator]]\nname = "room"\ncredential = "operator.pub"\n'
    text = house.site.file.read_text().replace('name = "main"', 'name = "main"\nopens_with = ["card"]')
    house.site.file.write_text(text + more)
    new_sealing_key(house.site.secrets / "reader.key")
    new_signing_key(house.site.secrets / "operator.jwk")
    yield house
    house.close()


class Room:
    """Who commands that gate, and hears which commands the broker was given."""

    def __init__(self, house: House, port: int) -> None:
        self._key, self._address = load_key(house.site.secrets / "operator.jwk"), Address(HOST, port)
        self._target, self._pool = Target("demo", "gate-1"), ThreadPoolExecutor()
        self._spy = Connection(self._address, ["edge/v1/demo/gate-1/command"])

    def order(self, kind: CommandKind) -> Future[Answer]:
        """Returns when the broker has it."""
        asked = self._pool.submit(command, self._address, self._target, "room", self._key, Wish(kind), 60.0)
        wait(lambda: self._spy.turn(0.1))
        return asked

    def close(self) -> None:
        self._spy.close()
        self._pool.shutdown()


@pytest.mark.real
@pytest.mark.slow
def test_a_gate_that_goes_on_opens_for_nothing_that_was_sent_while_it_was_stopped(
    house: House, mosquitto: Mosquitto
) -> None:
    people = Whitelist.of(house.site.config, house.site.credentials, write=True)
    grounds = Consent("form 1", "card", date.today() + timedelta(days=2))
    people.edit(people.admit_faceless(Applicant("王芳", grounds), "registry").id, Edit(card=CARD))
    house.start("relay", "gate")
    wait(lambda: house.facts("WhitelistLoaded") and house.facts("BrokerReported"))
    key = load_secret(house.site.secrets / "reader.key")
    with (
        closing(Room(house, mosquitto.port)) as room,
        closing(ReaderLink(Address(HOST, mosquitto.port), "demo", "gate-1", "pad", key)) as pad,
    ):
        assert room.order(CommandKind.OPEN).result().accepted
        wait(lambda: len(house.watch.opened) == 1 and not house.released)
        with house.frozen("gate"):
            pad.show(card=CARD)
            opened, shut = room.order(CommandKind.OPEN), room.order(CommandKind.LOCK_DOWN)
            time.sleep(LATE_S + 1.5)  # time itself is what is tested
        assert not opened.result().accepted and "waited" in opened.result().why
        assert shut.result().accepted
        wait(lambda: house.events(DoorModeChanged)[-1].data["mode"] == "LockedDown")
        assert [each.data["reason"] for each in house.events(AccessDenied)] == ["Stale"]
        assert room.order(CommandKind.RELEASE).result().accepted
        pad.show(card=CARD)
        wait(lambda: len(house.watch.opened) == 2)
    assert house.facts("CardRead")[0]["heard"] < house.facts("CardRead")[0]["mono"] - LATE_S
