"""Keypads and card readers at the doors of a gate: which of their messages it believes, and how they are sealed.

A reader and its gate share one key of 256 bits. What was typed or held up comes sealed (JWE), so neither the broker nor
whoever records its messages learns a PIN, and with the gate's challenge and a counter in it, so it counts once and now.
docs/readers.md says what a driver of a real reader has to do.
"""

from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta, Struct

from edge.challenge import Challenge
from edge.config import Config, Credentials
from edge.errors import EdgeError, SealError
from edge.flood import Bucket
from edge.seal import Parcel, load_secret
from edge.timetable import ReaderSection

TYPE = "edge-gate-reader+jwe"
"""The JWE `typ` of what a reader sends."""
LARGEST = 1_024
BURST, PER_S = 5.0, 0.5
"""So many messages of a reader at once, then one every two seconds: faster than anybody types a PIN."""


class Presented(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a reader says, in the terms of a command: for which gate, with which challenge, counted; a PIN or a card."""

    aud: str
    challenge: str
    counter: int
    pin: Annotated[str, Meta(pattern=r"^[0-9]{0,12}\Z")] = ""
    card: Annotated[str, Meta(pattern=r"^[0-9A-Za-z:.-]{0,64}\Z")] = ""
    alive: bool = False
    """That it is there, and neither: a heartbeat."""


class Shown(NamedTuple):
    """A PIN that was typed or a card that was held up at a reader of this gate; neither is its heartbeat.

    `heard` is when it can have arrived at the earliest, monotonic seconds.
    """

    reader: str
    door: str
    pin: str = ""
    card: str = ""
    heard: float | None = None

    def __repr__(self) -> str:
        """No PIN in any log."""
        return f"Shown({self.reader!r}, {self.door!r})"


class ReaderRefused(EdgeError):
    """A message on a reader's topic that is none of that reader's."""


class Reader:
    """The gate's end of one reader."""

    def __init__(self, section: ReaderSection, parcel: Parcel, now: float) -> None:
        self.section, self.parcel, self.counter = section, parcel, 0
        self.bucket = Bucket(BURST, PER_S, now)


class Readers:
    """The readers of a gate that have a key. Times are monotonic seconds; for the one thread that receives."""

    def __init__(self, config: Config, credentials: Credentials, challenge: Challenge, now: float) -> None:
        self._aud = f"{config.gate.site}/{config.gate.name}"
        self._credentials, self._challenge = credentials, challenge
        self._sections = {section.name: section for section in config.reader if section.key_credential}
        self._readers: dict[str, Reader] = {}
        self._begun = now

    def __bool__(self) -> bool:
        return bool(self._sections)

    @property
    def counters(self) -> dict[str, int]:
        """Reader -> the largest counter that it has used."""
        return {name: reader.counter for name, reader in self._readers.items() if reader.counter}

    def take(self, name: str, payload: bytes, retained: bool, now: float) -> Shown:
        """What the reader of this name was shown; ReaderRefused when it did not say that to this gate now."""
        reader = self._reader(name)
        if not reader.bucket.take(now):
            raise ReaderRefused("too many messages came at once")
        if retained:
            raise ReaderRefused("it was kept by the broker, and not sent to this gate now")
        if len(payload) > LARGEST:
            raise ReaderRefused("it is too large")
        said = self._opened(reader, payload.decode("ascii", "replace"))
        if said.aud != self._aud:
            raise ReaderRefused("it is for another gate: {place}", place=said.aud[:60])
        heard = self._challenge.heard(said.challenge, now)
        if heard is None:
            raise ReaderRefused("its challenge is not the one that this gate has published now")
        if said.counter <= reader.counter:
            raise ReaderRefused("its counter was used before")
        reader.counter = said.counter
        return Shown(name, reader.section.door, said.pin, said.card, heard)

    def _reader(self, name: str) -> Reader:
        """The key is read when the reader is heard first: one that cannot be read is told then."""
        if name not in self._readers:
            if name not in self._sections:
                raise ReaderRefused("there is no reader {name} here, or it has no key", name=name[:40])
            section = self._sections[name]
            try:
                parcel = Parcel(load_secret(self._credentials.path(section.key_credential)), TYPE, name)
            except SealError as error:
                raise ReaderRefused("its key cannot be used: {why}", why=error.message) from error
            self._readers[name] = Reader(section, parcel, self._begun)
        return self._readers[name]

    @staticmethod
    def _opened(reader: Reader, token: str) -> Presented:
        try:
            said = msgspec.convert(reader.parcel.open(token), Presented)
        except SealError as error:
            raise ReaderRefused("{why}", why=error.message) from error
        except msgspec.ValidationError as error:
            raise ReaderRefused("it is not what a reader says") from error  # which may hold a PIN, so no more of it
        if [bool(said.pin), bool(said.card), said.alive].count(True) != 1:
            raise ReaderRefused("it must have a PIN or a card, one of them, or say that the reader is alive")
        return said


def said(presented: Presented, key: bytes, reader: str) -> bytes:
    """The message that carries what a reader was shown."""
    return Parcel(key, TYPE, reader).close(msgspec.to_builtins(presented)).encode()


def reader_topic(site: str, gate: str, reader: str) -> str:
    """Where a reader speaks; reader `+` is the filter of them all."""
    return f"edge/v1/{site}/{gate}/reader/{reader}"
