"""The policy: what may be run where, and what a person must confirm first; one object, asked by every door.

:meth:`Policy.check` stands in front of everything a session runs, so nothing gets around it. Whoever runs several
statements has them cleared as a whole before the first is sent, so that a person is asked once, and about all of them.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import msgspec

from alveary.contracts.guard import DECISIONS, Decision, Reviewed, Verdict
from alveary.contracts.specs import DriverSpec
from alveary.contracts.target import Confirm, Environment, Level, Target
from alveary.errors import (
    AlvearyError,
    NotConfirmedError,
    QueryCancelledError,
    ReadOnlyError,
    StatementDeniedError,
    described,
)
from alveary.sqltext import effects_of

_log = logging.getLogger(__name__)

OURS = "guards"
"""The plugin without whose verdict nothing runs where something must be confirmed."""
MOST_SHOWN = 5
"""Statements of a script that are shown to whoever must confirm it."""
LEVELS: tuple[Level, ...] = ("never", "ask", "name")
"""From the mildest to the strictest."""
READ_ONLY_HINT = "read-only guards against accidents; what must never write needs a role that may only read"

Guard: TypeAlias = Callable[[Reviewed, Target], object]


class Consent(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody said beforehand: a plain yes, or the name of the connection that is meant."""

    yes: bool = False
    name: str | None = None


class Confirmation(msgspec.Struct, frozen=True, kw_only=True):
    """What a person is asked to confirm.

    ``name`` is what it is done to, and what they must type where ``typed``; ``statements`` are the first of ``count``.
    """

    what: str
    name: str
    typed: bool
    environment: Environment | None = None
    statements: tuple[str, ...] = ()
    count: int = 0

    def question(self) -> str:
        """Return what is asked, as a sentence."""
        return f"{self.what} on {self.place()}?"

    def place(self) -> str:
        """Return what it is done to, with its environment."""
        return f"{self.name} ({self.environment})" if self.environment else self.name


Asker: TypeAlias = Callable[[Confirmation, threading.Event], str | None]
"""Asks a person; returns "yes" or the name they typed, "" if they refused, None if there is nobody to ask.

Called on the thread that wants to go on, perhaps on several at once; must return soon after the event is set.
"""


class Clearance(msgspec.Struct, frozen=True):
    """Statements that were reviewed, and confirmed where that was needed, for one place."""

    place: str
    statements: frozenset[str] = frozenset()

    def covers(self, sql: str, target: Target) -> bool:
        """Return whether a statement needs no further confirmation."""
        return self.place == _place(target) and sql in self.statements

    def also(self, sql: str) -> Clearance:
        """Return it for one more statement, such as one that takes back what was confirmed."""
        return Clearance(self.place, self.statements | {sql})


class Policy:
    """What may be run where. Every method may be called from any thread; :meth:`clear` may wait for a person."""

    def __init__(self, guards: Mapping[str, Guard]) -> None:
        self._guards = guards
        self.ask: Asker | None = None
        """Asks a person; whoever has one to ask (a terminal, the window) sets it."""

    def applies(self, target: Target) -> bool:
        """Return whether anything could be said about a statement there, so that it must be looked at."""
        return target.read_only or strictest(target.confirm) != "never" or bool(self._guards.keys() - {OURS})

    def check(self, sql: str, target: Target, driver: DriverSpec, clearance: Clearance | None = None) -> None:
        """Raise what a statement is refused for, NotConfirmedError for one that is not cleared and would have to be."""
        verdict = self._reviewed(sql, target, driver)
        if verdict.decision != "allow" and not (clearance is not None and clearance.covers(sql, target)):
            raise _unconfirmed(_confirmation([(sql, verdict)], target), sql)

    def clear(
        self,
        statements: Sequence[str],
        target: Target,
        driver: DriverSpec,
        *,
        consent: Consent | None = None,
        stopped: threading.Event | None = None,
        asking: str | None = None,
    ) -> Clearance:
        """Review statements that are to be run there, all of them, and have a person confirm what must be confirmed.

        With ``asking`` a person is asked about all of them in any case, and that is what they are asked.

        Raises ReadOnlyError or StatementDeniedError for the first that is refused, NotConfirmedError if nobody
        confirms, and QueryCancelledError once ``stopped`` is set; nothing is sent in any case.
        """
        reviewed = [(sql, self._reviewed(sql, target, driver)) for sql in statements]
        if asking is not None:
            reviewed = [
                (sql, Verdict("ask" if verdict.decision == "allow" else verdict.decision, asking))
                for sql, verdict in reviewed
            ]
        serious = [(sql, verdict) for sql, verdict in reviewed if verdict.decision != "allow"]
        if serious:
            self.confirm(_confirmation(serious, target), consent, stopped, statement=serious[0][0])
        return Clearance(_place(target), frozenset(sql for sql, _ in serious))

    def confirm(
        self,
        confirmation: Confirmation,
        consent: Consent | None = None,
        stopped: threading.Event | None = None,
        *,
        statement: str | None = None,
    ) -> None:
        """Have a person confirm something, unless they did beforehand; NotConfirmedError if nobody does."""
        consent, stopped = consent or Consent(), stopped or threading.Event()
        if consent.name is not None and consent.name.casefold() != confirmation.name.casefold():
            error = _unconfirmed(confirmation, statement)
            error.detail = f"{consent.name!r} was confirmed, which is not what it would be done to"
            raise error
        if consent.name is not None or (consent.yes and not confirmation.typed):
            return
        answer = None
        if self.ask is not None:
            answer = self.ask(confirmation, stopped)
        if stopped.is_set():
            raise QueryCancelledError("cancelled before it was confirmed")
        if answer is None:
            raise _unconfirmed(confirmation, statement)
        if (answer.casefold() != confirmation.name.casefold()) and (confirmation.typed or answer != "yes"):
            done = "sent" if confirmation.count else "changed"
            raise NotConfirmedError(f"it was not confirmed; nothing was {done}", statement=statement)

    def _reviewed(self, sql: str, target: Target, driver: DriverSpec) -> Verdict:
        """Return what the guards say together; raises what a statement is refused for."""
        if not self.applies(target):
            return Verdict("allow")
        finding = effects_of(sql, driver.dialect)
        if target.read_only and finding.effects:
            raise ReadOnlyError(
                f"{next(iter(finding.effects.values()))} is refused: the session is read-only",
                hint=READ_ONLY_HINT,
                statement=sql,
            )
        if OURS not in self._guards and strictest(target.confirm) != "never":
            raise StatementDeniedError(
                f"what runs on {target.display()!r} may have to be confirmed, and the plugin {OURS!r} is not loaded",
                hint=f"alveary plugins enable {OURS}, or see: alveary plugins",
            )
        statement = Reviewed(sql=sql, effects=finding.effects, dialect=driver.dialect.name)
        place = msgspec.structs.replace(target, password=None)
        strict = Verdict("allow")
        for name, guard in self._guards.items():
            verdict = _asked(name, guard, statement, place)
            if DECISIONS.index(verdict.decision) > DECISIONS.index(strict.decision):
                strict = verdict
        if strict.decision == "deny":
            raise StatementDeniedError(strict.reason or "a guard refuses the statement", statement=sql)
        return strict


