"""What a desk that was restored from a backup learns before it publishes: who was revoked, erased or changed since.

It believes what it signed itself: the list that the broker retains, and the stores of gates. From a list that is whole
follows who is on it and who is not. Gates say, signed, which revision they run; a list that is older than that is not
the last one. What could not be learned is named, and nothing is changed until it is, or somebody accepts the gap.
"""

import time
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

from edge import backup
from edge.authority import OFFICE
from edge.config import Credentials, DeskConfig
from edge.enrolled import Row, erased
from edge.errors import EdgeError, Phrase, SealError
from edge.follow import REPORT_EVERY_S
from edge.holding import head_of
from edge.mqtt import Connection, Lost, Message
from edge.office import Office
from edge.opened import content_of
from edge.pager import LOOK_EVERY_S, PATIENCE_S, Pager
from edge.records import Content, Head, Kind, Manifest, Report, Tombstone, Topics, decode, digest, parse
from edge.seal import Seal
from edge.session import address
from edge.signet import DESK_PUBLIC, Checker, Sealer, read_key
from edge.whitelist import KEY, Whitelist
from edge.withdrawal import Withdrawal
from edge.witness import Witness

SETTLED_S = REPORT_EVERY_S + PATIENCE_S
"""Of calm, after which every gate at work has said what it runs, under whichever key, and every page has come."""
LISTEN_S = 30.0
"""Longer than a gate takes to say again which revision it runs."""


class Recovery(Struct):
    """What was learned, by id, and what was not (`lacking`); `revision` is 0 when nothing was changed."""

    revision: int = 0
    taken_at: float | None = None
    list_revision: int = 0
    revoked: list[str] = []
    erased: list[str] = []
    changed: list[str] = []
    nameless: list[str] = []
    """Enrolled since: their records are back, but names and numbers do not travel."""
    unread: list[str] = []
    """Changed or enrolled since, and sealed with a content key that the backup does not have."""
    gates_shut_out: list[str] = []
    gates_unknown: list[str] = []
    workstations: list[str] = []
    """Those that the backup authorises, and no revocation list that was shown shuts out."""
    workstations_shut_out: list[str] = []
    crl: str = ""
    """The revocation list that was written, for the broker."""
    lacking: list[Phrase] = []


