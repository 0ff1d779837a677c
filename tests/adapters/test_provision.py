"""Who is authorised at a site, and shut out: on the record before it counts, and nothing issued beside it."""

import json
import re
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography import x509

from edge import files, provision
from edge.audit import Audit
from edge.certificates import CA_KEY
from edge.config import Credentials, load, load_desk
from edge.errors import ConfigurationError, EdgeError, SealError
from edge.journal import Deed
from edge.office import Gate, Office
from edge.seal import Seal, new_sealing_key
from edge.signet import DESK_KEY, DESK_OPENS, DESK_OPENS_PUBLIC, new_signing_pair, read_key, write_pair
from edge.whitelist import FILE, KEY
from tests.commands import answer, complaint, run
from tests.conftest import ROOT

EXAMPLES = {"lobby", "reception"}
"""The accounts of config/mosquitto.conf that a site names itself."""


class Site(NamedTuple):
    root: Path
    credentials: Path

    @property
    def options(self) -> list[str]:
        return ["--config", str(self.root / "desk.toml"), "--credentials", str(self.credentials)]

    def office(self) -> Office:
        return Office(self.root / "state/desk.sqlite", Seal.load(self.credentials / KEY))

    def workstation(self, name: str, into: str) -> Gate:
        with closing(self.office()) as office:
            return provision.add_workstation(office, self.credentials, "hq", name, self.root / into)

    def deeds(self) -> list[Deed]:
        config = load_desk(self.root / "desk.toml")
        return [said.line.deed for said in Audit.of(config, Credentials(self.credentials)).lines()]

    def journal_is_full(self) -> None:
        with files.database(self.root / "state" / FILE) as db:
            db.execute("CREATE TRIGGER full BEFORE INSERT ON journal BEGIN SELECT RAISE(ABORT, 'no place'); END")

    def shut(self) -> set[str]:
        """The serial numbers on the revocation list."""
        listed = x509.load_pem_x509_crl((self.credentials / "revoked.crl").read_bytes())
        return {f"{each.serial_number:x}" for each in listed}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    (tmp_path / "state").mkdir()
    (tmp_path / "desk.toml").write_text(
        f'[desk]\nsite = "hq"\nstate_dir = "{tmp_path}/state"\n[broker]\n[models]\npack = "zoo"\n'
    )
    new_sealing_key(tmp_path / "credentials" / KEY)
    write_pair(tmp_path / "credentials" / DESK_KEY, new_signing_pair())
    return Site(tmp_path, tmp_path / "credentials")


def test_a_name_that_is_taken_gets_no_certificate_and_no_line_in_the_journal(site: Site) -> None:
    answer("gates", "add", "lobby", "--into", site.root / "gate", *site.options)
    for kind in ("workstations", "gates"):
        said = complaint(kind, "add", "lobby", "--into", site.root / "x", *site.options)
        assert "there is a gate or a workstation lobby already" in said and not (site.root / "x").exists()
    assert site.deeds() == [Deed.GATE_ADDED]


def test_the_accounts_of_the_broker_and_the_levels_of_its_topics_are_no_names(site: Site) -> None:
    accounts = set(re.findall(r"^# +user (\S+)", (ROOT / "config/mosquitto.conf").read_text(), re.MULTILINE))
    readers = {name for name in accounts if "." in name}
    assert accounts > EXAMPLES and readers
    for name in {*accounts, "passes", "roster"} - EXAMPLES - readers:
        with pytest.raises(EdgeError, match=f"^{name} is an account or a topic of the site itself"):
            provision.proper(name)
    for name in readers:
        with pytest.raises(EdgeError, match=f"^{name} is no name"):
            provision.proper(name)
    for kind in ("gates", "workstations"):
        assert "recorder is an account" in complaint(kind, "add", "recorder", "--into", site.root / "x", *site.options)


@pytest.mark.parametrize("name", ["é", "٣", "Lobby", "-x", "--", "a.b", "a/b", "a+", "a b", "a\n", "", "x" * 32])
def test_what_is_no_name_in_a_configuration_is_none_for_a_gate(site: Site, name: str) -> None:
    (site.root / "gate.toml").write_text(f'[gate]\nsite = "hq"\nname = {json.dumps(name)}\n')
    with pytest.raises(ConfigurationError, match=r"gate\.name"):
        load(site.root / "gate.toml")
    with pytest.raises(EdgeError, match="is no name for it"):
        provision.proper(name)


