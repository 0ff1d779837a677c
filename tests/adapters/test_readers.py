"""Keypads and card readers: what a gate believes of them, and a person with card and PIN before a whole gate."""

import contextlib
import re
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from edge.challenge import CHALLENGE_S, GRACE_S, Challenge
from edge.config import Config, Credentials, GateSection
from edge.directory import Directory
from edge.doorevents import AccessDenied, AccessGranted, Duress, RepeatedRefusals
from edge.doorsection import DoorSection, LineSection
from edge.enrolled import Applicant, Consent, Edit
from edge.errors import EdgeError
from edge.events import ReaderFault, ReaderIgnored
from edge.facts import ReaderIgnored as Ignored
from edge.hearing import OTHERS, Hearing
from edge.mqtt import Address, Connection, Message
from edge.pins import Blind, apart, chosen, drawn, stretched
from edge.reader import ReaderLink
from edge.readers import BURST, TYPE, Presented, ReaderRefused, Readers, Shown, reader_topic, said
from edge.seal import Parcel, load_secret, new_sealing_key
from edge.simulate import HOST
from edge.terms import Permit
from edge.timetable import ReaderSection
from edge.transport import Channel, Envelope, Listening, Presence, topic
from edge.whitelist import Whitelist
from tests.adapters.brokers import Mosquitto
from tests.system.house import House, somewhere, wait

NOBODY = Presented("site/gate-1", "", 1)


def config() -> Config:
    pad = ReaderSection("pad", "main", key_credential="pad.key")
    return Config(GateSection("site", "gate-1"), [], [DoorSection("main", LineSection(1))], reader=[pad])


class Gate:
    """The readers of a gate, and one who knows the keypad's key and what the gate has published."""

    def __init__(self, directory: Path) -> None:
        new_sealing_key(directory / "pad.key")
        self.key, self.challenge = load_secret(directory / "pad.key"), Challenge(0.0)
        self.readers = Readers(config(), Credentials(directory), self.challenge, 0.0)

    def typed(self, **changes: Any) -> bytes:
        usual = msgspec.structs.replace(NOBODY, challenge=self.challenge.text, pin="2580")
        return said(msgspec.structs.replace(usual, **changes), self.key, "pad")

    def refuses(self, payload: bytes, now: float = 0.0, retained: bool = False, name: str = "pad") -> str:
        with pytest.raises(ReaderRefused) as refused:
            self.readers.take(name, payload, retained, now)
        return str(refused.value)


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path)


def test_what_a_reader_was_shown_counts_once_and_no_log_shows_it(gate: Gate) -> None:
    message = gate.typed()
    assert b"2580" not in message
    shown = gate.readers.take("pad", message, False, 1.0)
    assert shown == Shown("pad", "main", pin="2580", heard=0.0) and "2580" not in repr(shown)
    assert "counter was used before" in gate.refuses(message, 2.0)
    card = gate.typed(counter=2, pin="", card="26:17:4711")
    assert gate.readers.take("pad", card, False, 4.0).card == "26:17:4711"
    assert gate.readers.counters == {"pad": 2}


def test_a_heartbeat_shows_nothing_and_counts_once(gate: Gate) -> None:
    beat = gate.typed(pin="", alive=True)
    assert gate.readers.take("pad", beat, False, 1.0) == Shown("pad", "main", heard=0.0)
    assert "counter was used before" in gate.refuses(beat, 3.0)
    assert gate.readers.counters == {"pad": 1}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"aud": "site/gate-2"}, "for another gate: site/gate-2"),
        ({"challenge": "of yesterday"}, "challenge is not the one"),
        ({"challenge": ""}, "challenge is not the one"),
        ({"counter": 0}, "counter was used before"),
        ({"pin": "25x0"}, "not what a reader says"),
        ({"pin": ""}, "a PIN or a card, one of them"),
        ({"card": "1"}, "a PIN or a card, one of them"),
        ({"alive": True}, "a PIN or a card, one of them"),
    ],
)
def test_what_is_not_meant_for_now_and_here_is_refused(gate: Gate, changes: dict[str, Any], why: str) -> None:
    said_of_it = gate.refuses(gate.typed(**changes))
    assert why in said_of_it and "25" not in said_of_it
    assert gate.readers.counters == {}


