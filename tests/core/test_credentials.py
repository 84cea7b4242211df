"""Passwords: where they come from and in which order, who is asked, and that nothing repeats one."""

from __future__ import annotations

import logging
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from fix_mariadb import MariaServer
from fix_postgres import PostgresServer

from alveary import Kernel, Outcome, SessionState, Target
from alveary.credentials import HINT, Credentials
from alveary.errors import (
    AlvearyError,
    AuthenticationFailedError,
    ConnectionTimeoutError,
    InternalError,
    InvalidInputError,
    QueryCancelledError,
    SessionClosedError,
)
from alveary.events import Event, SessionOpenFailed
from alveary.kernel import HostKind
from alveary.paths import Paths
from alveary.workers.messages import Open

HANG = 30
USER = "guard of hives"
SECRET = "gehe1m @:/%#?&'\"\\ +%41 é漢 zwölf"


@pytest.fixture(params=["thread", "process"])
def host(request: pytest.FixtureRequest) -> HostKind:
    kind: HostKind = request.param
    return kind


@pytest.fixture(scope="module")
def guarded(postgres: PostgresServer) -> Iterator[str]:
    """The URL, without a password, of a user whom PostgreSQL asks for one."""
    with postgres.guarded(USER, SECRET) as url:
        yield url


@pytest.fixture(scope="module")
def guarded_mariadb(mariadb: MariaServer) -> Iterator[str]:
    """The URL, without a password, of a user whom MariaDB asks for one."""
    with mariadb.guarded(USER, SECRET) as url:
        yield url


@pytest.fixture
def kernel_with(home: Path) -> Iterator[Callable[..., Kernel]]:
    """Make a kernel with some credentials."""
    kernels: list[Kernel] = []

    def make(*sources: Any, ask: Any = None) -> Kernel:
        kernels.append(Kernel(paths=Paths(home, home / "cache"), credentials=Credentials(sources, ask=ask)))
        return kernels[-1]

    yield make
    for kernel in kernels:
        kernel.close()


class Person:
    """Answers what it is told to answer, and counts how often it is asked."""

    def __init__(self, *answers: str | None) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, target: Target, given_up: threading.Event) -> str | None:
        self.asked.append(target.display())
        return self.answers.pop(0)


class Silent:
    """Somebody who never answers, until the connection is given up."""

    def __init__(self) -> None:
        self.asked, self.left = threading.Event(), threading.Event()

    def __call__(self, target: Target, given_up: threading.Event) -> str | None:
        self.asked.set()
        assert given_up.wait(HANG)
        self.left.set()
        return None


def assert_secret(text: str) -> None:
    """Hold that no spelling and no piece of the secret stands in a text."""
    spellings = {SECRET, quote(SECRET, safe=""), quote(SECRET), quote_plus(SECRET), repr(SECRET)[1:-1]}
    pieces = {"gehe1m", "%41", "漢", "zwölf"}
    assert [each for each in (*spellings, *pieces) if each in text] == []


def with_password(url: str, password: str) -> str:
    return url.replace("@127", f":{quote(password, safe='')}@127")


def test_a_url_comes_first_then_each_source_in_order(guarded: str, kernel_with: Callable[..., Kernel]) -> None:
    asked: list[str] = []

    def source(name: str, password: str | None) -> Callable[[Target], str | None]:
        def find(target: Target) -> str | None:
            asked.append(name)
            assert target.password is None
            return password

        return find

    kernel = kernel_with(source("first", None), source("second", SECRET), source("third", "wrong"))
    assert kernel.connect(with_password(guarded, SECRET)).run("select 1")
    assert asked == []
    assert kernel.connect(guarded).run("select 1")
    assert asked == ["first", "second"]


def test_a_source_that_is_added_later_is_asked_as_well(guarded: str, kernel: Kernel) -> None:
    with pytest.raises(AuthenticationFailedError) as caught:
        kernel.connect(guarded)
    assert caught.value.hint == HINT
    kernel.credentials.sources.append(lambda _: SECRET)
    assert kernel.connect(guarded).run("select 1")


def test_a_person_is_asked_once_when_the_server_wants_a_password(
    guarded: str, guarded_mariadb: str, kernel_with: Callable[..., Kernel], host: HostKind
) -> None:
    for url in (guarded, guarded_mariadb):
        person = Person(SECRET)
        kernel = kernel_with(ask=person)
        failures: list[Event] = []
        kernel.bus.subscribe(lambda event: failures.append(event) if isinstance(event, SessionOpenFailed) else None)  # noqa: B023  # used in this turn only
        with kernel.connect(url, host=host) as session:
            assert session.state is SessionState.IDLE
            result = session.run("select 41 + 1")
            assert result is not None
            assert [str(cell) for cell in result.window(0, 1)[0]] == ["42"]
            assert session.target.password is None
        assert len(person.asked) == 1
        assert person.asked[0].startswith(url.partition(":")[0])
        # Further sessions are given the same answer.
        assert kernel.connect(url, host=host).run("select 1")
        assert len(person.asked) == 1
        kernel.bus.flush()
        assert failures == []


