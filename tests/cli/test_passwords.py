"""Passwords on the command line: by pipe, environment or prompt, on real servers; never on a screen or in a child."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from fix_mariadb import MariaServer
from fix_postgres import PostgresServer

HANG = 30
USER = "guard of combs"
SECRET = "gehe1m @:/%#?&'\"\\ +%41 é漢 zwölf"
PIECES = ("gehe1m", "%41", "漢", "zwölf", "\\u6f22")
WARNING = "ps; leave it out"


@pytest.fixture(scope="module", params=["postgres", "mariadb"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL, without a password, of a user whom the server asks for one."""
    server: PostgresServer | MariaServer = request.getfixturevalue(request.param)
    with server.guarded(USER, SECRET) as url:
        yield url


@pytest.fixture
def alveary(tmp_path: Path) -> Callable[..., tuple[int, str, str]]:
    """Run ``alveary …`` without any terminal, not even a controlling one."""

    def run(*arguments: str, stdin: str | bytes = b"", **env: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [sys.executable, "-m", "alveary", *arguments],
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            capture_output=True,
            cwd=tmp_path,
            env={**os.environ, **env},
            start_new_session=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout.decode(), done.stderr.decode("utf-8", "replace")

    return run


def assert_secret(text: str) -> None:
    spellings = {SECRET, quote(SECRET, safe=""), quote(SECRET), quote_plus(SECRET), repr(SECRET)[1:-1]}
    assert [each for each in (*spellings, *PIECES) if each in text] == []


def with_password(url: str, password: str = SECRET) -> str:
    return url.replace("@127", f":{quote(password, safe='')}@127")


class Screen:
    """``alveary …`` on a new terminal; standard input, or standard error, may go elsewhere."""

    def __init__(
        self,
        *arguments: str,
        cwd: Path,
        script: Path | None = None,
        piped: bytes | None = None,
        errors_to: Path | None = None,
    ) -> None:
        self.text = b""
        reader, writer = os.pipe()
        self.process, self.terminal = pty.fork()
        if self.process == 0:
            os.chdir(cwd)
            if piped is not None:
                os.dup2(reader, 0)
            if errors_to is not None:
                os.dup2(os.open(errors_to, os.O_WRONLY | os.O_CREAT), 2)
            os.close(writer)
            program = [str(script)] if script is not None else ["-m", "alveary"]
            os.execv(sys.executable, [sys.executable, *program, *arguments])
        os.close(reader)
        os.write(writer, piped or b"")
        os.close(writer)

    def wait_for(self, wanted: bytes, *, times: int = 1) -> None:
        """Wait until a text stands on the screen, so many times."""
        deadline = time.monotonic() + HANG
        while self.text.count(wanted) < times:
            assert time.monotonic() < deadline, self.text
            assert self._read() or self.text.count(wanted) >= times, self.text

    def type(self, keys: bytes) -> None:
        os.write(self.terminal, keys)

    def end(self) -> tuple[int, str]:
        """Wait for the end; return the status and all that stood on the screen."""
        deadline = time.monotonic() + HANG
        while self._read():
            assert time.monotonic() < deadline, self.text
        _, status = os.waitpid(self.process, 0)
        os.close(self.terminal)
        return os.waitstatus_to_exitcode(status), self.text.decode().replace("\r\n", "\n")

    def echoes(self) -> bool:
        import termios

        return bool(termios.tcgetattr(self.terminal)[3] & termios.ECHO)

    def _read(self) -> bool:
        if not select.select([self.terminal], [], [], 0.2)[0]:
            return True
        try:
            part = os.read(self.terminal, 65536)
        except OSError:  # Linux says so when the last process has closed the terminal
            return False
        self.text += part
        return bool(part)


def test_the_first_line_of_standard_input_is_the_password(
    url: str, alveary: Callable[..., tuple[int, str, str]]
) -> None:
    for line in (f"{SECRET}\n", f"{SECRET}\r\n", SECRET, f"{SECRET}\nselect 2\n"):
        arguments = ("query", url, "select 41 + 1 as n", "--format", "csv", "--password-stdin")
        assert alveary(*arguments, stdin=line) == (0, "n\n42\n", "")
    assert alveary("catalog", "--password-stdin", url, stdin=SECRET)[0] == 0
    assert alveary("--password-stdin", "run", "catalog.list", f"target={url}", stdin=SECRET)[0] == 0
    for wrong in (f"{SECRET} \n", f" {SECRET}\n", f"{SECRET}\r\r\n"):  # only the line ending is removed
        status, out, err = alveary("query", url, "select 1", "--password-stdin", stdin=wrong)
        assert (status, out) == (3, "")
        assert "authentication_failed" in err
        assert_secret(err)


def test_the_environment_comes_after_standard_input(url: str, alveary: Callable[..., tuple[int, str, str]]) -> None:
    assert alveary("query", url, "select 1 as n", "--format", "csv", ALVEARY_PASSWORD=SECRET) == (0, "n\n1\n", "")
    arguments = ("query", url, "select 1", "--format", "none", "--password-stdin")
    assert alveary(*arguments, stdin=SECRET, ALVEARY_PASSWORD="wrong")[0] == 0
    assert alveary(*arguments, stdin="wrong", ALVEARY_PASSWORD=SECRET)[0] == 3
    assert alveary("query", with_password(url), "select 1", "--format", "none", ALVEARY_PASSWORD="wrong")[0] == 0
    assert alveary("query", with_password(url, "wrong"), "select 1", ALVEARY_PASSWORD=SECRET)[0] == 3


def test_without_a_password_and_without_a_terminal_the_ways_are_named(
    url: str, alveary: Callable[..., tuple[int, str, str]]
) -> None:
    for arguments in (("query", url, "select 1"), ("catalog", url)):
        for env in ({}, {"ALVEARY_PASSWORD": ""}):
            status, out, err = alveary(*arguments, **env)
            assert (status, out) == (3, "")
            for way in ("authentication_failed", "--password-stdin", "ALVEARY_PASSWORD", "terminal"):
                assert way in err


def test_standard_input_is_for_one_thing(alveary: Callable[..., tuple[int, str, str]]) -> None:
    for arguments in (("-f", "-"), ()):
        status, out, err = alveary("query", "sqlite:///:memory:", *arguments, "--password-stdin", stdin="x\nselect 1")
        assert (status, out) == (2, "")
        assert "both the password and the SQL" in err
    status, _, err = alveary("query", "sqlite:///:memory:", "select 1", "--password-stdin")
    assert status == 2
    assert "standard input is empty" in err
    for wrong in (b"gehe1m\xff\n", b"gehe1m" + b"x" * 100_000):
        status, _, err = alveary("query", "sqlite:///:memory:", "select 1", "--password-stdin", stdin=wrong)
        assert status == 2
        assert_secret(err)


@pytest.mark.parametrize("log", ["", "debug"])
def test_nothing_on_standard_error_repeats_a_password(
    url: str, alveary: Callable[..., tuple[int, str, str]], log: str
) -> None:
    other = url.replace("guard", "nobody")
    nowhere = with_password(url).replace("127.0.0.1", "127.0.0.1.invalid")
    raw = url.replace("@127", f":{SECRET}@127")
    for arguments in (
        ("query", with_password(other), "select 1"),
        ("query", with_password(url), "selec 1"),
        ("query", nowhere, "select 1"),
        ("catalog", with_password(url) + "?nothing=1"),
        ("query", raw, "select 1"),
        ("catalog", raw, "a", "b", raw),
        ("run", "query.run", raw),
        ("run", raw),
        ("plugins", "disable", raw),
        (raw,),
        (f"--{raw}",),
        ("query", "sqlite:///x.db", "select 1", "--param", raw, "--format", raw),
        ("query", "sqlite:///x.db", "select 1", "-o", f"/nowhere/{raw}"),
        ("query", url.replace("@127", ":1234/gehe1m@127"), "select 1"),
        ("query", url.replace("@127", ":gehe1m\udcff@127"), "select 1"),
    ):
        for format in ("text", "json"):
            status, out, err = alveary(*arguments, "--error-format", format, ALVEARY_LOG=log)
            assert (status in (1, 2, 3), out) == (True, "")
            assert_secret(err)
    for env, stdin in (({"ALVEARY_PASSWORD": SECRET}, ""), ({}, SECRET)):
        more = ("--password-stdin",) if stdin else ()
        status, out, err = alveary("query", other, "select 1", *more, stdin=stdin, ALVEARY_LOG=log, **env)
        assert (status, out) == (3, "")
        assert_secret(err)
    status, out, err = alveary("doctor", "--format", "json", ALVEARY_LOG=log, ALVEARY_PASSWORD=SECRET)
    assert status == 0
    assert_secret(out + err)
    assert WARNING not in err


TELLTALE = """
import logging
import msgspec
from alveary import CommandSpec, hookimpl

@hookimpl
def alveary_commands():
    return [CommandSpec(id="tell.tale", summary="x", factory="telltale:run", verb="telltale")]

class Parameters(msgspec.Struct):
    target: str

def run(context, parameters: Parameters) -> None:
    session = context.kernel.connect(parameters.target)
    password = context.kernel.credentials.find(session.target)
    try:
        raise RuntimeError(password)
    except RuntimeError:
        logging.getLogger("alveary.telltale").exception("with %r and %s", password, password)
    raise RuntimeError(f"of {password} and {password!r}")
"""


def test_the_log_and_the_error_of_a_careless_plugin_are_blotted(
    url: str, alveary: Callable[..., tuple[int, str, str]], install: Callable[..., None]
) -> None:
    install("telltale", TELLTALE, {"telltale": "telltale"})
    status, _, err = alveary("telltale", "--target", url, ALVEARY_LOG="debug", ALVEARY_PASSWORD=SECRET)
    assert status == 1
    assert "RuntimeError: ***" in err
    assert "RuntimeError: of *** and '***'" in err
    assert_secret(err)


SPY = """
import os
import pathlib
import msgspec
from alveary import CommandSpec, hookimpl

@hookimpl
def alveary_commands():
    return [CommandSpec(id="spy.look", summary="x", factory="spy:run", verb="spy")]

class Parameters(msgspec.Struct):
    target: str

class Seen(msgspec.Struct):
    own: dict[str, str]
    processes: list[str]

def run(context, parameters: Parameters) -> Seen:
    with context.kernel.connect(parameters.target, host="process") as session:
        session.run("select 1")
        processes = [session._host.process, context.kernel._forkserver._process.pid]
        files = [pathlib.Path(f"/proc/{each}/{name}") for each in processes for name in ("environ", "cmdline")]
        return Seen(own=dict(os.environ), processes=[file.read_bytes().decode("utf-8", "replace") for file in files])
"""


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="the system shows no process's environment")
def test_no_child_sees_the_password(
    url: str, alveary: Callable[..., tuple[int, str, str]], install: Callable[..., None]
) -> None:
    install("spy", SPY, {"spy": "spy"})
    for env, stdin in (({"ALVEARY_PASSWORD": SECRET}, ""), ({}, SECRET)):
        more = ("--password-stdin",) if stdin else ()
        status, out, err = alveary("spy", "--target", url, *more, "--format", "json", stdin=stdin, **env)
        assert (status, err) == (0, "")
        seen = json.loads(out)
        assert len(seen["processes"]) == 4
        assert all("alveary" in each for each in seen["processes"])
        assert "ALVEARY_PASSWORD" not in out
        assert_secret(out)
        assert_secret(str(seen))


