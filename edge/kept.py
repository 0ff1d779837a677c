"""What a gate that follows a desk searches, read from its store: verified and opened as the gate does."""

from datetime import date

from edge.config import Config, Credentials
from edge.errors import StoreError
from edge.matcher import Gallery
from edge.opened import Opener
from edge.outcomes import Unlock
from edge.packs import Manifest
from edge.roster import Roster
from edge.signet import DESK_NEXT, DESK_PUBLIC, GATE_OPENS, Checker, read_key
from edge.vault import MarkFile, Vault

STORE, MARK = "list.sqlite", "whitelist.mark"
"""In the state directory."""


def checker(credentials: Credentials) -> Checker:
    """Believes the desk: its key, and the next one where it is installed."""
    names = [DESK_PUBLIC, *([DESK_NEXT] if credentials.path(DESK_NEXT).exists() else [])]
    return Checker([read_key(credentials.path(name)) for name in names])


def gallery(config: Config, credentials: Credentials, pack: Manifest, today: date) -> Gallery:
    """The templates in use; StoreError when there is no list that may be used."""
    opener = Opener(pack.id, pack.dimension, read_key(credentials.path(GATE_OPENS)))
    roster = Roster(config.gate.site, config.gate.name, checker(credentials), MarkFile(config.state / MARK).read(), "")
    vault = Vault(config.state / STORE, read_only=True)
    try:
        _fill(roster, opener, vault)
    finally:
        vault.close()
    if roster.trouble:
        hint = "let the gate catch up with its desk first: edge-gate sync status"
        raise StoreError("the whitelist of this gate cannot be used: {why}", hint, why=roster.trouble)
    opener.expire(today)
    return opener.gallery(roster.revision).compact()


def _fill(roster: Roster, opener: Opener, vault: Vault) -> None:
    documents, topic = vault.documents(), roster.topics.keys(roster.gate)
    for outcome in roster.feed(topic, documents.pop(topic, b"")):
        if isinstance(outcome, Unlock):
            opener.unlock(outcome.keys)
    roster.resume(documents, vault.tombstones(), vault.held()[0])
    for entry in roster.running.values():
        if message := vault.record(entry):
            opener.put(entry.id, message)