def strictest(confirm: Confirm) -> Level:
    """Return the strictest level anything has."""
    return max(
        (level for level in msgspec.structs.astuple(confirm) if level is not None), key=LEVELS.index, default="never"
    )


def lowered(old: Confirm, new: Confirm) -> list[str]:
    """Return the names of the levels that are milder in ``new``."""
    before, after = (msgspec.structs.asdict(each) for each in (old, new))
    return [
        name
        for name, level in before.items()
        if LEVELS.index(after[name] or "never") < LEVELS.index(level or "never")
    ]  # fmt: skip


def effective(own: Confirm, environment: Environment | None, setting: Callable[[str], Any]) -> Confirm:
    """Return what must be confirmed: what the profile says, else what is set for its environment, else nothing."""
    names = [field.name for field in msgspec.structs.fields(Confirm)]
    return Confirm(
        **{
            name: getattr(own, name) or (setting(f"confirm.{environment}.{name}") if environment else None)
            for name in names
        }
    )


def tightened(own: Confirm, environment: Confirm) -> Confirm:
    """Return only those levels that are stricter than what the environment says: what may travel with a profile."""
    kept = {}
    for name, level in msgspec.structs.asdict(own).items():
        usual = getattr(environment, name) or "never"
        kept[name] = level if level is not None and LEVELS.index(level) > LEVELS.index(usual) else None
    return Confirm(**kept)


def _asked(name: str, guard: Guard, statement: Reviewed, place: Target) -> Verdict:
    try:
        answer = guard(statement, place)
    except BaseException as exc:  # a stranger's code raises what it likes; the statement is refused
        if isinstance(exc, KeyboardInterrupt):
            raise
        _log.error("the guard %s failed: %s", name, described(exc))
        return Verdict("deny", f"the guard {name} failed, so the statement is refused: {described(exc)}")
    if answer is None:
        return Verdict("allow")
    if not isinstance(answer, Verdict) or answer.decision not in DECISIONS:
        return Verdict("deny", f"the guard {name} answered no verdict, so the statement is refused")
    return answer


def _place(target: Target) -> str:
    return target.profile_id or target.url()


def _confirmation(serious: Sequence[tuple[str, Verdict]], target: Target) -> Confirmation:
    strict: Decision = max((verdict.decision for _, verdict in serious), key=DECISIONS.index)
    reasons = list(dict.fromkeys(verdict.reason or "a statement" for _, verdict in serious))
    return Confirmation(
        what=", ".join(reasons[:MOST_SHOWN]) + ("…" if len(reasons) > MOST_SHOWN else ""),
        name=target.display(),
        typed=strict == "name",
        environment=target.environment,
        statements=tuple(sql for sql, _ in serious[:MOST_SHOWN]),
        count=len(serious),
    )


def _unconfirmed(confirmation: Confirmation, statement: str | None) -> AlvearyError:
    name = confirmation.name
    flag = f"--confirm {name!r}" if " " in name else f"--confirm {name}"
    done = "sent" if confirmation.count else "changed"
    return NotConfirmedError(
        f"{confirmation.what} on {confirmation.place()} must be confirmed first; nothing was {done}",
        hint=f"at a terminal you are asked; a script says {flag}" + ("" if confirmation.typed else " or --yes"),
        statement=statement,
    )