def test_another_key_purpose_or_name_a_retained_message_and_nonsense_are_refused(gate: Gate, tmp_path: Path) -> None:
    new_sealing_key(tmp_path / "other.key")
    right = msgspec.structs.replace(NOBODY, challenge=gate.challenge.text, pin="2580")
    claims = msgspec.to_builtins(right)
    assert "another key" in gate.refuses(said(right, load_secret(tmp_path / "other.key"), "pad"), 0.0)
    assert "header" in gate.refuses(Parcel(gate.key, "edge-gate-command+jwt", "pad").close(claims).encode(), 2.0)
    assert "header" in gate.refuses(Parcel(gate.key, TYPE, "door").close(claims).encode(), 4.0)
    changed = bytearray(gate.typed())
    changed[-5] ^= 1
    assert "was changed" in gate.refuses(bytes(changed), 6.0)
    assert "kept by the broker" in gate.refuses(gate.typed(), 8.0, retained=True)
    assert "no reader door here" in gate.refuses(gate.typed(), 8.0, name="door")
    for number, nonsense in enumerate((b"", b"\xff\x00", b"a.b.c.d.e", b"x" * 10_000)):
        assert gate.refuses(nonsense, 10.0 + 2 * number)
    assert gate.readers.take("pad", gate.typed(), False, 30.0)


def test_a_challenge_ends_and_what_was_kept_of_it_with_it(gate: Gate) -> None:
    kept, late = gate.typed(), gate.typed(counter=2)
    assert gate.challenge.renewed(CHALLENGE_S)
    assert gate.readers.take("pad", kept, False, CHALLENGE_S + GRACE_S / 2)
    assert "challenge is not the one" in gate.refuses(late, CHALLENGE_S + GRACE_S)


def test_faster_than_anybody_types_is_cut_off_and_told_in_one_event(tmp_path: Path) -> None:
    new_sealing_key(tmp_path / "pad.key")
    told: list[Any] = []
    hearing = Hearing(config(), Credentials(tmp_path), told.append, 0.0)
    key, listening = load_secret(tmp_path / "pad.key"), hearing.listening
    assert listening
    for counter in range(1, 101):
        typed = Presented("site/gate-1", listening.challenge, counter, pin=f"{counter:04}")
        assert hearing.hear(Message(reader_topic("site", "gate-1", "pad"), said(typed, key, "pad")), 1.0)
    assert len(told) == BURST
    assert hearing.changed(1.0) and hearing.listening and hearing.listening.readers == {"pad": int(BURST)}
    assert told[int(BURST) :] == [Ignored("pad", 100 - int(BURST), "too many messages came at once")]
    for number in range(30):
        hearing.hear(Message(reader_topic("site", "gate-1", f"x{number}"), b""), 2.0)
    hearing.changed(20.0)
    assert told[-1].reader == OTHERS and told[-1].count == 30, "whatever names somebody invents"


# PINs ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["123", "123456789", "12a4", "１２３４", "", "0000", "1234", "4321", "8901", "2525"])
def test_a_pin_that_is_none_or_is_tried_first_is_refused(text: str) -> None:
    with pytest.raises(EdgeError):
        chosen(text)


def test_a_pin_under_duress_is_as_long_and_no_slip_of_the_finger() -> None:
    assert apart("2580", "2539") == "2539"
    for duress in ("2580", "2581", "25809"):
        with pytest.raises(EdgeError):
            apart("2580", duress)
    assert len({drawn() for _ in range(50)}) > 40


def test_what_is_kept_differs_by_site_and_what_is_compared_by_start() -> None:
    kept = stretched("2580", "site")
    assert "2580" not in kept and kept == stretched("2580", "site") != stretched("2580", "other")
    one, other = Blind(), Blind()
    assert one.code(kept) == one.code(kept) != other.code(kept) and one.code("") == ""
    directory = Directory(one)
    directory.renew({"ann": Permit("ann", pin=kept, card="7")})
    assert directory.of("ann") == directory.holder("7") == Permit("ann", pin=one.code(kept))
    assert directory.holder("8") is directory.of("bob") is directory.holder("") is None


def test_a_list_that_differs_in_somebody_without_a_face_alone_is_told_from_the_one_before() -> None:
    directory, people = Directory(Blind()), {"ann": Permit("ann", card="7"), "bob": Permit("bob")}
    first = directory.renew(people)
    assert directory.renew(dict(people)) == first
    assert directory.renew({"bob": Permit("bob")}) != first


# A whole gate -------------------------------------------------------------------------------------------------------


@pytest.fixture
def house(mosquitto: Mosquitto, tmp_path: Path) -> Iterator[House]:
    mosquitto.start()
    house = somewhere(tmp_path, broker_port=mosquitto.port)
    pad = '\n[[reader]]\nname = "pad"\ndoor = "main"\nkey_credential = "reader.key"\n'
    door = 'opens_with = ["card"]\nsecond_factors = ["pin"]\nsecond_factor = "always"\nsecond_factor_s = 60.0\n'
    text = house.site.file.read_text()
    text = text.replace("[access]", "[access]\nattempts_pins = 2")
    house.site.file.write_text(text.replace('name = "main"', f'name = "main"\n{door}') + pad)
    new_sealing_key(house.site.secrets / "reader.key")
    yield house
    house.close()


