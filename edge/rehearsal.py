"""Plays a scenario to a gate: what happens becomes facts, and what follows is written down."""

from collections import defaultdict
from collections.abc import Callable
from itertools import count
from typing import Any

from msgspec import Struct

from edge.commands import BURST, FLOOD, PER_S, TELL_EVERY_S, USED
from edge.facts import (
    BrokerReported,
    CameraReported,
    CardRead,
    CommandReceived,
    CommandsRefused,
    FaceSeen,
    Heartbeat,
    PassShown,
    PinEntered,
    StorageReported,
    TrackEnded,
)
from edge.flood import Bucket, Tally
from edge.happenings import Happening
from edge.presence import Company, Cues
from edge.scenario import Scenario
from edge.stage import BOOTED, Stage
from edge.state import DoorState
from edge.terms import Candidate, CommandKind, Input, Pass, Permit, Quality, Reason, Status, Storage

AFTER_S = 30.0
"""For how long it goes on after the last fact unless it says `until`."""
VIEW_S = 0.1
"""Between two views of a face."""
AGE_S = 0.05
"""How old a frame is when the gate sees it."""
PRESS_S = 0.5
"""How long a button is pressed."""
DAY_S = 86_400.0
GOOD = Quality(eye_distance_px=90.0, sharpness=0.9, yaw=0.0, pitch=0.0, brightness=0.5)
LOOKS = {
    "live": Cues((0.99,), shift=0.05, carried=0.0, border=0.0),
    "attack": Cues((0.02,), shift=0.05, carried=1.0, border=1.0),
    "unsure": Cues((0.7,), border=0.0),
    "unavailable": Cues(),
}


class Outcome(Struct):
    """What a scenario led to: every effect with its second, and how it ended."""

    title: str
    effects: list[dict[str, Any]]
    doors: dict[str, DoorState]
    inside: dict[str, list[str]]


def rehearse(scenario: Scenario) -> Outcome:
    """Play it from its start to its end."""
    player = Player(scenario)
    stage = player.stage
    for happening in scenario.happenings:
        stage.at(happening.at, player.play, happening)
    last = scenario.happenings[-1].at if scenario.happenings else 0.0
    stage.run(scenario.until if scenario.until is not None else last + AFTER_S)
    doors = {name: DoorState.of(door) for name, door in stage.gate.doors.items()}
    return Outcome(scenario.title, stage.told, doors, stage.gate.areas.inside())