def test_a_name_in_other_letters_is_refused_before_anything_is_made(site: Site) -> None:
    (site.root / "gate.toml").write_text('[gate]\nsite = "hq"\nname = "门"\n')
    assert "gate.name" in run("check", "--config", site.root / "gate.toml").stderr
    for kind in ("gates", "workstations"):
        assert "门 is no name for it" in complaint(kind, "add", "门", "--into", site.root / "x", *site.options)
    assert not (site.root / "x").exists() and not (site.credentials / CA_KEY).exists()


def test_a_certificate_is_recorded_before_anybody_can_have_it(site: Site) -> None:
    """Something is in the way of its key when it is put down."""
    into = site.root / "x"
    with closing(site.office()) as office:
        for add, table in ((provision.add, "gates"), (provision.add_workstation, "workstations")):
            with pytest.raises(SealError, match="cannot be made: File exists"):
                add(office, site.credentials, "hq", table, into, lambda _: (into / "broker.key").write_bytes(b""))
            assert not into.exists()
            serial = office.member(table, table).serial
            provision.shut_out(office, site.credentials, table, lambda: None, table)
            assert serial in site.shut()


def test_what_the_journal_cannot_tell_of_is_not_done(site: Site) -> None:
    made = site.workstation("front", "front")
    answer("gates", "add", "lobby", "--into", site.root / "gate", *site.options)
    site.journal_is_full()
    for kind, name in (("workstations", "front"), ("gates", "lobby")):
        assert "no place" in complaint(kind, "add", "back", "--into", site.root / "x", *site.options)
        assert "no place" in complaint(kind, "revoke", name, *site.options)
    assert not (site.root / "x").exists() and not (site.credentials / "revoked.crl").exists()
    with closing(site.office()) as office:
        assert office.workstations() == [made] and not office.gates()[0].revoked_at


def test_whoever_was_shut_out_before_the_list_was_written_is_put_on_it_by_the_same_command(site: Site) -> None:
    made = site.workstation("front", "front")
    with closing(site.office()) as office:
        office.shut_out("front", "workstations")
        since = office.withdrawn()
    answer("workstations", "revoke", "front", *site.options)
    with closing(site.office()) as office:
        assert office.withdrawn() == since and site.shut() == {made.serial}
    assert "there is no workstation back" in complaint("workstations", "revoke", "back", *site.options)


def test_the_desks_key_for_workstations_is_made_once_and_said_to_be_installed(site: Site) -> None:
    first, second = (
        run("workstations", "add", name, "--into", site.root / name, *site.options) for name in ("front", "back")
    )
    assert (first.returncode, second.returncode) == (0, 0)
    assert "scripts/install --desk" in first.stdout and "scripts/install" not in second.stdout
    assert len({(path / DESK_OPENS_PUBLIC).read_bytes() for path in (site.root / "front", site.root / "back")}) == 1
    with pytest.raises(SealError, match="workstations add makes it; then scripts/install --desk"):
        read_key(site.root / DESK_OPENS)


def test_a_key_that_only_the_unit_opens_is_not_replaced(site: Site) -> None:
    site.workstation("front", "front")
    key, public = site.credentials / DESK_OPENS, site.credentials / DESK_OPENS_PUBLIC
    known = public.read_bytes()
    key.rename(f"{key}.cred")
    site.workstation("back", "back")
    assert not key.exists() and public.read_bytes() == (site.root / "back" / DESK_OPENS_PUBLIC).read_bytes() == known
    public.unlink()
    with pytest.raises(SealError, match=r"there is .*desk-open.key.cred, but not its public half desk-open.pub"):
        site.workstation("side", "side")
    assert not key.exists() and not (site.root / "side").exists()


@pytest.mark.parametrize("key", [DESK_OPENS, CA_KEY])
def test_a_key_that_is_missing_beside_its_public_half_is_not_made_anew(site: Site, key: str) -> None:
    site.workstation("front", "front")
    (site.credentials / key).unlink()
    before = {path.name: path.read_bytes() for path in site.credentials.iterdir()}
    with pytest.raises(SealError, match=f"but not its key {key}"):
        site.workstation("back", "back")
    assert {path.name: path.read_bytes() for path in site.credentials.iterdir()} == before
