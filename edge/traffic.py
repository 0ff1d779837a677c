"""A simulated site: real gates' rules, event logs and links, with invented people, doors and faults around them.

For trying the monitoring room. Every event comes from `gate.py` by facts in their order and goes through the outbox
and the broker link of a gate in service; only people, doors, cameras and time tables are made up.
"""

import heapq
import itertools
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from edge.album import Albums
from edge.broker import Broker
from edge.config import Config, Credentials
from edge.doorsection import DoorSection, LineSection
from edge.effects import Effect, Emit, PublishState, Pulse
from edge.events import DrillReport
from edge.facts import (
    BrokerReported,
    CameraReported,
    CommandReceived,
    CommandsRefused,
    DrillDone,
    FaceSeen,
    Fact,
    Heartbeat,
    InputChanged,
    Recorded,
    RelayReported,
    Started,
    StorageReported,
    TrackEnded,
    Wake,
    WhitelistLoaded,
)
from edge.gate import Gate
from edge.mishaps import befall
from edge.outbox import Outbox
from edge.outlook import detail, seen
from edge.past import remember
from edge.presence import Cues
from edge.rules import gate_rules
from edge.sections import BrokerSection, CameraSection, GateSection, OutboxSection
from edge.signers import OperatorSection
from edge.terms import ALIVE, Candidate, Input, Now, Quality, RelayOutcome, Status

SITE, DOOR, CAMERA = "demo", "main", "entrance"
OPERATOR = "room"
"""Who may command simulated gates."""
NAMES = ("north-hall", "south-hall", "east-hall", "west-hall", "garden-passage", "canteen-passage", "archive")
PEOPLE = 180
STRANGERS = 0.08
"""The share of faces that nobody enrolled."""
FAULTS_PER_HOUR = 12.0
"""How often something goes wrong at a site of seven gates, so that there is something to see."""
THRESHOLD = 0.44
WHITELIST = WhitelistLoaded(12, PEOPLE, THRESHOLD, 0.01)
HEALTH_S = 10.0
FRAMES_PER_S = 25.0
LOOK_S = 1.0
DRILLED = ("forced", "held", "tamper", "fire")
APART_S, QUEUE_S = 6.0, 30.0
"""One person at a time, and how long they queue."""


