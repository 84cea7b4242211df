"""One error tree: every failure a person or a script can meet, each with a stable code and exit status.

An error carries what the server or the system said (message, detail, hint, position, server code) and crosses
every door (process pipe, command line, JSON) as an :class:`ErrorRecord`. Cancelled and truncated are outcomes of a
statement, not errors; :class:`QueryCancelledError` exists only for callers that asked for rows and can't have them.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import ClassVar

import msgspec

from alveary.redaction import redacted
from alveary.wire import Small

MOST_DESCRIBED = 2000
"""Characters kept of the text of an exception that is not ours."""


class ErrorRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An error as data. ``position`` counts characters from 1 within the ``statement``, which begins on ``line`` of its
    script, counted from 1. Of a checksum that is another one, ``file``, ``expected`` and ``actual`` say which."""

    type: str
    code: str
    message: str
    detail: str | None = None
    hint: str | None = None
    position: Small | None = None
    line: Small | None = None
    server_code: str | None = None
    statement: str | None = None
    file: str | None = None
    expected: str | None = None
    actual: str | None = None


class AlvearyError(Exception):
    """The root of everything Alveary raises on purpose; on its own it means a defect in Alveary or a plugin."""

    type: ClassVar[str] = "internal"
    code: ClassVar[str] = "internal"
    exit_status: ClassVar[int] = 1

    def __init__(
        self,
        message: str,
        *,
        detail: str | None = None,
        hint: str | None = None,
        position: int | None = None,
        line: int | None = None,
        server_code: str | None = None,
        statement: str | None = None,
        file: str | None = None,
        expected: str | None = None,
        actual: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail
        self.hint = hint
        self.position = position
        self.line = line
        self.server_code = server_code
        self.statement = statement
        self.file = file
        self.expected = expected
        self.actual = actual

    def record(self) -> ErrorRecord:
        """Return the error as data, ready to cross a process or a network."""
        return ErrorRecord(
            type=self.type,
            code=self.code,
            message=self.message,
            detail=self.detail,
            hint=self.hint,
            position=self.position,
            line=self.line,
            server_code=self.server_code,
            statement=self.statement,
            file=self.file,
            expected=self.expected,
            actual=self.actual,
        )


class InternalError(AlvearyError):
    """Something that should not happen did: a defect in Alveary, a driver or a plugin."""


class BusyError(AlvearyError):
    """A bound on concurrent work is reached: too many jobs, sessions or waiting statements."""

    code = "busy"


class StorageError(AlvearyError):
    """Alveary's own files (stored results, settings) can't be read or written."""

    type = "storage"
    code = "storage_failed"
    exit_status = 2


class StoreLockedError(StorageError):
    """Another program has held the lock on Alveary's own database for too long."""

    code = "store_locked"


class StoreReadOnlyError(StorageError):
    """Alveary's own database can be read but not written."""

    code = "store_read_only"


class StoreFullError(StorageError):
    """The disk that holds Alveary's own database is full."""

    code = "store_full"


class StoreCorruptError(StorageError):
    """Alveary's own database is damaged, or its file is something else; the file is left as it is."""

    code = "store_corrupt"


class StoreFromFutureError(StorageError):
    """Alveary's own database was written by a newer version; it is left as it is."""

    code = "store_from_future"


class MigrationError(StorageError):
    """Alveary's own database can't be brought to this version; it is as it was before."""

    code = "migration_failed"


# -- secrets -----------------------------------------------------------------------------------------------------


class KeyringFailedError(AlvearyError):
    """A vault can't be used: there is none, it is locked, it refuses, or it fails."""

    type = "keyring"
    code = "keyring_failed"
    exit_status = 2


class KeyringTimeoutError(KeyringFailedError):
    """A vault did not answer in time; what it was asked to do may happen yet."""

    code = "keyring_timeout"


class CredentialNotFoundError(KeyringFailedError):
    """A vault no longer holds a secret it was given to keep."""

    code = "credential_not_found"


# -- what the caller handed over ---------------------------------------------------------------------------------


class InvalidInputError(AlvearyError):
    """A parameter, option or value is missing, unknown, of the wrong type or out of range."""

    type = "input"
    code = "invalid_input"
    exit_status = 2


class UsageError(InvalidInputError):
    """The command line can't be understood."""

    code = "usage_error"


class MalformedUrlError(InvalidInputError):
    """A connection URL can't be parsed; the message never repeats it, for it may hold a password."""

    code = "malformed_url"


class UnknownTargetError(InvalidInputError):
    """A target is neither a URL of an installed driver nor a saved name."""

    code = "unknown_target"


class UnknownConnectionError(InvalidInputError):
    """No connection is saved under that name."""

    code = "unknown_connection"


class UnknownGroupError(InvalidInputError):
    """No group of saved connections has that path."""

    code = "unknown_group"


class NameTakenError(InvalidInputError):
    """Something is saved under that name already."""

    code = "name_taken"


class UnknownCommandError(InvalidInputError):
    """No command has that id."""

    code = "unknown_command"


class UnknownFormatError(InvalidInputError):
    """No installed exporter has that id."""

    code = "unknown_format"


class UnknownPluginError(InvalidInputError):
    """No installed plugin has that entry-point name."""

    code = "unknown_plugin"


class UnknownObjectError(InvalidInputError):
    """The catalog holds nothing at that path."""

    code = "unknown_object"


class UnknownEntryError(InvalidInputError):
    """The history has no entry of that number."""

    code = "unknown_entry"


class UnknownSettingError(InvalidInputError):
    """No loaded plugin declares a setting of that name."""

    code = "unknown_setting"


class ProjectFileError(InvalidInputError):
    """A project's file is wrong: no TOML, a field that makes no sense, or one that must not stand there, a password."""

    code = "project_file"


class UnknownQueryError(InvalidInputError):
    """No saved query has that name or id."""

    code = "unknown_query"


class EmptyScriptError(InvalidInputError):
    """There is no statement to run: no SQL was given, or it is only white space and comments."""

    code = "empty_script"


class MissingParameterError(InvalidInputError):
    """A statement names a parameter that was given no value."""

    code = "missing_parameter"


class NotConfirmedError(InvalidInputError):
    """What was asked for must be confirmed by a person first, and was not; nothing was sent or changed."""

    type = "policy"
    code = "not_confirmed"


class MissingPackageError(InvalidInputError):
    """A Python package that a driver or a format needs is not installed; the hint names what brings it."""

    code = "missing_package"


class UnsupportedError(InvalidInputError):
    """The driver declares that it can't do this."""

    code = "unsupported"


class WindowUnavailableError(InvalidInputError):
    """No window can be opened here: there is no display, no Tk, or the extra ``desktop`` is not installed."""

    code = "window_unavailable"


class FileUnreadableError(InvalidInputError):
    """A file the caller named can't be read."""

    type = "io"
    code = "file_unreadable"


class ChecksumMismatchError(InvalidInputError):
    """A file is not the one it should be, by its checksum, or two tables that should be alike are not."""

    type = "io"
    code = "checksum_mismatch"


class FileUnwritableError(InvalidInputError):
    """An output file can't be written; whatever stood under its name before is untouched."""

    type = "io"
    code = "file_unwritable"


class DiskFullError(FileUnwritableError):
    """The disk filled up while an output or a stored result was being written."""

    code = "disk_full"


class OutputClosedError(FileUnwritableError):
    """The reader of our output went away (``| head``): the statement is stopped, nobody is told."""

    code = "output_closed"
    exit_status = 0


# -- reaching a database -----------------------------------------------------------------------------------------


class ConnectionFailedError(AlvearyError):
    """The database can't be reached or refuses the connection."""

    type = "connection"
    code = "connection_failed"
    exit_status = 3


class DatabaseNotFoundError(ConnectionFailedError):
    """The server has no such database, or there is no such file."""

    code = "database_not_found"


class NotADatabaseError(ConnectionFailedError):
    """The file is no database of this kind, or it is corrupt beyond opening."""

    code = "not_a_database"


class AuthenticationFailedError(ConnectionFailedError):
    """The server refuses the user or the password."""

    type = "authentication"
    code = "authentication_failed"


class TooManyConnectionsError(ConnectionFailedError):
    """The server has no connection left for this user."""

    code = "too_many_connections"


class ConnectionTimeoutError(ConnectionFailedError):
    """The connection was not made within the time allowed."""

    code = "connection_timeout"


class ConnectionLostError(ConnectionFailedError):
    """An open connection, or the process that held it, died; what it had not answered is not known."""

    code = "connection_lost"


class TunnelFailedError(ConnectionFailedError):
    """The tunnel to the database can't be opened, or its far end does not reach the database."""

    type = "tunnel"
    code = "tunnel_failed"


class TunnelBusyError(TunnelFailedError):
    """A server on the way ends the connection before it says who it is: it may take no more of them now."""

    code = "tunnel_busy"


class TunnelAuthenticationError(TunnelFailedError):
    """A server on the way refuses us."""

    code = "tunnel_authentication_failed"


class HostKeyUnknownError(TunnelFailedError):
    """A server on the way shows a key that nobody knows, and nobody has accepted."""

    code = "host_key_unknown"


class HostKeyChangedError(TunnelFailedError):
    """A server on the way shows another key than the one it is known by."""

    code = "host_key_changed"


class HostKeyRevokedError(TunnelFailedError):
    """A server on the way shows a key that was revoked."""

    code = "host_key_revoked"


class SessionClosedError(ConnectionFailedError):
    """The session is closed: there is no active connection."""

    code = "session_closed"


# -- running a statement -----------------------------------------------------------------------------------------


class QueryError(AlvearyError):
    """The database refused or failed a statement."""

    type = "query"
    code = "query_failed"


class SqlSyntaxError(QueryError):
    """The database can't parse the statement."""

    code = "syntax_error"


class UnterminatedError(SqlSyntaxError):
    """A quote, comment or dollar tag is still open where the script ends; nothing was sent."""

    code = "unterminated_quote"


class NulCharacterError(SqlSyntaxError):
    """SQL text holds U+0000, which some drivers cut the statement at; nothing was sent."""

    code = "nul_character"


class ClientCommandError(SqlSyntaxError):
    """The script holds a command of another client (``\\d``, ``.tables``); nothing was sent."""

    code = "client_command"


class ConstraintViolationError(QueryError):
    """A row would break a constraint of the database."""

    code = "constraint_violation"


class RowRefusedError(QueryError):
    """A row of a file can't be taken as it is: the message says the line, the column and why; nothing was written."""

    code = "row_refused"


class DatabaseLockedError(QueryError):
    """Another connection holds a lock that this statement needs."""

    code = "database_locked"


class LockTimeoutError(DatabaseLockedError):
    """The statement waited for a lock as long as it may."""

    code = "lock_timeout"


class DeadlockError(DatabaseLockedError):
    """Two transactions waited for each other, so the server ended this one's part in it; running it again may help."""

    code = "deadlock"


class DatabaseFullError(QueryError):
    """The database has no room left on its disk."""

    code = "database_full"


class ReadOnlyError(QueryError):
    """The statement would write, but the session or the database is read-only."""

    code = "read_only"


class StatementDeniedError(QueryError):
    """A guard refuses the statement; nothing was sent."""

    code = "statement_denied"


class PermissionDeniedError(QueryError):
    """The user may not do this, or the file may not be touched."""

    code = "permission_denied"


class CursorClosedError(QueryError):
    """The cursor of a statement is closed, so no more of its rows can be fetched without running it again."""

    code = "cursor_closed"


class OutOfMemoryError(QueryError):
    """This machine has not enough memory for what a statement returns."""

    code = "out_of_memory"


class QueryTimeoutError(QueryError):
    """The statement ran longer than its timeout and was stopped."""

    code = "query_timeout"
    exit_status = 4


class QueryCancelledError(QueryError):
    """The statement was cancelled, so the rows that were asked for can't be had."""

    code = "query_cancelled"
    exit_status = 130


def described(error: BaseException, *secrets: str | None) -> str:
    """Return the class and text of any exception, even one that can't tell its own, without any secret."""
    try:
        text = str(error)
    except BaseException:  # noqa: BLE001  # a stranger's __str__ may raise anything, sys.exit included
        text = "(it can't be told)"
    # Cut behind the redaction: half a secret would not be known again.
    return redacted(f"{type(error).__name__}: {text[: 2 * MOST_DESCRIBED]}", *secrets)[:MOST_DESCRIBED]


def every_error(root: type[AlvearyError] = AlvearyError) -> Iterator[type[AlvearyError]]:
    """Yield every error class from ``root`` down, in the order of this file."""
    yield root
    for child in root.__subclasses__():
        yield from every_error(child)


def error_from_record(record: ErrorRecord) -> AlvearyError:
    """Return the error a record describes; a code nobody here knows becomes the nearest known class by type."""
    by_code, by_type = _tables()
    error = by_code.get(record.code) or by_type.get(record.type, InternalError)
    fields = {name: value for name, value in msgspec.structs.asdict(record).items() if name not in ("type", "code")}
    return error(**fields)


@cache
def _tables() -> tuple[dict[str, type[AlvearyError]], dict[str, type[AlvearyError]]]:
    errors = [error for error in every_error() if error is not AlvearyError]
    return {error.code: error for error in errors}, {error.type: error for error in reversed(errors)}