def test_a_person_is_asked_on_the_terminal(url: str, tmp_path: Path) -> None:
    screen = Screen("query", url, "select 41 + 1 as n", "--format", "csv", cwd=tmp_path)
    screen.wait_for(b"password for ")
    assert not screen.echoes()
    screen.type(SECRET.encode() + b"\n")
    status, text = screen.end()
    assert status == 0
    assert re.match(r"password for \w+://guard of combs@127.0.0.1:\d+/\w+: \nn\n42\n1 row \(", text)
    assert_secret(text)


def test_standard_input_and_error_may_go_elsewhere(url: str, tmp_path: Path) -> None:
    screen = Screen(
        "query", url, "--format", "csv", cwd=tmp_path, piped=b"select 41 + 1 as n", errors_to=tmp_path / "e"
    )
    screen.wait_for(b"password for ")
    screen.type(SECRET.encode() + b"\n")
    status, text = screen.end()
    assert status == 0
    assert text.endswith(": \nn\n42\n")
    assert (tmp_path / "e").read_text() == ""


def test_a_wrong_answer_is_an_error_and_is_not_asked_for_twice(url: str, tmp_path: Path) -> None:
    screen = Screen("catalog", url, cwd=tmp_path)
    screen.wait_for(b"password for ")
    screen.type(b"wrong " + SECRET.encode() + b"\n")
    status, text = screen.end()
    assert status == 3
    assert text.count("password for ") == 1
    assert "authentication_failed" in text
    assert "--password-stdin" not in text
    assert_secret(text)


