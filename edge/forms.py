"""What people write into forms and lists of people: names, days and times, as they are meant or refused.

Names may be in any script. What no name holds is refused: control characters, and marks that turn the direction of
writing, with which a line can be made to look like another.
"""

import re
import unicodedata
from datetime import date, datetime, time, timedelta

from edge.enrolled import Bounds
from edge.errors import RefusedError

FORMULA = ("=", "+", "-", "@", "\t")
LONGEST = 200
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


def last_day(text: str) -> date:
    """A day that is still to come."""
    if (found := day(text)) <= date.today():
        raise RefusedError("must lie in the future", reason="bad_date")
    return found


def begin(text: str) -> float:
    """A moment in UTC seconds, written in local time or with an offset; a day alone is where it begins."""
    return _moment(text, time.min)


def end(text: str) -> float:
    """A moment in UTC seconds; a day alone is where it ends."""
    return _moment(text, time.max)


def _moment(text: str, otherwise: time) -> float:
    try:
        if DAY.fullmatch(text.strip()):
            return datetime.combine(day(text), otherwise).astimezone().timestamp()
        return datetime.fromisoformat(text.strip()).astimezone().timestamp()
    except (ValueError, OverflowError, OSError) as error:
        why = "must be a day or a time, written as 2027-12-31 or 2027-12-31T09:00"
        raise RefusedError(why, reason="bad_date") from error


def card(text: str) -> str:
    """The number of a card as its reader says it."""
    if not CARD.fullmatch(told := text.strip().upper()):
        raise RefusedError("must be a card's number: letters, digits and : . -, at most 64", reason="bad_text")
    return told


def bounds(levels: tuple[str, ...], valid_from: float | None, valid_until: float | None, host: str) -> Bounds:
    """Where and when somebody may pass, if that makes sense."""
    if valid_from is not None and valid_until is not None and valid_until <= valid_from:
        raise RefusedError("the validity ends before it begins", reason="ends_before_it_begins")
    if valid_until is not None and valid_until < (datetime.now() - timedelta(minutes=1)).timestamp():
        raise RefusedError("the validity is over already", reason="bad_date")
    return Bounds(levels, valid_from, valid_until, host)


def written(moment: float | None) -> str:
    """A moment as `begin` and `end` read it, with its offset."""
    return "" if moment is None else datetime.fromtimestamp(moment).astimezone().isoformat()


def safe(cell: str) -> str:
    """A cell that no spreadsheet computes, whatever a stranger wrote into a name."""
    return f"'{cell}" if cell.startswith(FORMULA) else cell
