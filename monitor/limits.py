"""How alarms are treated at a site: what its configuration may say of them."""

from typing import Annotated

from msgspec import Meta, Struct, field

from monitor.terms import DAY_S, Priority

Seconds = Annotated[float, Meta(ge=1, le=31 * DAY_S)]


class Deadlines(Struct, frozen=True, forbid_unknown_fields=True):
    """One limit for each priority."""

    urgent_s: Seconds
    high_s: Seconds
    medium_s: Seconds
    low_s: Seconds

    def __getitem__(self, priority: Priority) -> float:
        limit: float = getattr(self, f"{priority}_s")
        return limit


class Rules(Struct, frozen=True, forbid_unknown_fields=True):
    """How alarms are treated."""

    check_hold_s: Annotated[float, Meta(ge=0, le=3600)] = 30.0
    """How long a machine's check must be good without a break: frames flowing, gate online and the like."""
    reopen_within_s: Annotated[float, Meta(ge=0, le=31 * DAY_S)] = DAY_S
    """When a fault returns so soon after its alarm was closed, that alarm reopens; later a new one is opened."""
    shelve_at_most_s: Seconds = 8 * 3600.0
    """The longest that an alarm may be shelved."""
    flood_alarms: Annotated[int, Meta(ge=2, le=10_000)] = 10
    """More alarms of one gate than this within `flood_window_s` are a flood: its lesser ones are not announced."""
    flood_window_s: Annotated[float, Meta(ge=1, le=DAY_S)] = 600.0
    """The window in which alarms are counted."""
    acknowledge_within_s: Deadlines = field(default_factory=lambda: Deadlines(120.0, 600.0, 3600.0, 8 * 3600.0))
    """How soon an alarm must be acknowledged, by priority, before the next level is told; again after as long."""
    close_within_s: Deadlines = field(default_factory=lambda: Deadlines(4 * 3600.0, DAY_S, 3 * DAY_S, 7 * DAY_S))
    """How soon it must be closed, by priority, before the next level is told."""
