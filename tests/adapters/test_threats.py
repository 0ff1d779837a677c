"""Lines of the threat model that no other test answers: what lies about, is said aloud, or negotiated down."""

import base64
import contextlib
import socket
import ssl
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from edge import certificates
from edge.mqtt import Connection, Lost
from edge.records import Content, Head, Keys, Record, Topics, decode, parse
from edge.session import address
from edge.signet import GATE_OPENS, Sealer, read_key, unwrap
from edge.town import SITE
from edge.vault import Vault
from tests.adapters.sites import Place

pytestmark = [
    pytest.mark.real,
    # paho leaves the socket of a handshake that failed to the garbage collector
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def files(*folders: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file()}


def forms(secret: bytes) -> list[bytes]:
    """As which a key could be said: as it is, in hexadecimal, in base64, a line of its PEM."""
    whole = [secret, secret.hex().encode(), base64.b64encode(secret), base64.urlsafe_b64encode(secret).rstrip(b"=")]
    return [line for line in secret.splitlines() if len(line) > 40] if b"PRIVATE KEY" in secret else whole


def test_a_stolen_card_without_the_credentials_shows_no_face_and_no_name(place: Place) -> None:
    _, face = place.enroll("Ann Example")
    place.start("broker", "desk", "north")
    place.wait(1)
    found = files(place.town.sites["north"].config.state)
    assert any(name.endswith("list.sqlite") for name in found)
    for name, content in found.items():
        assert face.tobytes()[:16] not in content and b"Ann Example" not in content, name
    with_names = files(place.town.root / "broker")
    assert not [name for name, content in with_names.items() if b"Ann Example" in content], "a name at the broker"


def test_a_stolen_card_with_the_credentials_opens_what_it_holds_and_has_no_name(place: Place) -> None:
    ann, face = place.enroll("Ann Example")
    place.start("broker", "desk", "north")
    place.wait(1)
    site = place.town.sites["north"]
    vault = Vault(site.config.state / "list.sqlite", read_only=True)
    keys = decode(parse(vault.documents()[Topics(SITE).keys("north")]).payload, Keys)
    private = read_key(site.secrets / GATE_OPENS)
    sealer = Sealer({kid: unwrap(key, private, f"{SITE}/north/{kid}") for kid, key in keys.wrapped.items()})
    [entry] = vault.held()[0]
    record = decode(parse(vault.record(entry) or b"").payload, Record)
    head = decode(bytes(record.head), Head)
    content = sealer.open(head.key, record.sealed, bytes(record.head))
    vault.close()
    assert decode(content, Content).templates[: face.nbytes] == face.tobytes(), "why credentials belong to the TPM"
    assert b"Ann Example" not in content and head.id == ann


def test_no_key_is_said_by_any_process_nor_written_outside_its_place(place: Place) -> None:
    town = place.town
    place.enroll("Ann Example")
    command = [sys.executable, "-m", "edge.cli", "desk", "run", "--config", str(town.root / "desk.toml")]
    log = town.root / "desk.log"
    with log.open("wb") as file:
        desk = subprocess.Popen([*command, "--credentials", str(town.root / "credentials")], stdout=file, stderr=file)
    try:
        place.start("broker", "north")
        place.wait(1)
        town.broker.kill()
        place.start("broker")
        place.enroll("Bob")
        place.wait(2)
    finally:
        desk.terminate()
        desk.wait(20)
    homes = [town.root / "credentials", *(site.secrets for site in town.sites.values())]
    keys = [content for name, content in files(*homes).items() if name.endswith((".key", ".jwk"))]
    assert len(keys) > 6 and log.exists()
    kept = {town.root / name for name in ("broker", "desk", "watch")}  # where certificates with their keys were made
    bundles = {town.root / name / "bundle" for name in town.sites}
    for name, content in files(town.root).items():
        if any(home in Path(name).parents for home in {*homes, *kept, *bundles}):
            continue
        assert not [form for key in keys for form in forms(key) if form in content], name
        assert b"Ann Example" not in content, name


def old(purpose: int) -> ssl.SSLContext:
    """One end of a connection that speaks TLS 1.1 at most."""
    context = ssl.SSLContext(purpose)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings(action="ignore"):
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    return context


@contextlib.contextmanager
def old_server(folder: Path) -> Iterator[int]:
    """The port of somebody with the broker's own certificate who knows no newer TLS."""
    context = old(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.crt", folder / "broker.key")
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    link, _ = server.accept()
                except OSError:
                    return
                with contextlib.suppress(OSError), context.wrap_socket(link, server_side=True):
                    pass

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def test_a_broker_that_negotiates_an_old_tls_is_not_spoken_to(place: Place) -> None:
    where = address(place.town.config.broker, place.town.credentials)
    with old_server(place.town.root / "broker") as port:
        willing = old(ssl.PROTOCOL_TLS_CLIENT)
        willing.check_hostname, willing.verify_mode = False, ssl.CERT_NONE
        with socket.create_connection(("127.0.0.1", port)) as link, willing.wrap_socket(link) as spoken:
            assert spoken.version() == "TLSv1.1"
        with pytest.raises(Lost, match=r"(?i)version|protocol"):
            Connection(replace(where, port=port), [])


def test_a_broker_whose_certificate_is_anothers_is_not_spoken_to(place: Place, tmp_path: Path) -> None:
    certificates.authority(tmp_path)
    place.start("broker")
    where = address(place.town.config.broker, place.town.credentials)
    Connection(where, []).close()
    with pytest.raises(Lost, match=r"(?i)verify"):
        Connection(replace(where, ca_file=str(tmp_path / "ca.crt")), [])
