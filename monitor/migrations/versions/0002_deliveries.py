"""What alarms are told to whom."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "deliveries",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        sa.Column("alarm", sa.BigInteger(), nullable=False),
        sa.Column("raised", sa.Float(), nullable=False),
        sa.Column("level", sa.String(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("way", sa.String(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("made", sa.Float(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next", sa.Float(), nullable=False),
        sa.Column("done", sa.Float()),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
    )
    op.create_index("deliveries_alarm", "deliveries", ["alarm", "raised"])
    op.create_index("deliveries_state", "deliveries", ["state", "next"])
    op.create_index("deliveries_made", "deliveries", ["made"])
