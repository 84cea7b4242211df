"""``demo.run``: builds the sample database with the kernel itself, as any script would, and queries it."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import msgspec
from msgspec import Meta

from alveary.commands import Context
from alveary.errors import FileUnwritableError
from alveary.paths import make_private
from alveary.runner import ScriptOptions, plan, run_statements
from alveary.sessions import Session
from alveary.tables import plain_table

#: What the demonstration asks, each with the sentence that introduces it.
QUERIES = (
    (
        "The five best-selling artists",
        "select artist.name as artist, count(*) as tracks_sold,\n"
        "       round(sum(line.unit_price * line.quantity), 2) as revenue\n"
        "from invoice_line as line\n"
        "join track on track.id = line.track_id\n"
        "join album on album.id = track.album_id\n"
        "join artist on artist.id = album.artist_id\n"
        "group by artist.id order by revenue desc, artist.name limit 5",
    ),
    (
        "Revenue by month, with a running total",
        "select substr(invoiced_on, 1, 7) as month, round(sum(total), 2) as revenue,\n"
        "       round(sum(sum(total)) over (order by substr(invoiced_on, 1, 7)), 2) as so_far\n"
        "from invoice group by month order by month limit 6",
    ),
    (
        "What other tools get wrong: NULL is not '', 64-bit integers keep every digit, bytes are bytes",
        "select null as missing, '' as empty, 9223372036854775807 as big, 0.1 as real, x'00ff' as bytes",
    ),
)


class DemoParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the sample goes."""

    file: Annotated[str | None, Meta(description="File for the sample database; in the data directory without it.")] = (
        None
    )


class DemoResult(msgspec.Struct, frozen=True, kw_only=True):
    """One query of the demonstration and its rows."""

    title: str
    sql: str
    columns: list[str]
    rows: list[list[str | None]]
    """The cells as text, None for NULL."""


class Demonstration(msgspec.Struct, frozen=True, kw_only=True):
    """What was made and shown, and the command lines to try next."""

    database: str
    url: str
    created: bool
    results: list[DemoResult]
    next: list[str]


def run(context: Context, parameters: DemoParameters) -> Demonstration:
    """Make the sample database if it is not there, and run the queries on it, read-only."""
    kernel = context.kernel
    if parameters.file is None:
        path = make_private(kernel.paths.data) / "sample.db"
    else:
        path = Path(parameters.file).absolute()
    url = "sqlite:///" + quote(str(path))
    created = not path.exists()
    if created:
        _create(context, path)
    with kernel.connect(url, read_only=True, record=False) as session:
        results = [_result(session, title, sql) for title, sql in QUERIES]
    return Demonstration(
        database=str(path),
        url=url,
        created=created,
        results=results,
        next=[
            f"alveary catalog {url}",
            f'alveary query {url} "select * from track limit 5" --format json',
            f"alveary query {url} --table invoice -o invoices.csv --format csv",
            "alveary plugins",
        ],
    )


def _create(context: Context, path: Path) -> None:
    # Built under another name, so that a demonstration that is killed leaves no half-filled sample to find.
    kernel = context.kernel
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    script = (files(__package__) / "sample.sql").read_text("utf-8")
    try:
        with kernel.connect(f"sqlite:///{quote(str(new))}?mode=rwc", record=False) as session:
            statements = plan([script], session.driver.dialect)
            report = run_statements(
                session, statements, ScriptOptions(single_transaction=True), context.job, kernel.bus
            )
        if report.error is not None or report.cancelled:
            raise FileUnwritableError(
                f"the sample database can't be made at {path}", detail=report.error.message if report.error else None
            )
        new.rename(path)
    finally:
        new.unlink(missing_ok=True)


def _result(session: Session, title: str, sql: str) -> DemoResult:
    result = session.run(sql)
    assert result is not None, "every query of the demonstration has a result"
    rows = [
        [column.text(cell) for column, cell in zip(result.columns, row, strict=True)]
        for row in result.window(0, len(result))
    ]
    result.drop()
    return DemoResult(title=title, sql=sql, columns=[column.name for column in result.columns], rows=rows)


def render(demonstration: Demonstration, write: Callable[[str], object]) -> None:
    """Print the demonstration for a person."""
    made = "Made a sample database" if demonstration.created else "Using the sample database"
    write(f"{made}: {demonstration.database}\n")
    for result in demonstration.results:
        rows = [["NULL" if cell is None else cell for cell in row] for row in result.rows]
        write(f"\n-- {result.title}\n{result.sql};\n\n{plain_table(result.columns, rows)}")
    write("\nTry next:\n" + "".join(f"  {line}\n" for line in demonstration.next))
