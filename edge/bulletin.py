"""What all gates of a site are told of passes: which are revoked, and how often one was used elsewhere.

An issuer publishes the passes that it has revoked, signed; a gate publishes its own counts. Both messages are retained,
so a gate that was away catches up by subscribing. Neither opens anything: all they do is make a gate refuse, and a gate
keeps what it has heard. So a message that is withheld leaves a pass as it was, and an old one takes nothing back.
"""

import threading
from collections.abc import Iterable
from typing import Annotated, NamedTuple

import msgspec
from joserfc.jwk import OKPKey
from msgspec import Meta, Struct

from edge.config import Config, Credentials
from edge.errors import EdgeError, SealError
from edge.passes import DESK, LAST_SECOND, issuers
from edge.seal import Signer, Verifier, header, public_key

TYPE = "edge-gate-revocations+jwt"
"""The JWS `typ` of a list of revoked passes."""
LARGEST = 262_144
MOST = 2**31
"""Uses of one pass that are believed: a number beyond what a database holds must not end the gate that hears it."""
MOST_TOPICS = 500
"""Messages of topics that nobody has configured, as those of other gates, which wait at the same time."""
Id = Annotated[str, Meta(min_length=1, max_length=40)]


class Revocations(Struct, frozen=True, forbid_unknown_fields=True):
    """The claims of an issuer's list: each pass with the second, UTC, from which it would have been over anyway."""

    site: str
    passes: dict[Id, Annotated[int, Meta(ge=0, le=LAST_SECOND)]]


class Uses(Struct, frozen=True):
    """How often passes for several gates were used at one of them, and when they end."""

    passes: dict[Id, tuple[Annotated[int, Meta(ge=0, le=MOST)], float]]


class Elsewhere(NamedTuple):
    """What `gate` has counted."""

    gate: str
    uses: Uses


class Told(NamedTuple):
    """A message that may be about passes."""

    topic: str
    payload: bytes


class Newest:
    """The newest message of each topic until it is read, in turn: who floods one keeps no other from being heard.

    For any thread. The topics of `always` wait in any case.
    """

    def __init__(self, always: Iterable[str]) -> None:
        self._always, self._waiting = frozenset(always), dict[str, bytes]()
        self._lock = threading.Lock()

    def keep(self, topic: str, payload: bytes) -> bool:
        """Have it wait; whether nothing did before."""
        with self._lock:
            first = not self._waiting
            if topic in self._waiting or topic in self._always or len(self._waiting) < MOST_TOPICS:
                self._waiting[topic] = payload
            return first

    def take(self) -> Told | None:
        """The message of the topic that has waited longest."""
        with self._lock:
            for topic in self._waiting:
                return Told(topic, self._waiting.pop(topic))
            return None

    def __bool__(self) -> bool:
        """Whether any waits."""
        return bool(self._waiting)


class Bulletin:
    """Reads what is published for one gate; EdgeError says why a message is none of it."""

    def __init__(self, config: Config, credentials: Credentials) -> None:
        self._site, self._gate, self._credentials = config.gate.site, config.gate.name, credentials
        self._sections = issuers(config)
        self.filters = [revocations_topic(self._site, "+"), uses_topic(self._site, "+")]
        self.issuers = [revocations_topic(self._site, name) for name in self._sections]

    def read(self, topic: str, payload: bytes) -> Revocations | Elsewhere | None:
        """What a message says; None of a topic that is none of these, and of what this gate has said itself."""
        levels = topic.split("/")
        if len(payload) > LARGEST:
            raise EdgeError("what {topic} says is too large", topic=topic)
        if topic == revocations_topic(self._site, levels[-1]):
            return self._revoked(levels[-1], payload.decode("ascii", "replace"))
        if len(levels) != 5 or topic != uses_topic(self._site, levels[3]) or levels[3] == self._gate:
            return None
        try:
            return Elsewhere(levels[3], msgspec.json.decode(payload, type=Uses))
        except (ValueError, RecursionError) as error:  # text that is not UTF-8 is a ValueError beside msgspec's own
            raise EdgeError("what {topic} says are no uses: {why}", topic=topic, why=error) from error

    def _revoked(self, issuer: str, token: str) -> Revocations:
        try:
            name = header(token).get("kid", "")
            section = self._sections[name]
            key = public_key(section.key, self._credentials.path(section.credential))
            found = msgspec.convert(Verifier(key, TYPE, name).verify(token), Revocations)
        except (KeyError, ValueError, SealError, msgspec.MsgspecError) as error:
            raise EdgeError("the revocations of {issuer} were refused: {why}", issuer=issuer, why=error) from error
        if found.site != self._site:
            raise EdgeError("the revocations of {issuer} are for another site", issuer=issuer)
        return found


def revocations_topic(site: str, issuer: str) -> str:
    return f"edge/v1/{site}/passes/revoked/{issuer}"


def uses_topic(site: str, gate: str) -> str:
    return f"edge/v1/{site}/{gate}/uses"


def sign(revoked: Revocations, key: OKPKey, issuer: str = DESK) -> bytes:
    """The message that tells all gates of these revocations."""
    return Signer(key, TYPE, issuer).sign(msgspec.to_builtins(revoked)).encode()
