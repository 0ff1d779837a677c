"""What a gate or the machine has said in English, in the reader's language: a message is known again by its shape.

Events, states and what the room itself keeps have their texts in English, so that every log and every reader has the
same. Most of them are messages of the catalogue with something filled in. Whatever else comes stays as it was said.
"""

import functools
from collections.abc import Callable, Iterable
from string import Formatter

from edge.i18n import messages

LEAST = 8
"""Letters of its own that a message must have to be known again with something filled in: fewer stand in any text."""
SHORT = ("[Errno {number}] {why}",)
"""Those that have fewer and stand in no other text."""
JOINTS = ("\n", "; ", ": ")
"""A message and its hint are lines, several are joined, and before a colon stands what one is about."""
LONGEST, MOST, DEEPEST = 600, 8, 4
"""Characters and joints of a text that is looked at, and how deep in what is filled in: it comes from the network."""


class Shape:
    """A message with places that are filled in, and its translation. ValueError when it cannot be told from others."""

    def __init__(self, template: str, translation: str) -> None:
        parts = list(Formatter().parse(template))
        self._names = [name for _, name, _, _ in parts if name is not None]
        begin, *between = [literal for literal, _, _, _ in parts]
        *self._between, self._end = between if len(between) == len(self._names) else [*between, ""]
        self._begin = begin
        self._translation = [(literal, name) for literal, name, _, _ in Formatter().parse(translation)]
        self.letters = sum(letter.isalpha() for text in (begin, *between) for letter in text)
        is_told = self.letters >= LEAST or template in SHORT
        if not is_told or not all(self._between):
            raise ValueError(template)

    def fields(self, text: str) -> dict[str, str] | None:
        """What is filled in, if the text is of this shape. It takes the first way to read it."""
        at, end = len(self._begin), len(text) - len(self._end)
        if at >= end or not text.startswith(self._begin) or not text.endswith(self._end):
            return None
        found: dict[str, str] = {}
        for name, literal in zip(self._names, self._between, strict=False):
            until = text.find(literal, at + 1, end)
            if until < 0 or found.setdefault(name, text[at:until]) != text[at:until]:
                return None
            at = until + len(literal)
        last = found.setdefault(self._names[-1], text[at:end])
        is_one = not any(joint in value for value in found.values() for joint in JOINTS[:2])
        return found if at < end and last == text[at:end] and is_one else None

    def told(self, fields: dict[str, str]) -> str:
        return "".join(literal + fields.get(name or "", "") for literal, name in self._translation)


class Retelling:
    """From English by these messages and their translations."""

    def __init__(self, known: dict[str, str]) -> None:
        self._known = known
        self._shapes = sorted(_shapes(known.items()), key=lambda shape: -shape.letters)
        self.text: Callable[[str], str] = functools.lru_cache(1000)(self._text)  # whole ones: one text, one place

    def _text(self, text: str, depth: int = 0) -> str:
        is_long = len(text) > LONGEST or sum(map(text.count, JOINTS)) > MOST
        if text in self._known or not text or is_long or depth > DEEPEST:
            return self._known.get(text, text)
        if (found := self.shape(text)) is None:
            return self._parts(text, depth)
        shape, fields = found
        return shape.told({name: self._field(value, depth + 1) for name, value in fields.items()})

    def shape(self, text: str) -> tuple[Shape, dict[str, str]] | None:
        """The one of most letters that the text has, and what is filled in. It tries all of them, which takes long."""
        for shape in self._shapes:
            if (fields := shape.fields(text)) is not None:
                return shape, fields
        return None

    def _field(self, value: str, depth: int) -> str:
        """One word is a name or a number, whatever else it may mean."""
        return self._text(value, depth) if " " in value else value

    def _parts(self, text: str, depth: int) -> str:
        for mark in JOINTS:
            head, found, rest = text.partition(mark)
            if found:
                return (head if mark == ": " else self._text(head, depth)) + mark + self._text(rest, depth)
        return text


def _shapes(known: Iterable[tuple[str, str]]) -> Iterable[Shape]:
    for template, translation in known:
        try:
            if "{" in template:
                yield Shape(template, translation)
        except ValueError:
            continue


@functools.cache
def retelling(language: str) -> Callable[[str], str]:
    """What retells in a language; it translates as well as any gettext function."""
    return Retelling(messages(language)).text