class SimulatedGate:
    """One gate in a thread of its own, from `start` to `stop`. `people_per_s` come by, on average."""

    def __init__(
        self, directory: Path, name: str, broker: BrokerSection, recorder_key: Path | None, people_per_s: float,
        faults_per_s: float = 0.0, seed: int = 0, operator_key: Path | None = None,
    ) -> None:  # fmt: skip
        self.name, self._rate, self._faults = name, people_per_s, faults_per_s
        config = _config(directory, name, broker, recorder_key, operator_key)
        self._gate = Gate(gate_rules(config))
        self._random = random.Random(f"{name}{seed}")
        self._lock, self._wake = threading.Lock(), threading.Event()
        self._due: list[tuple[float, int, Fact | Callable[[], None]]] = []
        self._order = itertools.count()
        self._track = itertools.count(1)
        self._stopped, self._free_at, self._albums = False, 0.0, Albums([CAMERA])
        self.camera = Status.STREAMING
        """What its eye reports of the camera."""
        self.clock_off_s = 0.0
        """How far the camera's clock is ahead."""
        self._outbox = Outbox(directory / "outbox.sqlite", SITE, name, 100_000, 0.8, self._reported)
        self._broker = Broker(config, Credentials(directory), self._outbox, self._reported)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self.at(0.0, Started(f"{self._random.getrandbits(64):016x}", "zoo", True))
        self.at(0.0, WHITELIST)
        self.at(0.0, InputChanged(DOOR, Input.CONTACT, False))
        self.at(0.0, RelayReported(DOOR, RelayOutcome.AVAILABLE))
        self.at(1.0, DrillDone(time.time(), DrillReport(CAMERA, DOOR, True, True, 480.0, dict.fromkeys(DRILLED, True))))
        self.at(1.0, self._health)
        self.at(0.0, self._look)
        for happens, rate in ((self._somebody, self._rate), (self._mishap, self._faults)):
            if rate:
                self._again(happens, rate)
        self._thread.start()
        self._broker.start()

    def stop(self) -> None:
        self._stopped = True
        self._wake.set()
        self._thread.join()
        self._broker.close()
        self._outbox.close()

    def at(self, seconds: float, what: Fact | Callable[[], None]) -> None:
        """Have a fact reach the gate, or something be done, so many seconds from now; from any thread."""
        with self._lock:
            heapq.heappush(self._due, (time.monotonic() + seconds, next(self._order), what))
        self._wake.set()

    # The gate ------------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        wake: float | None = None
        while not self._stopped:
            now = time.monotonic()
            what = self._next(now)
            if what is None and (wake is None or now < wake):
                self._wake.wait(self._patience(now, wake))
                self._wake.clear()
            elif callable(what):
                what()
            else:
                wake = self._step(what or Wake())

    def _next(self, now: float) -> Fact | Callable[[], None] | None:
        with self._lock:
            return heapq.heappop(self._due)[2] if self._due and self._due[0][0] <= now else None

    def _patience(self, now: float, wake: float | None) -> float:
        with self._lock:
            times = [self._due[0][0]] if self._due else []
        return max(0.0, min([now + 1.0, *times, *([wake] if wake is not None else [])]) - now)

    def _step(self, fact: Fact) -> float | None:
        now = Now(time.monotonic(), time.time())
        step = self._gate.step(fact, now)
        for effect in step.effects:
            self._do(effect, now)
        return step.wake

    def _do(self, effect: Effect, now: Now) -> None:
        match effect:
            case Emit():
                for each in (effect, *self._albums.told(effect, now.mono)):
                    self._outbox.append(each.subject, each.event, now, each.ticket)
            case PublishState():
                self._broker.publish_state(msgspec.to_builtins(self._gate.state()))
            case Pulse():
                self._pulsed(effect, now.mono)

    def _reported(self, fact: object) -> None:
        if isinstance(fact, Recorded | StorageReported | BrokerReported | CommandReceived | CommandsRefused):
            self.at(0.0, fact)

    # Around it -----------------------------------------------------------------------------------------------------

    def _again(self, happens: Callable[[], None], per_s: float) -> None:
        """Do something at random times, and so on."""

        def once() -> None:
            happens()
            self.at(self._random.expovariate(per_s), once)

        self.at(self._random.expovariate(per_s), once)

    def _health(self) -> None:
        self.at(0.0, Heartbeat())
        self._broker.health(msgspec.to_builtins(self._gate.eyes()))
        self.at(HEALTH_S, self._health)

    def _look(self) -> None:
        """An eye reports again and again: how it is with the camera, until something else is wanted of it."""
        rate = self._random.gauss(FRAMES_PER_S, 0.3) if self.camera in ALIVE else 0.0
        wall = time.time() - time.monotonic() + self.clock_off_s
        self.at(0.0, CameraReported(CAMERA, self.camera, detail(self.camera), rate, 40.0, wall=wall))
        if jpeg := seen(self.camera):
            for told in self._albums.take(CAMERA, jpeg, self.camera in ALIVE, time.monotonic()):
                self._do(told, Now(time.monotonic(), time.time()))
        self.at(LOOK_S, self._look)

    def _mishap(self) -> None:
        befall(self, DOOR, WHITELIST, self._random)

    def _somebody(self) -> None:
        """Somebody walks up, after whoever is there: good views of one face, then the track ends."""
        now = time.monotonic()
        if self._free_at > now + QUEUE_S:
            return  # it is crowded: they take another gate
        waits = max(0.0, self._free_at - now)
        self._free_at = now + waits + APART_S
        track, rnd = next(self._track), self._random
        stranger = rnd.random() < STRANGERS
        score = rnd.gauss(0.25, 0.06) if stranger else rnd.gauss(0.74, 0.05)
        person = "" if stranger else f"p{rnd.randrange(PEOPLE):03}"
        found = None if stranger else Candidate(person, score, score - 0.3, THRESHOLD, 12)
        quality = Quality(rnd.uniform(55, 110), rnd.uniform(0.6, 1.0), rnd.gauss(0, 6), rnd.gauss(0, 4), 0.5)
        for number in range(8 if stranger else 4):
            self.at(waits + 0.12 * number, lambda: self._seen(track, quality, found))
        self.at(waits + 2.0, TrackEnded(CAMERA, track))

    def _seen(self, track: int, quality: Quality, found: Candidate | None) -> None:
        now = time.monotonic()
        cues = Cues((0.97, 0.95), shift=0.05, carried=0.0)
        self.at(0.0, FaceSeen(CAMERA, track, now - 0.06, now - 0.3, quality, cues, found))

    def _pulsed(self, pulse: Pulse, now: float) -> None:
        """The guard energises the relay; mostly somebody then opens the door and lets it fall shut."""
        self.at(0.01, RelayReported(DOOR, RelayOutcome.STARTED, pulse.pulse))
        self.at(pulse.until - now, RelayReported(DOOR, RelayOutcome.ENDED, pulse.pulse))
        if self._random.random() < 0.97:
            opened = self._random.uniform(0.5, 1.5)
            held = self._random.uniform(24.0, 40.0) if self._random.random() < 0.004 else self._random.uniform(1.2, 3.0)
            self.at(opened, InputChanged(DOOR, Input.CONTACT, True))
            self.at(opened + held, InputChanged(DOOR, Input.CONTACT, False))


