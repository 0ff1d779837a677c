"""The tables of a whitelist's file."""

from sqlite_utils import Database, Migrations

from edge import journal

FIELDS = "id, revision, pack, consent, purpose, retain_until, enrolled_at, revoked_at"
"""What stands in clear of a person, in the order of `edge.enrolled.Row`."""
MIGRATIONS = Migrations("whitelist")


@MIGRATIONS()
def create(db: Database) -> None:
    text = dict.fromkeys(FIELDS.split(", "), str)
    db.table("people").create({**text, "revision": int, "sealed": bytes}, pk="id")
    db.table("head").create({"revision": int})
    db.execute("INSERT INTO head VALUES (0)")


@MIGRATIONS()
def keep_a_journal(db: Database) -> None:
    for statement in journal.TABLE:
        db.execute(statement)


@MIGRATIONS()
def find_changes(db: Database) -> None:
    db.table("people").create_index(["revision"])


@MIGRATIONS()
def remember_requests(db: Database) -> None:
    request = {"workstation": str, "id": str, "deed": str, "person": str, "at": str, "asked": bytes}
    db.table("requests").create(request, pk=("workstation", "id"))
