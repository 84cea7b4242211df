"""Logs: one file a day that many processes share, nothing secret in it, no line in it that is not ours."""

from __future__ import annotations

import json
import logging
import os
import re
import stat
import subprocess
import sys
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from alveary import Kernel, credentials, logs, redaction
from alveary.logs import DailyFile, RedactingFormatter, configure, keep_files, report_crash
from alveary.paths import Paths
from alveary.redaction import Secrets

LINE = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} [A-Z]+ alveary\S*: |    )[^\x00-\x1f]*")


@pytest.fixture(autouse=True)
def logger() -> Iterator[logging.Logger]:
    """Alveary's logger, as it was found afterwards."""
    logger = logging.getLogger("alveary")
    handlers, level, propagate, hook = logger.handlers[:], logger.level, logger.propagate, threading.excepthook
    yield logger
    logger.handlers[:], logger.propagate, threading.excepthook = handlers, propagate, hook
    logger.setLevel(level)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data" / "logs"


def written(folder: Path) -> list[str]:
    """Return the lines of all files."""
    return [line for file in sorted(folder.iterdir()) for line in file.read_text("utf-8").split("\n")[:-1]]


def daily(folder: Path) -> DailyFile:
    handler = DailyFile(lambda: folder)
    handler.setFormatter(RedactingFormatter(process=True))
    return handler


def record(text: str, when: float | None = None, *arguments: object) -> logging.LogRecord:
    made = logging.LogRecord("alveary.test", logging.WARNING, __file__, 1, text, arguments, None)
    made.created = made.created if when is None else when
    return made


# -- the file ----------------------------------------------------------------------------------------------------


def test_nothing_is_made_before_there_is_something_to_write(folder: Path, logger: logging.Logger) -> None:
    configure(lambda: folder)
    logger.info("this is not worth a file")
    assert not folder.parent.exists()
    logger.warning("this is")
    (file,) = folder.iterdir()
    assert file.name == f"alveary-{date.today()}.log"
    assert re.fullmatch(rf"\S+ \S+ WARNING alveary\[{os.getpid()}\]: this is", file.read_text().rstrip("\n"))
    assert [stat.S_IMODE(path.stat().st_mode) for path in (folder.parent, folder, file)] == [0o700, 0o700, 0o600]


def test_the_day_is_the_records_own(folder: Path) -> None:
    handler = daily(folder)
    noon = time.mktime((2026, 3, 1, 12, 0, 0, 0, 0, -1))
    for days in (0, 1, 1, 0):
        handler.handle(record("x", noon + days * 86400))
    assert {file.name: len(file.read_text().splitlines()) for file in folder.iterdir()} == {
        "alveary-2026-03-01.log": 2,
        "alveary-2026-03-02.log": 2,
    }


def test_many_processes_write_whole_lines_into_one_file(folder: Path) -> None:
    program = (
        "import logging, sys; from pathlib import Path; from alveary.logs import configure\n"
        f"configure(lambda: Path({str(folder)!r}))\n"
        "for n in range(200): logging.getLogger('alveary.x').warning('%s %s %s', sys.argv[1], n, 'x' * 500)"
    )
    started = [subprocess.Popen([sys.executable, "-c", program, str(number)]) for number in range(4)]
    assert [process.wait(60) for process in started] == [0] * 4
    lines = written(folder)
    found = {match.groups() for line in lines if (match := re.search(r"\]: (\d) (\d+) x{500}$", line))}
    assert len(lines) == len(found) == 800


def test_old_days_go_when_a_day_begins(folder: Path) -> None:
    folder.mkdir(parents=True)
    days = [date.today() - timedelta(days=age) for age in (1, 2, 13, 14, 15, 400)]
    for name in [*(f"alveary-{day}.log" for day in days), "mine.log", "alveary-x.log"]:
        (folder / name).write_text("")
    handler = daily(folder)
    handler.handle(record("x"))
    kept = {f"alveary-{day}.log" for day in [*days[:4], date.today()]} | {"mine.log", "alveary-x.log"}
    assert {file.name for file in folder.iterdir()} == kept
    (folder / f"alveary-{days[5]}.log").write_text("")
    handler.handle(record("y"))
    assert (folder / f"alveary-{days[5]}.log").exists(), "looked for once a day, not at each record"


def test_a_clock_that_ran_ahead_does_not_make_files_that_stay_for_ever(folder: Path) -> None:
    folder.mkdir(parents=True)
    for ahead in range(1, 30):
        (folder / f"alveary-{date.today() + timedelta(days=ahead)}.log").write_text("")
    handler = daily(folder)
    handler.keep_days = 5
    handler.handle(record("x"))
    assert len(list(folder.iterdir())) == 5
    assert (folder / f"alveary-{date.today()}.log").exists(), "those of days to come go first"


