"""The demonstration: a whole site on this machine, from real portraits in a film to events in the room's database.

Pretended are only the hall, the relay's chip and the hand on the door. The stream is RTSP, the networks and the
broker are real, and the gate's processes are those of a gate in service.
"""

import contextlib
import math
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from edge import models
from edge.doorevents import AccessDenied, AccessGranted, DoorModeChanged, DoorPhysicalStateChanged
from edge.enroll import Registrar, enroll, portrait
from edge.enrolled import Applicant, Consent
from edge.errors import LinkError
from edge.events import BrokerFault, GateStarted
from edge.faces import Vision
from edge.film import APPROACHES, Approach, approach_film
from edge.i18n import N_
from edge.photos import read
from edge.portraits import ENROLLED, photos
from edge.room import Room, Seen
from edge.simulate import DemoBroker, RtspServer, SimulatedDoor
from edge.site import CONTACT, RELAY, Site, end
from edge.summary import Scene, Summary, illustrate, summarise, write
from edge.whitelist import Whitelist

PACK = "registry"
NAME = "the enrolled person"
READY_S = 30.0
OUTAGE_AFTER, OUTAGE_S = 4, 12.0
"""After how many decisions the broker is killed, and for how long."""
SETTLE_S = 60.0
"""How long the room may take to have everything after the last approach."""

Tell = Callable[..., None]
"""Told a message template and its fields."""
Progress = Callable[[str, int, int], None]


