"""Another key takes the place of one of the desk's, while gates go on deciding and workstations asking."""

from collections.abc import Callable
from contextlib import closing
from functools import reduce
from pathlib import Path
from typing import NamedTuple

from edge import files
from edge.audit import Audit
from edge.authority import OFFICE
from edge.config import ENCRYPTED, Credentials, DeskConfig
from edge.errors import Phrase, SealError
from edge.holders import gates_without, workstations_without
from edge.journal import Deed
from edge.office import Office, new_kid
from edge.seal import Seal
from edge.signet import (
    DESK_KEY,
    DESK_NEXT,
    DESK_OPENS,
    DESK_OPENS_NEXT,
    DESK_OPENS_NEXT_PUBLIC,
    DESK_OPENS_PUBLIC,
    DESK_PUBLIC,
    KeyPair,
    fingerprint,
    make_pair,
    new_opening_pair,
    new_signing_pair,
    read_key,
)
from edge.whitelist import KEY


class Stepwise(NamedTuple):
    """A key pair that others must hear of before it changes: its credentials, and those of the pair that follows."""

    purpose: str
    make: Callable[[bytes], KeyPair]
    key: str
    public: str
    next_key: str
    next_public: str


SIGNING = Stepwise("signing", new_signing_pair, DESK_KEY, DESK_PUBLIC, "desk-next.key", DESK_NEXT)
"""Gates accept what either key signed once they have the public half of the next."""
OPENING = Stepwise(
    "opening", new_opening_pair, DESK_OPENS, DESK_OPENS_PUBLIC, DESK_OPENS_NEXT, DESK_OPENS_NEXT_PUBLIC
)  # fmt: skip
"""The desk opens what workstations have sealed to either."""


def content(config: DeskConfig, credentials: Credentials) -> str:
    """Make another content key; the desk that runs, or the next one that does, seals everybody with it."""
    name = new_kid()
    with closing(Office(config.state / OFFICE, Seal.load(credentials.path(KEY)))) as office:
        office.content_keys()
        _note(config, credentials, name, purpose="content")
        office.new_content_key(name)
    return name


def begin(what: Stepwise, config: DeskConfig, credentials: Credentials) -> str:
    """Make the pair that is to follow, beside the one that there is. Its fingerprint.

    One of which there is the private half alone is completed, as soon as it can be read.
    """
    read_key(credentials.path(what.public))
    path = credentials.path(what.next_key)
    if credentials.path(f"{what.next_key}{ENCRYPTED}").exists() and credentials.path(what.next_public).exists():
        raise _begun(what, path)
    _decrypted(what, credentials)
    try:
        pair = make_pair(path, what.make)
    except FileExistsError as error:
        raise _begun(what, path) from error
    _note(config, credentials, fingerprint(pair.public), purpose=f"{what.purpose}, next")
    return fingerprint(pair.public)


def _begun(what: Stepwise, path: Path) -> SealError:
    hint = "carry {public} to all who need it, then use --finish"
    return SealError("there is a next key already: {path}", hint, path=path, public=what.next_public)


class Finished(NamedTuple):
    """The fingerprint of the key that there is now, and who has not said that they have its public half."""

    key: str
    left_behind: list[str]


def finish(what: Stepwise, config: DeskConfig, credentials: Credentials, leave_behind: bool = False) -> Finished:
    """Put the next pair in the place of the one before, which is destroyed.

    SealError while somebody who needs its public half has not said that they have it, unless they are left behind.
    """
    with files.alone(credentials.directory):  # a backup that is made meanwhile has the pair
        return _finish(what, config, credentials, leave_behind)


def _finish(what: Stepwise, config: DeskConfig, credentials: Credentials, leave_behind: bool) -> Finished:
    _decrypted(what, credentials)
    path = credentials.path(what.next_key)
    if files.unpublished(path):  # the beginning was ended half-way
        make_pair(path, what.make)
    key, public = read_key(path), read_key(credentials.path(what.next_public))
    without = _without(what, config, credentials, fingerprint(public))
    if without and not leave_behind:
        raise _behind(what, fingerprint(public), list(without.values()))
    _note(config, credentials, fingerprint(public), purpose=what.purpose, left_behind=", ".join(without))
    files.replace(credentials.path(what.key), key, 0o600)
    files.publish(credentials.path(what.key), public)
    # An encrypted one is what units are given where there is one: left over, it would pass for the key now, or next.
    for done in (f"{what.key}{ENCRYPTED}", what.next_key, f"{what.next_key}{ENCRYPTED}", what.next_public):
        credentials.path(done).unlink(missing_ok=True)
    return Finished(fingerprint(public), list(without))


def _decrypted(what: Stepwise, credentials: Credentials) -> None:
    """SealError while only units of this host can read the next key: another one must not be made beside it."""
    path, encrypted = credentials.path(what.next_key), credentials.path(f"{what.next_key}{ENCRYPTED}")
    if encrypted.exists() and not path.exists():
        hint = "decrypt it as root, then do the same again: systemd-creds decrypt --name={key} {encrypted} {path}"
        text = "the next key is there only as this host has encrypted it: {encrypted}"
        raise SealError(text, hint, key=what.next_key, encrypted=encrypted, path=path)


def _without(what: Stepwise, config: DeskConfig, credentials: Credentials, key: str) -> dict[str, Phrase]:
    """Who has not said that they have this key: gates for what the desk signs, workstations for either."""
    audit = Audit.of(config, credentials, write=True)
    with closing(Office(config.state / OFFICE, Seal.load(credentials.path(KEY)))) as office:
        gates = gates_without(office, key) if what is SIGNING else {}
        return gates | workstations_without(office, audit, key)


def _behind(what: Stepwise, key: str, names: list[Phrase]) -> SealError:
    """The key before would be destroyed while these believe it, or seal to it, alone."""
    text = "these have not said that they have the next key {key}: {names}"
    hint = (
        "carry {public} to each; while the desk runs, a gate that was restarted says so at once, a workstation with "
        "the next command there. --leave-behind goes on without them: they take nothing from the desk, or are not "
        "answered, until they have the key"
    )
    named = reduce(lambda one, others: Phrase("{one}; {others}", one=one, others=others), names)
    return SealError(text, hint, key=key, names=named, public=what.next_public)


def _note(config: DeskConfig, credentials: Credentials, key: str, **details: str) -> None:
    told = {name: value for name, value in details.items() if value}
    Audit.of(config, credentials, write=True).note(Deed.KEY_MADE, key, **told)
