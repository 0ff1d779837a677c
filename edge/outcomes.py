"""What is to be done about a message of the whitelist; `roster.py` says it, the gate's `follow.py` does it."""

from msgspec import Struct

from edge.records import Entry, Keys, Manifest, Tombstone


class Outcome(Struct, frozen=True, tag=True):
    """What is to be done about a message."""


class Keep(Outcome, frozen=True):
    """Keep this record in the store: it is part of the list, or will be."""

    entry: Entry
    message: bytes


class Bury(Outcome, frozen=True):
    """The person does not pass from now on; forget the templates."""

    tombstone: Tombstone
    message: bytes


class Adopt(Outcome, frozen=True):
    """The list of this manifest is whole: take it into use at once.

    `put` are the records that come in, `drop` the people who go, `discard` hashes of records that nothing names any
    more. `documents` are the manifest and those of its pages that are new, by topic.
    """

    manifest: Manifest
    documents: dict[str, bytes]
    put: list[Entry]
    drop: list[str]
    discard: list[bytes]


class Unlock(Outcome, frozen=True):
    """This gate's content keys, as the desk wrapped them."""

    keys: Keys
    message: bytes


class Answered(Outcome, frozen=True):
    """The desk has said which revision is the least; the mark may be written again."""
