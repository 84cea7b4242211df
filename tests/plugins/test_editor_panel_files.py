"""The editor's files: what nobody edited goes back as it was, and nothing is overwritten that somebody else wrote."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alveary.errors import FileUnreadableError, FileUnwritableError, InvalidInputError
from alveary_plugins.panels.editor import files
from alveary_plugins.panels.editor.compare import differences
from alveary_plugins.panels.editor.files import Form, Watch, encoded, read, stamp, write

HANG = 30.0

CONTENTS = [
    b"",
    b"select 1;\n",
    b"select 1;\r\nselect 2;\r\n",
    b"one\rtwo\r",
    b"mixed\r\nlines\nand\rmore",
    b"\xef\xbb\xbfselect 'mark';\n",
    b"\xff\xfes\0q\0l\0\r\0\n\0",
    b"\xfe\xff\0s\0q\0l",
    b"\xff\xfehalf a character at the end",
    b"\xef\xbb\xbfand no UTF-8: \xff\xfe\x80",
    b"latin-1: caf\xe9 \x00 nul \xed\xa0\x80 half",
    "no line end at the end é 😀".encode(),
]


@pytest.mark.parametrize("content", CONTENTS)
def test_a_file_nobody_edited_is_written_as_it_was(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "script.sql"
    path.write_bytes(content)
    loaded = read(str(path))
    assert encoded(loaded.text, loaded.form) == content
    again = write(str(path), loaded.text, loaded.form, loaded.stamp)
    assert again is not None
    assert again.digest == loaded.stamp.digest
    assert path.read_bytes() == content


@given(content=st.binary(max_size=60))
def test_any_bytes_come_back(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("any") / "file"
    path.write_bytes(content)
    loaded = read(str(path))
    assert encoded(loaded.text, loaded.form) == content


def test_lines_end_in_the_text_as_one_character_and_in_the_file_as_they_did(tmp_path: Path) -> None:
    path = tmp_path / "windows.sql"
    path.write_bytes(b"\xef\xbb\xbfselect 1;\r\nselect 2;\r\n")
    loaded = read(str(path))
    assert loaded.text == "select 1;\nselect 2;\n"
    assert loaded.form == Form("utf-8", b"\xef\xbb\xbf", "\r\n")
    write(str(path), loaded.text + "select 3;\n", loaded.form, loaded.stamp)
    assert path.read_bytes() == b"\xef\xbb\xbfselect 1;\r\nselect 2;\r\nselect 3;\r\n"


def test_a_file_that_somebody_else_wrote_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "script.sql"
    path.write_text("mine")
    loaded = read(str(path))
    path.write_text("theirs")
    assert write(str(path), "mine, edited", loaded.form, loaded.stamp) is None
    assert path.read_text() == "theirs"
    os.utime(path, ns=(loaded.stamp.modified, loaded.stamp.modified))
    assert write(str(path), "mine, edited", loaded.form, loaded.stamp) is None  # it is the content that counts
    assert write(str(path), "mine, edited", loaded.form, None) is not None
    assert path.read_text() == "mine, edited"
    assert os.listdir(tmp_path) == ["script.sql"]


def test_a_file_that_was_only_touched_may_be_written(tmp_path: Path) -> None:
    path = tmp_path / "script.sql"
    path.write_text("same")
    loaded = read(str(path))
    os.utime(path, ns=(1, 1))
    assert write(str(path), "new", loaded.form, loaded.stamp) is not None


def test_a_link_stays_a_link_and_permissions_stay(tmp_path: Path) -> None:
    real, link = tmp_path / "real.sql", tmp_path / "link.sql"
    real.write_text("old")
    real.chmod(0o640)
    link.symlink_to(real)
    write(str(link), "new", Form(), None)
    assert link.is_symlink()
    assert real.read_text() == "new"
    assert real.stat().st_mode & 0o777 == 0o640


def test_what_can_not_be_read_or_written_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FileUnreadableError, match="No such file"):
        read(str(tmp_path / "none.sql"))
    with pytest.raises(FileUnreadableError, match="Is a directory"):
        read(str(tmp_path))
    with pytest.raises(FileUnwritableError):
        write(str(tmp_path / "no" / "such.sql"), "", Form(), None)
    big = tmp_path / "big.sql"
    big.write_bytes(b"12345")
    monkeypatch.setattr(files, "LARGEST", 4)
    with pytest.raises(FileUnreadableError, match="too many") as raised:
        read(str(big))
    assert "alveary query" in str(raised.value.hint)
    with pytest.raises(InvalidInputError, match=r"line 2 holds U\+D800"):
        encoded("a\n\ud800", Form())


def test_a_watch_sees_what_others_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LOOK_SECONDS", 0.02)
    path = tmp_path / "script.sql"
    path.write_text("one")
    known = stamp(str(path))
    watch = Watch(str(path), known)
    try:
        watch.look()
        assert not watch.changed
        path.write_text("two!")
        wait(lambda: watch.changed)
        assert watch.found is not None
        watch.settle(watch.found)
        assert not watch.changed
        path.unlink()
        wait(lambda: watch.changed)
        assert watch.found is None
    finally:
        watch.close()


def wait(until: object) -> None:
    end = time.monotonic() + HANG
    assert callable(until)
    while not until():
        assert time.monotonic() < end, "what the test waits for did not come about"
        time.sleep(0.01)


def test_differences_are_told_line_by_line(monkeypatch: pytest.MonkeyPatch) -> None:
    assert differences("a\nb", "a\nb") == []
    assert differences("a\nmine\nc", "a\ntheirs\nc")[3:] == [" a", "-theirs", "+mine", " c"]
    monkeypatch.setattr("alveary_plugins.panels.editor.compare.MOST_LINES", 2)
    (line,) = differences("a\nb\nc", "a\nb")
    assert "too long" in line
