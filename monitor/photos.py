"""Photos that people attach to what they report: decoded in a process of its own, made small, and drawn anew.

What is kept is a JPEG that this room has made: nothing of the file that was sent, so none of its metadata.
"""

import time

import cv2
from msgspec import Struct
from sqlalchemy import delete, insert, select

from edge.errors import Phrase
from edge.photos import Decoder
from monitor.database import Database
from monitor.tables import ALARMS, PHOTOS

LARGEST_BYTES = 12_000_000
LONGEST_SIDE = 1280
"""Pixels of the longer side of what is kept."""
QUALITY = 80


class Photo(Struct, frozen=True):
    number: int
    alarm: int
    jpeg: bytes


def redrawn(data: bytes) -> bytes:
    """A file as a JPEG of at most LONGEST_SIDE; PhotoError when it is no picture that can be used."""
    with Decoder() as decoder:
        image = decoder.image(Phrase("this photo"), data, of_person=False)
    scale = min(1.0, LONGEST_SIDE / max(image.shape[:2]))
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA) if scale < 1 else image
    return bytes(cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1])


class Photos:
    """Called from any thread."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def keep(self, alarm: int, jpeg: bytes) -> None:
        with self._db.writing() as connection:
            connection.execute(insert(PHOTOS), {"alarm": alarm, "at": time.time(), "jpeg": jpeg})

    def of(self, alarm: int) -> list[int]:
        """The numbers of an alarm's photos."""
        with self._db.reading() as connection:
            rows = connection.execute(select(PHOTOS.c.number).where(PHOTOS.c.alarm == alarm).order_by(PHOTOS.c.number))
            return [row.number for row in rows]

    def find(self, number: int) -> Photo | None:
        with self._db.reading() as connection:
            row = connection.execute(select(PHOTOS).where(PHOTOS.c.number == number)).first()
        return Photo(row.number, row.alarm, bytes(row.jpeg)) if row else None

    def erase(self, older_than: float) -> None:
        """Take away the photos of what was closed before then."""
        over = select(ALARMS.c.number).where(ALARMS.c.closed < older_than)
        with self._db.writing() as connection:
            connection.execute(delete(PHOTOS).where(PHOTOS.c.alarm.in_(over)))
