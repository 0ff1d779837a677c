"""Commands to a gate: what it obeys, what it refuses, and both over a real broker."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from edge.broker import Broker
from edge.challenge import CHALLENGE_S, GRACE_S, Challenge
from edge.command import Answer, Target, Wish, command
from edge.commands import BURST, CommandRefused, Commands, sign
from edge.config import BrokerSection, Config, Credentials, GateSection
from edge.doorevents import CommandAnswered
from edge.doorsection import DoorSection, LineSection
from edge.errors import LinkError, Phrase
from edge.events import CommandsRefused as Told
from edge.facts import BrokerReported, CommandReceived, CommandsRefused, Fact
from edge.hearing import Hearing
from edge.mqtt import Address, Connection, Message
from edge.outbox import Outbox
from edge.seal import Signer, load_key, new_signing_key
from edge.signers import OperatorSection
from edge.simulate import HOST
from edge.terms import CommandKind, Now
from edge.transport import ACK_TYPE, COMMAND_TYPE, Command
from monitor.commanding import Outcome
from tests.adapters.brokers import Mosquitto, until

TOPIC = "edge/v1/site/gate-1/command"


def config(directory: Path, **operator: Any) -> Config:
    new_signing_key(directory / "room.jwk")
    return Config(
        GateSection("site", "gate-1", state_dir=str(directory)), [], [DoorSection("main", LineSection(1))],
        operator=[OperatorSection("room", credential="room.pub", **operator)],
    )  # fmt: skip


class Gate:
    """The commands of a gate, and an operator who knows what it has published."""

    def __init__(self, directory: Path, **operator: Any) -> None:
        self.challenge = Challenge(0.0)
        self.commands = Commands(config(directory, **operator), Credentials(directory), self.challenge, 0.0)
        self.key = load_key(directory / "room.jwk")

    def ask(self, counter: int = 1, **changes: Any) -> bytes:
        usual = Command("id-1", "site/gate-1", self.challenge.text, counter, CommandKind.OPEN)
        return sign(msgspec.structs.replace(usual, **changes), self.key, "room")

    def refuses(self, payload: bytes, now: float = 0.0, retained: bool = False) -> str:
        with pytest.raises(CommandRefused) as refused:
            self.commands.take(payload, retained, now)
        return str(refused.value)


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path)


def test_a_command_for_this_gate_this_challenge_and_with_a_new_counter_is_taken_once(gate: Gate) -> None:
    asked = gate.ask(door="main", kind=CommandKind.UNLOCK, seconds=60.0)
    taken = gate.commands.take(asked, False, 1.0)
    assert taken == CommandReceived("id-1", "room", CommandKind.UNLOCK, "main", 60.0, heard=0.0)
    assert gate.commands.counters == {"room": 1}
    assert "counter was used before" in gate.refuses(asked)
    assert "counter was used before" in gate.refuses(gate.ask(counter=-1))
    assert gate.commands.take(gate.ask(counter=7), False, 1.0)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"aud": "site/gate-2"}, "for another gate: site/gate-2"),
        ({"aud": "other/gate-1"}, "for another gate"),
        ({"challenge": "of yesterday"}, "challenge is not the one"),
        ({"challenge": ""}, "challenge is not the one"),
        ({"counter": 0}, "counter was used before"),
        ({"door": "back"}, "no door back here"),
    ],
)
def test_what_is_not_meant_for_now_and_here_is_refused(gate: Gate, changes: dict[str, Any], why: str) -> None:
    assert why in gate.refuses(gate.ask(**changes))
    assert gate.commands.counters == {}


def test_a_challenge_ends_and_what_was_kept_of_it_with_it(gate: Gate) -> None:
    kept, late = gate.ask(), gate.ask(counter=2)
    assert not gate.challenge.renewed(CHALLENGE_S - 0.1)
    assert gate.challenge.renewed(CHALLENGE_S)
    assert gate.commands.take(kept, False, CHALLENGE_S + GRACE_S / 2), "who has just read it is heard"
    assert "challenge is not the one" in gate.refuses(late, CHALLENGE_S + GRACE_S)


@pytest.mark.parametrize("noticed", [False, True], ids=["before it looks at the time", "after"])
def test_a_gate_that_stood_still_takes_nothing_that_was_sent_meanwhile(gate: Gate, noticed: bool) -> None:
    """Stopped, or its machine paused: what the broker sent waits in the socket and is read hours later."""
    waited = gate.ask()
    assert not noticed or gate.challenge.renewed(7200.0)
    assert "challenge is not the one" in gate.refuses(waited, 7200.0)
    assert noticed or gate.challenge.renewed(7200.0)
    assert gate.commands.take(gate.ask(counter=2), False, 7201.0)


def test_a_retained_command_and_one_under_another_key_or_purpose_are_refused(gate: Gate, tmp_path: Path) -> None:
    assert "kept by the broker" in gate.refuses(gate.ask(), retained=True)
    stranger = new_signing_key(tmp_path / "stranger.jwk")
    usual = Command("id-1", "site/gate-1", gate.challenge.text, 1, CommandKind.OPEN)
    assert "no operator of this gate" in gate.refuses(sign(usual, stranger, "stranger"))
    assert "refused" in gate.refuses(sign(usual, stranger, "room"))
    claims = msgspec.to_builtins(usual)
    assert "typ" in gate.refuses(Signer(gate.key, ACK_TYPE, "room").sign(claims).encode())
    assert "not a command" in gate.refuses(Signer(gate.key, COMMAND_TYPE, "room").sign({**claims, "more": 1}).encode())
    for nonsense in (b"", b"\xff\x00", b"a.b.c", b"x" * 10_000):
        assert gate.refuses(nonsense)


def test_a_flood_is_cut_off(gate: Gate) -> None:
    for index in range(500):
        why = gate.refuses(b"nonsense", now=index / 100)
        assert index < BURST or "too many" in why or index % 100 == 0 or "not a signed" in why
    assert gate.commands.take(gate.ask(), False, 60.0), "and heard again when it is over"


def test_an_operator_keeps_to_what_the_configuration_allows(tmp_path: Path) -> None:
    gate = Gate(tmp_path, may=["acknowledge"])
    assert gate.commands.take(gate.ask(), False, 0.0).problem == "this operator may not open"
    assert gate.commands.take(gate.ask(2, kind=CommandKind.ACKNOWLEDGE), False, 0.0).problem == ""


def test_an_operator_may_everything_but_lock_open_unless_that_is_named(gate: Gate) -> None:
    problems = [
        gate.commands.take(gate.ask(counter, kind=kind), False, 0.0).problem
        for counter, kind in enumerate((kind for kind in CommandKind if kind is not CommandKind.LOCK_OPEN), start=1)
    ]
    assert problems == [""] * 9
    assert "may not" in gate.commands.take(gate.ask(10, kind=CommandKind.LOCK_OPEN), False, 9.0).problem


def test_without_operators_nobody_commands(tmp_path: Path) -> None:
    alone = Config(GateSection("site", "gate-1"), [], [])
    assert Hearing(alone, Credentials(tmp_path), lambda told: None, 0.0).listening is None


# Over a broker ------------------------------------------------------------------------------------------------------


class Served:
    """A gate's link to a real broker; what it hears is answered by the test in the rules' place."""

    def __init__(self, directory: Path, port: int) -> None:
        self.heard: list[Fact | Exception] = []
        self.refused: dict[str, str] | None = None
        """The doors that an answer names; None answers nothing."""
        configured = msgspec.structs.replace(config(directory), broker=BrokerSection(port=port))
        self.outbox = Outbox(directory / "outbox.sqlite", "site", "gate-1", 10_000, 0.8, self.heard.append)
        self._parts = configured, Credentials(directory), self.outbox, self._hear
        self.broker = Broker(*self._parts)
        self.broker.start()

    def connect_again(self) -> None:
        self.broker.close()
        self.broker = Broker(*self._parts)
        self.broker.start()

    def _hear(self, fact: Fact) -> None:
        self.heard.append(fact)
        if isinstance(fact, CommandsRefused):
            told = Told(fact.count, fact.why, fact.id)
            self.outbox.append("commands", told, Now(time.monotonic(), time.time()))

        elif isinstance(fact, CommandReceived) and self.refused is not None:
            done = CommandAnswered(fact.id, fact.kind, fact.operator, True, refused=self.refused)
            self.outbox.append("gate", done, Now(time.monotonic(), time.time()))

    def of(self, kind: type[Fact]) -> list[Any]:
        return [fact for fact in self.heard if isinstance(fact, kind)]

    def close(self) -> None:
        self.broker.close()
        self.outbox.close()


@pytest.fixture
def served(mosquitto: Mosquitto, tmp_path: Path) -> Iterator[Served]:
    mosquitto.start()
    served = Served(tmp_path, mosquitto.port)
    yield served
    served.close()


@pytest.mark.real
def test_a_command_reaches_the_gate_over_a_broker_and_a_recorded_one_does_not_act_again(
    served: Served, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    key, target = load_key(tmp_path / "room.jwk"), Target("site", "gate-1")
    spy = Connection(Address(HOST, mosquitto.port), [TOPIC])
    asking = threading.Thread(target=_ask, args=(mosquitto.port, target, key))
    asking.start()
    until(lambda: served.of(CommandReceived))
    recorded: list[Message] = []
    while not recorded:
        recorded = spy.turn(0.2)
    asking.join()
    spy.publish(Message(TOPIC, recorded[0].payload))
    spy.turn(0.2)
    until(lambda: served.of(CommandsRefused))
    assert "counter was used before" in served.of(CommandsRefused)[0].why
    spy.publish(Message(TOPIC, recorded[0].payload, 1, retain=True))
    spy.turn(0.2)
    served.connect_again()
    until(lambda: any("kept by the broker" in refused.why for refused in served.of(CommandsRefused)))
    assert len(served.of(CommandReceived)) == 1


@pytest.mark.real
def test_the_operator_is_told_which_doors_did_not_obey(served: Served, mosquitto: Mosquitto, tmp_path: Path) -> None:
    served.refused = {"back": "the door is blocked"}
    where, key = Address(HOST, mosquitto.port), load_key(tmp_path / "room.jwk")
    answer = command(where, Target("site", "gate-1"), "room", key, Wish(CommandKind.UNLOCK), 10.0)
    assert answer.accepted and answer.refused == served.refused
    outcome = Outcome("site", "gate-1", True, Phrase(""), "c7", answer.refused)
    assert outcome.verdict == "accepted, c7, not for back: the door is blocked"


@pytest.mark.real
def test_what_was_refused_and_only_counted_is_told_when_the_connection_ends(
    served: Served, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    served.refused = {}
    where, key = Address(HOST, mosquitto.port), load_key(tmp_path / "room.jwk")
    until(lambda: served.of(BrokerReported))
    nobody = Connection(where, [TOPIC])
    for _ in range(5):
        nobody.publish(Message(TOPIC, b"nonsense", 1))
        nobody.turn(0.2)
    command(where, Target("site", "gate-1"), "room", key, Wish(CommandKind.UNLOCK), 10.0)  # behind them, so all came
    mosquitto.kill()
    until(lambda: sum(refused.count for refused in served.of(CommandsRefused)) == 5)


def _ask(port: int, target: Target, key: Any) -> None:
    with pytest.raises(LinkError, match="did not answer"):
        command(Address(HOST, port), target, "room", key, Wish(CommandKind.OPEN), 1.0)


@pytest.mark.real
def test_the_operator_is_told_why_a_command_was_refused_and_when_nobody_is_there(
    served: Served, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    key, address = load_key(tmp_path / "room.jwk"), Address(HOST, mosquitto.port)
    answer = command(address, Target("site", "gate-1"), "room", key, Wish(CommandKind.OPEN, "back"), 60.0)
    assert isinstance(answer, Answer) and not answer.accepted and answer.why == "there is no door back here"
    with pytest.raises(LinkError, match="no gate gate-9"):
        command(address, Target("site", "gate-9"), "room", key, Wish(CommandKind.OPEN), 1.0)
    with closing(Connection(address, [])) as somebody:
        for nonsense in (b"\xff", b'{"status": "\xff"}', b'{"x": ' + b"[" * 9_000):
            somebody.publish(Message("edge/v1/site/gate-8/state", nonsense, 1, retain=True))
            while somebody.unconfirmed:
                somebody.turn(0.1)
            with pytest.raises(LinkError, match="cannot be read"):
                command(address, Target("site", "gate-8"), "room", key, Wish(CommandKind.OPEN), 60.0)
    served.broker.close()
    with pytest.raises(LinkError, match="is offline"):
        command(address, Target("site", "gate-1"), "room", key, Wish(CommandKind.OPEN), 60.0)
