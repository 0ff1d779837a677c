"""What can be wrong with a whitelist, and how to mend it."""

import difflib
import sqlite3
from datetime import date, tzinfo
from pathlib import Path

from edge.enrolled import Bounds, Edit, Row, Secret, erased
from edge.errors import RefusedError, StoreError
from edge.journal import Deed
from edge.schedule import local


class OvertakenError(StoreError):
    """Somebody else changed the list meanwhile: what was decided by the one before must be decided again."""

    def __init__(self) -> None:
        super().__init__("the whitelist was changed meanwhile", "try again")


def unusable(path: Path, error: sqlite3.Error | UnicodeDecodeError) -> StoreError:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code in (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return broken(path, error)
    return StoreError("the whitelist {path} cannot be used: {why}", path=path, why=error)


def broken(path: Path, why: object) -> StoreError:
    hint = "restore it from a backup, or move it aside and enrol again; until then nobody is admitted by face"
    return StoreError("the whitelist {path} is damaged: {why}", hint, path=path, why=why)


def damaged(person: str) -> StoreError:
    hint = "somebody changed the file or the key; revoke the record and enrol the person again"
    return StoreError("the record of {person} does not open and is not matched", hint, person=person)


def none_opens(path: Path, people: list[str]) -> StoreError:
    hint = "install the key that the whitelist was made with; nobody is admitted by face until then"
    return StoreError("no record of {path} opens: {people}", hint, path=path, people=", ".join(people))


def other_pack(record: Row, pack: str) -> StoreError:
    text = "{person} was enrolled with the model pack {theirs}, this gate runs {ours}"
    return StoreError(text, "enrol the person again", person=record.id, theirs=record.pack, ours=pack)


def nobody(person: str, known: list[str]) -> StoreError:
    near = difflib.get_close_matches(person, known, n=3, cutoff=0.4)
    if not near:
        return StoreError("nobody is enrolled as {person}", "see: edge-gate people list", person=person)
    return StoreError("nobody is enrolled as {person}", "did you mean {near}?", person=person, near=", ".join(near))


def unfit(deed: Deed, record: Row) -> StoreError | None:
    """Why a deed makes no sense of somebody who is on the list, if nothing else is wrong."""
    hint = "see: edge-gate people show {person}"
    if deed is Deed.REVOKED and not erased(record):
        return StoreError("{person} is revoked already", hint, person=record.id)
    if deed is Deed.RESTORED and not record.revoked_at:
        return StoreError("{person} is not revoked", hint, person=record.id)
    return None


def empty(person: str) -> StoreError:
    hint = "erase the record and enrol the person again"
    return StoreError("no templates are left of {person}", hint, person=person)


def number_taken(number: str, person: str, name: str) -> RefusedError:
    """A number belongs to one person."""
    text, hint = "the number {number} belongs to {person} {name}", "see: edge-gate people show {person}"
    return RefusedError(text, hint, number=number, person=person, name=name, reason="number_taken")


def beyond_kept(bounds: Bounds, kept: date, zone: tzinfo, before: Bounds) -> RefusedError | None:
    """Somebody may not pass, nor begin to, on days on which nothing of them is kept any more at the site.

    Moments as they were `before` are not looked at: a last day may have been written in another time zone.
    """
    known = (None, before.valid_from, before.valid_until)
    moments = [moment for moment in (bounds.valid_from, bounds.valid_until) if moment not in known]
    if not any(local(moment, zone).date() > kept for moment in moments):
        return None
    text, hint = "the validity goes beyond {day}, until which the record is kept", "end it earlier, or keep it longer"
    return RefusedError(text, hint, day=kept, reason="bad_date")


def nothing_said(person: str) -> RefusedError:
    """An edit that names nothing would be a change of the list all the same, sent to every gate."""
    text, hint = "what is to be changed of {person} is not said", "name it: edge-gate people edit --help"
    return RefusedError(text, hint, person=person, reason="nothing_said")


def card_taken(card: str, person: str, name: str) -> RefusedError:
    """So does a card."""
    text, hint = "the card {card} belongs to {person} {name}", "see: edge-gate people show {person}"
    return RefusedError(text, hint, card=card, person=person, name=name, reason="card_taken")


def taken(edit: Edit, other: Row, known: Secret) -> RefusedError | None:
    """What an edit would give somebody although another has it; a card of somebody who is revoked is free."""
    if edit.number and known.number == edit.number:
        return number_taken(known.number, other.id, known.name)
    if edit.card and known.card == edit.card and not other.revoked_at:
        return card_taken(known.card, other.id, known.name)
    return None


def face_known(person: str, name: str, revoked: bool) -> RefusedError:
    """A face belongs to one person, until somebody says why not."""
    text = "this face is already enrolled as {person} {name}"
    hint = "to change the record: edge-gate people edit {person}; if it is somebody else: --another-person REASON"
    if revoked:
        hint = "that person was revoked; to let them in again: edge-gate people restore {person}"
    return RefusedError(text, hint, person=person, name=name, reason="already_enrolled")
