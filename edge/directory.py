"""Whose card is it, and what may they: the permits of everybody on the list in use, as the rules may know them."""

from collections.abc import Mapping

from msgspec import structs

from edge.pins import Blind
from edge.terms import Permit


class Directory:
    """Renewed as a whole with the list; may be asked by any thread meanwhile."""

    def __init__(self, blind: Blind) -> None:
        self._blind = blind
        self._people: Mapping[str, Permit] = {}
        self._cards: Mapping[str, str] = {}
        self._edition = 0

    def renew(self, people: Mapping[str, Permit]) -> int:
        """Know these people; a number that is another one when anything about them is."""
        self._edition += people != self._people
        self._cards = {permit.card: person for person, permit in people.items() if permit.card}
        self._people = people
        return self._edition

    def of(self, person: str) -> Permit | None:
        """The person's permit, with codes that only this start of the gate can compare, and without a card number."""
        permit = self._people.get(person)
        if permit is None or not (permit.pin or permit.duress or permit.card):
            return permit
        pin, duress = self._blind.code(permit.pin), self._blind.code(permit.duress)
        return structs.replace(permit, pin=pin, duress=duress, card="")

    def holder(self, card: str) -> Permit | None:
        """The permit of whoever has this card."""
        return self.of(self._cards.get(card, ""))
