"""What people write into forms and lists of people: names, days and times, as they are meant or refused.

Names may be in any script. What no name holds is refused: control characters, and marks that turn the direction of
writing, with which a line can be made to look like another.
"""

import re
import unicodedata
from collections.abc import Callable
from datetime import UTC, date, datetime, time, tzinfo
from functools import partial
from typing import TypeVar

from msgspec import structs

from edge.clock import today_at
from edge.complaints import beyond_kept
from edge.enrolled import UNBOUNDED, Applicant, Bounds, Consent, Edit
from edge.errors import RefusedError
from edge.schedule import local

S = TypeVar("S")
T = TypeVar("T")

FORMULA = ("=", "+", "-", "@", "\t")
LONGEST = 200
MINUTE_S = 60.0
JOINERS = "\u200c\u200d"
"""Invisible, and part of names: Persian, Urdu and Indic scripts are written with them."""
NO_TEXT = frozenset({"Cc", "Cf", "Cn", "Cs", "Zl", "Zp"})
"""General categories of Unicode; private-use characters are rare ideographs in what old systems export."""
DAY = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?")
"""2027-12-31, and as spreadsheets in Chinese write it: 2027/12/31, 2027年12月31日."""

CARD = re.compile(r"[0-9A-Z:.-]{1,64}")


def line(text: str) -> str:
    """A name or a reference, its spaces made ordinary and its accents composed."""
    strange = any(unicodedata.category(letter) in NO_TEXT and letter not in JOINERS for letter in text.strip())
    told = " ".join(unicodedata.normalize("NFC", text).split())
    if not told or strange or len(told) > LONGEST:
        raise RefusedError("must be one line of text", reason="bad_text")
    return told


def day(text: str) -> date:
    """A day."""
    if found := DAY.fullmatch(text.strip()):
        try:
            return date(*map(int, found.groups()))
        except ValueError:
            pass
    raise RefusedError("must be a date, written as 2027-12-31", reason="bad_date")


def last_day(text: str, zone: tzinfo) -> date:
    """A day that is still to come at the site."""
    if (found := day(text)) <= today_at(zone):
        raise RefusedError("must lie in the future", reason="bad_date")
    return found


def begin(text: str, zone: tzinfo) -> float:
    """A moment in UTC seconds, written in the site's time or with an offset; a day alone is where it begins."""
    return _moment(text, time.min, zone)


def end(text: str, zone: tzinfo) -> float:
    """A moment in UTC seconds; a day alone is where it ends."""
    return _moment(text, time.max, zone)


def _moment(text: str, otherwise: time, zone: tzinfo) -> float:
    try:
        if DAY.fullmatch(text.strip()):
            return datetime.combine(day(text), otherwise, zone).timestamp()
        found = datetime.fromisoformat(text.strip())
        return (found if found.tzinfo else found.replace(tzinfo=zone)).timestamp()
    except (ValueError, OverflowError, OSError) as error:
        raise _no_moment() from error


def _no_moment() -> RefusedError:
    return RefusedError("must be a day or a time, written as 2027-12-31 or 2027-12-31T09:00", reason="bad_date")


def card(text: str) -> str:
    """The number of a card as its reader says it."""
    if not CARD.fullmatch(told := text.strip().upper()):
        raise RefusedError("must be a card's number: letters, digits and : . -, at most 64", reason="bad_text")
    return told


def bounds(
    levels: tuple[str, ...], valid_from: float | None, valid_until: float | None, host: str, before: Bounds = UNBOUNDED
) -> Bounds:
    """Where and when somebody may pass, if that makes sense; an end that was so `before` may be over."""
    try:
        _spelled = written(valid_from, UTC), written(valid_until, UTC)
    except (ValueError, OverflowError, OSError) as error:  # no moment of a calendar, as NaN and infinity are none
        raise _no_moment() from error
    if valid_from is not None and valid_until is not None and valid_until <= valid_from:
        text, hint = "the validity ends before it begins", "let it begin earlier, or end later"
        raise RefusedError(text, hint, reason="ends_before_it_begins")
    if valid_until not in (None, before.valid_until) and valid_until < datetime.now(UTC).timestamp() - MINUTE_S:
        text = "the validity is over already"
        raise RefusedError(
            text, "name a later end; to have them pass no more: edge-gate people revoke", reason="bad_date"
        )
    return Bounds(levels, valid_from, valid_until, host)


def kept_as_long(said: Applicant, zone: tzinfo) -> Applicant:
    """RefusedError when somebody may pass on days on which nothing of them is kept any more."""
    if refused := beyond_kept(said.bounds, said.consent.retain_until, zone, before=Bounds()):
        raise refused
    return said


def applicant(said: Applicant, zone: tzinfo) -> Applicant:
    """Somebody's word for an applicant, as if it had been written into a form here; RefusedError otherwise."""
    consent = said.consent
    return kept_as_long(
        Applicant(
            name=line(said.name),
            consent=Consent(line(consent.reference), line(consent.purpose), _still_to_come(consent.retain_until, zone)),
            number=_line(said.number),
            bounds=_bounded(said.bounds),
            another=_line(said.another),
        ),
        zone,
    )


def edit(said: Edit, zone: tzinfo, before: Bounds) -> Edit:
    """The same of a change of somebody with these bounds: None stays None, and what may be taken away may be ''."""
    return Edit(
        name=_or_none(line, said.name),
        number=_or_none(_line, said.number),
        consent=_or_none(line, said.consent),
        purpose=_or_none(line, said.purpose),
        retain_until=_or_none(partial(_still_to_come, zone=zone), said.retain_until),
        bounds=_or_none(partial(_bounded, before=before), said.bounds),
        pin=_or_none(_line, said.pin),
        duress=_or_none(_line, said.duress),
        card=_or_none(_card, said.card),
    )


def _bounded(said: Bounds, before: Bounds = UNBOUNDED) -> Bounds:
    found = bounds(tuple(map(line, said.levels)), said.valid_from, said.valid_until, _line(said.host), before)
    return structs.replace(found, with_pass=said.with_pass)


def _still_to_come(said: date, zone: tzinfo) -> date:
    return last_day(str(said), zone)


def _line(text: str) -> str:
    return line(text) if text else ""


def _card(text: str) -> str:
    return card(text) if text else ""


def _or_none(parse: Callable[[S], T], value: S | None) -> T | None:
    return None if value is None else parse(value)


def written(moment: float | None, zone: tzinfo) -> str:
    """A moment as `begin` and `end` read it, with its offset."""
    return "" if moment is None else local(moment, zone).isoformat()


def safe(cell: str) -> str:
    """A cell that no spreadsheet computes, whatever a stranger wrote into a name."""
    return f"'{cell}" if cell.startswith(FORMULA) else cell
