"""What the law has end by itself: people whose last day is over, and a journal that need be kept no longer."""

from datetime import UTC, date, datetime, time

from edge.audit import Audit
from edge.config import Config, Credentials, DeskConfig
from edge.whitelist import FILE, Whitelist


def carry_out(config: Config | DeskConfig, credentials: Credentials, today: date) -> list[str]:
    """Erase and cut off what is over on a day that a trusted clock has shown; the ids of who was erased."""
    if not (config.state / FILE).exists():
        return []
    gone = Whitelist.of(config, credentials, write=True).expire(today)
    Audit.of(config, credentials).cut(datetime.combine(today, time.min, UTC))
    return gone
