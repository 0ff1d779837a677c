"""Who has shown that they hold a public key of the desk's: what is asked before the key before it is destroyed.

A gate says so in its reports, a workstation by what it seals its requests to and says in them. Who says nothing, being
of an older version or switched off, does not count as holding it.
"""

from datetime import UTC, datetime

from edge.audit import Audit
from edge.errors import Phrase
from edge.journal import Deed
from edge.office import Gate, Office


def held(audit: Audit, workstation: Gate) -> set[str]:
    """The keys, by their fingerprints, that a workstation has shown since it was added."""
    lines = audit.told(Deed.KEYS_HELD, workstation.name)
    since = [line for line in lines if line.at.timestamp() >= workstation.added_at]
    return {key for line in since for key in line.data.details["keys"].split(", ")}


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
