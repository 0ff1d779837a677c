"""What a new gate needs: its certificate, its keys, the least revision, and its lines in the broker's access list.

The authority for certificates is the desk's own (X.509, P-256). A gate's certificate is its account at the broker:
mosquitto takes the common name for the user (`use_identity_as_username`), so there is no password to keep.
"""

import contextlib
import shutil
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from edge import files
from edge.bulletin import revocations_topic, uses_topic
from edge.config import ENCRYPTED
from edge.errors import EdgeError, SealError
from edge.office import Gate, Office
from edge.records import Mark, Topics
from edge.signet import (
    DESK_OPENS,
    DESK_OPENS_PUBLIC,
    DESK_PUBLIC,
    GATE_OPENS,
    GATE_SIGNS,
    WORKSTATION_OPENS,
    WORKSTATION_SIGNS,
    KeyPair,
    new_opening_pair,
    new_signing_pair,
    opening_public_of,
    read_key,
    write_pair,
)

CA_KEY, CA = "ca.key", "ca.crt"
BROKER_KEY, CERTIFICATE, WORKSTATION_CERTIFICATE = "broker.key", "gate.crt", "workstation.crt"
YEARS = timedelta(days=825)
"""How long a certificate is good for."""
TAKEN = (
    "desk", "desk-pass", "recorder", "monitor", "operator", "room", "look", "broker", "passes", "roster",
)  # fmt: skip
"""Accounts that a site's broker has anyhow (config/mosquitto.conf), and levels of its topics: who had such a name would
write there.
"""
Note = Callable[[Gate], object]
"""Tells the journal of whom is about to be authorised."""
PEM = serialization.Encoding.PEM


def authority(credentials: Path) -> None:
    """Make the desk's authority for certificates, unless it is there; SealError when only its key is missing."""
    if (credentials / CA_KEY).exists():
        return
    if (credentials / CA).exists():
        hint = "put it back, or decrypt it there: another authority would be one that no broker and gate knows"
        raise SealError("there is {public}, but not its key {key}", hint, public=credentials / CA, key=CA_KEY)
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("edge-gate desk")
    builder = _builder(name, name, key.public_key(), timedelta(days=3650))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(sign=True), critical=True)
    files.secret(credentials / CA_KEY, _pem(key))
    (credentials / CA).write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(PEM))


def certificate(credentials: Path, name: str, into: Path, file: str, host: str = "") -> str:
    """Write a key (`BROKER_KEY`) and a certificate (`file`) for `name`, a server's with `host`; its serial number."""
    serial, contents = _certified(credentials, name, file, host)
    _put(into, contents)
    return serial


def _certified(credentials: Path, name: str, file: str, host: str = "") -> tuple[str, dict[str, bytes]]:
    """A certificate's serial number; and what its owner needs of it, by the names of the files."""
    key, (signer, issuer) = ec.generate_private_key(ec.SECP256R1()), _authority(credentials)
    builder = _builder(_name(name), issuer.subject, key.public_key(), YEARS)
    usage = ExtendedKeyUsageOID.SERVER_AUTH if host else ExtendedKeyUsageOID.CLIENT_AUTH
    builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
    )
    if host:
        builder = builder.add_extension(x509.SubjectAlternativeName([_host(host)]), critical=False)
    made = builder.sign(signer, hashes.SHA256())
    contents = {BROKER_KEY: _pem(key), file: made.public_bytes(PEM), CA: issuer.public_bytes(PEM)}
    return f"{made.serial_number:x}", contents


def _put(into: Path, contents: dict[str, bytes]) -> None:
    """Write files, keys for their owner alone."""
    for name, content in contents.items():
        if name.endswith(".key"):
            files.secret(into / name, content)
        else:
            (into / name).write_bytes(content)


def proper(name: str) -> None:
    """What becomes a level of topics, the name in a certificate and an account at the broker."""
    if not name.replace("-", "").isalnum() or name != name.lower():
        raise EdgeError("{name} is no name for it: lower-case letters, digits and -", name=name)
    if name in TAKEN:
        hint = "give another name; these are taken: {taken}"
        raise EdgeError("{name} is an account or a topic of the site itself", hint, name=name, taken=", ".join(TAKEN))


def add(office: Office, credentials: Path, site: str, name: str, into: Path, note: Note = lambda _: None) -> Gate:
    """Make everything that a gate needs in the new directory `into`; it is noted, and recorded, before that."""
    office.free(name)
    authority(credentials)
    signs, opens = new_signing_pair(), new_opening_pair()
    serial, contents = _certified(credentials, name, CERTIFICATE)
    contents |= _pair(GATE_SIGNS, signs) | _pair(GATE_OPENS, opens)
    contents[DESK_PUBLIC] = read_key(credentials / DESK_PUBLIC)
    contents["whitelist.mark"] = msgspec.json.encode(Mark(*office.head()))
    contents["acl"] = access(site, name).encode()
    gate = Gate(name, signs.public, opens.public, serial, time.time())
    with _directory(into):
        note(gate)
        office.add(gate)
        _put(into, contents)
    return gate


@contextlib.contextmanager
def _directory(into: Path) -> Iterator[None]:
    """A new directory, of which nothing stays when what is to be in it cannot be made."""
    try:
        into.mkdir(parents=True)
        try:
            yield
        except BaseException:
            shutil.rmtree(into, ignore_errors=True)
            raise
    except OSError as error:
        raise SealError("{path} cannot be made: {why}", path=into, why=error.strerror) from error