class Demo:
    """One demonstration. Downloads and the film are kept beside `store`, the models' directory."""

    def __init__(self, out: Path, store: Path, tell: Tell, progress: Progress) -> None:
        self.out, self.store, self.tell, self.progress = out, store, tell, progress

    def run(self) -> Summary:
        """Play the film once to a gate and say what came of it; EdgeError when a part cannot be had."""
        self.out.mkdir(parents=True, exist_ok=True)
        models.fetch(PACK, self.store, progress=self.progress)
        folder = photos(self.store.parent / "portraits")
        film, approaches = self._film(folder)
        with contextlib.ExitStack() as stack:
            broker = stack.enter_context(DemoBroker())
            camera = stack.enter_context(RtspServer([film]))
            root = Path(stack.enter_context(TemporaryDirectory(prefix="edge-gate-demo-")))
            address = {"url": camera.url(film), "broker_port": broker.port}
            site = Site(root, self.store, pack=PACK, liveness_unavailable="accept", **address)
            self._enroll(site, folder)
            room = self._open(stack, site, broker)
            killed = self._play(room, broker, camera, approaches[-1].end_s)
            self._settle(site, room, killed)
            return self._finish(site, room, broker.kind, film, approaches)

    def _film(self, folder: Path) -> tuple[Path, list[Approach]]:
        film = self.store.parent / "approach.mp4"
        return film, approach_film(film, folder, APPROACHES, lambda done, total: self.progress(N_("film"), done, total))

    def _enroll(self, site: Site, folder: Path) -> None:
        vision = Vision(models.load(PACK, self.store))
        consent = Consent("demonstration", "public-domain portrait", date.today() + timedelta(days=1))
        people = Whitelist.of(site.config, site.credentials, write=True)
        applicant = Applicant(NAME, consent)
        with Registrar.of(vision, people, site.config.access.fpir) as registrar:
            person, _ = enroll([folder / ENROLLED], applicant, registrar)
        self.tell("{person} is enrolled from one photograph, with consent and a retention date", person=person.id)
        self.tell("this pack has no liveness networks: the demonstration accepts that, a gate in service would not")

    def _open(self, stack: contextlib.ExitStack, site: Site, broker: DemoBroker) -> Room:
        """Start the recorder, the gate and the hand on the door."""
        stack.enter_context(running(site, "record"))
        stack.enter_context(running(site, "run"))
        room = Room(Path(site.config.recorder.database))
        if not room.wait(lambda room: bool(room.of(GateStarted)), READY_S):
            raise LinkError("the gate did not start", "its logs say why: {logs}", logs=self._logs(site))
        door = SimulatedDoor(site.chip, RELAY, CONTACT)
        door.start()
        stack.callback(door.close)
        self.tell("relay guard, gate and eye are running; the broker is {kind}", kind=broker.kind)
        return room

    def _logs(self, site: Site) -> str:
        """What gate and recorder have said, kept with the results."""
        return ", ".join(str(shutil.copy(site.root / name, self.out)) for name in ("run.log", "record.log"))

    def _play(self, room: Room, broker: DemoBroker, camera: RtspServer, film_s: float) -> bool:
        """Follow the film to its end; on the way the broker is killed, and comes back without a memory.

        False when too little was decided for that.
        """
        begun, back_at = time.monotonic(), math.inf
        killed = False
        while time.monotonic() < begun + film_s:
            for seen in room.news():
                self._show(seen)
            decided = len(room.of(AccessGranted)) + len(room.of(AccessDenied))
            if not killed and decided >= OUTAGE_AFTER:
                broker.kill()
                killed, back_at = True, time.monotonic() + OUTAGE_S
                self.tell("-- the broker is killed, with all it had in memory; the gate goes on deciding")
            if time.monotonic() > back_at:
                self._restore(broker)
                back_at = math.inf
            time.sleep(0.1)
        if back_at < math.inf:  # decisions came late
            self._restore(broker)
        camera.kill()
        return killed

    def _restore(self, broker: DemoBroker) -> None:
        broker.start()
        self.tell("-- the broker is back and knows nothing; the gate sends what the room has not confirmed")

    def _settle(self, site: Site, room: Room, killed: bool) -> None:
        """Wait until the room has everything; a broker that was not killed is in no event."""
        shown = len(room.events)
        if not killed:
            text = (
                "-- fewer than {few} decisions while the film ran, so the broker was not killed: this machine may be "
                "too slow, or too busy; the logs say more: {logs}"
            )
            self.tell(text, few=OUTAGE_AFTER, logs=self._logs(site))
        if not room.wait(lambda room: (not killed or bool(room.of(BrokerFault))) and quiet(room), SETTLE_S):
            self.tell("-- the room may not have everything: {seconds:.0f} s were not enough", seconds=SETTLE_S)
        for seen in room.events[shown:]:
            self._show(seen)

    def _finish(self, site: Site, room: Room, kind: str, film: Path, approaches: list[Approach]) -> Summary:
        """Sum up, and draw the picture."""
        summary = summarise(site, room, PACK, kind, len(approaches))
        write(self.out, summary)
        self._illustrate(site, room, summary, film, approaches)
        return summary

    def _illustrate(self, site: Site, room: Room, summary: Summary, film: Path, approaches: list[Approach]) -> None:
        """The picture, where there is something to show."""
        if not (summary.granted and summary.denied):
            return
        vision = Vision(models.load(PACK, self.store))
        photo = photos(self.store.parent / "portraits") / ENROLLED
        enrolled = portrait(photo, read(photo), vision).template
        scene = Scene(film, approaches, vision, enrolled, site.config.camera[0].zone)
        facts = [
            ("granted, refused", f"{summary.granted}, {summary.denied}"),
            ("first good frame to relay", f"{summary.decision_ms['p50']:.0f} ms"),
            ("events recorded, lost", f"{summary.events_published}, {summary.events_lost}"),
            ("liveness", "unavailable"),
        ]
        illustrate(self.out, room, scene, facts)

    def _show(self, seen: Seen) -> None:
        """One event, as a line."""
        at, data = seen.time[11:23], seen.data
        if seen.of(AccessGranted):
            score, limit = data["evidence"]["score"], data["evidence"]["threshold"]
            self.tell("{at}  granted   {person}, score {score:.2f} against {limit:.2f}", at=at, person=data["person"],
                      score=score, limit=limit)  # fmt: skip
        elif seen.of(AccessDenied):
            self.tell("{at}  refused   {reason}", at=at, reason=data["reason"])
        elif seen.of(DoorModeChanged):
            self.tell("{at}  door      {mode}", at=at, mode=data["mode"])
        elif seen.of(DoorPhysicalStateChanged):
            self.tell("{at}  leaf      {state}", at=at, state=data["state"])
        else:
            self.tell("{at}  {kind}", at=at, kind=seen.type.removeprefix("edge-gate."))


def quiet(room: Room) -> bool:
    """Whether nothing was recorded for three seconds."""
    return time.time() - room.events[-1].received > 3.0


@contextlib.contextmanager
def running(site: Site, command: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A subcommand of the site in the background; its output is in COMMAND.log of the site."""
    process = site.start(command, log=f"{command}.log")
    try:
        yield process
    finally:
        end(process)
