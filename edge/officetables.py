"""The tables of the desk's own database, and how they came to be what they are."""

from sqlite_utils import Database, Migrations

MIGRATIONS = Migrations("office")


@MIGRATIONS()
def create(db: Database) -> None:
    db.table("messages").create({"topic": str, "hash": bytes, "message": bytes}, pk="topic")
    db.table("entries").create({"id": str, "revision": int, "hash": bytes}, pk="id")
    db.table("head").create({"revision": int, "issued": float})
    db.execute("INSERT INTO head VALUES (0, 0.0)")
    gate = {"name": str, "signs": bytes, "opens": bytes, "serial": str, "added_at": float, "revoked_at": float}
    db.table("gates").create(gate, pk="name")
    contact = {"gate": str, "revision": int, "at": float, "report": bytes, "people": int, "problems": str}
    db.table("contacts").create(contact, pk="gate")
    db.table("keys").create({"kid": str, "sealed": bytes, "made_at": float}, pk="kid")
    db.table("revocations").create({"person": str, "revision": int, "at": float}, pk=("person", "revision"))
    receipt = {"person": str, "revision": int, "gate": str, "delay_ms": float, "report": bytes}
    db.table("receipts").create(receipt, pk=("person", "revision", "gate"))


@MIGRATIONS()
def admit_workstations(db: Database) -> None:
    member = {"name": str, "signs": bytes, "opens": bytes, "serial": str, "added_at": float, "revoked_at": float}
    db.table("workstations").create(member, pk="name")
    db.table("withdrawn").create({"serial": str, "at": float}, pk="serial")
    db.execute("INSERT INTO withdrawn SELECT serial, revoked_at FROM gates WHERE revoked_at IS NOT NULL")


@MIGRATIONS()
def seal_anew(db: Database) -> None:
    db.table("keys").add_column("due", bool, not_null_default=False)
