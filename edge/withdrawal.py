"""Certificates that were withdrawn since a backup: the revocation list is written anew for the broker.

The desk's own records have the gates and workstations that were revoked before the backup; the list that it gave to the
broker has those of after. What neither has, nobody has: such a certificate connects until it is revoked again.
"""

from pathlib import Path

from edge import certificates, provision
from edge.config import Credentials
from edge.errors import Phrase, SealError
from edge.office import Office

TABLES = ("gates", "workstations")


class Withdrawal:
    """What `crl`, a later copy of the list, says beyond the office; SealError when it is none of this desk's."""

    def __init__(self, office: Office, credentials: Credentials, crl: Path | None) -> None:
        self._office, self._directory = office, credentials.directory
        self._since = certificates.listed(self._directory, crl) if crl else {}
        self.lacking = self._lacking()

    def names(self, table: str) -> list[str]:
        """The gates or workstations that the backup has in service, and that the list shuts out."""
        members = self._office.gates() if table == "gates" else self._office.workstations()
        return [each.name for each in members if not each.revoked_at and each.serial in self._since]

    def carry_out(self) -> str:
        """Shut out whom the list does, and write it anew; where it is, or nothing where there is no such list."""
        for table in TABLES:
            for name in self.names(table):
                self._office.shut_out(name, table)
        self._office.withdraw(self._since)
        if self.lacking or not self._authorised():
            return ""
        return str(provision.revoked(self._directory, self._office))

    def _lacking(self) -> list[Phrase]:
        if not self._authorised():
            return []
        try:
            certificates.revocations(self._directory, {})
        except SealError as error:
            text = "the revocation list cannot be written, so the broker goes on with the one that it has: {why}"
            return [Phrase(text, why=error.message)]
        return []

    def _authorised(self) -> bool:
        """Whether this desk gives certificates at all."""
        return any((self._directory / name).exists() for name in (certificates.CA_KEY, certificates.CA))
