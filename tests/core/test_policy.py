"""The policy: what is refused, what a person must confirm first, and that no door leads around it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from alveary import Kernel
from alveary.contracts.target import Confirm
from alveary.errors import NotConfirmedError, QueryCancelledError, ReadOnlyError, StatementDeniedError
from alveary.policy import Confirmation, Consent, effective, lowered, strictest

Saved = Callable[..., None]


@pytest.fixture
def saved(kernel: Kernel, shop_url: str) -> Saved:
    """Save the connection ``shop`` with what is given."""

    def save(**fields: object) -> None:
        kernel.run("connections.add", {"name": "shop", "url": shop_url, **fields})

    return save


def count(kernel: Kernel) -> int:
    with kernel.connect("shop", read_only=True) as session:
        result = session.run("select count(*) from item")
        assert result is not None
        return int(str(result.window(0, 1)[0][0]))


def test_what_writes_on_a_read_only_connection_is_refused_before_it_is_sent(kernel: Kernel, saved: Saved) -> None:
    saved(read_only=True)
    with kernel.connect("shop") as session:
        for sql in ("delete from item", "vacuum into 'x'", "attach 'x' as y", "frobnicate", "pragma query_only = 0"):
            with pytest.raises(ReadOnlyError, match="is refused: the session is read-only") as caught:
                session.execute(sql)
            assert "role that may only read" in (caught.value.hint or "")
        assert session.run("select 1") is not None
    assert count(kernel) == 3


def test_a_connection_without_an_environment_asks_nothing(kernel: Kernel, saved: Saved) -> None:
    saved()
    with kernel.connect("shop") as session:
        session.run("delete from item")
    assert count(kernel) == 0


@pytest.mark.parametrize(
    ("environment", "sql", "asked"),
    [
        ("local", "delete from item", False),
        ("local", "drop table item", False),
        ("staging", "insert into item (name) values ('x')", False),
        ("staging", "delete from item", True),
        ("staging", "drop table item", True),
        ("production", "insert into item (name) values ('x')", True),
        ("production", "with x as (select 1) delete from item", True),
        ("production", "select 1; delete from item", True),
        ("production", "select * from item", False),
    ],
)
def test_the_environment_says_what_must_be_confirmed(
    kernel: Kernel, saved: Saved, environment: str, sql: str, asked: bool
) -> None:
    saved(environment=environment)
    with kernel.connect("shop") as session:
        if asked:
            with pytest.raises(NotConfirmedError, match="must be confirmed first; nothing was sent"):
                session.execute(sql)
            with pytest.raises(NotConfirmedError):
                session.run(sql)
            assert count(kernel) == 3
        else:
            session.run(sql)


def test_settings_and_the_connection_itself_say_otherwise(kernel: Kernel, saved: Saved) -> None:
    saved(environment="staging", confirm_writes="name", confirm_unfiltered="never", yes=True, confirm="shop")
    assert kernel.target("shop")[0].confirm == Confirm(writes="name", ddl="ask", unfiltered="never")
    kernel.settings.set("confirm.staging.ddl", "name")
    assert kernel.target("shop")[0].confirm.ddl == "name"


def test_a_clearance_covers_what_was_reviewed_there_and_nothing_else(kernel: Kernel, saved: Saved, shop: Path) -> None:
    saved(environment="production")
    with kernel.connect("shop") as session:
        clearance = session.clear(["delete from item where id = 1"], consent=Consent(name="SHOP"))
        with pytest.raises(NotConfirmedError):
            session.execute("delete from item", clearance=clearance)
        assert session.execute("delete from item where id = 1", clearance=clearance).wait(30)
        kernel.run("connections.add", {"name": "other", "url": f"sqlite:///{shop}", "environment": "production"})
        with kernel.connect("other") as other, pytest.raises(NotConfirmedError):
            other.execute("delete from item where id = 1", clearance=clearance)
    assert count(kernel) == 2


@pytest.mark.parametrize(
    ("answer", "passes"), [("shop", True), ("SHOP", True), ("yes", False), ("other", False), ("", False), (None, False)]
)
def test_production_wants_the_name_typed(kernel: Kernel, saved: Saved, answer: str | None, passes: bool) -> None:
    saved(environment="production")
    asked: list[Confirmation] = []

    def ask(confirmation: Confirmation, given_up: threading.Event) -> str | None:
        asked.append(confirmation)
        return answer

    kernel.policy.ask = ask
    with kernel.connect("shop") as session:
        if passes:
            session.run("delete from item")
        else:
            with pytest.raises(NotConfirmedError):
                session.run("delete from item")
    assert asked == [
        Confirmation(
            what="DELETE without WHERE",
            name="shop",
            typed=True,
            environment="production",
            statements=("delete from item",),
            count=1,
        )
    ]
    assert count(kernel) == (0 if passes else 3)


def test_a_yes_is_enough_elsewhere_and_a_wrong_name_never_is(kernel: Kernel, saved: Saved) -> None:
    saved(environment="staging")
    with kernel.connect("shop") as session:
        with pytest.raises(NotConfirmedError) as caught:
            session.clear(["drop table item"], consent=Consent(name="other", yes=True))
        assert caught.value.detail == "'other' was confirmed, which is not what it would be done to"
        session.clear(["drop table item"], consent=Consent(yes=True))
        kernel.policy.ask = lambda confirmation, given_up: "yes"
        session.clear(["drop table item"])


def test_giving_up_while_a_person_is_asked_sends_nothing(kernel: Kernel, saved: Saved) -> None:
    saved(environment="production")
    stopped = threading.Event()

    def ask(confirmation: Confirmation, given_up: threading.Event) -> str | None:
        stopped.set()
        assert given_up.wait(30)
        return "shop"

    kernel.policy.ask = ask
    with kernel.connect("shop") as session, pytest.raises(QueryCancelledError):
        session.clear(["delete from item"], stopped=stopped)


GUARD = """
from alveary import Verdict, hookimpl
@hookimpl
def alveary_review(statement, profile):
    if "boom" in statement.sql:
        raise SystemExit("boom")
    if "odd" in statement.sql:
        return "deny"
    if "secret" in statement.sql:
        assert profile.password is None
        return Verdict("deny", "nobody reads secrets")
    if "careful" in statement.sql:
        return Verdict("name", "something careful")
