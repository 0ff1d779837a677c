"""What alarms of doors are about names the source that was told last: each source has an alarm of its own now."""

import json
import re

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

ALARMS = sa.table("alarms", *(sa.column(name) for name in ("number", "kind", "document")))
SOURCE = re.compile(r"(?:^|, )source: (\w+)")


def upgrade() -> None:
    connection, columns = op.get_bind(), ALARMS.c
    query = sa.select(columns.number, columns.document).where(columns.kind == "DoorFault")
    for row in connection.execute(query).all():
        alarm = json.loads(row.document)
        if found := SOURCE.search(alarm["detail"]):
            document = json.dumps({**alarm, "key": [*alarm["key"], found[1]]}, ensure_ascii=False).encode()
            connection.execute(sa.update(ALARMS).where(columns.number == row.number).values(document=document))
