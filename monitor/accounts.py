"""Who may use the room's page: operators with roles, their passwords and sessions, and the audit of what they saw."""

import hashlib
import hmac
import math
import secrets
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from enum import StrEnum
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from msgspec import Struct
from sqlalchemy import ColumnElement, Row, delete, insert, select, update

from edge.errors import EdgeError
from monitor.database import Database, storable
from monitor.tables import AUDIT, PASSKEYS, SESSIONS, USERS

SHORTEST = 8
LOCK_AFTER = 5
"""Wrong passwords in a row that lock an account."""
LOCK_S = 900.0
ATTEMPTS, WINDOW_S = 20, 60.0
"""Most logins that one address may try within the window."""
IDLE_S, LONGEST_S = 8 * 3600.0, 24 * 3600.0
"""A session ends when it was not used for so long, and in any case after the other."""
REMEMBERED, REMEMBER_S = 100, 60.0
VIEW_S = 60.0
"""Looking at the same again within so long is one view: pages renew themselves."""


class Role(StrEnum):
    """What somebody may do; each may do what the ones before it may."""

    VIEWER = "viewer"  # sees gates and alarms, no names
    GUARD = "guard"  # acknowledges, says what is mended, has second looks
    OPERATOR = "operator"  # sees who passed; assigns, shelves and closes
    SUPERVISOR = "supervisor"  # reads the audit


RANK = list(Role)


class User(Struct, frozen=True):
    name: str
    role: Role

    def may(self, least: Role) -> bool:
        return RANK.index(self.role) >= RANK.index(least)


class Session(Struct, frozen=True):
    """Somebody who is logged in; `csrf` must come with whatever they change."""

    user: User
    csrf: str


class Denied(EdgeError):
    """A login that was refused. It does not say which part was wrong."""


def _no_account(name: str) -> EdgeError:
    """Nor can there be one of a name that is not printable, which no database takes."""
    return EdgeError("there is no account {name}", name=name)


