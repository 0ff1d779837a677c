"""Who has shown that they hold a public key of the desk's: what is asked before the key that it replaces is destroyed.

A gate says so in its reports, a workstation by what it seals its requests to and says in them. Who says nothing, being
of an older version or switched off, does not count as holding it.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime

from edge.audit import Audit
from edge.errors import Phrase
from edge.flood import Bucket
from edge.journal import Deed
from edge.office import Gate, Office
from edge.signet import fingerprint

FINGERPRINT = re.compile("[0-9a-f]{16}")
NOTES, NOTES_PER_S = 4, 4 / 3600
"""So many lines of one workstation's are written at once, then so often: a rotation makes it show one key or two."""


class Showings:
    """Tells in the journal which keys of the desk's each workstation has, each once. For one thread.

    What a workstation says of keys is its word alone: one that was taken over may invent as many as it likes. Beyond
    the bucket they are neither written down nor remembered; what is true is shown again by the next request.
    """

    def __init__(self, audit: Audit) -> None:
        self._audit = audit
        self._known: dict[Gate, tuple[set[str], Bucket]] = {}

    def note(self, workstation: Gate, keys: Iterable[str], now: float) -> None:
        """Take in fingerprints, at a monotonic time; StoreError when the journal cannot be used."""
        if workstation not in self._known:
            self._known[workstation] = held(self._audit, workstation), Bucket(NOTES, NOTES_PER_S, now)
        before, bucket = self._known[workstation]
        new = set(filter(FINGERPRINT.fullmatch, keys)) - before
        if new and bucket.take(now):
            known = {"by": fingerprint(workstation.signs), "keys": ", ".join(sorted(new))}
            self._audit.note(Deed.KEYS_HELD, workstation.name, **known)
            before |= new


def held(audit: Audit, workstation: Gate) -> set[str]:
    """The keys, by their fingerprints, that this workstation has shown, not one that had its name before."""
    details = [line.data.details for line in audit.told(Deed.KEYS_HELD, workstation.name)]
    own = [each for each in details if each.get("by") == fingerprint(workstation.signs)]
    return {key for each in own for key in each["keys"].split(", ")}


def gates_without(office: Office, key: str) -> dict[str, Phrase]:
    """The gates in service that have not said that they believe this key, with when each was heard last."""
    contacts, without = office.contacts(), dict[str, Phrase]()
    for gate in office.gates():
        contact = contacts.get(gate.name)
        if gate.revoked_at or (contact and key in contact.trusts):
            continue
        if contact:
            at = datetime.fromtimestamp(contact.at, UTC)
            without[gate.name] = Phrase("{gate}, heard last at {at:%Y-%m-%d %H:%M} UTC", gate=gate.name, at=at)
        else:
            without[gate.name] = Phrase("{gate}, never heard", gate=gate.name)
    return without


def workstations_without(office: Office, audit: Audit, key: str) -> dict[str, Phrase]:
    """The workstations in service that have asked for nothing with this key."""
    asked = [each for each in office.workstations() if not each.revoked_at and key not in held(audit, each)]
    return {each.name: Phrase("workstation {name}", name=each.name) for each in asked}
