"""Explaining: a statement's plan is asked for over its session, read, and looked through for what is worth a warning.

To measure a statement is to run it. So a person is asked first where it may change something, and it is always run in a
transaction that is rolled back, or in one that is open up to a savepoint.
"""

from __future__ import annotations

import threading
from collections.abc import Generator
from typing import TYPE_CHECKING

import msgspec

from alveary.contracts.driver import Capability
from alveary.contracts.factory import load_factory
from alveary.contracts.plan import Explained, Explainer, ExplainRequest, Plan, Step
from alveary.contracts.specs import DriverSpec, ExplainerSpec
from alveary.contracts.target import Target
from alveary.contracts.values import Parameters
from alveary.errors import AlvearyError, InternalError, InvalidInputError, QueryCancelledError, UnsupportedError
from alveary.events import SessionState
from alveary.explaining.warnings import Limits, warned
from alveary.policy import Clearance, Consent, Policy
from alveary.runner import Planned, plan
from alveary.sessions import Session
from alveary.sqltext import Dialect, TokenKind, effects_of, tokens
from alveary.strangers import guarded
from alveary.workers.undoing import STAYS

if TYPE_CHECKING:
    from alveary.kernel import Kernel
    from alveary.settings import Settings

ORIGIN = "explain"
STAYS_OPEN = (
    "Of the transaction that is open only this statement was rolled back, to a savepoint; the locks it took stay until "
    "the transaction ends."
)
MOST_STEPS = 100
"""Statements that an explainer may want run for one plan."""
MOST_ROWS = 100_000
"""Rows that are read of the answer to one of them; a plan in text has a row for each line."""
_EXPLAINING = ("explain", "analyze", "analyse", "describe", "desc")
_LOOK = 0.05


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be explained, looked at before anything is sent. ``effects`` says in words what it may change."""

    sql: str
    line: int = 1
    analyze: bool = False
    effects: tuple[str, ...] = ()


def wanted(script: str, dialect: Dialect, *, analyze: bool) -> Wanted:
    """Return the one statement of a script; raises what :func:`~alveary.runner.plan` does, and refuses two."""
    statements = plan([script], dialect)
    if len(statements) > 1:
        raise InvalidInputError(
            f"{len(statements)} statements were given, and one is explained at a time",
            line=statements[1].line,
            hint="leave the others out; nothing was sent",
        )
    return wanted_of(statements[0], dialect, analyze=analyze)


def wanted_of(planned: Planned, dialect: Dialect, *, analyze: bool) -> Wanted:
    """Return what is to be explained; InvalidInputError for a statement that explains itself."""
    sql = planned.sql
    first = next((each for each in tokens(sql, dialect) if each.kind is TokenKind.WORD), None)
    if first is not None and sql[first.start : first.end].lower() in _EXPLAINING:
        raise InvalidInputError(
            f"the statement begins with {sql[first.start : first.end].upper()} already",
            line=planned.line,
            statement=sql,
            hint="leave that out, or run the statement as it is",
        )
    found = list(dict.fromkeys(effects_of(sql, dialect).effects.values())) if analyze else []
    # "DELETE" says nothing more where "DELETE without WHERE" is said.
    effects = tuple(each for each in found if not any(other.startswith(f"{each} ") for other in found))
    return Wanted(sql=sql, line=planned.line, analyze=analyze, effects=effects)


def explainer_of(kernel: Kernel, driver: DriverSpec, *, analyze: bool = False) -> ExplainerSpec:
    """Return who explains the statements of a driver; UnsupportedError if nobody does, or nobody measures them."""
    spec = kernel.plugins.explainers.find(f"driver {driver.id}")
    if spec is None:
        raise UnsupportedError(f"no plugin explains statements of {driver.name}", hint="see: alveary plugins")
    if analyze and not (spec.measures and Capability.TRANSACTIONS in driver.capabilities):
        raise UnsupportedError(f"{driver.name} does not measure its plans", hint="explain without analyze")
    return spec


def cleared(
    policy: Policy,
    want: Wanted,
    target: Target,
    driver: DriverSpec,
    *,
    consent: Consent | None = None,
    stopped: threading.Event | None = None,
) -> Clearance | None:
    """Have a statement that would be run reviewed, and a person asked where it may change something; else None.

    Raises what :meth:`~alveary.policy.Policy.clear` raises; nothing is sent then.
    """
    if not want.analyze:
        return None
    asking = None
    if want.effects:
        what = ", ".join(want.effects)
        asking = (
            f"running {what} to measure it and rolling it back, except for sequences and what functions do elsewhere,"
        )
    try:
        return policy.clear([want.sql], target, driver, consent=consent, stopped=stopped, asking=asking)
    except AlvearyError as exc:
        exc.line = want.line
        raise


def explain(
    session: Session,
    spec: ExplainerSpec,
    want: Wanted,
    *,
    settings: Settings,
    parameters: Parameters = None,
    clearance: Clearance | None = None,
    timeout: float | None = None,
    stopped: threading.Event | None = None,
) -> Plan:
    """Ask for a plan over a session, wait for it, and return it with its warnings; not for Tk's thread.

    Raises what the database does, with positions in the statement as it was written, and QueryCancelledError once
    ``stopped`` is set, when the server has let go of what ran.
    """
    assert session.server is not None, "the session is connected"
    if want.analyze and clearance is None:
        clearance = cleared(session.policy, want, session.target, session.driver)
    request = ExplainRequest(sql=want.sql, server=session.server, analyze=want.analyze, changes=bool(want.effects))
    with guarded(f"the explainer {spec.id} failed", passing=(AlvearyError,)):
        explainer: Explainer = load_factory(spec.factory)()
        steps = explainer.explain(request)
    within = want.analyze and session.state is SessionState.IN_TRANSACTION
    run = _Run(session, want, parameters, clearance, timeout, stopped or threading.Event())
    found = _driven(spec, steps, run)
    undone = want.analyze and not run.stays
    stays = [f"Not everything was undone: {each}" for each in run.stays]
    remarks = (*stays, *found.remarks, *([STAYS_OPEN] if within else []), *run.notices)
    return warned(msgspec.structs.replace(found, undone=undone, remarks=remarks), Limits.of(settings))


def _driven(spec: ExplainerSpec, steps: Generator[Step, Explained, Plan], run: _Run) -> Plan:
    answer: Explained | None = None
    error: AlvearyError | None = None
    for _ in range(MOST_STEPS):
        try:
            with guarded(f"the explainer {spec.id} failed", passing=(AlvearyError, StopIteration)):
                step = steps.throw(error) if error is not None else steps.send(answer)  # type: ignore[arg-type]  # None begins it
        except StopIteration as done:
            found = done.value
            if not isinstance(found, Plan):
                raise InternalError(f"the explainer {spec.id} returned no plan") from None
            return found
        answer = error = None
        if not isinstance(step, Step):
            raise InternalError(f"the explainer {spec.id} wants something run that is no step")
        try:
            answer = run.step(step)
        except AlvearyError as exc:
            error = exc
    raise InternalError(f"the explainer {spec.id} does not come to an end")


class _Run:
    """Runs what an explainer wants run."""

    def __init__(
        self,
        session: Session,
        want: Wanted,
        parameters: Parameters,
        clearance: Clearance | None,
        timeout: float | None,
        stopped: threading.Event,
    ) -> None:
        self.notices: list[str] = []
        self.stays: list[str] = []
        """What the server said of what it could not roll back."""
        self._session, self._want, self._parameters = session, want, parameters
        self._clearance, self._timeout, self._stopped = clearance, timeout, stopped

    def step(self, step: Step) -> Explained:
        if self._stopped.is_set():
            raise QueryCancelledError("cancelled")
        if step.runs and self._clearance is not None:
            clearance = self._clearance.also(step.sql)
        else:
            clearance = self._session.clear([step.sql], stopped=self._stopped)
        try:
            statement = self._session.execute(
                step.sql,
                self._parameters if step.bound else None,
                timeout=self._timeout,
                limit=MOST_ROWS,
                clearance=clearance,
                origin=ORIGIN,
                undone=step.runs or step.undone,
                recorded=step.bound,
            )
        except AlvearyError as exc:
            raise self._placed(exc, step) from None
        try:
            while not statement.wait(_LOOK):
                if self._stopped.is_set():
                    statement.cancel()
                    statement.wait()
        except BaseException:  # Ctrl-C in the caller's thread: the server must not go on for nobody
            statement.cancel()
            raise
        try:
            statement.check()
        except AlvearyError as exc:
            raise self._placed(exc, step) from None
        for notice in statement.notices:
            if notice.severity == STAYS:
                self.stays.append(notice.message)
            elif step.runs:
                self.notices.append(f"{notice.severity}: {notice.message}")
        result = statement.result
        if result is None:
            return Explained(columns=(), rows=())
        try:
            columns = tuple(column.name for column in result.columns)
            texts = [
                tuple(column.text(cell) for column, cell in zip(result.columns, row, strict=True))
                for row in result.window(0, MOST_ROWS)
            ]
            return Explained(columns=columns, rows=texts)
        finally:
            result.drop()

    def _placed(self, error: AlvearyError, step: Step) -> AlvearyError:
        """Return an error that tells of the statement as it was written, not as it was sent."""
        error.statement, error.line = self._want.sql, self._want.line
        before = len(step.sql) - len(self._want.sql)
        if error.position is not None:
            inside = step.sql.endswith(self._want.sql) and error.position > before
            error.position = error.position - before if inside else None
        return error
