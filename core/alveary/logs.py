"""Logs: one handler on standard error, and one on a file a day in the data directory; neither repeats a secret.

A record is a line; a traceback stands below its line, each line of it indented, and what could drive a terminal or pass
for a line of its own is written as an escape. The file is made when there is something to write, and shared by all
processes: each record is one write to the end of the file.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import re
import stat
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from alveary.errors import AlvearyError, InvalidInputError, described
from alveary.paths import make_private
from alveary.redaction import redacted
from alveary.tables import visible

LEVELS = ("debug", "info", "warning", "error", "critical")
FILE_LEVEL = "warning"
KEEP_DAYS = 14
MOST_RECORD = 1 << 16
"""Bytes of one record; what is longer is cut."""
MOST_DAY = 1 << 25
"""Bytes of one day: what goes wrong in a loop must not fill the disk."""

_NAME = re.compile(r"alveary-(\d{4}-\d\d-\d\d)\.log")
_FLAGS = os.O_WRONLY | os.O_APPEND
for _name in ("O_NOFOLLOW", "O_CLOEXEC", "O_NONBLOCK", "O_BINARY"):
    _FLAGS |= getattr(os, _name, 0)


class RedactingFormatter(logging.Formatter):
    """Formats a record without any secret; in the formatter, because a filter sees neither traceback nor stack."""

    def __init__(self, redacted: Callable[[str], str] = redacted, *, process: bool = False) -> None:
        """``redacted`` takes the secrets out of a text; ``process`` adds the number of the process to each line."""
        super().__init__()
        self.redacted = redacted
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        where = f"{record.name}[{record.process}]" if self._process else record.name
        head = f"{self.formatTime(record)} {record.levelname} {where}: {_message(record)}"
        lines = [visible(self.redacted(head))]
        for part in (self._traceback(record), record.stack_info):
            if part:
                lines += [f"    {visible(line)}" for line in self.redacted(part).split("\n")]
        # Once more as a whole: an escape may have put together what was apart.
        return self.redacted("\n".join(lines))

    def _traceback(self, record: logging.LogRecord) -> str | None:
        return self.formatException(record.exc_info) if record.exc_info else record.exc_text


class DailyFile(logging.Handler):
    """Writes to ``alveary-YYYY-MM-DD.log`` of the day of each record. What goes wrong here disturbs nobody."""

    def __init__(self, directory: Callable[[], Path]) -> None:
        """``directory`` is asked for when there is something to write, and made then."""
        super().__init__()
        self.keep_days = KEEP_DAYS
        """Files kept. Older ones go when a day begins."""
        self.trouble: str | None = None
        """Why the last record could not be written; None if it could, or there was none."""
        self._directory = directory
        self._torn = False

    def file(self, when: float) -> Path:
        """Return the file that holds what was said at a time, in seconds since 1970."""
        return self._directory() / f"alveary-{time.strftime('%Y-%m-%d', time.localtime(when))}.log"

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = self.format(record).encode("utf-8", "backslashreplace")
            if len(text) > MOST_RECORD:
                text = text[:MOST_RECORD].decode("utf-8", "ignore").encode() + b"... (cut)"
            self._append(self.file(record.created), text + b"\n")
            self.trouble = None
        except AlvearyError as exc:
            self.trouble = exc.message
        except OSError as exc:
            self.trouble = f"can't write {exc.filename or 'the log'}: {exc.strerror or exc}"
        except Exception as exc:  # noqa: BLE001  # whatever it is, the work that was to be told of goes on
            self.trouble = f"a record can't be written: {type(exc).__name__}"

    def _append(self, file: Path, text: bytes) -> None:
        is_new = False
        try:
            descriptor = os.open(file, _FLAGS)
        except FileNotFoundError:
            _refuse_foreign(make_private(file.parent), os.stat(file.parent))
            try:
                descriptor = os.open(file, _FLAGS | os.O_CREAT | os.O_EXCL, 0o600)
                is_new = True
            except FileExistsError:  # another process was quicker
                descriptor = os.open(file, _FLAGS)
        try:
            state = os.fstat(descriptor)
            _refuse_foreign(file, state)
            if state.st_size + len(text) > MOST_DAY:
                raise OSError(errno.EFBIG, f"it would be larger than {MOST_DAY >> 20} MiB", str(file))
            written = os.write(descriptor, b"\n" + text if self._torn else text)
            self._torn = written < len(text)  # the disk is full; the next record begins on a line of its own
        finally:
            os.close(descriptor)
        if is_new:  # one process a day comes here
            self._prune(file)

    def _prune(self, today: Path) -> None:
        """Remove the files of days long gone, and those of more days than are kept, should a clock have run ahead."""
        from datetime import date, timedelta

        now = today.stem[-10:]
        oldest = (date.fromisoformat(now) - timedelta(days=self.keep_days)).isoformat()
        named = [(match[1], name) for name in os.listdir(today.parent) if (match := _NAME.fullmatch(name))]
        days = sorted(named, key=lambda each: (each[0] <= now, each))  # those to come are the first to go
        beyond = max(len(days) - self.keep_days, 0)
        for number, (day, name) in enumerate(days):
            if day < oldest or number < beyond:
                with contextlib.suppress(OSError):  # another process may have removed it
                    os.unlink(today.with_name(name))


def configure(directory: Callable[[], Path], redacted: Callable[[str], str] = redacted) -> None:
    """Send Alveary's log to standard error from the level of ``ALVEARY_LOG`` on (critical without it), and to files.

    Errors reach a person as errors; the log is for whoever looks behind them, so standard error is silent unless asked
    for. ``directory`` returns where the files stand; ``redacted`` takes the secrets out of a text. Called again, it
    replaces what it did before.
    """
    asked = _asked_level()
    logger = logging.getLogger("alveary")
    for each in logger.handlers[:]:
        if isinstance(each.formatter, RedactingFormatter):
            logger.removeHandler(each)
    console, files = logging.StreamHandler(), DailyFile(directory)
    console.setFormatter(RedactingFormatter(redacted))
    files.setFormatter(RedactingFormatter(redacted, process=True))
    console.setLevel((asked or "critical").upper())
    logger.addHandler(console)
    logger.addHandler(files)
    logger.propagate = False
    keep_files()
    threading.excepthook = _report_thread  # Python's own prints the traceback with all that stands in it


def keep_files(level: str = FILE_LEVEL, days: int = KEEP_DAYS) -> None:
    """Write daily files from ``level`` on, or from that of ``ALVEARY_LOG``; everything in development."""
    logger = logging.getLogger("alveary")
    level = _asked_level() or ("debug" if os.environ.get("ALVEARY_ENV") == "dev" else level)
    for handler in logger.handlers:
        if isinstance(handler, DailyFile):
            handler.setLevel(level.upper())
            handler.keep_days = days
    ours = [handler.level for handler in logger.handlers if isinstance(handler.formatter, RedactingFormatter)]
    logger.setLevel(min(ours, default=logging.NOTSET))


def report_crash(error: BaseException) -> Path | None:
    """Write what should not have happened to the log, with its traceback, and return the file; None without one."""
    from importlib.metadata import version

    logger = logging.getLogger("alveary")
    text = (
        f"this should not have happened (Alveary {version('alveary')}, Python {sys.version.split()[0]}, {sys.platform})"
    )
    failure = (type(error), error, error.__traceback__)
    record = logger.makeRecord(logger.name, logging.ERROR, __file__, 0, text, (), failure)
    written = None
    for handler in logger.handlers:
        if isinstance(handler, DailyFile):
            handler.handle(record)  # whatever its level
            written = handler.file(record.created) if handler.trouble is None else written
        elif record.levelno >= handler.level:
            handler.handle(record)
    return written


def _report_thread(failure: threading.ExceptHookArgs) -> None:
    if failure.exc_value is None or isinstance(failure.exc_value, SystemExit):
        return
    where = report_crash(failure.exc_value)
    name = failure.thread.name if failure.thread is not None else "that has ended"
    seen = f"; the traceback is in {where}" if where is not None else ""
    sys.stderr.write(visible(f"a thread failed ({name}): {described(failure.exc_value)}{seen}") + "\n")


def _asked_level() -> str | None:
    level = os.environ.get("ALVEARY_LOG", "").lower()
    if level and level not in LEVELS:
        raise InvalidInputError(f"ALVEARY_LOG is none of {', '.join(LEVELS)}")
    return level or None


def _refuse_foreign(path: Path, state: os.stat_result) -> None:
    """Refuse what somebody else could read, or what is no file: nothing that is private is written there."""
    if hasattr(os, "geteuid") and state.st_uid != os.geteuid():
        raise PermissionError(errno.EPERM, "it belongs to another user", str(path))
    if not stat.S_ISREG(state.st_mode) and not stat.S_ISDIR(state.st_mode):
        raise OSError(errno.EINVAL, "it is no file", str(path))


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001  # arguments that don't fit, or whose text can't be had
        return f"{record.msg} (its arguments can't be told)"