@pytest.mark.parametrize(("keys", "status"), [(b"gehe1m\x03", 130), (b"\x04", 3), (b"\n", 3)])
def test_the_prompt_can_be_left(url: str, tmp_path: Path, keys: bytes, status: int) -> None:
    screen = Screen("query", url, "select 1", cwd=tmp_path)
    screen.wait_for(b"password for ")
    screen.type(keys)
    ended, text = screen.end()
    assert ended == status
    assert ("query_cancelled" if status == 130 else "authentication_failed") in text
    assert "Traceback" not in text
    assert_secret(text)


SHELL = """
import signal, subprocess, sys, termios
signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C reaches this program, too
for _ in range(4):
    child = subprocess.Popen([sys.executable, "-m", "alveary", "query", sys.argv[1], "select 1", "--format", "none"])
    print("<", child.pid, ">", flush=True)
    print("status", child.wait(), "echo", bool(termios.tcgetattr(0)[3] & termios.ECHO), flush=True)
"""


def test_the_terminal_shows_again_what_is_typed(tmp_path: Path, url: str) -> None:
    """Looked at from a program that outlives the prompt, as a shell does."""
    script = tmp_path / "shell.py"
    script.write_text(SHELL)
    screen = Screen(url, script=script, cwd=tmp_path)
    answers = [SECRET.encode() + b"\n", b"gehe1m\x03", b"\x04", None]
    for turn, keys in enumerate(answers):
        screen.wait_for(b"password for ", times=turn + 1)
        if keys is not None:
            screen.type(keys)
        else:
            os.kill(int(screen.text.split(b"<")[-1].split()[0]), signal.SIGTERM)
    _, text = screen.end()
    ends = re.findall(r"status (-?\d+) echo (True|False)", text)
    assert ends == [("0", "True"), ("130", "True"), ("3", "True"), ("-15", "True")]
    assert_secret(text)


