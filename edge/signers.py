"""The tables of the configuration about those whose signature a gate obeys: issuers of passes, operators, and limits.

As in `edge.sections`, docs/configuration.md is made from these docstrings.
"""

from collections.abc import Iterator
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from edge.errors import Phrase
from edge.sections import Name
from edge.strict import Problem

PublicKey = Annotated[
    str,
    Meta(
        pattern=r"^([A-Za-z0-9_-]{43})?\Z",
        description="the 43 characters of a public Ed25519 key, as `x` of its JWK has them",
    ),
]


Order = Literal[
    "open", "lock-down", "release", "block", "unblock", "unlock", "lock", "acknowledge", "forgive", "lock-open"
]
USUAL: tuple[Order, ...] = (
    "open", "lock-down", "release", "block", "unblock", "unlock", "lock", "acknowledge", "forgive"
)  # fmt: skip


class PassesSection(Struct, forbid_unknown_fields=True):
    """Passes shown as QR codes; docs/passes.md has their format."""

    read: bool = True
    """Whether the cameras look for passes."""
    longest_s: Annotated[float, Meta(gt=0, le=366 * 86400)] = 366 * 86400.0
    """The longest window of a pass; one that is valid for longer is refused, whoever signed it."""
    staff_longest_s: Annotated[float, Meta(ge=10, le=3600)] = 90.0
    """The longest window of a pass that names a member of staff: it rotates, since a code can be photographed."""


class IssuerSection(Struct, forbid_unknown_fields=True):
    """Whoever may sign passes: the desk, or another invitation system; a table for each.

    Without any, the issuer `desk` counts, with the key in the credential `pass.pub`.
    """

    name: Name
    """The `kid` of its passes, exactly."""
    key: PublicKey = ""
    """Its public key; it is no secret."""
    credential: str = ""
    """The credential with its public key in JWK form, in place of `key`."""
    gates: list[Name] = field(default_factory=list)
    """The gates that it may invite to; all of the site when none is named."""
    longest_s: Annotated[float, Meta(gt=0, le=366 * 86400)] = 366 * 86400.0
    """The longest window of its passes."""

    def problems(self) -> Iterator[Problem]:
        if bool(self.key) == bool(self.credential):
            yield "key", Phrase("or credential is needed, one of them")


class OperatorSection(Struct, forbid_unknown_fields=True):
    """Whoever may command this gate from the monitoring room; a table for each. Without any nobody may."""

    name: Name
    """The `kid` of the commands, exactly; it stands in the events that answer them."""
    key: PublicKey = ""
    """The public key; it is no secret."""
    credential: str = ""
    """The credential with the public key in JWK form, in place of `key`."""
    may: list[Order] = field(default_factory=lambda: [*USUAL])
    """What this operator may ask for; `lock-open`, for an emergency, only when it is named."""

    def problems(self) -> Iterator[Problem]:
        if bool(self.key) == bool(self.credential):
            yield "key", Phrase("or credential is needed, one of them")


class LookSection(Struct, forbid_unknown_fields=True):
    """The live look, for the monitoring room alone; off without an address. docs/looks.md says how it is set up."""

    address: str = ""
    """The address that it listens on."""
    port: Annotated[int, Meta(ge=1, le=65535)] = 8443
    """The port that it listens on."""
    certificate: str = "look.crt"
    """The credential with its certificate, in PEM."""
    key: str = "look.key"
    """The credential with the private key of that."""
    authority: str = "ca.crt"
    """The credential with the authority that the room's certificate must come from."""
    room: str = "room"
    """The common name in the room's certificate: other certificates of that authority are refused."""
