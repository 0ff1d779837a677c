"""Another key takes the place of one of the desk's, while gates go on deciding."""

from pathlib import Path

from edge import files
from edge.audit import Audit
from edge.authority import OFFICE
from edge.config import Credentials, DeskConfig
from edge.errors import SealError
from edge.journal import Deed
from edge.office import Office
from edge.seal import Seal
from edge.signet import DESK_KEY, DESK_NEXT, DESK_PUBLIC, fingerprint, new_signing_pair, read_key, write_pair
from edge.whitelist import KEY

NEXT = "desk-next.key"


def content(config: DeskConfig, credentials: Credentials) -> str:
    """Make another content key; the desk that runs, or the next one that does, seals everybody with it."""
    office = Office(config.state / OFFICE, Seal.load(credentials.path(KEY)))
    office.content_keys()
    name = list(office.new_content_key())[-1]
    office.close()
    _note(config, credentials, name, purpose="content")
    return name


def begin(config: DeskConfig, credentials: Credentials) -> str:
    """Make the signing key that is to follow; gates accept it once they have its public half. Its fingerprint."""
    pair = new_signing_pair()
    try:
        write_pair(credentials.path(NEXT), pair)
    except FileExistsError as error:
        hint = "carry desk-next.pub to every gate, then use --finish"
        raise SealError("there is a next key already: {path}", hint, path=credentials.path(NEXT)) from error
    _note(config, credentials, fingerprint(pair.public), purpose="signing, next")
    return fingerprint(pair.public)


def finish(config: DeskConfig, credentials: Credentials) -> str:
    """Put the next key in the place of the one before, which is destroyed. Its fingerprint."""
    with files.alone(credentials.directory):  # a backup that is made meanwhile has the pair
        return _finish(config, credentials)


def _finish(config: DeskConfig, credentials: Credentials) -> str:
    key, public = read_key(credentials.path(NEXT)), read_key(credentials.path(DESK_NEXT))
    _note(config, credentials, fingerprint(public), purpose="signing")
    for name, bytes_ in ((DESK_KEY, key), (DESK_PUBLIC, public)):
        files.replace(credentials.path(name), bytes_)
    for done in (credentials.path(NEXT), credentials.path(DESK_NEXT)):
        Path.unlink(done)
    return fingerprint(public)


def _note(config: DeskConfig, credentials: Credentials, key: str, purpose: str) -> None:
    Audit.of(config, credentials, write=True).note(Deed.KEY_MADE, key, purpose=purpose)
