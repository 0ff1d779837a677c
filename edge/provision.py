"""What a new gate needs: its certificate, its keys, the least revision, and its lines in the broker's access list.

The authority for certificates is the desk's own (X.509, P-256). A gate's certificate is its account at the broker:
mosquitto takes the common name for the user (`use_identity_as_username`), so there is no password to keep.
"""

import time
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
from edge.errors import SealError
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
    new_opening_pair,
    new_signing_pair,
    write_pair,
)

CA_KEY, CA = "ca.key", "ca.crt"
BROKER_KEY, CERTIFICATE, WORKSTATION_CERTIFICATE = "broker.key", "gate.crt", "workstation.crt"
YEARS = timedelta(days=825)
"""How long a certificate is good for."""
PEM = serialization.Encoding.PEM


def authority(credentials: Path) -> None:
    """Make the desk's authority for certificates, unless it is there."""
    if (credentials / CA_KEY).exists():
        return
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("edge-gate desk")
    builder = _builder(name, name, key.public_key(), timedelta(days=3650))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(sign=True), critical=True)
    files.secret(credentials / CA_KEY, _pem(key))
    (credentials / CA).write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(PEM))


def certificate(credentials: Path, name: str, into: Path, file: str, host: str = "") -> str:
    """Write a key (`BROKER_KEY`) and a certificate (`file`) for `name`, a server's with `host`; its serial number."""
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
    files.secret(into / BROKER_KEY, _pem(key))
    (into / file).write_bytes(made.public_bytes(PEM))
    (into / CA).write_bytes((credentials / CA).read_bytes())
    return f"{made.serial_number:x}"


def add(office: Office, credentials: Path, site: str, name: str, into: Path) -> Gate:
    """Make everything that a gate needs in the new directory `into`, and record the gate."""
    _directory(into)
    authority(credentials)
    signs, opens = new_signing_pair(), new_opening_pair()
    serial = certificate(credentials, name, into, CERTIFICATE)
    gate = Gate(name, signs.public, opens.public, serial, time.time())
    office.add(gate)
    write_pair(into / GATE_SIGNS, signs)
    write_pair(into / GATE_OPENS, opens)
    (into / DESK_PUBLIC).write_bytes((credentials / DESK_PUBLIC).read_bytes())
    (into / "whitelist.mark").write_bytes(msgspec.json.encode(Mark(*office.head())))
    (into / "acl").write_text(access(site, name))
    return gate


def _directory(into: Path) -> None:
    try:
        into.mkdir(parents=True)
    except OSError as error:
        raise SealError("{path} cannot be made: {why}", path=into, why=error.strerror) from error


def add_workstation(office: Office, credentials: Path, site: str, name: str, into: Path) -> Gate:
    """Make everything that a workstation needs in the new directory `into`, and record it."""
    _directory(into)
    authority(credentials)
    if not (credentials / DESK_OPENS).exists():
        write_pair(credentials / DESK_OPENS, new_opening_pair())
    signs, opens = new_signing_pair(), new_opening_pair()
    serial = certificate(credentials, name, into, WORKSTATION_CERTIFICATE)
    workstation = Gate(name, signs.public, opens.public, serial, time.time())
    office.add(workstation, "workstations")
    write_pair(into / WORKSTATION_SIGNS, signs)
    write_pair(into / WORKSTATION_OPENS, opens)
    for public in (DESK_PUBLIC, DESK_OPENS_PUBLIC):
        (into / public).write_bytes((credentials / public).read_bytes())
    (into / "acl").write_text(workstation_access(site, name))
    return workstation


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