@pytest.mark.real
def test_a_card_and_its_pin_open_and_wrong_pins_are_blocked_and_told_once(house: House, mosquitto: Mosquitto) -> None:
    people = Whitelist.of(house.site.config, house.site.credentials, write=True)
    grounds = Consent("form 1", "card", date.today() + timedelta(days=2))
    person = people.admit_faceless(Applicant("王芳", grounds), "registry").id
    kept = [stretched(pin, "demo") for pin in ("2580", "3691")]
    people.edit(person, Edit(pin=kept[0], duress=kept[1], card="26:17:4711"))
    house.start("relay", "gate")
    wait(lambda: house.facts("WhitelistLoaded") and house.facts("BrokerReported"))
    address = Address(HOST, mosquitto.port)
    pad = ReaderLink(address, "demo", "gate-1", "pad", load_secret(house.site.secrets / "reader.key"))
    pad.show(card="26:17:4711")
    pad.show(pin="2580")
    wait(lambda: len(house.watch.opened) == 1)
    assert house.events(AccessGranted)[0].data["factors"] == ["card", "pin"]
    time.sleep(2.2)  # the pulse and the cooldown are over, and the keypad is heard again
    pad.show(card="26:17:4711")
    pad.show(pin="3691")
    wait(lambda: len(house.watch.opened) == 2 and house.events(Duress))
    time.sleep(2.2)
    pad.show(card="26:17:4711")
    for number in range(3):
        time.sleep(2.0)  # slower than the gate cuts off
        pad.show(pin=f"77{number}3")
        if number < 2:
            wait(lambda count=number + 1: len(_wrong(house)) == count)
    wait(lambda: house.events(RepeatedRefusals) and len(house.facts("PinEntered")) == 5)
    pad.close()
    assert (len(_wrong(house)), len(house.events(RepeatedRefusals)), len(house.watch.opened)) == (2, 1, 2)
    log = (house.site.config.state / "facts.jsonl").read_text()
    assert not re.search(r"(?<![\d.])2580(?![\d.])", log), "other than among the digits of a time"
    _forged(address, house)


@pytest.mark.real
def test_a_keypad_that_falls_silent_is_an_alarm_until_it_beats_again(house: House, mosquitto: Mosquitto) -> None:
    text = house.site.file.read_text()
    house.site.file.write_text(text.replace('name = "pad"', 'name = "pad"\nsilent_after_s = 1.0'))
    house.start("relay", "gate")
    wait(lambda: [each.data["active"] for each in house.events(ReaderFault)] == [True])
    key = load_secret(house.site.secrets / "reader.key")
    with contextlib.closing(ReaderLink(Address(HOST, mosquitto.port), "demo", "gate-1", "pad", key)) as pad:
        pad.beat()
        wait(lambda: [each.data["active"] for each in house.events(ReaderFault)][:2] == [True, False])
    assert {each.subject for each in house.events(ReaderFault)} == {"reader/pad"}
    assert not house.facts("PinEntered") and not house.facts("CardRead")


@pytest.mark.real
@pytest.mark.parametrize("nonsense", [b"{", b"\xff", b'{"status": "asleep"}', b"[" * 9_000])
def test_a_state_that_cannot_be_read_ends_no_driver(mosquitto: Mosquitto, nonsense: bytes) -> None:
    mosquitto.start()
    address, state = Address(HOST, mosquitto.port), topic("demo", "gate-1", Channel.STATE)
    good = msgspec.json.encode(Presence("online", commands=Listening("of now")))
    with contextlib.closing(Connection(address)) as other:
        _publish(other, Message(state, nonsense, 1, True))
        with contextlib.closing(ReaderLink(address, "demo", "gate-1", "pad", bytes(32))) as pad:
            _publish(other, Message(state, good, 1, True))
            pad.beat()


def _publish(connection: Connection, message: Message) -> None:
    connection.publish(message)
    while connection.unconfirmed:
        connection.turn(0.1)


def _wrong(house: House) -> list[Envelope]:
    return [each for each in house.events(AccessDenied) if each.data["reason"] == "InvalidPIN"]


def _forged(address: Address, house: House) -> None:
    """Whoever may publish and has no key is told of, and does not get in."""
    stranger = Connection(address)
    _publish(stranger, Message(reader_topic("demo", "gate-1", "pad"), b'{"pin":"2580"}', 1, False))
    stranger.close()
    wait(lambda: house.events(ReaderIgnored))
    assert house.events(ReaderIgnored)[0].subject == "reader/pad" and len(house.watch.opened) == 2