def test_a_password_in_the_url_is_warned_of_once_at_a_terminal(url: str, tmp_path: Path, shop_url: str) -> None:
    for arguments, warned in (
        (("query", with_password(url), "select 1", "--format", "none"), 1),
        (("catalog", with_password(url)), 1),
        (("run", "catalog.list", f"target={with_password(url)}"), 1),
        (("query", shop_url, "select 'http://a:b@c'", "--format", "none"), 0),
    ):
        status, text = Screen(*arguments, cwd=tmp_path).end()
        assert (status, text.count(WARNING)) == (0, warned)
        assert_secret(text)
    _, text = Screen("query", with_password(url), "select 1", cwd=tmp_path, errors_to=tmp_path / "errors").end()
    assert WARNING not in text + (tmp_path / "errors").read_text()


def test_nobody_types_a_visible_password_for_the_option(url: str, tmp_path: Path) -> None:
    status, text = Screen("query", url, "select 1", "--password-stdin", cwd=tmp_path).end()
    assert status == 2
    assert "reads no terminal" in text


def test_a_job_in_the_background_does_not_ask(url: str, tmp_path: Path) -> None:
    process, terminal = pty.fork()
    if process == 0:
        child = os.fork()
        if child == 0:
            os.setpgid(0, 0)
            os.execv(sys.executable, [sys.executable, "-m", "alveary", "query", url, "select 1"])
        _, status = os.waitpid(child, os.WUNTRACED)
        os._exit(os.waitstatus_to_exitcode(status) if not os.WIFSTOPPED(status) else 99)
    watching = threading.Thread(target=_swallow, args=(terminal,), daemon=True)
    watching.start()
    _, status = os.waitpid(process, 0)
    watching.join(HANG)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 3


def _swallow(terminal: int) -> None:
    try:
        while os.read(terminal, 65536):
            pass
    except OSError:  # the last process has closed the terminal
        return