class Player:
    """Makes happenings into facts."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self.stage = Stage(scenario)
        self._numbers = count(1)
        self._standing: defaultdict[str, list[int]] = defaultdict(list)
        """The tracks before each camera, who came first in front."""
        self._bucket, self._refusals = Bucket(BURST, PER_S, 0.0), Tally(TELL_EVERY_S, 0.0)
        self._taken: set[tuple[str, str]] = set()
        """The commands that came this far, by operator and id: whose id comes again is the same message sent again."""
        self._kinds: dict[str, Callable[[dict[str, Any]], None]] = {
            "face": self._face,
            "inputs_lost": self._inputs_lost,
            "clock": self._clock,
            "command": self._command,
            "pass": self._pass,
            "pin": self._pin,
            "card": self._card,
            "camera": self._camera,
            "broker": self._broker,
            "storage": self._storage,
            "whitelist": self._whitelist,
            "relay": self._relay,
            "reader": self._reader,
            "nothing": lambda fields: None,
        }

    def play(self, happening: Happening) -> None:
        if happening.kind in self._kinds:
            self._kinds[happening.kind](happening.fields)
        else:
            self._input(Input(happening.kind), happening.fields)

    def _door(self, fields: dict[str, Any]) -> str:
        """The door that is meant, by its name, its camera or its reader; the first one when none is."""
        config = self._scenario.config
        doors = {camera.name: camera.door for camera in config.camera}
        doors |= {reader.name: reader.door for reader in config.reader}
        source = fields.get("reader") or fields.get("camera")
        return str(fields.get("door") or doors.get(source or "", config.door[0].name))

    def _source(self, fields: dict[str, Any], door: str) -> str:
        """The camera or reader that is meant; otherwise the first camera of the door."""
        named = fields.get("camera") or fields.get("reader")
        there = [camera.name for camera in self._scenario.config.camera if camera.door == door]
        return str(named or (there or [door])[0])

    def _permit(self, name: str) -> Permit | None:
        person = self._scenario.people.get(name)
        if person is None:
            return Permit(name) if name else None
        return Permit(
            name, person.levels, person.valid_from, person.valid_until, person.pin, person.duress_pin, person.extended
        )

    # People -----------------------------------------------------------------------------------------------------

    def _face(self, fields: dict[str, Any]) -> None:
        door = self._door(fields)
        camera, track = self._source(fields, door), fields.get("track") or next(self._numbers) + 100_000
        access = self._scenario.config.access
        enough = max(2.0, 1.5 * access.live_watch_s + 0.5, VIEW_S * (access.votes + access.refuse_after + 2))
        lasts = fields.get("for") or VIEW_S * fields.get("views", 0) or enough
        age = fields.get("age", AGE_S)
        views = fields.get("views") or max(1, round(lasts / VIEW_S))
        begun, person = self.stage.now, fields.get("person", "")
        cues = LOOKS[fields.get("liveness") or "live"]
        self._standing[camera].append(track)
        for index in range(views):
            self.stage.at(begun + index * VIEW_S, self._view, camera, track, begun, age, person, cues)
        self.stage.at(begun + lasts, self._standing[camera].remove, track)
        if not fields.get("stays"):
            self.stage.at(begun + lasts, self.stage.step, TrackEnded(camera, track))

    def _view(self, camera: str, track: int, begun: float, age: float, person: str, cues: Cues) -> None:
        if (camera, track) in self.stage.settled or not self._watches(camera):
            return
        now = BOOTED + self.stage.now
        found = Candidate(person, 0.8, 0.3, 0.5, self.stage.revision) if person else None
        since = BOOTED + begun - age
        permit, company = self._permit(person), self._company(camera, track)
        self.stage.step(FaceSeen(camera, track, now - age, since, GOOD, cues, found, permit, company))

    def _watches(self, source: str) -> bool:
        """Whether this reader, or this camera while its stream is there, sees anything."""
        return self.stage.cameras.get(source, Status.STREAMING) is Status.STREAMING

    def _company(self, camera: str, track: int) -> Company:
        """Of several who stand before a camera the one is nearest who came first."""
        there = self._standing[camera]
        return Company(len({*there} - {track}), nearest=there[:1] in ([], [track]))

    def _pass(self, fields: dict[str, Any]) -> None:
        door = self._door(fields)
        person, utc = fields.get("person", ""), self._scenario.start
        shown = Pass(
            id=fields.get("id") or f"pass-{person or 'visitor'}",
            person=person or fields.get("id") or "visitor",
            issuer="scenario",
            valid_from=fields.get("from", utc - DAY_S),
            valid_until=fields.get("until", utc + DAY_S),
            uses=fields.get("uses", 1) or None,
            used=fields.get("used", 0),
            face=bool(fields.get("face")),
            pin=fields.get("pin", ""),
        )
        problem = Reason(fields["problem"]) if fields.get("problem") else None
        permit = self._permit(person) if person in self._scenario.people else None
        source, read = self._source(fields, door), BOOTED + self.stage.now
        if self._watches(source):
            self.stage.step(PassShown(door, source, read, None if problem else shown, permit, problem))

    def _pin(self, fields: dict[str, Any]) -> None:
        door = self._door(fields)
        self.stage.step(PinEntered(door, self._source(fields, door), fields.get("pin", "")))

    def _card(self, fields: dict[str, Any]) -> None:
        door = self._door(fields)
        self.stage.step(CardRead(door, self._source(fields, door), self._permit(fields.get("person", ""))))

    def _command(self, fields: dict[str, Any]) -> None:
        """What could not be verified, floods and replays never reach the core: they are counted, as on a real gate."""
        operator = fields.get("operator", "operator")
        id_ = fields.get("id") or f"command-{next(self._numbers)}"
        if why := self._unheard(fields, (operator, id_)):
            self._refusals.add(why, fields.get("id", ""))
            self._tell_refusals()
            self.stage.at(self.stage.now + TELL_EVERY_S, self._tell_refusals)
            return
        self.stage.step(
            CommandReceived(
                id=id_,
                operator=operator,
                kind=CommandKind(fields["command"]),
                door=fields.get("door", ""),
                seconds=fields.get("for"),
                person=fields.get("person", ""),
            )
        )

    def _unheard(self, fields: dict[str, Any], command: tuple[str, str]) -> str:
        """Why a command goes no further, or ""; one that does has used up its counter."""
        if not self._bucket.take(self.stage.now):
            return str(FLOOD)
        if why := str(fields.get("problem", "")):
            return why
        if command in self._taken:
            return str(USED)
        self._taken.add(command)
        return ""

    def _tell_refusals(self) -> None:
        if told := self._refusals.due(self.stage.now):
            self.stage.step(CommandsRefused(*told))

    # Lines, clock, links ----------------------------------------------------------------------------------------

    def _input(self, name: Input, fields: dict[str, Any]) -> None:
        door, active = self._door(fields), fields.get("active", True)
        lasts = fields.get("for") or (PRESS_S if name is Input.EXIT_BUTTON and active else 0.0)
        self.stage.line(door, name, active)
        if lasts:
            self.stage.at(self.stage.now + lasts, self.stage.line, door, name, not active)

    def _inputs_lost(self, fields: dict[str, Any]) -> None:
        stage, door = self.stage, self._door(fields)
        stage.lose(door, fields.get("detail", "the lines cannot be read"))
        if "for" in fields:
            stage.at(stage.now + fields["for"], stage.regain, door)

    def _clock(self, fields: dict[str, Any]) -> None:
        stage = self.stage
        stage.utc_offset += fields.get("step", 0.0)
        if "to" in fields:
            stage.utc_offset = fields["to"] - stage.now
        stage.trusted = fields.get("trusted", stage.trusted)
        stage.step(Heartbeat())

    def _camera(self, fields: dict[str, Any]) -> None:
        camera, status = self._source(fields, self._door(fields)), Status(fields.get("status", "unreachable"))
        self.stage.cameras[camera] = status
        if status is not Status.SILENT:  # then it says nothing more
            self.stage.step(CameraReported(camera, status, fields.get("detail", "")))

    def _broker(self, fields: dict[str, Any]) -> None:
        status = Status(fields.get("status", "unreachable"))
        self.stage.step(BrokerReported(status, fields.get("detail", "")))

    def _storage(self, fields: dict[str, Any]) -> None:
        self.stage.storage = Storage(fields.get("state", "full"))
        self.stage.step(StorageReported(self.stage.storage, 0, 100_000))

    def _whitelist(self, fields: dict[str, Any]) -> None:
        self.stage.revision = fields.get("revision", self.stage.revision + 1)
        self.stage.step(self.stage.whitelist(fields.get("problem", "")))

    def _reader(self, fields: dict[str, Any]) -> None:
        """It sends heartbeats, or none; the next one is due within a second."""
        if fields.get("status", "silent") == "silent":
            self.stage.mute.add(fields["reader"])
        else:
            self.stage.mute.discard(fields["reader"])

    def _relay(self, fields: dict[str, Any]) -> None:
        self.stage.relays[self._door(fields)].set(fields.get("status", "away"))