def test_nobody_is_asked_where_no_password_is_wanted(
    postgres: PostgresServer, shop_url: str, kernel_with: Callable[..., Kernel]
) -> None:
    person = Person()
    kernel = kernel_with(ask=person)
    assert kernel.connect(postgres.url()).run("select 1")
    assert kernel.connect(shop_url).run("select 1")
    with pytest.raises(AlvearyError):
        kernel.connect(postgres.url("no such database"))
    assert person.asked == []


def test_nobody_is_asked_for_what_opens_a_file(shop_url: str, kernel_with: Callable[..., Kernel]) -> None:
    asked: list[Target] = []
    assert kernel_with(asked.append).connect(shop_url).run("select 1")
    assert asked == []


def test_a_wrong_password_that_was_given_is_not_asked_for_again(
    guarded: str, guarded_mariadb: str, kernel_with: Callable[..., Kernel]
) -> None:
    person = Person()
    for url in (guarded, guarded_mariadb):
        with pytest.raises(AuthenticationFailedError):
            kernel_with(lambda _: "wrong", ask=person).connect(url)
        with pytest.raises(AuthenticationFailedError):
            kernel_with(ask=person).connect(with_password(url, "wrong"))
    assert person.asked == []


def test_a_wrong_answer_is_an_error_and_the_next_session_asks_anew(
    guarded: str, kernel_with: Callable[..., Kernel]
) -> None:
    person = Person("wrong", SECRET)
    kernel = kernel_with(ask=person)
    with pytest.raises(AuthenticationFailedError):
        kernel.connect(guarded)
    assert len(person.asked) == 1
    assert kernel.connect(guarded).run("select 1")
    assert len(person.asked) == 2


def test_an_answer_that_is_refused_later_is_asked_for_anew(
    postgres: PostgresServer, kernel_with: Callable[..., Kernel], guarded: str
) -> None:
    person = Person(SECRET, "the new one")
    kernel = kernel_with(ask=person)
    assert kernel.connect(guarded).run("select 1")
    postgres.psql(f"alter role \"{USER}\" password 'the new one'")
    try:
        assert kernel.connect(guarded).run("select 1")
    finally:
        secret = SECRET.replace("'", "''")
        postgres.psql(f"alter role \"{USER}\" password '{secret}'")
    assert len(person.asked) == 2


def test_an_empty_answer_is_an_empty_password(kernel_with: Callable[..., Kernel], mariadb: MariaServer) -> None:
    person = Person("")
    with pytest.raises(AuthenticationFailedError) as caught:
        kernel_with(ask=person).connect(f"mysql://alveary@127.0.0.1:{mariadb.port}/information_schema")
    assert len(person.asked) == 1
    assert caught.value.hint != HINT


def test_without_an_answer_the_error_says_how_to_give_one(
    guarded: str, kernel_with: Callable[..., Kernel], host: HostKind
) -> None:
    kernel = kernel_with(ask=Person(None))
    with pytest.raises(AuthenticationFailedError) as caught:
        kernel.connect(guarded, host=host)
    assert caught.value.hint == HINT
    assert kernel.sessions() == []


def test_two_sessions_at_once_ask_once(guarded: str, kernel_with: Callable[..., Kernel]) -> None:
    person = Person(SECRET)
    kernel = kernel_with(ask=person)
    sessions = [kernel.open(*kernel.target(guarded)) for _ in range(4)]
    for session in sessions:
        session.wait_connected()
        assert session.run("select 1")
    assert len(person.asked) == 1


def test_statements_wait_for_the_second_attempt(
    guarded: str, kernel_with: Callable[..., Kernel], host: HostKind
) -> None:
    go = threading.Event()

    def ask(target: Target, given_up: threading.Event) -> str | None:
        return SECRET if go.wait(HANG) else None

    kernel = kernel_with(ask=ask)
    session = kernel.open(*kernel.target(guarded), host=host)
    statements = [session.execute(f"select {n}") for n in range(3)]
    stopped = session.execute("select pg_sleep(60)")
    stopped.cancel()
    go.set()
    for statement in statements:
        assert statement.wait(HANG)
        assert statement.outcome is Outcome.COMPLETED
    assert stopped.wait(HANG)
    assert stopped.outcome is Outcome.CANCELLED


@pytest.mark.parametrize("how", ["give_up_connecting", "close", "kill"])
def test_an_open_question_can_be_given_up(
    guarded: str, kernel_with: Callable[..., Kernel], host: HostKind, how: str
) -> None:
    person = Silent()
    kernel = kernel_with(ask=person)
    session = kernel.open(*kernel.target(guarded), host=host, timeout=5)
    statement = session.execute("select 1")
    assert person.asked.wait(HANG)
    assert session.state.value == "connecting"
    getattr(session, how)()
    with pytest.raises(QueryCancelledError if how == "give_up_connecting" else SessionClosedError):
        session.wait_connected()
    assert person.left.wait(HANG)
    assert statement.wait(HANG)
    assert session.state is SessionState.CLOSED
    assert kernel.sessions() == []


