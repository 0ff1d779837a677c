"""From signed records to what a gate searches: opens them with the content keys, in memory only."""

from datetime import date

import numpy as np

from edge.errors import EdgeError, Phrase, SealError
from edge.issue import binding
from edge.matcher import ROUNDING, Gallery, Likeness, Vector
from edge.records import Content, Head, Keys, Record, decode, parse
from edge.shelf import Shelf
from edge.signet import Sealer, unwrap
from edge.terms import Permit


class Opener:
    """The people of one gate in memory. Who cannot be opened or matched is in `problems`, by id."""

    def __init__(self, pack: str, dimension: int, private: bytes) -> None:
        self._pack, self._private = pack, private
        self._dimension = dimension
        self._shelf = Shelf(dimension)
        self._sealer = Sealer({})
        self._days: dict[str, date] = {}
        self.permits: dict[str, Permit] = {}
        self.problems: dict[str, Phrase] = {}

    def unlock(self, keys: Keys) -> None:
        """Take over the content keys that the desk wrapped for this gate; SealError when one does not open."""
        wrapped = keys.wrapped.items()
        self._sealer = Sealer(
            {kid: unwrap(key, self._private, binding(keys.site, keys.gate, kid)) for kid, key in wrapped}
        )

    def put(self, person: str, message: bytes) -> None:
        """Have this record's person searched; what is in the way becomes their problem."""
        self.remove(person)
        try:
            head, content = content_of(message, self._sealer)
            templates = self._templates(head, content)
        except EdgeError as error:
            self.problems[person] = error.message
            return
        except ValueError:
            self.problems[person] = Phrase("what is sealed in it is no record")
            return
        if len(templates):
            self._shelf.put(person, templates)
        self._days[person] = content.retain_until
        self.permits[person] = Permit(
            person,
            content.levels,
            content.valid_from,
            content.valid_until,
            content.pin,
            content.duress,
            content.extended,
            content.with_pass,
            content.card,
        )

    def remove(self, person: str) -> None:
        self._shelf.remove(person)
        for known in (self._days, self.permits, self.problems):
            known.pop(person, None)

    def expire(self, today: date) -> bool:
        """Forget whose last day is over; whether there was anybody."""
        over = [person for person, day in self._days.items() if day < today]
        for person in over:
            self.remove(person)
        return bool(over)

    def __len__(self) -> int:
        """How many people can be matched."""
        return len(self._shelf)

    def gallery(self, revision: int) -> Gallery:
        return self._shelf.gallery(revision)

    def likeness(self, fpir: float) -> Likeness | None:
        """How alike the people of the gallery are."""
        return self._shelf.likeness(fpir)

    def _templates(self, head: Head, content: Content) -> Vector:
        if not (content.consent and content.purpose):
            raise SealError("enrolled without a consent or a purpose")
        if not content.templates:  # somebody who declines face recognition, and has a pass, a card or a PIN
            return np.zeros((0, self._dimension), np.float32)
        if head.pack != self._pack:
            text = "enrolled with the model pack {theirs}, this gate runs {ours}"
            raise SealError(text, theirs=head.pack, ours=self._pack)
        if content.dimension != self._dimension:
            raise SealError(
                "its templates have {count} numbers, not {wanted}", count=content.dimension, wanted=self._dimension
            )
        found = np.frombuffer(content.templates, "<f4").reshape(-1, self._dimension)
        if not np.all(np.abs(np.einsum("ij,ij->i", found, found) - 1) < ROUNDING):
            raise SealError("its templates are no unit vectors")
        return found


def content_of(message: bytes, sealer: Sealer) -> tuple[Head, Content]:
    """What a record says, in clear and sealed; SealError without its key, ValueError when it is none."""
    record = decode(parse(message).payload, Record)
    head = decode(bytes(record.head), Head)
    return head, decode(sealer.open(head.key, record.sealed, bytes(record.head)), Content)
