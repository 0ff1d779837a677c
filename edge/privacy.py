"""What is held about one person: for whoever asks what is known of them (PIPL, article 45)."""

from datetime import date

from msgspec import Struct

from edge.audit import Audit, Said
from edge.authority import OFFICE
from edge.complaints import nobody
from edge.config import Config, Credentials, DeskConfig
from edge.enrolled import Person
from edge.i18n import N_
from edge.journal import Deed
from edge.office import Office, Receipt
from edge.seal import Seal
from edge.whitelist import KEY, Whitelist

ELSEWHERE = (
    N_("passages: the database of the monitoring room, until its retention.personal_s; edge-gate explain names one"),
    N_("passages that the room has not received: the event log of the gate, until then"),
    N_("passages in an event log that was damaged: beside that of the gate (outbox.sqlite.before-...), for 30 days"),
    N_("decisions by id: the fact log of a gate (gate.fact_log), until it is full and begins anew"),
    N_("photos and templates of strangers: nowhere"),
)


class Place(Struct, frozen=True):
    """A gate, the revision that it runs, and whether it has the sealed record; None: it has never reported."""

    gate: str
    revision: int | None
    holds: bool | None


class Dossier(Struct, frozen=True):
    """The record without templates, where copies of it are, who confirmed its end, and what was done with it."""

    record: Person
    gates: list[Place]
    receipts: list[Receipt]
    processing: list[Said]


def report(config: Config | DeskConfig, credentials: Credentials, person: str, today: date) -> Dossier:
    """Collect what is held about a person, and record that somebody asked; StoreError when there is no such id."""
    people = {each.id: each for each in Whitelist.of(config, credentials).people(today)}
    if person not in people:
        raise nobody(person, list(people))
    audit, record = Audit.of(config, credentials, write=True), people[person]
    audit.note(Deed.REPORTED, person)
    places, receipts = list[Place](), list[Receipt]()
    if isinstance(config, DeskConfig):
        office = Office(config.state / OFFICE, Seal.load(credentials.path(KEY)))
        places, receipts = _places(office, record), office.receipts(person, record.revision)
        office.close()
    return Dossier(record, places, receipts, audit.lines(person))


def _places(office: Office, record: Person) -> list[Place]:
    contacts = office.contacts()
    issued = record.revoked_at is None and bool(record.consent)
    found = []
    for gate in office.gates():
        if gate.revoked_at is None:
            at = contacts[gate.name].revision if gate.name in contacts else None
            holds = None if at is None else at >= record.revision and issued
            found.append(Place(gate.name, at, holds))
    return found
