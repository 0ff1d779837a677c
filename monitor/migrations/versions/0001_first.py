"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "alarms",
        sa.Column("number", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("gate", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("severity", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("opened", sa.Float(), nullable=False),
        sa.Column("closed", sa.Float()),
        sa.Column("document", sa.LargeBinary(), nullable=False),
    )
    op.create_index("alarms_closed", "alarms", ["closed"])
    op.create_index("alarms_opened", "alarms", ["opened"])
    op.create_table(
        "audit",
        sa.Column("number", NUMBER, primary_key=True),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("deed", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
    )
    op.create_index("audit_at", "audit", ["at"])
    op.create_table(
        "cursors",
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("position", sa.BigInteger()),
    )
    op.create_table(
        "events",
        sa.Column("position", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("gate", sa.String(), nullable=False),
        sa.Column("epoch", sa.String(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("time", sa.String(), nullable=False),
        sa.Column("severity", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("received", sa.Float(), nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("person", sa.String()),
        sa.Column("reason", sa.String()),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
    )
    op.create_index("events_gate", "events", ["gate", "time"])
    op.create_index("events_person", "events", ["person", "time"])
    op.create_index("events_place", "events", ["site", "gate", "epoch", "sequence"], unique=True)
    op.create_index("events_severity", "events", ["severity", "time"])
    op.create_index("events_time", "events", ["time"])
    op.create_index("events_type", "events", ["type", "time"])
    op.create_table(
        "problems",
        sa.Column("site", sa.String(), primary_key=True),
        sa.Column("gate", sa.String(), primary_key=True),
        sa.Column("epoch", sa.String(), primary_key=True),
        sa.Column("kind", sa.String(), primary_key=True),
        sa.Column("first", sa.BigInteger(), primary_key=True),
        sa.Column("last", sa.BigInteger(), primary_key=True),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("received", sa.Float(), nullable=False),
    )
    op.create_table(
        "quarantine",
        sa.Column("number", NUMBER, primary_key=True),
        sa.Column("received", sa.Float(), nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "sessions",
        sa.Column("token", sa.String(), primary_key=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("csrf", sa.String(), nullable=False),
        sa.Column("begun", sa.Float(), nullable=False),
        sa.Column("seen", sa.Float(), nullable=False),
    )
    op.create_index("sessions_name", "sessions", ["name"])
    op.create_table(
        "steps",
        sa.Column("position", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
    )
    op.create_index("steps_number", "steps", ["number", "position"])
    op.create_table(
        "streams",
        sa.Column("site", sa.String(), primary_key=True),
        sa.Column("gate", sa.String(), primary_key=True),
        sa.Column("epoch", sa.String(), primary_key=True),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("duplicates", sa.BigInteger(), nullable=False),
        sa.Column("touched", sa.Float(), nullable=False),
    )
    op.create_table(
        "users",
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("password", sa.String(), nullable=False),
        sa.Column("created", sa.Float(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("locked_until", sa.Float(), nullable=False),
    )
