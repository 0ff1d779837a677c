"""Indexes that answer by themselves what the history is asked, whatever fields are combined."""

from alembic import op

revision = "0003"
down_revision = "0002"

INDEXES = {
    "gate": ["gate", "time", "type", "severity"],
    "severity": ["severity", "time", "gate", "type"],
    "type": ["type", "time", "gate", "severity"],
}


def upgrade() -> None:
    for name, columns in INDEXES.items():
        op.drop_index(f"events_{name}", "events")
        op.create_index(f"events_{name}", "events", columns)