class Recoverer:
    """Reads the backup's databases, listens, and puts what was learned into them."""

    def __init__(self, config: DeskConfig, credentials: Credentials) -> None:
        self._config, self._credentials = config, credentials
        card = backup.pending(config)
        self._check = Checker([read_key(credentials.path(DESK_PUBLIC))])
        self.topics = Topics(config.desk.site)
        self._office = Office(config.state / OFFICE, Seal.load(credentials.path(KEY)))
        self._people = Whitelist.of(config, credentials, write=True)
        self._rows = {row.id: row for row, _secret in self._people.changes(0)[1]}
        self._gates = {gate.name: gate for gate in self._office.gates() if gate.revoked_at is None}
        self._revisions: dict[str, int] = {}
        self._heard: set[str] = set()
        self._anew: set[str] = set()
        """The gates in whose name another key reports than the one that the backup has."""
        self.found = Recovery(taken_at=card.taken_at if card else None)
        self._anchors: list[str] = []
        self._gone: dict[str, Tombstone] = {}
        self._back: list[tuple[Head, Content]] = []

    def recover(self, stores: Iterable[Path], listen_s: float, accept: bool, crl: Path | None = None) -> Recovery:
        """Learn, and unless something is lacking or with `accept`, put it into the databases; the desk may run then.

        `crl` is a later copy of the revocation list, such as the broker's. SealError when it is not one of this desk's.
        """
        found, broker = self.found, Witness(self.topics.site, self._check)
        withdrawal = Withdrawal(self._office, self._credentials, crl)
        try:
            self._listen(broker, listen_s)
        except Lost as lost:
            found.lacking.append(lost.message)
        witnesses = [broker]
        for store in stores:
            witnesses.append(Witness(self.topics.site, self._check))
            witnesses[-1].read(store)
        self._anchors = [each.manifest.anchor for each in witnesses if each.manifest]
        newest = max(witnesses, key=lambda each: each.manifest.revision if each.manifest else -1)
        self._learn(newest, witnesses)
        if newest is broker and broker.complete:  # then it was shown all there is
            found.gates_shut_out = sorted(self._gates.keys() - broker.keys)
        found.gates_shut_out = sorted({*found.gates_shut_out, *withdrawal.names("gates")})
        found.gates_unknown = sorted(broker.keys - {gate.name for gate in self._office.gates()})
        found.workstations_shut_out = withdrawal.names("workstations")
        in_service = {each.name for each in self._office.workstations() if not each.revoked_at}
        found.workstations = sorted(in_service.difference(found.workstations_shut_out))
        self._lack(newest.manifest)
        found.gates_shut_out = sorted({*found.gates_shut_out, *self._anew})
        found.lacking += withdrawal.lacking
        if accept or not found.lacking:
            self._apply(newest.manifest, withdrawal)
        self._office.close()
        return found

    # Hear -----------------------------------------------------------------------------------------------------------

    def _listen(self, witness: Witness, listen_s: float) -> None:
        """Hear the broker until all was shown and every gate was heard, or nothing new has come for so long."""
        topics, pager, shown = self.topics, Pager(self.topics), dict[str, bytes]()
        always = [topics.manifest, topics.index, topics.keys("+"), topics.reports]
        connection = Connection(address(self._config.broker, self._credentials), always, needs_all=True)
        news = time.monotonic()  # from when it can hear: a handshake may have taken as long
        while (calm := time.monotonic() - news) < listen_s and not (calm >= SETTLED_S and self._heard_out(witness)):
            wanted = pager.wanted(witness.roster.holding, time.monotonic())
            connection.subscribe([*wanted.documents, *wanted.pages])
            if not pager.done:
                news = time.monotonic()
            for message in connection.turn(LOOK_EVERY_S):
                if message.topic.endswith("/roster"):
                    self._reported(message)
                    continue
                witness.feed(message.topic, message.payload)
                if shown.get(message.topic) != (hashed := digest(message.payload)):  # what lacks is asked for for ever
                    shown[message.topic], news = hashed, time.monotonic()
        connection.close()

    def _heard_out(self, witness: Witness) -> bool:
        """Whether the list is whole and every gate was heard; tombstones are on no list and are waited for besides."""
        return witness.complete and self._all_heard(witness)

    def _all_heard(self, witness: Witness) -> bool:
        """Whether every gate was heard that is not shut out."""
        return self._heard >= self._gates.keys() & witness.keys

    def _reported(self, message: Message) -> None:
        """Which revision a gate runs; only what it says now is its word, not what the broker has kept of it.

        A name has one key at a time. So another that speaks under it was made since, when the gate was added anew, and
        the one of the backup may be in the hands of whoever took the gate.
        """
        gate = self._gates.get(message.topic.split("/")[-2])
        report = self._report(message.payload, gate.name) if gate else None
        if gate is None or report is None:
            return
        if not _signed(message.payload, gate.signs):
            self._anew.add(gate.name)
            return
        self._revisions[gate.name] = max(report.revision, self._revisions.get(gate.name, 0))
        if not message.retain:
            self._heard.add(gate.name)

    def _report(self, message: bytes, gate: str) -> Report | None:
        """A report in the name of this gate, whoever has signed it."""
        try:
            said = parse(message)
            report = decode(said.payload, Report) if said.kind == Kind.REPORT else None
        except (EdgeError, ValueError):
            return None
        return report if report and (report.site, report.gate) == (self.topics.site, gate) else None

    # Learn ----------------------------------------------------------------------------------------------------------

    def _learn(self, newest: Witness, witnesses: list[Witness]) -> None:
        records = {entry: message for witness in witnesses for entry, message in witness.records.items()}
        sealer = Sealer(self._office.content_keys())
        for witness in witnesses:
            for person, tombstone in witness.tombstones.items():
                self._bury(person, tombstone)
        if newest.manifest is None:
            return
        entries = newest.roster.holding.entries
        self.found.list_revision = newest.manifest.revision
        for person, row in self._rows.items():
            if (
                person not in entries
                and person not in self._gone
                and not row.revoked_at
                and row.revision <= newest.manifest.revision
            ):
                self._bury(person, Tombstone(person, newest.manifest.revision, newest.manifest.issued))
        for person, entry in entries.items():
            known, grave = self._rows.get(person), self._gone.get(person)
            if (grave and grave.revision > entry.revision) or (known and known.revision >= entry.revision):
                continue
            self._gone.pop(person, None)
            self._reopen(person, records.get(entry), sealer)

    def _bury(self, person: str, tombstone: Tombstone) -> None:
        row, known = self._rows.get(person), self._gone.get(person)
        if row is None or erased(row) or row.revision >= tombstone.revision:
            return
        if known is None or (known.revision, known.erased) < (tombstone.revision, tombstone.erased):
            self._gone[person] = tombstone

    def _reopen(self, person: str, message: bytes | None, sealer: Sealer) -> None:
        try:
            if message is None:
                raise ValueError(person)
            self._back.append((head_of(parse(message)), content_of(message, sealer)[1]))
        except (EdgeError, ValueError):
            self.found.unread.append(person)

    def _lack(self, manifest: Manifest | None) -> None:
        """Say why this may not be all that happened."""
        lacking, head = self.found.lacking, self._office.head()[0]
        if manifest is None or manifest.revision < head:
            text = "no whole list that this desk has signed since revision {revision} was found"
            lacking.append(Phrase(text, revision=head))
        for name in sorted(self._gates.keys() - set(self.found.gates_shut_out)):
            revision, known = self._revisions.get(name, 0), manifest.revision if manifest else 0
            if name in self._anew:
                text = (
                    "{gate} speaks with another key than this backup has, as one that was added anew since: it is shut "
                    "out, and to be added again"
                )
                lacking.append(Phrase(text, gate=name))
            elif revision > known:
                text = "{gate} runs revision {revision}, which nobody has shown; name its list.sqlite with --store"
                lacking.append(Phrase(text, gate=name, revision=revision))
            elif name not in self._heard:
                lacking.append(Phrase("{gate} was not heard; it may know of a later list", gate=name))

    # Put it in ------------------------------------------------------------------------------------------------------

    def _apply(self, manifest: Manifest | None, withdrawal: Withdrawal) -> None:
        found = self.found
        found.erased = sorted(person for person, tombstone in self._gone.items() if tombstone.erased)
        found.revoked = sorted(self._gone.keys() - set(found.erased))
        found.changed = sorted(head.id for head, _ in self._back if head.id in self._rows)
        found.nameless = sorted(head.id for head, _ in self._back if head.id not in self._rows)
        for gate in found.gates_shut_out:
            self._office.shut_out(gate)
        found.crl = withdrawal.carry_out()
        self._office.forget_index()
        known = [manifest.revision if manifest else 0, *self._revisions.values(), *map(_revision, self._rows.values())]
        # Seconds since 1970: more than a site has had changes, and more than at any recovery before, known or not.
        least = max(int(time.time()), *(revision + 1 for revision in known if revision < 2**53))
        told = _told(found) | {"anchors": ", ".join(self._anchors), "numbered": str(least)}
        self._people.recover(self._gone, self._back, least, told)
        found.revision = self._people.renumber()
        (self._config.state / backup.RESTORED).unlink(missing_ok=True)


def _signed(message: bytes, public: bytes) -> bool:
    try:
        return bool(Checker([public])(message))
    except SealError:
        return False


def _revision(row: Row) -> int:
    return row.revision


def _told(found: Recovery) -> dict[str, str]:
    """What the journal says of it."""
    counts = {name: str(len(getattr(found, name))) for name in ("revoked", "erased", "changed", "nameless", "unread")}
    lists = ("gates_shut_out", "gates_unknown", "workstations", "workstations_shut_out")
    names = {name: ", ".join(getattr(found, name)) for name in lists}
    told = {"list_revision": str(found.list_revision), **counts, **names, "lacking": "; ".join(map(str, found.lacking))}
    return {name: value for name, value in told.items() if value}