"""


def test_a_plugin_can_guard_too_and_the_strictest_verdict_wins(
    install: Callable[..., None], home: Path, shop_url: str
) -> None:
    install("wary", GUARD, {"wary": "wary"})
    install("mild", GUARD.replace('"name"', '"ask"').replace('"deny", "nobody', '"allow", "nobody'), {"a-mild": "mild"})
    with Kernel() as kernel, kernel.connect(shop_url) as session:
        assert session.run("select 1") is not None
        with pytest.raises(StatementDeniedError, match="nobody reads secrets"):
            session.run("select 'secret'")
        with pytest.raises(NotConfirmedError, match="something careful on sqlite:///"):
            session.run("select 'careful'")
        session.clear(["select 'careful'"], consent=Consent(name=session.target.display()))
        for sql, said in (("boom", "the guard .* failed"), ("odd", "answered no verdict")):
            with pytest.raises(StatementDeniedError, match=said):
                session.run(f"select '{sql}'")


def test_without_our_own_guard_nothing_that_must_be_confirmed_runs(
    kernel: Kernel, saved: Saved, shop_url: str, home: Path
) -> None:
    saved(environment="production")
    kernel.run("plugins.disable", {"name": "guards"})
    with Kernel() as other:
        with other.connect("shop") as session, pytest.raises(StatementDeniedError, match="'guards' is not loaded"):
            session.run("select 1")
        with other.connect(shop_url) as session:
            session.run("select 1")


def test_levels_are_compared() -> None:
    assert strictest(Confirm()) == "never"
    assert strictest(Confirm(writes="ask", ddl="name")) == "name"
    assert lowered(Confirm(writes="name", ddl="ask"), Confirm(writes="ask", ddl="name")) == ["writes"]
    levels = {
        "confirm.production.writes": "ask",
        "confirm.production.ddl": "name",
        "confirm.production.unfiltered": "name",
    }
    assert effective(Confirm(ddl="never"), "production", levels.get) == Confirm(
        writes="ask", ddl="never", unfiltered="name"
    )
    assert effective(Confirm(ddl="ask"), None, levels.get) == Confirm(ddl="ask")
