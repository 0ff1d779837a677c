"""How far a reader has come: in the transaction that does what follows from it."""

from sqlalchemy import Connection, delete, func, insert, select

from monitor.tables import CURSORS


def cursor(connection: Connection, name: str) -> int:
    """0 of one that has not begun."""
    query = select(func.coalesce(func.max(CURSORS.c.position), 0)).where(CURSORS.c.name == name)
    found: int = connection.execute(query).scalar_one()
    return found


def set_cursor(connection: Connection, name: str, position: int) -> None:
    connection.execute(delete(CURSORS).where(CURSORS.c.name == name))
    connection.execute(insert(CURSORS), {"name": name, "position": position})
