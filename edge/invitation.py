"""Invitations: make a pass, as code on a phone or paper, judge one as a gate would, and end one.

The desk's own issuer. Another invitation system needs none of this: docs/passes.md has the format.
"""

import io
import math
import os
import re
import secrets
import time
from pathlib import Path
from typing import NamedTuple

import msgspec
import segno
from joserfc.jwk import OKPKey

from edge import bulletin
from edge.bulletin import Revocations
from edge.clock import Calendar
from edge.config import Config, Credentials
from edge.enrolled import ALPHABET, Applicant, Bounds, Consent, Person, Standing
from edge.errors import EdgeError, LinkError, Phrase, SealError
from edge.mqtt import CONNECT_S, Connection, Message
from edge.passbook import BOOK, Issued, Passbook
from edge.passes import DESK, LAST_SECOND, PRIVATE, Claims, Passes, PassRefused, sign
from edge.schedule import local
from edge.seal import load_key, own_signing_key
from edge.sections import NAME
from edge.session import address
from edge.terms import Now, Pass, Reason
from edge.visit import refusal
from edge.whitelist import Whitelist


class Wish(NamedTuple):
    """What the pass shall say. Times are UTC seconds; `uses` 0 is without a limit."""

    host: str
    gates: list[str]
    valid_from: float
    valid_until: float
    uses: int = 1
    multi_gate: bool = False
    staff: str = ""
    with_pin: bool = False


class Made(NamedTuple):
    token: str
    jti: str


class Verdict(NamedTuple):
    """`code` is None when the pass is valid; `why` says the same to people."""

    code: Reason | None
    why: Phrase
    shown: Pass | None


def invite(wish: Wish, config: Config, credentials: Credentials, face: Path | None = None, consent: str = "") -> Made:
    """Sign a pass and note that it was issued; with a photo the visitor is enrolled until it ends, under its id."""
    _check(wish)
    key = _key(credentials.path(PRIVATE))
    claims = _claims(wish, config.gate.site, face is not None)
    try:
        Passes(config, credentials).read(sign(claims, key), wish.gates[0])
    except PassRefused as refused:
        raise EdgeError("no gate would take this pass: {why}", why=refused.message) from refused
    if face:
        claims.jti = _enrolled(wish, config, credentials, face, consent).id
    Passbook(config.state / BOOK).issue(Issued(claims.jti, *wish[:5], face=claims.face, staff=wish.staff))
    return Made(sign(claims, key), claims.jti)


def _claims(wish: Wish, site: str, face: bool) -> Claims:
    places: list[str] = [f"{site}/{gate}" for gate in wish.gates]
    return Claims(
        jti="".join(secrets.choice(ALPHABET) for _ in range(10)),
        aud=places if wish.multi_gate else places[0],
        nbf=int(wish.valid_from),
        exp=int(wish.valid_until),
        host=wish.host,
        uses=wish.uses,
        sub=wish.staff,
        face=face,
        pin=wish.with_pin,
    )


def _check(wish: Wish) -> None:
    if not wish.host:
        raise EdgeError("a pass names its host", "say with --host whom the visitor comes to see")
    for gate in wish.gates:
        if gate != "*" and not re.match(NAME, gate):
            hint = "at most 31 lower-case letters from a to z, digits and -, and a letter or a digit first"
            raise EdgeError("{name} is no name of a gate", hint, name=gate)
    if wish.valid_until <= wish.valid_from:
        raise EdgeError("the pass would end before it begins", "--until must be later than --from")
    if not wish.multi_gate and (len(wish.gates) > 1 or "*" in wish.gates):
        raise EdgeError("a pass names one gate", "for several, say --multi-gate: its uses then count at each of them")


def _key(path: Path) -> OKPKey:
    """The desk's key, made on first use."""
    try:
        return own_signing_key(path)
    except OSError as error:
        hint = "run it as the user who may write there"
        raise SealError("{path} cannot be written: {why}", hint, path=path, why=error.strerror) from error


def _enrolled(wish: Wish, config: Config, credentials: Credentials, photo: Path, consent: str) -> Person:
    """The visitor's record, which ends with the pass; named after the host, since a pass names no visitor."""
    from edge import models  # with OpenCV and the networks, which a pass without a face does without
    from edge.enroll import Registrar, enroll
    from edge.faces import Vision

    people = Whitelist.of(config, credentials, write=True)
    last = local(wish.valid_until, config.calendar.zone).date()
    grounds = Consent(consent or "invitation", f"visit to {wish.host}", last)
    vision = Vision(models.load(config.models.pack, Path(config.models.directory)))
    bounds = Bounds((), wish.valid_from, wish.valid_until, wish.host, with_pass=True)
    applicant = Applicant(f"visitor of {wish.host}", grounds, bounds=bounds)
    with Registrar.of(vision, people, config.access.fpir) as registrar:
        return enroll([photo], applicant, registrar).person


def drawable(path: Path) -> str:
    """The kind of picture that a file's name asks for; EdgeError when it is none, or has no place."""
    kind = path.suffix.lower().removeprefix(".")
    if kind not in ("png", "svg"):
        raise EdgeError("{path} is neither .png nor .svg", path=path)
    if not os.access(path.parent, os.W_OK) or path.is_dir():
        raise EdgeError("{path} cannot be written: {why}", path=path, why="no file can be made there")
    return kind


