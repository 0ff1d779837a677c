"""What a desk has signed, gathered from who was shown it: the broker, or the store of a gate."""

from pathlib import Path

from edge.errors import SealError
from edge.outcomes import Keep
from edge.records import Entry, Kind, Manifest, Mark, Tombstone, decode, parse
from edge.roster import Roster
from edge.signet import Checker
from edge.vault import Vault


class Witness:
    """One of them. What the desk has not signed means nothing."""

    def __init__(self, site: str, check: Checker) -> None:
        self._check = check
        self.roster = Roster(site, "", check, Mark(0, 0.0), "")
        self.records: dict[Entry, bytes] = {}
        self.tombstones: dict[str, Tombstone] = {}
        self.keys: set[str] = set()
        """The gates for which content keys are wrapped."""

    @property
    def manifest(self) -> Manifest | None:
        """Of the list, when it is known who is on it."""
        return None if self.roster.holding.behind else self.roster.holding.manifest

    @property
    def complete(self) -> bool:
        return self.manifest is not None and not self.roster.holding.lacking

    def feed(self, topic: str, message: bytes) -> None:
        """Take in what is shown under a topic; what the desk has not signed means nothing."""
        for outcome in self.roster.feed(topic, message):
            if isinstance(outcome, Keep):
                self.records[outcome.entry] = outcome.message
        match self.roster.topics.split(topic):
            case ["people", _, person]:
                self._bury(message, person)
            case ["keys", gate] if self._signed(message, Kind.KEYS):
                self.keys.add(gate)

    def _bury(self, message: bytes, person: str = "") -> None:
        """A tombstone counts also where the list has caught up with it: it says whether somebody was erased."""
        if kind_of(message) == Kind.TOMBSTONE and (payload := self._signed(message, Kind.TOMBSTONE)):
            tombstone = decode(payload, Tombstone)
            known = self.tombstones.get(tombstone.id)
            if person in ("", tombstone.id) and (known is None or known.revision < tombstone.revision):
                self.tombstones[tombstone.id] = tombstone

    def _signed(self, message: bytes, kind: Kind) -> bytes:
        try:
            signed = self._check(message)
        except SealError:
            return b""
        return signed.payload if signed.kind == kind else b""

    def read(self, store: Path) -> None:
        """Take in the store of a gate; StoreError when it cannot be read."""
        vault = Vault(store, read_only=True)
        try:
            held, tombstones = vault.held()[0], vault.tombstones()
            self.roster.resume(vault.documents(), tombstones, held)
            self.records = {entry: message for entry in held if (message := vault.record(entry))}
        finally:
            vault.close()
        for message in tombstones:
            self._bury(message)


def kind_of(message: bytes) -> str:
    """What a message says that it is, unverified."""
    try:
        return parse(message).kind
    except SealError:
        return ""
