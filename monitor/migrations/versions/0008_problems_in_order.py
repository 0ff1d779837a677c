"""Problems have a place in the order in which they were found, and a cursor says which have become alarms."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

PROBLEMS = sa.table("problems", *(sa.column(name) for name in ("received", "position")))


def upgrade() -> None:
    op.add_column("problems", sa.Column("position", sa.BigInteger(), nullable=False, server_default="0"))
    op.create_index("problems_position", "problems", ["position"])
    connection, columns = op.get_bind(), PROBLEMS.c
    times = connection.execute(sa.select(columns.received).distinct().order_by(columns.received)).scalars().all()
    for place, time in enumerate(times, 1):
        connection.execute(sa.update(PROBLEMS).where(columns.received == time).values(position=place))
    known = connection.execute(sa.text("SELECT COALESCE(MAX(at), 0.0) FROM steps")).scalar_one()
    done = sum(time <= known for time in times)  # so far this was how the room told
    connection.execute(sa.text("INSERT INTO cursors (name, position) VALUES ('problems', :done)"), {"done": done})
