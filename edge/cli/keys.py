"""`edge-gate keys`: make the keys that a gate, its desk and its recorder need, and have others take their place."""

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from edge.backup import KEY_FILE, new_recovery_key
from edge.cli.common import DESK, CredentialsOption, DeskOption, JsonOption, emit, say
from edge.config import Credentials, DeskConfig, load_desk
from edge.errors import EdgeError, SealError
from edge.i18n import N_
from edge.seal import new_sealing_key, new_signing_key
from edge.signet import DESK_KEY, GATE_OPENS, GATE_SIGNS, KeyPair, make_pair, new_opening_pair, new_signing_pair

keys = typer.Typer()


class Kind(StrEnum):
    WHITELIST = "whitelist"
    SIGNING = "signing"
    PASS = "pass"
    OPERATOR = "operator"
    DESK = "desk"
    GATE = "gate"
    READER = "reader"
    BACKUP = "backup"


def _pair(make: Callable[[bytes], KeyPair]) -> Callable[[Path], KeyPair]:
    return lambda path: make_pair(path, make)


FILES: dict[Kind, dict[str, Callable[[Path], object]]] = {
    Kind.WHITELIST: {"whitelist.key": new_sealing_key},
    Kind.SIGNING: {"recorder.jwk": new_signing_key},
    Kind.PASS: {"pass.jwk": new_signing_key},
    Kind.OPERATOR: {"operator.jwk": new_signing_key},
    Kind.DESK: {DESK_KEY: _pair(new_signing_pair)},
    Kind.BACKUP: {KEY_FILE: new_recovery_key},
    Kind.GATE: {GATE_SIGNS: _pair(new_signing_pair), GATE_OPENS: _pair(new_opening_pair)},
    Kind.READER: {"reader.key": new_sealing_key},
}
"""What each kind consists of; public halves lie beside them as `.pub`."""
KINDS = N_(
    "whitelist: seals records; signing: the recorder's word; pass: the desk's passes; operator: commands to gates; "
    "desk: signs the whitelist; gate: opens it; reader: what a keypad or card reader shares with its gate; "
    "backup: opens the desk's backups."
)

KindArgument = Annotated[Kind, typer.Argument(metavar="KIND", help=KINDS)]
Directory = Annotated[
    Path | None,
    typer.Option("--directory", metavar="DIRECTORY", help=N_("Where; otherwise the credentials directory.")),
]


@keys.command()
def new(kind: KindArgument, directory: Directory = None, json: JsonOption = False) -> None:
    """Make a new key; one that is there is never replaced."""
    made = [Credentials(directory).path(name) for name in FILES[kind]]
    for path, make in zip(made, FILES[kind].values(), strict=True):
        try:
            make(path)
        except FileExistsError as error:
            hint = "what was sealed or signed with it needs it; move it away if you are sure"
            raise SealError("there is a key at {path} already", hint, path=path) from error
        except OSError as error:
            raise SealError("{path} cannot be written: {why}", path=path, why=error.strerror) from error
    if json:
        emit({"key": str(made[0]), "keys": list(map(str, made))})
        return
    for path in made:
        say("made {path}; keep a copy where nobody else can read it", path=path)


class Rotated(StrEnum):
    CONTENT = "content"
    SIGNING = "signing"
    OPENING = "opening"


TOLD = {
    (Rotated.CONTENT, False): N_("the desk seals everybody anew with {name}"),
    (Rotated.SIGNING, False): N_(
        "carry desk-next.pub to every gate, which is restarted, and to every workstation, then use --finish; the next "
        "key is {name}"
    ),
    (Rotated.SIGNING, True): N_(
        "run scripts/install --desk and restart the desk; then, at every gate and workstation, desk-next.pub takes the "
        "place of desk.pub ({name})"
    ),
    (Rotated.OPENING, False): N_(
        "run scripts/install --desk and restart the desk, which opens with both keys then; carry desk-open-next.pub to "
        "every workstation, where it takes the place of desk-open.pub; then use --finish. The next key is {name}"
    ),
    (Rotated.OPENING, True): N_(
        "run scripts/install --desk and restart the desk: nothing is opened that was sealed to the key before {name}"
    ),
}


RotatedArgument = Annotated[
    Rotated,
    typer.Argument(
        metavar="KIND",
        help=N_(
            "content: what records are sealed with; signing: what the desk signs with; opening: what opens the "
            "requests of workstations."
        ),
    ),
]
Finish = Annotated[
    bool,
    typer.Option(
        "--finish",
        help=N_("signing, opening: every gate or workstation has the next public key; the one before is destroyed."),
    ),
]
LeaveBehind = Annotated[
    bool,
    typer.Option(
        "--leave-behind",
        help=N_(
            "With --finish: go on although some have not said that they have the next key. They take nothing from "
            "the desk, or are not answered, until they are given it."
        ),
    ),
]


@keys.command()
def rotate(
    kind: RotatedArgument,
    finish: Finish = False,
    leave_behind: LeaveBehind = False,
    config: DeskOption = DESK,
    credentials: CredentialsOption = None,
    json: JsonOption = False,
) -> None:
    """Have another key take the place of one of the desk's; everybody is sealed, or everything signed, anew."""
    if finish and kind is Rotated.CONTENT:
        raise EdgeError("--finish is for signing and opening")
    if leave_behind and not finish:
        raise EdgeError("--leave-behind is for --finish")
    name, left = _rotated(kind, finish, leave_behind, load_desk(config), Credentials(credentials))
    if json:
        emit({"kind": kind, "key": name} | ({"left_behind": left} if finish else {}))
        return
    say(TOLD[kind, finish], name=name)
    if left:
        say("left behind, without the key: {names}", names=", ".join(left))


def _rotated(
    kind: Rotated, finish: bool, leave_behind: bool, config: DeskConfig, credentials: Credentials
) -> tuple[str, list[str]]:
    """The key that was made, or that there is now, and who was left behind."""
    from edge import rotation

    if kind is Rotated.CONTENT:
        return rotation.content(config, credentials), []
    what = rotation.OPENING if kind is Rotated.OPENING else rotation.SIGNING
    if finish:
        return rotation.finish(what, config, credentials, leave_behind)
    return rotation.begin(what, config, credentials), []
