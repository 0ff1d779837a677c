"""A desk's clerk at a real database, and workstations whose messages are handed over by hand."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np

from edge import provision
from edge.audit import Audit
from edge.clerk import Clerk
from edge.config import (
    BrokerSection,
    Credentials,
    DeskConfig,
    DeskSection,
    WorkstationConfig,
    WorkstationSection,
)
from edge.enrolled import Applicant, Consent
from edge.journal import Deed
from edge.matcher import Vector
from edge.models import manifest
from edge.office import Office
from edge.records import digest
from edge.requests import (
    Admit,
    Ask,
    Done,
    Find,
)
from edge.seal import Seal, new_sealing_key
from edge.sections import ModelsSection
from edge.signet import DESK_KEY, new_signing_pair, write_pair
from edge.timetable import ZoneSection
from edge.town import synthetic
from edge.whitelist import KEY, Whitelist
from edge.workstation import Counter

SITE, PACK = "hq", manifest("zoo")
CONSENT = Consent("form 12", "entry", date.today() + timedelta(days=30))
RNG = np.random.default_rng(3)


class Room(NamedTuple):
    """A desk's clerk, and two workstations that hand their messages over by hand."""

    clerk: Clerk
    config: DeskConfig
    credentials: Credentials
    counters: dict[str, Counter]

    def message(self, name: str, ask: Ask, id_: str = "r1") -> bytes:
        return self.counters[name]._message(ask, id_)

    def hand(self, name: str, message: bytes, by: Clerk | None = None) -> object:
        """What the workstation is told, or None."""
        reply = (by or self.clerk).hear(name, message)
        response = self.counters[name]._reply(reply, digest(message)) if reply else None
        if response:
            self.counters[name]._challenge = response.challenge
        return response and response.outcome

    def ask(self, name: str, ask: Ask, id_: str = "r1") -> object:
        if not self.counters[name]._challenge:
            self.hand(name, self.message(name, Find("")))
        return self.hand(name, self.message(name, ask, id_))

    def enroll(self, name: str = "Ann", faces: Vector | None = None) -> Done:
        rows = synthetic(RNG, PACK.dimension) if faces is None else faces
        applicant = Applicant(name, CONSENT)
        done = self.ask(
            "front", Admit(applicant, PACK.id, PACK.dimension, rows.astype("<f4").tobytes()), f"enrol {name}"
        )
        assert isinstance(done, Done), done
        return done

    @property
    def people(self) -> Whitelist:
        return Whitelist.of(self.config, self.credentials)

    def lines(self, deed: Deed) -> list[tuple[str, str]]:
        lines = [said.line for said in Audit.of(self.config, self.credentials).lines()]
        return [(line.actor, line.subject) for line in lines if line.deed is deed]


@contextmanager
def furnished(tmp_path: Path, zone: str = "UTC") -> Iterator[Room]:
    """A desk with its keys in this folder, and two workstations."""
    section = DeskSection(site=SITE, state_dir=str(tmp_path / "state"))
    config = DeskConfig(section, ModelsSection(pack="zoo"), calendar=ZoneSection(zone))
    credentials = Credentials(tmp_path / "credentials")
    new_sealing_key(credentials.path(KEY))
    write_pair(credentials.path(DESK_KEY), new_signing_pair())
    counters = {}
    with closing(office(config, credentials)) as open_:
        for name in ("front", "back"):
            provision.add_workstation(open_, credentials.directory, SITE, name, tmp_path / name)
            station = WorkstationConfig(WorkstationSection(SITE, name), BrokerSection())
            counters[name] = Counter(station, Credentials(tmp_path / name), PACK.id)
    for site, name in (("other", "front"), (SITE, "another")):
        station = WorkstationConfig(WorkstationSection(site, name), BrokerSection())
        counters[f"{site}/{name}"] = Counter(station, Credentials(tmp_path / "front"), PACK.id)
    with closing(Clerk(config, credentials)) as clerk:
        yield Room(clerk, config, credentials, counters)


def office(config: DeskConfig, credentials: Credentials) -> Office:
    config.state.mkdir(exist_ok=True)
    return Office(config.state / "desk.sqlite", Seal.load(credentials.path(KEY)))
