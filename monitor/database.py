"""The room's database: SQLite in a file, or PostgreSQL at an address, by the same statements.

Alembic brings the tables up to date when it is opened. SQLAlchemy's errors become StoreError here.
"""

import contextlib
import errno
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import psycopg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from psycopg.sql import SQL, Identifier
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Engine,
    Float,
    Integer,
    LargeBinary,
    Table,
    create_engine,
    event,
    insert,
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import NullPool, QueuePool

from edge.errors import StoreError

MIGRATIONS = Path(__file__).parent / "migrations"
VERSIONS = "SELECT version_num FROM alembic_version"
READING = {"reading": True}
INDEXED = 500
"""Characters of a text in an index at most: PostgreSQL takes rows of up to 2,704 bytes there."""
ONE_STATE = {"isolation_level": "REPEATABLE READ"}
"""What PostgreSQL needs for a reader to see one state; SQLite's readers do anyway."""
WAIT_S = 10.0
"""How long a writer waits for another one."""


class Database:
    """Opened at `where`: the path of an SQLite file, made when it is not there, or a `postgresql://` address."""

    def __init__(self, where: Path | str) -> None:
        self.url = address(where)
        self._engine = _engine(self.url)
        with contextlib.ExitStack() as unless_opened, self._translated():
            unless_opened.callback(self.close)
            if self.url.database and self.is_sqlite:
                _refuse_another(Path(self.url.database))
                Path(self.url.database).parent.mkdir(parents=True, exist_ok=True)
            with self._engine.begin() as connection:
                _migrate(connection, self.name)
            unless_opened.pop_all()

    @property
    def is_sqlite(self) -> bool:
        return self.url.get_backend_name() == "sqlite"

    @property
    def name(self) -> str:
        """Where it is, for people: without a password."""
        return str(self.url.database) if self.is_sqlite else self.url.render_as_string(hide_password=True)

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction: all that is written in it, or nothing."""
        with self._translated(), self._engine.begin() as connection:
            yield connection

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees one state of the database and never keeps a writer waiting."""
        with self._translated(), self._engine.connect() as connection:
            yield connection.execution_options(**READING, **({} if self.is_sqlite else ONE_STATE))

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            why = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
            raise StoreError("{path} cannot be used: {why}", path=self.name, why=why) from error
        except psycopg.Error as error:  # of what `pour` gives to the driver itself
            why = str(error).strip().partition("\n")[0]
            raise StoreError("{path} cannot be used: {why}", path=self.name, why=why) from error
        except (CommandError, UnicodeDecodeError, OSError) as error:
            told = getattr(error, "strerror", None) or error
            raise StoreError("{path} cannot be used: {why}", path=self.name, why=told) from error

    def close(self) -> None:
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


KINDS = ((Boolean, "bool"), (BigInteger, "int8"), (Integer, "int4"), (Float, "float8"), (LargeBinary, "bytea"))
"""PostgreSQL's names of columns' types; what is none of these is text."""


def pour(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert many whole rows at once; into PostgreSQL by COPY."""
    if not rows:
        return
    driver = connection.connection.driver_connection
    if not isinstance(driver, psycopg.Connection):
        connection.execute(insert(table), rows)
        return
    names = [column.name for column in table.columns]
    statement = SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(
        Identifier(table.name), SQL(", ").join(map(Identifier, names))
    )
    with driver.cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types([_kind(column) for column in table.columns])
        for row in rows:
            copy.write_row([row[name] for name in names])


def storable(text: str) -> str:
    """What PostgreSQL, too, keeps of a text from the network; that is whole in its payload."""
    return text[:INDEXED].replace("\0", "\N{REPLACEMENT CHARACTER}")


def _kind(column: Column[Any]) -> str:
    return next((name for kind, name in KINDS if isinstance(column.type, kind)), "text")


def _refuse_another(path: Path) -> None:
    """StoreError when there is a database that is something else: it is left as it is."""
    if not path.exists() or not path.stat().st_size:
        return
    if path.is_dir():  # SQLite calls it a disk I/O error
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    try:
        with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            known = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
            versions = db.execute(VERSIONS).fetchall() if known else []
    except sqlite3.Error as error:
        raise StoreError("{path} cannot be used: {why}", path=path, why=error) from error
    if not known:
        hint = "name the database of a recorder, or a new file, with --database"
        raise StoreError("{path} is a database, but not one of events", hint, path=path)
    _refuse_version([version for (version,) in versions], str(path))


def _refuse_version(versions: list[object], name: str) -> None:
    """StoreError unless one of our migrations was the last: each is written together with the tables that it makes."""
    known = {script.revision for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions()}
    if len(versions) != 1 or versions[0] not in known:
        hint = "update edge-gate if a newer one has used it; else put back a copy of it, or name another database"
        raise StoreError("{path} does not name a version that this edge-gate knows", hint, path=name)


def address(where: Path | str) -> URL:
    """The address of a database; StoreError when it is of no kind that we know."""
    if isinstance(where, Path):
        return URL.create("sqlite", database=str(where))
    try:
        url = make_url(where)
    except ArgumentError as error:
        raise StoreError("{url} is not the address of a database", url=where) from error
    if url.get_backend_name() == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() == "sqlite":
        return url
    raise StoreError("{url} is neither postgresql:// nor sqlite://", url=url.render_as_string(hide_password=True))


def _engine(url: URL) -> Engine:
    if url.get_backend_name() != "sqlite":
        return create_engine(url, pool_size=4, max_overflow=16, pool_pre_ping=True)
    options = {"timeout": WAIT_S, "check_same_thread": False}
    engine = create_engine(url, connect_args=options, poolclass=QueuePool if url.database else NullPool)
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    return engine


def _configure(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # we say when a transaction begins
    for setting in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "mmap_size=268435456"):
        connection.execute(f"PRAGMA {setting}")


def _begin(connection: Connection) -> None:
    reading = connection.get_execution_options().get("reading")
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _migrate(connection: Connection, name: str) -> None:
    if connection.dialect.has_table(connection, "alembic_version"):
        _refuse_version(list(connection.exec_driver_sql(VERSIONS).scalars()), name)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