def test_who_waits_for_another_question_can_give_up_too(guarded: str, kernel_with: Callable[..., Kernel]) -> None:
    person = Silent()
    kernel = kernel_with(ask=person)
    first = kernel.open(*kernel.target(guarded))
    assert person.asked.wait(HANG)
    second = kernel.open(*kernel.target(guarded))
    second.give_up_connecting()
    with pytest.raises(QueryCancelledError):
        second.wait_connected()
    assert not person.left.is_set()
    first.give_up_connecting()


def test_the_time_a_person_takes_is_not_the_connections(guarded: str, kernel_with: Callable[..., Kernel]) -> None:
    def ask(target: Target, given_up: threading.Event) -> str | None:
        return None if given_up.wait(2.5) else SECRET

    assert kernel_with(ask=ask).connect(guarded, timeout=1).run("select 1")


SLOW = """
import time
from alveary import Driver, DriverSpec, hookimpl
from alveary.errors import AuthenticationFailedError

@hookimpl
def alveary_drivers():
    return [DriverSpec(id="slow", name="Slow", schemes=("slow",), factory="slow:Slow")]

class Slow(Driver):
    def connect(self, target, *, timeout):
        if target.password is None:
            raise AuthenticationFailedError("a password is needed")
        time.sleep(3)
"""


def test_the_second_attempt_can_be_given_up_and_has_its_time(
    install: Callable[..., None], kernel_with: Callable[..., Kernel], host: HostKind
) -> None:
    install("slow", SLOW, {"slow": "slow"})
    kernel = kernel_with(ask=lambda *_: SECRET)
    with pytest.raises(ConnectionTimeoutError):
        kernel.connect("slow://h/d", timeout=0.2, host=host)
    session = kernel.open(*kernel.target("slow://elsewhere/d"), host=host)  # the answer for the first one is known
    while session._attempts._made < 2:
        assert session.state is SessionState.CONNECTING
        threading.Event().wait(0.01)
    session.give_up_connecting()
    with pytest.raises(QueryCancelledError):
        session.wait_connected()


@pytest.mark.parametrize("broken", [RuntimeError(SECRET), SystemExit(3)])
def test_a_source_or_an_asker_that_fails_is_an_error(
    guarded: str, kernel_with: Callable[..., Kernel], broken: BaseException
) -> None:
    def fail(*_: object) -> str | None:
        raise broken

    for kernel in (kernel_with(fail), kernel_with(ask=fail)):
        with pytest.raises(InternalError, match="connecting can't be begun") as caught:
            kernel.connect(guarded)
        assert_secret(str(caught.value.record()))


@pytest.mark.parametrize("wrong", ["gehe1m\udcff", "gehe1m\0", b"gehe1m"])
def test_a_password_that_no_server_could_be_sent_is_refused(
    guarded: str, kernel_with: Callable[..., Kernel], host: HostKind, wrong: Any
) -> None:
    for kernel in (kernel_with(lambda _: wrong), kernel_with(ask=lambda *_: wrong)):
        with pytest.raises(InvalidInputError) as caught:
            kernel.connect(guarded, host=host)
        assert_secret("".join(traceback.format_exception(caught.value)))
    with pytest.raises(InvalidInputError):
        kernel_with().connect(guarded.replace("@127", ":gehe1m\udcff@127"))


def test_nothing_repeats_a_password(
    guarded: str,
    guarded_mariadb: str,
    kernel_with: Callable[..., Kernel],
    host: HostKind,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "alveary")
    for url in (guarded, guarded_mariadb):
        wrong_user = url.replace("guard", "nobody")
        for kernel, address in (
            (kernel_with(ask=lambda *_: SECRET), wrong_user),
            (kernel_with(lambda _: SECRET), wrong_user),
            (kernel_with(), with_password(wrong_user, SECRET)),
            (kernel_with(), with_password(url, SECRET).replace("127.0.0.1", "127.0.0.1.invalid")),
            (kernel_with(), with_password(url, SECRET) + "?nothing=1"),
        ):
            heard: list[str] = []
            kernel.bus.subscribe(lambda event: heard.append(repr(event)))  # noqa: B023  # used in this turn only
            with pytest.raises(AlvearyError) as caught:
                kernel.connect(address, host=host)
            kernel.bus.flush()
            assert_secret("".join(traceback.format_exception(caught.value)) + repr(caught.value.record()))
            assert_secret("".join(heard) + repr(kernel.credentials) + repr(vars(kernel).keys()))
    target, _ = kernel_with().target(with_password(guarded, SECRET))
    assert target.password == SECRET
    assert_secret(repr(Open(factory="a:b", target=target, timeout=1)))
    assert_secret(caplog.text)
