"""What people have reported ends with their names; where these have ended before, it does now."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.execute("DELETE FROM cursors WHERE name = 'nameless alarms'")