def test_a_directory_that_is_removed_is_made_again(folder: Path) -> None:
    handler = daily(folder)
    handler.handle(record("x"))
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    handler.handle(record("y"))
    assert [line[-1] for line in written(folder)] == ["y"]


def a_file_in_its_place(folder: Path) -> None:
    folder.parent.write_text("")


def a_pipe_nobody_reads(folder: Path) -> None:
    folder.mkdir(parents=True)
    os.mkfifo(folder / f"alveary-{date.today()}.log")


def a_directory(folder: Path) -> None:
    (folder / f"alveary-{date.today()}.log").mkdir(parents=True)


def a_link_elsewhere(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / f"alveary-{date.today()}.log").symlink_to("elsewhere")


def anothers(folder: Path) -> None:
    folder.mkdir(parents=True)
    os.chown(folder, 65534, 65534)


@pytest.mark.parametrize("spoil", [a_file_in_its_place, a_pipe_nobody_reads, a_directory, a_link_elsewhere, anothers])
def test_what_cannot_be_written_disturbs_nobody(
    folder: Path, spoil: Callable[[Path], None], capfd: pytest.CaptureFixture[str]
) -> None:
    if spoil is anothers and os.geteuid() != 0:
        pytest.skip("only root can give a directory to somebody else")
    spoil(folder)
    handler = daily(folder)
    handler.handle(record("x"))
    assert handler.trouble is not None
    assert str(folder.parent) in handler.trouble
    assert capfd.readouterr() == ("", "")
    assert not (folder / "elsewhere").exists()


def test_a_full_disk_is_survived_and_the_next_line_is_whole(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    handler = daily(folder)
    handler.handle(record("first"))
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, text: write(descriptor, text[:10]))
    handler.handle(record("second"))
    monkeypatch.setattr(os, "write", write)
    handler.handle(record("third"))
    lines = written(folder)
    assert [len(lines), lines[1] in lines[0], lines[2][-5:]] == [3, True, "third"]