def _pair(file: str, pair: KeyPair) -> dict[str, bytes]:
    return {file: pair.private, str(Path(file).with_suffix(".pub")): pair.public}


def add_workstation(
    office: Office, credentials: Path, site: str, name: str, into: Path, note: Note = lambda _: None
) -> Gate:
    """Make everything that a workstation needs in the new directory `into`; it is noted, and recorded, before that."""
    office.free(name)
    authority(credentials)
    desk_opens = opening_public(credentials) or _new_opening(credentials)
    signs, opens = new_signing_pair(), new_opening_pair()
    serial, contents = _certified(credentials, name, WORKSTATION_CERTIFICATE)
    contents |= _pair(WORKSTATION_SIGNS, signs) | _pair(WORKSTATION_OPENS, opens)
    contents |= {DESK_PUBLIC: read_key(credentials / DESK_PUBLIC), DESK_OPENS_PUBLIC: desk_opens}
    contents["acl"] = workstation_access(site, name).encode()
    workstation = Gate(name, signs.public, opens.public, serial, time.time())
    with _directory(into):
        note(workstation)
        office.add(workstation, "workstations")
        _put(into, contents)
    return workstation


def opening_public(credentials: Path) -> bytes:
    """What workstations seal requests with; nothing while the desk has no key for that.

    The key may be one that only the desk's unit can open (`systemd-creds encrypt`), so its public half is believed.
    SealError when one half is missing: another pair would leave every workstation that was added without an answer.
    """
    key, public = credentials / DESK_OPENS, credentials / DESK_OPENS_PUBLIC
    encrypted = key.with_name(f"{key.name}{ENCRYPTED}")
    if encrypted.exists() and not public.exists():
        hint = "put it back, from a workstation that was added or from a backup"
        raise SealError("there is {key}, but not its public half {public}", hint, key=encrypted, public=public.name)
    if encrypted.exists():
        return read_key(public)
    if key.exists():
        return opening_public_of(read_key(key))
    if public.exists():
        hint = "put it back; or when it is lost, delete {public} as well, and add every workstation anew"
        raise SealError("there is {public}, but not its key {key}", hint, public=public, key=key.name)
    return b""


def _new_opening(credentials: Path) -> bytes:
    pair = new_opening_pair()
    write_pair(credentials / DESK_OPENS, pair)
    return pair.public


def workstation_access(site: str, name: str) -> str:
    """A workstation's lines in mosquitto's access list: it asks under its own name and hears what is told to it."""
    topics = Topics(site)
    return f"user {name}\ntopic write {topics.request(name)}\ntopic read {topics.reply(name)}\n"


def access(site: str, gate: str) -> str:
    """A gate's lines in mosquitto's access list: it writes below its own name, and reads what is for it."""
    topics = Topics(site)
    own = f"edge/v1/{site}/{gate}"
    read = [
        f"{own}/ack",
        f"{own}/command",
        f"{own}/reader/+",
        uses_topic(site, "+"),
        revocations_topic(site, "+"),
        topics.manifest,
        topics.index,
        topics.people,
        topics.keys(gate),
        topics.answer(gate),
    ]
    lines = [f"user {gate}", f"topic write {own}/#", *(f"topic read {topic}" for topic in read)]
    return "\n".join(lines) + "\n"


def desk_access(site: str, desk: str) -> str:
    """The desk's lines in mosquitto's access list."""
    topics = Topics(site)
    return f"user {desk}\ntopic readwrite {topics.desk}/#\ntopic read {topics.reports}\n"


def shut_out(office: Office, credentials: Path, name: str, note: Callable[[], object], table: str = "gates") -> Path:
    """Shut out a gate or a workstation, which is noted before, and write the revocation list; where it is.

    One that was shut out already only has the list written again: that may be what failed the last time.
    """
    if not office.member(name, table).revoked_at:
        note()
        office.shut_out(name, table)
    return revoked(credentials, office)


def revoked(credentials: Path, office: Office) -> Path:
    """Write the revocation list anew; where it is."""
    path = credentials / "revoked.crl"
    files.replace(path, revocations(credentials, office.withdrawn()))
    return path


def revocations(credentials: Path, withdrawn: dict[str, float]) -> bytes:
    """The certificate revocation list, for mosquitto's `crlfile`: serial numbers, and when each was withdrawn."""
    key, issuer = _authority(credentials)
    now = datetime.now(UTC)
    builder = x509.CertificateRevocationListBuilder(issuer.subject, now, now + timedelta(days=3650))
    for serial, at in withdrawn.items():
        made = x509.RevokedCertificateBuilder(int(serial, 16), datetime.fromtimestamp(at, UTC)).build()
        builder = builder.add_revoked_certificate(made)
    return builder.sign(key, hashes.SHA256()).public_bytes(PEM)


def _authority(credentials: Path) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    try:
        key = serialization.load_pem_private_key((credentials / CA_KEY).read_bytes(), None)
        issuer = x509.load_pem_x509_certificate((credentials / CA).read_bytes())
    except (OSError, ValueError) as error:
        raise SealError("the desk's authority for certificates cannot be used: {why}", why=error) from error
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key, issuer


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, valid: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + valid)
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)


def _usage(sign: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True, key_cert_sign=sign, crl_sign=sign, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
