"""The desk's own authority for certificates (X.509, P-256): who may connect to the broker, and who may no longer.

A certificate is its owner's account there: mosquitto takes the common name for the user (`use_identity_as_username`),
so there is no password to keep.
"""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from edge import files
from edge.errors import SealError

CA_KEY, CA = "ca.key", "ca.crt"
BROKER_KEY = "broker.key"
YEARS = timedelta(days=825)
"""How long a certificate is good for."""
PEM = serialization.Encoding.PEM


def authority(credentials: Path) -> None:
    """Make the desk's authority for certificates, unless it is there; SealError when only its key is missing.

    A certificate that is missing is made anew of the key: whatever that has signed is good under either.
    """
    begun, public = (credentials / CA_KEY).exists(), (credentials / CA).exists()
    if begun and public:
        return
    if public:
        hint = "put it back, or decrypt it there: another authority would be one that no broker and gate knows"
        raise SealError("there is {public}, but not its key {key}", hint, public=credentials / CA, key=CA_KEY)
    key = _key(credentials) if begun else ec.generate_private_key(ec.SECP256R1())
    name = _name("edge-gate desk")
    builder = _builder(name, name, key.public_key(), timedelta(days=3650))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(sign=True), critical=True)
    if not begun:
        files.secret(credentials / CA_KEY, _pem(key))
    files.replace(credentials / CA, builder.sign(key, hashes.SHA256()).public_bytes(PEM), 0o644)


def certificate(credentials: Path, name: str, into: Path, file: str, host: str = "") -> str:
    """Write a key (`BROKER_KEY`) and a certificate (`file`) for `name`, a server's with `host`; its serial number."""
    serial, contents = certified(credentials, name, file, host)
    put(into, contents)
    return serial


def certified(credentials: Path, name: str, file: str, host: str = "") -> tuple[str, dict[str, bytes]]:
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


def put(into: Path, contents: dict[str, bytes]) -> None:
    """Write files, keys for their owner alone."""
    for name, content in contents.items():
        if name.endswith(".key"):
            files.secret(into / name, content)
        else:
            (into / name).write_bytes(content)


def revocations(credentials: Path, withdrawn: dict[str, float]) -> bytes:
    """The certificate revocation list, for mosquitto's `crlfile`: serial numbers, and when each was withdrawn."""
    key, issuer = _authority(credentials)
    now = datetime.now(UTC)
    builder = x509.CertificateRevocationListBuilder(issuer.subject, now, now + timedelta(days=3650))
    for serial, at in withdrawn.items():
        made = x509.RevokedCertificateBuilder(int(serial, 16), datetime.fromtimestamp(at, UTC)).build()
        builder = builder.add_revoked_certificate(made)
    return builder.sign(key, hashes.SHA256()).public_bytes(PEM)


def listed(credentials: Path, crl: Path) -> dict[str, float]:
    """The serial numbers on a revocation list of this authority's, and when each was withdrawn."""
    try:
        found = x509.load_pem_x509_crl(crl.read_bytes())
        issuer = x509.load_pem_x509_certificate((credentials / CA).read_bytes())
    except (OSError, ValueError) as error:
        raise SealError("{path} cannot be read: {why}", path=crl, why=error) from error
    key = issuer.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey) or not found.is_signature_valid(key):
        hint = "name the crlfile of the broker of this site, a copy of the desk's revoked.crl"
        raise SealError("{path} is no revocation list that this desk has signed", hint, path=crl)
    return {f"{each.serial_number:x}": each.revocation_date_utc.timestamp() for each in found}


def _authority(credentials: Path) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    try:
        issuer = x509.load_pem_x509_certificate((credentials / CA).read_bytes())
    except (OSError, ValueError) as error:
        raise _unusable(error) from error
    return _key(credentials), issuer


def _key(credentials: Path) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key((credentials / CA_KEY).read_bytes(), None)
    except (OSError, ValueError) as error:
        raise _unusable(error) from error
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key


def _unusable(error: OSError | ValueError) -> SealError:
    return SealError("the desk's authority for certificates cannot be used: {why}", why=error)


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
