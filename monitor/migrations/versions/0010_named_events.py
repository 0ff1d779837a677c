"""Events that name somebody are found by when they were received: a gate's clock may have been wrong."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

NAMED = sa.text("person IS NOT NULL")


def upgrade() -> None:
    op.create_index("events_named", "events", ["received"], sqlite_where=NAMED, postgresql_where=NAMED)
