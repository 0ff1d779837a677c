"""What a new gate needs: its certificate, its keys, the least revision, and its lines in the broker's access list.

So does a workstation; and whoever of them is shut out.
"""

import contextlib
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from edge import files
from edge.bulletin import revocations_topic, uses_topic
from edge.certificates import authority, certified, put, revocations
from edge.config import ENCRYPTED
from edge.errors import EdgeError, SealError
from edge.office import Gate, Office
from edge.records import Mark, Topics
from edge.sections import NAME
from edge.signet import (
    DESK_OPENS,
    DESK_OPENS_NEXT_PUBLIC,
    DESK_OPENS_PUBLIC,
    DESK_PUBLIC,
    GATE_OPENS,
    GATE_SIGNS,
    WORKSTATION_OPENS,
    WORKSTATION_SIGNS,
    KeyPair,
    make_pair,
    new_opening_pair,
    new_signing_pair,
    opening_public_of,
    read_key,
)

CERTIFICATE, WORKSTATION_CERTIFICATE = "gate.crt", "workstation.crt"
TAKEN = (
    "desk", "desk-pass", "recorder", "monitor", "operator", "room", "look", "broker", "passes", "roster",
)  # fmt: skip
"""Accounts that a site's broker has anyhow (config/mosquitto.conf), and levels of its topics: who had such a name would
write there.
"""
Note = Callable[[Gate], object]
"""Tells the journal of whom is about to be authorised."""


def proper(name: str) -> None:
    """What becomes a level of topics, the name in a certificate and an account at the broker; as in configurations."""
    if not re.match(NAME, name):
        hint = "at most 31 lower-case letters from a to z, digits and -, and a letter or a digit first"
        raise EdgeError("{name} is no name for it", hint, name=name)
    if name in TAKEN:
        hint = "give another name; these are taken: {taken}"
        raise EdgeError("{name} is an account or a topic of the site itself", hint, name=name, taken=", ".join(TAKEN))


def add(office: Office, credentials: Path, site: str, name: str, into: Path, note: Note = lambda _: None) -> Gate:
    """Make everything that a gate needs in the new directory `into`; it is noted, and recorded, before that."""
    office.free(name)
    authority(credentials)
    signs, opens = new_signing_pair(), new_opening_pair()
    serial, contents = certified(credentials, name, CERTIFICATE)
    contents |= _pair(GATE_SIGNS, signs) | _pair(GATE_OPENS, opens)
    contents[DESK_PUBLIC] = read_key(credentials / DESK_PUBLIC)
    contents["whitelist.mark"] = msgspec.json.encode(Mark(*office.head()))
    contents["acl"] = access(site, name).encode()
    gate = Gate(name, signs.public, opens.public, serial, time.time())
    with _directory(into):
        note(gate)
        office.add(gate)
        put(into, contents)
    return gate


@contextlib.contextmanager
def _directory(into: Path) -> Iterator[None]:
    """A new directory, of which nothing stays when what is to be in it cannot be made."""
    try:
        into.mkdir(parents=True)
        try:
            yield
        except BaseException:
            shutil.rmtree(into, ignore_errors=True)
            raise
    except OSError as error:
        raise SealError("{path} cannot be made: {why}", path=into, why=error.strerror) from error


def _pair(file: str, pair: KeyPair) -> dict[str, bytes]:
    return {file: pair.private, str(Path(file).with_suffix(".pub")): pair.public}


def add_workstation(
    office: Office, credentials: Path, site: str, name: str, into: Path, note: Note = lambda _: None
) -> Gate:
    """Make everything that a workstation needs in the new directory `into`; it is noted, and recorded, before that."""
    office.free(name)
    authority(credentials)
    desk_opens = opening_public(credentials) or _new_opening(credentials)
    signs, opens = new_signing_pair(), new_opening_pair()
    serial, contents = certified(credentials, name, WORKSTATION_CERTIFICATE)
    contents |= _pair(WORKSTATION_SIGNS, signs) | _pair(WORKSTATION_OPENS, opens)
    contents |= {DESK_PUBLIC: read_key(credentials / DESK_PUBLIC), DESK_OPENS_PUBLIC: desk_opens}
    contents["acl"] = workstation_access(site, name).encode()
    workstation = Gate(name, signs.public, opens.public, serial, time.time())
    with _directory(into):
        note(workstation)
        office.add(workstation, "workstations")
        put(into, contents)
    return workstation


def opening_public(credentials: Path) -> bytes:
    """What workstations seal requests with; nothing while the desk has no key for that.

    The key may be one that only the desk's unit can open (`systemd-creds encrypt`), so its public half is believed.
    SealError when one half is missing: another pair would leave every workstation that was added without an answer.
    """
    if (after := credentials / DESK_OPENS_NEXT_PUBLIC).exists():  # the desk opens with both while they are rotated
        return read_key(after)
    key, public = credentials / DESK_OPENS, credentials / DESK_OPENS_PUBLIC
    encrypted = key.with_name(f"{key.name}{ENCRYPTED}")
    if encrypted.exists() and not public.exists():
        hint = "put it back, from a workstation that was added or from a backup"
        raise SealError("there is {key}, but not its public half {public}", hint, key=encrypted, public=public.name)
    if encrypted.exists():
        return read_key(public)
    if key.exists():
        return opening_public_of(read_key(key))
    if public.exists():
        hint = "put it back; or when it is lost, delete {public} as well, and add every workstation anew"
        raise SealError("there is {public}, but not its key {key}", hint, public=public, key=key.name)
    return b""


def _new_opening(credentials: Path) -> bytes:
    return make_pair(credentials / DESK_OPENS, new_opening_pair).public


def workstation_access(site: str, name: str) -> str:
    """A workstation's lines in mosquitto's access list: it asks under its own name and hears what is told to it."""
    topics = Topics(site)
    return f"user {name}\ntopic write {topics.request(name)}\ntopic read {topics.reply(name)}\n"


def access(site: str, gate: str) -> str:
    """A gate's lines in mosquitto's access list: it writes below its own name, and reads what is for it."""
    topics = Topics(site)
    own = f"edge/v1/{site}/{gate}"
    read = [
        f"{own}/ack",
        f"{own}/command",
        f"{own}/reader/+",
        uses_topic(site, "+"),
        revocations_topic(site, "+"),
        topics.manifest,
        topics.index,
        topics.people,
        topics.keys(gate),
        topics.answer(gate),
    ]
    lines = [f"user {gate}", f"topic write {own}/#", *(f"topic read {topic}" for topic in read)]
    return "\n".join(lines) + "\n"


def desk_access(site: str, desk: str) -> str:
    """The desk's lines in mosquitto's access list."""
    topics = Topics(site)
    return f"user {desk}\ntopic readwrite {topics.desk}/#\ntopic read {topics.reports}\n"


def shut_out(office: Office, credentials: Path, name: str, note: Callable[[], object], table: str = "gates") -> Path:
    """Shut out a gate or a workstation, which is noted before, and write the revocation list; where it is.

    One that was shut out already only has the list written again: that may be what failed the last time.
    """
    if not office.member(name, table).revoked_at:
        note()
        office.shut_out(name, table)
    return revoked(credentials, office)


def revoked(credentials: Path, office: Office) -> Path:
    """Write the revocation list anew; where it is."""
    path = credentials / "revoked.crl"
    files.replace(path, revocations(credentials, office.withdrawn()))
    return path