class Accounts:
    """Called from any thread."""

    def __init__(self, database: Database) -> None:
        self._db, self._hasher = database, PasswordHasher()
        self._nobody = self._hasher.hash(secrets.token_hex())
        self._lock = threading.Lock()
        self._tries: OrderedDict[str, deque[float]] = OrderedDict()
        self._known: OrderedDict[bytes, tuple[Row[Any], float]] = OrderedDict()
        self._viewed: OrderedDict[tuple[str, str, str], float] = OrderedDict()
        self._secret = secrets.token_bytes(32)
        self.ended: Callable[[], None] = lambda: None
        """Called when somebody was logged out here."""

    # Users ---------------------------------------------------------------------------------------------------------

    def add(self, name: str, role: Role, password: str) -> None:
        """Make an account; EdgeError when the name is taken or the password too short."""
        if not name.strip() or not name.isprintable() or len(name) > 64:
            raise EdgeError("a name is one line of up to 64 characters")
        if len(password) < SHORTEST:
            raise EdgeError("a password has at least {length} characters", length=SHORTEST)
        row = {"name": name, "role": role, "password": self._hasher.hash(password), "created": time.time()}
        with self._db.writing() as connection:
            if connection.execute(select(USERS.c.name).where(USERS.c.name == name)).first():
                raise EdgeError("there is an account {name} already", name=name)
            connection.execute(insert(USERS), {**row, "failures": 0, "locked_until": 0.0})

    def change(self, name: str, role: Role | None = None, password: str = "") -> None:
        """Give somebody another role or password, which ends their sessions, and with a new password their passkeys."""
        if password and len(password) < SHORTEST:
            raise EdgeError("a password has at least {length} characters", length=SHORTEST)
        if not name.isprintable():
            raise _no_account(name)
        values: dict[str, object] = {"role": role} if role else {}
        values |= {"password": self._hasher.hash(password), "failures": 0, "locked_until": 0.0} if password else {}
        with self._db.writing() as connection:
            if not connection.execute(update(USERS).where(USERS.c.name == name).values(**values)).rowcount:
                raise _no_account(name)
            connection.execute(delete(SESSIONS).where(SESSIONS.c.name == name))
            if password:
                connection.execute(delete(PASSKEYS).where(PASSKEYS.c.name == name))

    def users(self) -> list[User]:
        with self._db.reading() as connection:
            rows = connection.execute(select(USERS.c.name, USERS.c.role).order_by(USERS.c.name)).all()
        return [User(row.name, Role(row.role)) for row in rows]

    def remove(self, name: str) -> None:
        """Take an account away, with its sessions; EdgeError when there is none."""
        if not name.isprintable():
            raise _no_account(name)
        with self._db.writing() as connection:
            if not connection.execute(delete(USERS).where(USERS.c.name == name)).rowcount:
                raise _no_account(name)
            for table in (SESSIONS, PASSKEYS):
                connection.execute(delete(table).where(table.c.name == name))

    def verify(self, name: str, password: str, address: str) -> User:
        """Who this is; Denied when it is nobody, when it was tried too often, or when the account is locked."""
        return _user(self._verified(name, password, address))

    def _verified(self, name: str, password: str, address: str) -> Row[Any]:
        now = time.time()
        self.limit(address)
        kept = self._kept(name)
        right = self._matches(kept.password if kept else self._nobody, password)
        row = self._kept(name)  # anew: who guesses many at once may have locked it meanwhile
        if row is None:
            raise Denied("name or password is wrong")
        if row.locked_until > now:
            raise Denied("the account is locked for {minutes:.0f} minutes", minutes=(row.locked_until - now) / 60 + 0.5)
        if not right:
            self._failed(name, now)
            raise Denied("name or password is wrong")
        if row.failures:
            with self._db.writing() as connection:
                connection.execute(update(USERS).where(USERS.c.name == name).values(failures=0))
        return row

    def _kept(self, name: str) -> Row[Any] | None:
        with self._db.reading() as connection:
            return connection.execute(select(USERS).where(USERS.c.name == storable(name))).first()

    def _matches(self, kept: str, password: str) -> bool:
        try:
            return self._hasher.verify(kept, password[:1024])
        except VerificationError:
            return False

    def _failed(self, name: str, now: float) -> None:
        """Count it in the database itself, where no other guess of the same moment gets lost."""
        mine = USERS.c.name == name
        with self._db.writing() as connection:
            connection.execute(update(USERS).where(mine).values(failures=USERS.c.failures + 1))
            is_full = USERS.c.failures >= LOCK_AFTER
            lock = update(USERS).where(mine, is_full).values(failures=0, locked_until=now + LOCK_S)
            locked = connection.execute(lock).rowcount
        self.note(name, "locked" if locked else "wrong password")

    def limit(self, address: str) -> None:
        """Count an attempt to log in; Denied when there were too many from this address."""
        now = time.time()
        with self._lock:
            tries = self._tries.setdefault(address, deque(maxlen=ATTEMPTS))
            self._tries.move_to_end(address)
            if len(self._tries) > 1000:
                self._tries.popitem(last=False)
            if len(tries) == ATTEMPTS and tries[0] > now - WINDOW_S:
                raise Denied("too many attempts: wait a minute")
            tries.append(now)

    # Sessions ------------------------------------------------------------------------------------------------------

    def login(self, name: str, password: str, address: str) -> tuple[str, Session]:
        """A new session, with the token that its browser keeps; Denied as `verify`."""
        return self.begin(self.verify(name, password, address), address)

    def begin(self, user: User, address: str) -> tuple[str, Session]:
        """A new session of somebody who has proved who they are."""
        token, csrf, now = secrets.token_urlsafe(32), secrets.token_urlsafe(16), time.time()
        row = {"token": _digest(token), "name": user.name, "csrf": csrf, "begun": now, "seen": now}
        with self._db.writing() as connection:
            connection.execute(delete(SESSIONS).where(SESSIONS.c.seen < now - IDLE_S))
            connection.execute(insert(SESSIONS), row)
        self.note(user.name, "login", address)
        return token, Session(user, csrf)

    def session(self, token: str) -> Session | None:
        """Whose session this is; None when it is over."""
        now, wanted = time.time(), _digest(token)
        query = select(SESSIONS, USERS.c.role).join(USERS, USERS.c.name == SESSIONS.c.name)
        with self._db.reading() as connection:
            row = connection.execute(query.where(SESSIONS.c.token == wanted)).first()
        if row is None or row.seen < now - IDLE_S or row.begun < now - LONGEST_S:
            return None
        if row.seen < now - 60:
            with self._db.writing() as connection:
                connection.execute(update(SESSIONS).where(SESSIONS.c.token == wanted).values(seen=now))
        return Session(User(row.name, Role(row.role)), row.csrf)

    def logout(self, token: str) -> None:
        with self._db.writing() as connection:
            connection.execute(delete(SESSIONS).where(SESSIONS.c.token == _digest(token)))
        self.ended()

    def sessions(self) -> set[str]:
        """What is kept of those that are not over."""
        with self._db.reading() as connection:
            return set(connection.execute(select(SESSIONS.c.token).where(~_over(time.time()))).scalars())

    def basic(self, name: str, password: str, address: str) -> User:
        """As `verify`, for programs that send the password every time: what was right is remembered for a minute."""
        key = hmac.digest(self._secret, f"{name}\0{password}".encode(), "sha256")
        now = time.time()
        with self._lock:
            known = self._known.get(key)
        if known and known[1] > now:
            return _user(known[0])
        row = self._verified(name, password, address)
        with self._lock:
            self._known[key] = (row, now + REMEMBER_S)
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return _user(row)

    def lapsed(self) -> bool:
        """Whether a password is remembered of an account that is gone or another by now, and forget it."""
        if not self._known:
            return False
        with self._db.reading() as connection:
            kept = {row.name: row for row in connection.execute(select(USERS))}
        with self._lock:
            old = [key for key, (row, _) in self._known.items() if not _is_same(row, kept.get(row.name))]
            for key in old:
                del self._known[key]
        return bool(old)

    # Audit ---------------------------------------------------------------------------------------------------------

    def note(self, name: str, deed: str, detail: str = "") -> None:
        """Put down that somebody did something that is to be accounted for."""
        row = {"at": time.time(), "name": name, "deed": deed, "detail": detail[:500].replace("\0", "")}
        with self._db.writing() as connection:
            connection.execute(insert(AUDIT), row)

    def viewed(self, name: str, deed: str, detail: str) -> None:
        """As `note`, once for a page that stays open and renews itself."""
        key, now = (name, deed, detail), time.monotonic()
        with self._lock:
            known = self._viewed.get(key, -math.inf)
            self._viewed[key] = now
            self._viewed.move_to_end(key)
            if len(self._viewed) > REMEMBERED * 10:
                self._viewed.popitem(last=False)
        if now - known < VIEW_S:
            return
        self.note(name, deed, detail)

    def erase(self, older_than: float) -> None:
        """Forget the audit of before, and sessions that are over."""
        with self._db.writing() as connection:
            connection.execute(delete(AUDIT).where(AUDIT.c.at < older_than))
            connection.execute(delete(SESSIONS).where(_over(time.time())))

    def audit(self, limit: int = 200) -> list[tuple[float, str, str, str]]:
        """The newest entries: when, who, what, and about what."""
        columns = AUDIT.c
        query = select(columns.at, columns.name, columns.deed, columns.detail).order_by(columns.number.desc())
        with self._db.reading() as connection:
            return [(row.at, row.name, row.deed, row.detail) for row in connection.execute(query.limit(limit))]


def _user(row: Row[Any]) -> User:
    return User(row.name, Role(row.role))


def _is_same(row: Row[Any], now: Row[Any] | None) -> bool:
    """Whether an account lets the same person do the same."""
    return now is not None and (row.password, row.role) == (now.password, now.role)


def _over(now: float) -> ColumnElement[bool]:
    return (SESSIONS.c.seen < now - IDLE_S) | (SESSIONS.c.begun < now - LONGEST_S)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
