"""Personal fields beside what is hashed or signed, which only commits to them: erased, both stay valid."""

from collections.abc import Mapping

from edge.seal import commit, commitment


def committed(values: Mapping[str, str]) -> dict[str, object]:
    """The two parts of a document's `data`: each value with a salt, and what its hash commits to."""
    pairs = {name: commit(value) for name, value in values.items()}
    return {
        "personal": {name: [pairs[name][0], value] for name, value in values.items()},
        "commitments": {name: digest for name, (_, digest) in pairs.items()},
    }


def is_committed(personal: object, commitments: object) -> bool:
    """Whether every personal field `[salt, value]` is what its commitment says; an erased one needs not be there."""
    if not isinstance(personal, dict) or not isinstance(commitments, dict):
        return False
    for name, pair in personal.items():
        if not isinstance(pair, list | tuple) or len(pair) != 2 or not isinstance(pair[0], str):
            return False
        if commitments.get(name) != commitment(pair[0], pair[1]):
            return False
    return True