def draw(token: str, path: Path) -> None:
    """Write the code to a PNG or SVG file, eight units a module with the quiet zone that readers want.

    The file is its owner's alone: whoever holds the code may pass.
    """
    kind, picture = drawable(path), io.BytesIO()
    _code(token).save(picture, kind=kind, scale=8, border=4)
    try:
        with open(path, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(picture.getvalue())
    except OSError as error:
        raise EdgeError("{path} cannot be written: {why}", path=path, why=error.strerror) from error


def terminal(token: str) -> str:
    """The code as text for a terminal."""
    out = io.StringIO()
    _code(token).terminal(out, compact=True, border=4)
    return out.getvalue()


def _code(token: str) -> segno.QRCode:
    """The smallest code, with whatever error correction fits into its size."""
    return segno.make(token, error="l", boost_error=True, micro=False)


def verdict(token: str, config: Config, credentials: Credentials, gate: str, at: float) -> Verdict:
    """What the gate (this one without a name) would say of the pass at a moment in UTC seconds."""
    here = not gate or gate == config.gate.name
    try:
        shown = Passes(config, credentials).read(token, gate or config.gate.name)
        if here:
            shown = known(shown, config, credentials)
    except PassRefused as refused:
        return Verdict(refused.reason, refused.message, None)
    refused_now = refusal(shown, Now(0.0, at))
    return Verdict(*refused_now, shown) if refused_now else Verdict(None, Phrase(""), shown)


def known(shown: Pass, config: Config, credentials: Credentials) -> Pass:
    """The pass with what this gate knows of it; PassRefused when it was revoked or its face has not arrived."""
    book = Passbook(config.state / BOOK) if (config.state / BOOK).exists() else None
    if book and book.revoked(shown.id):
        raise PassRefused(Reason.CREDENTIAL_NOT_ENABLED, Phrase("it was revoked"))
    if shown.face and not _enrolled_now(shown.person, config, credentials):
        why = Phrase("it only counts with a face, and the record of that has not arrived here")
        raise PassRefused(Reason.CREDENTIAL_NOT_ENABLED, why)
    if shown.with_pin and not any(each.pin for each in _people(shown.person, config, credentials)):
        why = Phrase("it only counts with a PIN, and this gate knows none of its person")
        raise PassRefused(Reason.CREDENTIAL_NOT_ENABLED, why)
    return msgspec.structs.replace(shown, used=book.used(shown.id)) if book else shown


def _records(person: str, config: Config, credentials: Credentials) -> list[Person]:
    """Who is or was enrolled under this id, in a list of one."""
    try:
        people = Whitelist.of(config, credentials).people(Calendar.of(config).peek())
    except EdgeError:
        return []  # without a list nobody has arrived
    return [each for each in people if each.id == person]


def _people(person: str, config: Config, credentials: Credentials) -> list[Person]:
    """Who is enrolled now under it."""
    return [each for each in _records(person, config, credentials) if each.standing is Standing.ENROLLED]


def _enrolled_now(person: str, config: Config, credentials: Credentials) -> bool:
    return bool(_people(person, config, credentials))


def _bound(pass_id: str, config: Config, credentials: Credentials) -> list[Person]:
    """Who is enrolled for this pass alone: nobody loses their record for an id that was mistyped."""
    return [each for each in _people(pass_id, config, credentials) if each.bounds.with_pass]


def _destroyed(pass_id: str, config: Config, credentials: Credentials) -> bool:
    """Whether nothing is left of somebody under this id, as when their pass was revoked."""
    return any(each.standing is Standing.ERASED for each in _records(pass_id, config, credentials))


def seen(pass_id: str, config: Config, credentials: Credentials) -> bool:
    """Whether this gate has issued such a pass, knows of a use of it, or has or had the face that is bound to it."""
    book = Passbook(config.state / BOOK)
    here = any(each.id == pass_id for each in book.issued()) or book.used(pass_id) > 0
    here = here or (book.revoked(pass_id) and _destroyed(pass_id, config, credentials))
    return here or bool(_bound(pass_id, config, credentials))


def end(pass_id: str, config: Config, credentials: Credentials) -> bool:
    """Have this gate refuse a pass; whether the template of a face that was bound to it was destroyed.

    The gate gives the receipt, as soon as it runs.
    """
    book = Passbook(config.state / BOOK)
    # For good, when it was issued elsewhere: its window may lie in the future, however far.
    book.revoke(pass_id, next((each.valid_until for each in book.issued() if each.id == pass_id), LAST_SECOND))
    if not _bound(pass_id, config, credentials):
        return False
    book.owe(pass_id)
    Whitelist.of(config, credentials, write=True).erase(pass_id)
    return True


def announce(config: Config, credentials: Credentials) -> None:
    """Tell every gate of the site which passes are revoked, through the broker, retained; LinkError when it is away."""
    passes = {id_: math.ceil(until) for id_, until in Passbook(config.state / BOOK).revocations().items()}
    site = config.gate.site
    payload = bulletin.sign(Revocations(site, passes), load_key(credentials.path(PRIVATE)))
    connection = Connection(address(config.broker, credentials))
    try:
        connection.publish(Message(bulletin.revocations_topic(site, DESK), payload, 1, True))
        deadline = time.monotonic() + CONNECT_S
        while connection.unconfirmed:
            if time.monotonic() > deadline:
                raise LinkError("the broker did not confirm the revocations within {seconds:.0f} s", seconds=CONNECT_S)
            connection.turn(0.1)
    finally:
        connection.close()


def issued(config: Config) -> list[Issued]:
    """The passes that were issued here."""
    return Passbook(config.state / BOOK).issued()
