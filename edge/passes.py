"""Passes: what is in one, how it is signed, and how a gate verifies it offline.

A pass is a JWS in compact form (RFC 7515) that is shown as a QR code. docs/passes.md says how another system signs one.
"""

from typing import Annotated

import msgspec
from joserfc.jwk import OKPKey
from msgspec import Meta, Struct

from edge.config import Config, Credentials
from edge.errors import EdgeError, Phrase, SealError
from edge.seal import Signer, Verifier, header, public_key
from edge.signers import IssuerSection
from edge.terms import Pass, Reason

TYPE = "edge-gate-pass+jwt"
"""The JWS `typ` of a pass."""
LARGEST = 1_024
"""Characters of the longest pass that is looked at; a QR code of that size is hard to read as it is."""
LAST_SECOND = 253_402_300_799
"""Of the year 9999: what is later no calendar can show."""
DESK = "desk"
PRIVATE, PUBLIC = "pass.jwk", "pass.pub"
"""The credentials of the desk's own key."""


class Claims(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What a pass says, in the names of RFC 7519 where it has one; short, since each character makes the code denser.

    `aud` is `SITE/GATE`, or a list of them when it is good at several gates, or `["SITE/*"]` for all of a site.
    """

    jti: Annotated[str, Meta(min_length=1, max_length=40)]
    aud: str | list[str]
    nbf: int
    exp: int
    host: str = ""
    """Whom the visitor comes to see."""
    uses: int = 1
    """How often it may be used in all; 0 without a limit."""
    sub: str = ""
    """A member of staff, by their id on the whitelist."""
    face: bool = False
    """Whether it only counts together with the face of the whitelist record whose id is `jti`."""
    pin: bool = False
    """Whether it only counts with the PIN in the record of `sub`, typed at a keypad; then it need not rotate."""


class PassRefused(EdgeError):
    """A pass that is none here; `reason` is what the events say."""

    def __init__(self, reason: Reason, why: Phrase) -> None:
        super().__init__("{why}", why=why)
        self.reason = reason


class Issuer:
    """One who may sign passes, with their limits."""

    def __init__(self, section: IssuerSection, key: OKPKey) -> None:
        self.gates, self.longest_s = section.gates, section.longest_s
        self.verifier = Verifier(key, TYPE, section.name, eddsa=True)


class Passes:
    """Verifies passes for one site. A missing key of an issuer is told when a pass of theirs is shown."""

    def __init__(self, config: Config, credentials: Credentials) -> None:
        self._site, self._limits, self._credentials = config.gate.site, config.passes, credentials
        self._sections = issuers(config)
        self._issuers: dict[str, Issuer] = {}

    def read(self, token: str, gate: str) -> Pass:
        """What the pass says, if it is one of this site and for `gate`; PassRefused with the reason otherwise.

        Its window, its uses and whether it was revoked are not judged here.
        """
        if len(token) > LARGEST:
            raise _invalid(Phrase("it is too large: {size} characters, at most {most}", size=len(token), most=LARGEST))
        name = self._named(token)
        issuer = self._issuer(name)
        claims = _claims(issuer, token)
        self._addressed(claims, issuer, gate)
        self._limited(claims, issuer)
        uses = claims.uses or None
        return Pass(
            claims.jti, claims.sub or claims.jti, name, claims.nbf, claims.exp, uses,
            face=claims.face, shared=isinstance(claims.aud, list), with_pin=claims.pin,
        )  # fmt: skip

    def _named(self, token: str) -> str:
        """Who says that they signed it; what is wrong with the header is told in the terms of a pass."""
        try:
            given = header(token)
        except (msgspec.MsgspecError, ValueError) as error:
            raise _invalid(Phrase("it is damaged, or not a pass at all")) from error
        if given.get("alg") not in ("Ed25519", "EdDSA"):
            raise _invalid(Phrase("its algorithm is {algorithm}, not Ed25519", algorithm=str(given.get("alg"))[:20]))
        if given.get("typ") != TYPE:
            raise _invalid(Phrase("it was signed for another purpose, {purpose}", purpose=str(given.get("typ"))[:40]))
        return given.get("kid", "")

    def _issuer(self, name: str) -> Issuer:
        if name not in self._sections:
            raise _invalid(Phrase("its issuer is not known here: {issuer}", issuer=name[:40]))
        if name not in self._issuers:
            section = self._sections[name]
            where = self._credentials.path(section.credential)
            try:
                self._issuers[name] = Issuer(section, public_key(section.key, where))
            except SealError as error:
                raise _invalid(
                    Phrase("the key of its issuer {issuer} cannot be used: {why}", issuer=name, why=error.message)
                ) from error
        return self._issuers[name]

    def _addressed(self, claims: Claims, issuer: Issuer, gate: str) -> None:
        places = [claims.aud] if isinstance(claims.aud, str) else claims.aud
        here = [place.partition("/")[2] for place in places if place.partition("/")[0] == self._site]
        if not here:
            raise _invalid(Phrase("it is for another site: {place}", place=", ".join(places)[:60]))
        everywhere = isinstance(claims.aud, list) and "*" in here  # a pass names one gate unless marked otherwise
        if gate not in here and not everywhere:
            raise _invalid(Phrase("it is for another gate: {place}", place=", ".join(here)[:60]))
        if issuer.gates and gate not in issuer.gates:
            raise _invalid(Phrase("its issuer may not invite to {gate}", gate=gate))

    def _limited(self, claims: Claims, issuer: Issuer) -> None:
        lasts = claims.exp - claims.nbf
        if lasts <= 0 or not 0 <= claims.nbf <= claims.exp <= LAST_SECOND or claims.uses < 0:
            raise _invalid(Phrase("its window or its uses make no sense"))
        if lasts > min(issuer.longest_s, self._limits.longest_s):
            raise _invalid(Phrase("it is valid for longer than its issuer may say"))
        if claims.pin and not claims.sub:
            raise _invalid(Phrase("it needs a PIN, and names nobody who has one"))
        if claims.sub and not claims.pin and lasts > self._limits.staff_longest_s:
            raise _invalid(Phrase("a staff pass must rotate, and this one is valid for {seconds} s", seconds=lasts))


def issuers(config: Config) -> dict[str, IssuerSection]:
    """Who may sign passes for a gate, by name."""
    sections = config.issuer or [IssuerSection(DESK, credential=PUBLIC)]
    return {section.name: section for section in sections}


def meant(text: str) -> bool:
    """Whether a text is meant to be a pass. Posters and other people's codes are not, and no gate remarks on them."""
    try:
        return header(text).get("typ") == TYPE
    except (msgspec.MsgspecError, ValueError):
        return False


def _claims(issuer: Issuer, token: str) -> Claims:
    try:
        return msgspec.convert(issuer.verifier.verify(token), Claims)
    except SealError as error:
        raise _invalid(Phrase("its signature is wrong: it is damaged or forged")) from error
    except msgspec.ValidationError as error:
        raise _invalid(Phrase("its claims are not those of a pass: {why}", why=error)) from error


def _invalid(why: Phrase) -> PassRefused:
    return PassRefused(Reason.PASS_INVALID, why)


def sign(claims: Claims, key: OKPKey, issuer: str = DESK) -> str:
    """The token of a pass."""
    return Signer(key, TYPE, issuer).sign(msgspec.to_builtins(claims))
