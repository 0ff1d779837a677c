"""The room's tables, for SQLite and PostgreSQL alike; migrations/ makes them and brings older ones up to date."""

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, LargeBinary, MetaData, String, Table, text

METADATA = MetaData()
Number = BigInteger().with_variant(Integer, "sqlite")
"""64 bit in both; SQLite numbers rows by themselves only in a column that is called INTEGER."""
NAMED = text("person IS NOT NULL")

EVENTS = Table(
    "events",
    METADATA,
    Column("position", Number, primary_key=True, autoincrement=False),
    Column("site", String, nullable=False),
    Column("gate", String, nullable=False),
    Column("epoch", String, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("first", BigInteger, nullable=False),
    Column("id", String, nullable=False),
    Column("type", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("time", String, nullable=False),
    Column("severity", Integer, nullable=False),
    Column("hash", String, nullable=False),
    Column("received", Float, nullable=False),
    Column("late", Boolean, nullable=False),
    Column("person", String),
    Column("reason", String),
    Column("payload", LargeBinary, nullable=False),
    Index("events_place", "site", "gate", "epoch", "sequence", unique=True),
    Index("events_time", "time"),
    Index("events_gate", "gate", "time", "type", "severity"),
    Index("events_type", "type", "time", "gate", "severity"),
    Index("events_severity", "severity", "time", "gate", "type"),
    Index("events_person", "person", "time"),
    Index("events_named", "received", sqlite_where=NAMED, postgresql_where=NAMED),
)
"""Every event once, in the order of recording (`position`). `person` is the only personal field beside the payload.

The indexes hold what is searched for together, so that only what is found is read from the table.
"""

STREAMS = Table(
    "streams",
    METADATA,
    Column("site", String, primary_key=True),
    Column("gate", String, primary_key=True),
    Column("epoch", String, primary_key=True),
    Column("sequence", BigInteger, nullable=False),
    Column("hash", String, nullable=False),
    Column("duplicates", BigInteger, nullable=False),
    Column("touched", Float, nullable=False),
)

PROBLEMS = Table(
    "problems",
    METADATA,
    Column("site", String, primary_key=True),
    Column("gate", String, primary_key=True),
    Column("epoch", String, primary_key=True),
    Column("kind", String, primary_key=True),
    Column("first", BigInteger, primary_key=True),
    Column("last", BigInteger, primary_key=True),
    Column("detail", String, nullable=False),
    Column("received", Float, nullable=False),
    Column("position", BigInteger, nullable=False, server_default="0"),
    Index("problems_position", "position"),
)
"""What is wrong with a gate's events. `position` is the order in which they were found, the last time each of them."""

QUARANTINE = Table(
    "quarantine",
    METADATA,
    Column("number", Number, primary_key=True),
    Column("received", Float, nullable=False),
    Column("topic", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("payload", LargeBinary, nullable=False),
)

ALARMS = Table(
    "alarms",
    METADATA,
    Column("number", Number, primary_key=True, autoincrement=False),
    Column("site", String, nullable=False),
    Column("gate", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("severity", Integer, nullable=False),
    Column("state", String, nullable=False),
    Column("opened", Float, nullable=False),
    Column("closed", Float),
    Column("document", LargeBinary, nullable=False),
    Index("alarms_closed", "closed"),
    Index("alarms_opened", "opened"),
)
"""Each alarm as it is now; `document` is the JSON of a `monitor.terms.Alarm`."""

STEPS = Table(
    "steps",
    METADATA,
    Column("position", Number, primary_key=True, autoincrement=False),
    Column("number", BigInteger, nullable=False),
    Column("stage", String, nullable=False),
    Column("at", Float, nullable=False),
    Column("hash", String, nullable=False),
    Column("document", LargeBinary, nullable=False),
    Index("steps_number", "number", "position"),
)
"""What happened to alarms, each with the hash of the one before; who did it stands beside the chain, committed to."""

CHECKPOINTS = Table(
    "checkpoints",
    METADATA,
    Column("position", Number, primary_key=True, autoincrement=False),
    Column("token", String, nullable=False),
)
"""Where the beginning of the steps was cut off: one row at most, a JWS of a `monitor.chain.Checkpoint`."""

ACCEPTED = Table(
    "accepted",
    METADATA,
    Column("number", Number, primary_key=True),
    Column("document", LargeBinary, nullable=False),
    Column("token", String, nullable=False),
)
"""Gaps among the events that a supervisor has accepted (`monitor.acceptance`), each with the room's signature."""

CURSORS = Table("cursors", METADATA, Column("name", String, primary_key=True), Column("position", BigInteger))
"""How far a reader of the events has come."""

DEEDS = Table(
    "deeds",
    METADATA,
    Column("number", Number, primary_key=True),
    Column("kind", String, nullable=False),
    Column("plan", String, nullable=False),
    Column("at", Float, nullable=False),
    Column("who", String, nullable=False),
    Column("text", String, nullable=False),
)
"""What was done of a plan, and by whom; by nobody for when the plan began."""

PHOTOS = Table(
    "photos",
    METADATA,
    Column("number", Number, primary_key=True),
    Column("alarm", BigInteger, nullable=False),
    Column("at", Float, nullable=False),
    Column("jpeg", LargeBinary, nullable=False),
    Index("photos_alarm", "alarm"),
)

USERS = Table(
    "users",
    METADATA,
    Column("name", String, primary_key=True),
    Column("role", String, nullable=False),
    Column("password", String, nullable=False),
    Column("created", Float, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("locked_until", Float, nullable=False),
)

SESSIONS = Table(
    "sessions",
    METADATA,
    Column("token", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("csrf", String, nullable=False),
    Column("begun", Float, nullable=False),
    Column("seen", Float, nullable=False),
    Index("sessions_name", "name"),
)
"""`token` is the SHA-256 of what the browser holds."""

PASSKEYS = Table(
    "passkeys",
    METADATA,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("key", LargeBinary, nullable=False),
    Column("counter", BigInteger, nullable=False),
    Column("made", Float, nullable=False),
    Column("used", Float),
    Index("passkeys_name", "name"),
)
"""WebAuthn credentials: their id (base64url), public key (COSE) and signature counter."""

AUDIT = Table(
    "audit",
    METADATA,
    Column("number", Number, primary_key=True),
    Column("at", Float, nullable=False),
    Column("name", String, nullable=False),
    Column("deed", String, nullable=False),
    Column("detail", String, nullable=False),
    Index("audit_at", "at"),
)
"""Who logged in or not, who looked at personal data, and who did what else is to be accounted for."""


DELIVERIES = Table(
    "deliveries",
    METADATA,
    Column("number", Number, primary_key=True),
    Column("alarm", BigInteger, nullable=False),
    Column("raised", Float, nullable=False),
    Column("level", String, nullable=False),
    Column("cause", String, nullable=False),
    Column("way", String, nullable=False),
    Column("target", String, nullable=False),
    Column("made", Float, nullable=False),
    Column("state", String, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next", Float, nullable=False),
    Column("done", Float),
    Column("why", String, nullable=False),
    Column("document", LargeBinary, nullable=False),
    Index("deliveries_alarm", "alarm", "raised"),
    Index("deliveries_state", "state", "next"),
    Index("deliveries_made", "made"),
)
"""Every notice that was to be told to a level, by each of its ways; `document` is a `monitor.notice.Notice`."""