class SimulatedSite:
    """Gates with one broker. Their logs are kept in `directory`, so that the next start goes on where this one ends.

    New logs begin with `past_days` of invented passages.
    """

    def __init__(
        self, directory: Path, gates: int, broker: BrokerSection, recorder_key: Path | None, people_per_s: float,
        operator_key: Path | None = None, past_days: int = 0, faults_per_hour: float = FAULTS_PER_HOUR,
    ) -> None:  # fmt: skip
        faults = faults_per_hour / 3600 / 7
        self.gates = []
        for name in names(gates):
            folder = directory / name
            folder.mkdir(parents=True, exist_ok=True)
            if past_days:
                remember(folder / "outbox.sqlite", SITE, name, f"door/{DOOR}", past_days, PEOPLE, time.time())
            gate = SimulatedGate(folder, name, broker, recorder_key, people_per_s, faults, operator_key=operator_key)
            self.gates.append(gate)

    def start(self) -> None:
        for gate in self.gates:
            gate.start()

    def stop(self) -> None:
        for gate in self.gates:
            gate.stop()


def names(gates: int) -> list[str]:
    """So many names of gates."""
    return [NAMES[number] if number < len(NAMES) else f"gate-{number + 1}" for number in range(gates)]


def _config(
    directory: Path, name: str, broker: BrokerSection, recorder_key: Path | None, operator_key: Path | None
) -> Config:
    """The configuration of a gate with one camera and one door; keys are read from where they lie."""
    key = str(recorder_key.absolute()) if recorder_key else "recorder.pub"
    return Config(
        GateSection(SITE, name, state_dir=str(directory)),
        [CameraSection(CAMERA, "rtsp://127.0.0.1/none", DOOR)],
        [DoorSection(DOOR, LineSection(1), contact=LineSection(2), tamper=LineSection(3))],
        broker=broker,
        outbox=OutboxSection(recorder_key=key),
        operator=[OperatorSection(OPERATOR, credential=str(operator_key.absolute()))] if operator_key else [],
    )