def test_a_day_and_a_record_have_an_end(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    handler = daily(folder)
    handler.handle(record("é" * 100_000))
    (line,) = written(folder)
    assert line.endswith("é... (cut)")
    assert len(line.encode()) < logs.MOST_RECORD + 100
    monkeypatch.setattr(logs, "MOST_DAY", len(line.encode()) + 100)
    handler.handle(record("x" * 200))
    assert handler.trouble is not None
    assert "larger than" in handler.trouble
    assert len(written(folder)) == 1


def test_a_record_that_cannot_be_told_is_told_as_far_as_it_goes(folder: Path) -> None:
    class Mute:
        def __str__(self) -> str:
            raise RuntimeError("no")

    handler = daily(folder)
    handler.handle(record("%d bees", None, "many"))
    handler.handle(record("%s", None, Mute()))
    assert [line.partition("]: ")[2] for line in written(folder)] == [
        "%d bees (its arguments can't be told)",
        "%s (its arguments can't be told)",
    ]


# -- levels ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "level", "console", "file"),
    [
        ({}, "warning", [], ["warning", "error"]),
        ({}, "info", [], ["info", "warning", "error"]),
        ({}, "critical", [], []),
        ({"ALVEARY_LOG": "error"}, "debug", ["error"], ["error"]),
        ({"ALVEARY_LOG": "info"}, "warning", ["info", "warning", "error"], ["info", "warning", "error"]),
        ({"ALVEARY_ENV": "dev"}, "warning", [], ["debug", "info", "warning", "error"]),
    ],
)
def test_the_level_comes_from_the_environment_or_the_setting(
    environment: dict[str, str],
    level: str,
    console: list[str],
    file: list[str],
    folder: Path,
    logger: logging.Logger,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    configure(lambda: folder)
    keep_files(level, 3)
    for word in ("debug", "info", "warning", "error"):
        getattr(logger, word)(word)
    assert [line.rpartition(" ")[2] for line in capfd.readouterr().err.splitlines()] == console
    assert [line.rpartition(" ")[2] for line in (written(folder) if folder.exists() else [])] == file


# -- what may not get into it ------------------------------------------------------------------------------------


def raised(text: str, cause: str) -> Exception:
    try:
        try:
            raise ValueError(cause)
        except ValueError as inner:
            raise RuntimeError(text) from inner
    except RuntimeError as outer:
        return outer


@given(st.text(max_size=200), st.text(max_size=200))
def test_no_text_makes_a_line_of_its_own_or_drives_a_terminal(message: str, cause: str) -> None:
    made = record("%s", None, message)
    error = raised(message, cause)
    made.exc_info = (type(error), error, error.__traceback__)
    made.stack_info = f"Stack:\n{cause}"
    head, *rest = RedactingFormatter().format(made).split("\n")
    assert LINE.fullmatch(head)
    for line in rest:
        assert line.startswith("    ")
        assert line.isprintable()


def spellings(secret: str) -> set[str]:
    """Return what a secret may look like in a log."""
    coded = secret.encode("utf-8", "surrogatepass")
    found = {
        secret,
        repr(secret)[1:-1],
        ascii(secret)[1:-1],
        json.dumps(secret)[1:-1],
        quote(coded),
        quote(coded, safe=""),
    }
    found |= {quote_plus(coded), json.dumps(secret, ensure_ascii=False)[1:-1]}
    if len(coded) >= 9:
        found.add(b64encode(coded).decode()[: len(coded) * 8 // 6])  # as far as what follows does not change it
    return found


passwords = st.text(st.characters(exclude_characters="*\0", exclude_categories=["Cs"]), min_size=6, max_size=30).filter(
    # What is told of each record anyway holds it, and shows nothing.
    lambda text: not re.fullmatch(r"[\s\d:,.-]*|[a-z]*", text) and len(set(text)) > 3
)


@given(passwords, st.text(max_size=20), st.data())
@settings(max_examples=200)
def test_no_secret_in_any_spelling_is_in_what_a_handler_writes(secret: str, around: str, data: st.DataObject) -> None:
    assume(secret not in around)
    spelled = [data.draw(st.sampled_from(sorted(spellings(secret)))) for _ in range(4)]
    made = record(f"{spelled[0]}{around} %s %r", None, f"{around}{spelled[1]}", {"password": secret, secret: [secret]})
    error = raised(f"{around}{spelled[2]}{around}", f"could not connect: {spelled[3]}\n{secret}")
    made.exc_info = (type(error), error, error.__traceback__)
    made.stack_info = f"Stack (most recent call last):\n  connect({secret!r}, {secret})"
    text = RedactingFormatter(Secrets(secret).redacted).format(made)
    assert [each for each in spellings(secret) if each in text] == []


@given(passwords)
@settings(max_examples=10)
def test_no_secret_in_any_spelling_is_in_the_log_the_store_its_wal_or_a_crash_report(
    tmp_path_factory: pytest.TempPathFactory, secret: str
) -> None:
    home = tmp_path_factory.mktemp("home")
    known = Secrets()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(redaction, "SECRETS", known)
        patch.setattr(credentials, "SECRETS", known)
        patch.setenv("ALVEARY_LOG", "debug")
        configure(Paths(home, home / "cache").logs.absolute)
        console = next(each for each in logging.getLogger("alveary").handlers if type(each) is logging.StreamHandler)
        console.setStream(open(home / "console", "w", encoding="utf-8"))  # noqa: SIM115  # closed below
        kernel = Kernel(paths=Paths(home, home / "cache"))
        kernel.credentials.use(secret)
        said = []
        with kernel.connect("sqlite:///:memory:") as session:
            for spelled in sorted(spellings(secret)):
                literal = spelled.replace("'", "''")
                said.append(session.execute(f"select '{literal}', x'00'").wait(30))
                session.execute(f"create user bee identified by '{literal}'").wait(30)
                session.execute(f'select "{spelled}"').wait(30)
                logging.getLogger("alveary.driver").warning("%s failed", spelled, exc_info=raised(spelled, secret))
        assert said
        assert kernel.recorder.flush()
        report = report_crash(raised(f"connecting with {secret!r}", secret))
        assert report is not None
        assert "this should not have happened" in report.read_text("utf-8")
        # Looked at while the store is open: later nothing is left of the WAL.
        files = [path for path in home.rglob("*") if path.is_file()]
        assert {"alveary.db", "alveary.db-wal", report.name, "console"} <= {path.name for path in files}
        console.stream.close()
        found = [
            (path.name, each)
            for path in files
            for each in spellings(secret)
            if each.encode("utf-8", "surrogatepass") in path.read_bytes()
        ]
        kernel.close()
    assert found == []


def test_a_thread_that_fails_is_told_of_without_its_traceback(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    configure(lambda: folder)

    def fail() -> None:
        raise ValueError("postgresql://bee:s3cret@host/hive\nis no URL")

    thread = threading.Thread(target=fail, name="worker-bee")
    thread.start()
    thread.join()
    said = capfd.readouterr().err
    assert re.fullmatch(r"a thread failed \(worker-bee\): ValueError: \S+\\nis no URL; the traceback is in \S+\n", said)
    assert "s3cret" not in said + "".join(written(folder))
    assert any(line.startswith("    Traceback") for line in written(folder))
