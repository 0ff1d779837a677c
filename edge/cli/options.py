"""What the options of a change say: nothing, that something is to go, or what it shall be."""

from collections.abc import Callable
from datetime import tzinfo
from functools import partial
from typing import Any, TypeVar

import msgspec
import typer

from edge import forms
from edge.enrolled import Bounds, Consent
from edge.errors import RefusedError
from edge.i18n import _

T = TypeVar("T")


def given(option: str, value: str | None, parse: Callable[[str], T]) -> T | None:
    """What an option says, if it was given; a bad value is a wrong call of the command."""
    try:
        return None if value is None else parse(value)
    except RefusedError as error:
        raise typer.BadParameter(error.render(_), param_hint=f"'{option}'") from error


def changed(option: str, value: str | None, parse: Callable[[str], T], before: T | None, nothing: T | None) -> Any:
    """What was there when nothing was said, nothing when '' was."""
    return before if value is None else given(option, value, parse) if value else nothing


def bounds(
    before: Bounds,
    level: list[str] | None,
    valid_from: str | None,
    valid_until: str | None,
    host: str | None,
    zone: tzinfo,
) -> Bounds | None:
    """Where and when somebody may pass from now on; None when nothing of it was said."""
    if level is None and valid_from is None and valid_until is None and host is None:
        return None
    levels = before.levels if level is None else tuple(map(forms.line, filter(None, level)))
    found = forms.bounds(
        levels,
        changed("--valid-from", valid_from, partial(forms.begin, zone=zone), before.valid_from, None),
        changed("--valid-until", valid_until, partial(forms.end, zone=zone), before.valid_until, None),
        changed("--host", host, forms.line, before.host, ""),
        before,
    )
    return msgspec.structs.replace(found, with_pass=before.with_pass)


def consented(consent: str, purpose: str, retain_until: str, zone: tzinfo) -> Consent:
    """What an enrolment needs; every part of it."""
    for option, value in (("--consent", consent), ("--purpose", purpose), ("--retain-until", retain_until)):
        if not value:
            raise typer.BadParameter(_("nobody is enrolled without it"), param_hint=f"'{option}'")
    return Consent(consent, purpose, forms.last_day(retain_until, zone))
