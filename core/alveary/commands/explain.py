"""``query.explain``: how a database runs a statement, or ran it, as a tree: text, JSON or a picture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from alveary.commands import Context
from alveary.commands.confirming import Confirming
from alveary.commands.query import read_script
from alveary.contracts.plan import Plan
from alveary.errors import EmptyScriptError, InvalidInputError
from alveary.explaining import cleared, explain, explainer_of, wanted
from alveary.inputs import refuse_unused
from alveary.output import Output, refuse_replacing
from alveary.wire import Small, json_text


class ExplainParameters(Confirming, msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to explain, where, and how to show it."""

    target: Annotated[str, Meta(description="URL of the database, or a saved name.", extra={"argument": True})]
    sql: Annotated[str | None, Meta(description="One statement.", extra={"argument": True})] = None
    file: Annotated[
        str | None,
        Meta(description="File with the statement, - for standard input.", extra={"flags": ["-f", "--file"]}),
    ] = None
    analyze: Annotated[
        bool, Meta(description="Run the statement to measure it; what it changes is rolled back, after asking.")
    ] = False
    format: Annotated[
        Literal["text", "json", "svg"],
        Meta(description="text: a tree with columns; json; svg: a picture. text without it."),
    ] = "text"
    output: Annotated[
        str | None,
        Meta(description="File to write, which appears when it is whole.", extra={"flags": ["-o", "--output"]}),
    ] = None
    parameters: Annotated[
        dict[str, bool | int | float | str | None],
        Meta(
            description="Value of the parameter :K; K:TYPE=V or K:=JSON for what is no text.",
            extra={"flags": ["-p", "--param"]},
        ),
    ] = {}
    timeout: Annotated[float, Meta(gt=0, description="Seconds the statement may run.")] | None = None
    read_only: Annotated[bool, Meta(description="Refuse to write.")] = False
    no_history: Annotated[bool, Meta(description="Do not record it in the history.")] = False


class ExplainReport(msgspec.Struct, frozen=True, kw_only=True):
    """The plan, and where it was written: ``text`` is what stands there, in the format that was asked for."""

    plan: Plan
    text: str
    output: str | None = None
    written_bytes: Small = 0


def run(context: Context, parameters: ExplainParameters) -> ExplainReport:
    """Explain one statement, and measure it if that is asked for; a file appears only when it is whole."""
    kernel = context.kernel
    if (parameters.sql is None) == (parameters.file is None):
        if parameters.sql is None:
            raise EmptyScriptError("there is no statement to explain", hint="give it as an argument, or with -f FILE")
        raise InvalidInputError("a statement and a file exclude each other", hint="give one of them")
    target, driver = kernel.target(parameters.target, read_only=parameters.read_only)
    refuse_replacing(parameters.output, parameters.file, target.database if driver.file_based else None)
    script = parameters.sql if parameters.sql is not None else read_script(parameters.file or "-")
    want = wanted(script, driver.dialect, analyze=parameters.analyze)
    refuse_unused(parameters.parameters, [script], driver.dialect)
    spec = explainer_of(kernel, driver, analyze=parameters.analyze)
    stopped = context.stopped()
    clearance = cleared(kernel.policy, want, target, driver, consent=parameters.consent(), stopped=stopped)
    output = Output(parameters.output) if parameters.output not in (None, "-") else None
    try:
        with kernel.open(target, driver, record=not parameters.no_history) as session:
            context.job.on_cancel(session.give_up_connecting)
            session.wait_connected()
            try:
                plan = explain(
                    session,
                    spec,
                    want,
                    settings=kernel.settings,
                    parameters=parameters.parameters or None,
                    clearance=clearance,
                    timeout=parameters.timeout,
                    stopped=stopped,
                )
            finally:
                if not parameters.no_history:
                    kernel.recorder.flush()
        text = shown(plan, parameters.format)
        if output is None:
            return ExplainReport(plan=plan, text=text)
        output.write(text.encode("utf-8", "backslashreplace"))
        output.commit()
        return ExplainReport(plan=plan, text=text, output=parameters.output, written_bytes=output.bytes)
    finally:
        if output is not None:
            output.discard()  # nothing is left to discard after a commit


def shown(plan: Plan, format: Literal["text", "json", "svg"]) -> str:
    """Return a plan in a format, ending in a newline."""
    if format == "json":
        return json_text(plan, Plan) + "\n"
    if format == "svg":
        from alveary.explaining.svg import plan_svg

        return plan_svg(plan)
    from alveary.explaining.texts import plan_text

    return plan_text(plan)


def render(report: ExplainReport, write: Callable[[str], object]) -> None:
    """Print the plan, unless it was written to a file."""
    if report.output is None:
        write(report.text)
