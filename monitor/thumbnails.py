"""Pictures of a camera's fault: they lie in the events that carried them, and are erased there.

A gate calls them JPEGs without faces. Here they are decoded as what they are, a stranger's bytes, and drawn anew.
"""

import base64
import binascii
import functools

import msgspec

from edge.errors import PhotoError
from edge.terms import Moment
from monitor.database import Database
from monitor.ledger import Ledger
from monitor.photos import redrawn
from monitor.terms import Alarm

LARGEST_BYTES = 8_192


class Thumbnails:
    """Called from any thread."""

    def __init__(self, database: Database) -> None:
        self._ledger = Ledger(database)

    def of(self, alarm: Alarm) -> dict[Moment, bytes]:
        """What an alarm's events hold, in the order in which it happened; nothing that cannot be a thumbnail."""
        found = {moment: self._sent(alarm, moment) for moment in Moment if moment in alarm.pictures}
        return {moment: jpeg for moment, jpeg in found.items() if jpeg}

    def find(self, alarm: Alarm, moment: str) -> bytes | None:
        """One of them as a JPEG of our own; None when it is not there or is none."""
        sent = self.of(alarm).get(Moment(moment)) if moment in list(Moment) else None
        try:
            return _drawn(sent) if sent else None
        except PhotoError:
            return None

    def _sent(self, alarm: Alarm, moment: Moment) -> bytes:
        payload = self._ledger.at(alarm.key.site, alarm.key.gate, alarm.pictures[moment])
        return _picture(payload) if payload else b""


def _picture(payload: bytes) -> bytes:
    """The picture in an event; nothing when there is none, or what cannot be one."""
    data = msgspec.json.decode(payload, type=dict[str, object]).get("data")
    personal = data.get("personal") if isinstance(data, dict) else None
    pair = personal.get("jpeg") if isinstance(personal, dict) else None
    text = pair[1] if isinstance(pair, list) and len(pair) == 2 else None
    try:
        jpeg = base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except (binascii.Error, ValueError):
        return b""
    return jpeg if jpeg.startswith(b"\xff\xd8\xff") and len(jpeg) <= LARGEST_BYTES else b""


@functools.lru_cache(maxsize=64)
def _drawn(sent: bytes) -> bytes:
    """Decoding costs a process, and a page asks again; what failed, perhaps for lack of time, is tried anew."""
    return redrawn(sent)
