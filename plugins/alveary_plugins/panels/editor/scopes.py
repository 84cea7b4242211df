"""What an editor does with the names and stars of its text: expands stars, tells what a name means, opens it.

All of it asks the catalog in the background, over metadata connections; what the text says is read by the plugin that
completes it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from alveary.completion import statement_around
from alveary.contracts.catalog import ObjectInfo, RelationDetails
from alveary.errors import AlvearyError, SessionClosedError
from alveary.jobs import Job
from alveary.kernel import Kernel
from alveary.known import Level
from alveary.pool import lives_in_its_session
from alveary.sessions import Session
from alveary.sqltext import Dialect, script, split
from alveary_plugins.completion.expanding import Expanded, expand_script
from alveary_plugins.completion.resolving import Meant, resolve
from alveary_plugins.panels.editor.model import EditorModel
from alveary_plugins.panels.editor.peek import Peek
from alveary_shell.sdk import Window, show_once
from alveary_shell.widgets.code import Code

ORIGIN = "editor"
Row: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Peeked:
    """What there is to tell of a thing; ``definition`` is the SQL that makes it, empty where no driver tells it."""

    meant: Meant
    implied: bool
    """Its name needs no schema."""
    details: RelationDetails | None
    objects: Sequence[ObjectInfo]
    definition: str

    @property
    def title(self) -> str:
        """Its name, with the schema where that is needed, and what it is."""
        name = self.meant.name if self.implied else f"{self.meant.schema}.{self.meant.name}"
        kind = self.details.relation.kind if self.details is not None else self.objects[0].kind if self.objects else ""
        rows = self.details.relation.rows if self.details is not None else None
        return " · ".join(filter(None, [name, kind, "" if rows is None else f"about {rows:,} rows"]))

    @property
    def comment(self) -> str:
        """What somebody wrote about it."""
        if self.details is not None:
            return self.details.relation.comment or ""
        return next((each.comment for each in self.objects if each.comment), "")

    def sections(self) -> list[tuple[str, list[Row]]]:
        """Return headings, and rows of cells below each."""
        if (details := self.details) is None:
            return [("", [(f"{each.name}({each.signature})", each.detail or "") for each in self.objects])]
        targets = {
            name: f"→ {key.target_relation}.{target}"
            for key in details.foreign_keys
            for name, target in zip(key.columns, key.target_columns, strict=False)
        }
        columns = [
            (
                "key" if each.primary_key is not None else "",
                each.name,
                each.type_name,
                "" if each.nullable else "not null",
                " ".join(filter(None, [targets.get(each.name, ""), _default(each.default, generated=each.generated)])),
                each.comment or "",
            )
            for each in details.columns
        ]
        indexes = [
            (each.name, "unique" if each.unique else "", ", ".join(name or "(expression)" for name in each.columns))
            for each in details.indexes
        ]
        checks = [
            (each.name, each.kind, each.expression or ", ".join(each.columns))
            for each in details.constraints
            if each.kind not in ("primary key", "unique")
        ]
        referring = [
            (f"{key.relation}.{', '.join(key.columns)}", f"→ {', '.join(key.target_columns)}")
            for key in details.referenced_by
        ]
        found: list[tuple[str, list[Row]]] = [
            ("Columns", [*columns]),
            ("Indexes", [*indexes]),
            ("Constraints", [*checks]),
            ("Referenced by", [*referring]),
        ]
        return [(heading, rows) for heading, rows in found if rows]


def _default(text: str | None, *, generated: bool) -> str:
    if text is None:
        return ""
    return f"generated as {text}" if generated else f"default {text}"


def look(
    kernel: Kernel, of: str | Session, text: str, offset: int, dialect: Dialect, *, whole: bool = True
) -> Peeked | None:
    """Return what the name at an offset of a script means; None where it means nothing that is known.

    Not on Tk's thread. With ``whole`` everything there is to tell of it is asked for.
    """
    known = kernel.catalogs.load(of, levels=(Level.RELATIONS, Level.COLUMNS, Level.OBJECTS), origin=ORIGIN)
    start, end = statement_around(text, offset, split(text, dialect))
    meant = resolve(text[start:end], offset - start, dialect, known)
    if meant is None:
        return None
    implied = meant.schema in known.search_path
    objects = () if meant.is_relation else known.objects_named(meant.schema, meant.name)
    if not whole and meant.is_relation:
        return Peeked(meant, implied, None, objects, "")
    catalog = kernel.catalog(of, origin=ORIGIN)
    details = catalog.details(meant.schema, meant.name) if meant.is_relation else None
    try:
        definition = script(catalog.definition(meant.schema, meant.name), dialect)
    except AlvearyError as exc:
        definition = f"-- {exc.message}\n"
    return Peeked(meant, implied, details, objects, definition)


class Scopes:
    """What an editor does with names and stars."""

    def __init__(self, window: Window, code: Code, model: EditorModel) -> None:
        self._window, self._code, self._model = window, code, model
        self._peek = Peek(code, window.theme, opened=self._open)
        code.text.bind("<Control-Motion>", lambda event: self._peek.rest(event, self.peek), add="+")

    def _of(self) -> str | Session:
        """Return the database the text is for; SessionClosedError where nobody has said."""
        model = self._model
        if model.session is not None and model.connected:
            return model.session
        if model.target is None:
            raise SessionClosedError("the editor is not connected", hint="choose a connection first")
        return model.target

    # -- stars ---------------------------------------------------------------------------------------------------

    def expand(self) -> None:
        """Write the columns in the place of the star at the caret, or of all stars of the statement there."""
        code, kernel, of = self._code, self._window.kernel, self._of()
        text, caret, version, dialect = code.content, code.caret, code.document.version, self._model.dialect

        def work(_: Job) -> Expanded:
            known = kernel.catalogs.load(of, levels=(Level.RELATIONS, Level.COLUMNS), origin=ORIGIN)
            return expand_script(text, dialect, known, caret)

        def done(found: Expanded) -> None:
            if code.document.version != version:
                self._window.notify("The text was changed meanwhile; nothing was expanded", "warning")
                return
            document = code.document
            document.separate()
            with document.group():
                for star in reversed(found.edits):
                    document.replace(document.position(star.start), document.position(star.end), star.columns)
            document.separate()
            if found.edits:
                code.go_to(found.edits[0].start + len(found.edits[0].columns))
            for star in found.left[:1]:
                self._window.notify(f"A star is left as it is: {star.reason}", "warning")
            if not found.edits and not found.left:
                self._window.notify("There is no star to expand at the caret")

        self._window.background("Expanding a star", work, done)

    # -- names ---------------------------------------------------------------------------------------------------

    def moved(self) -> None:
        """Put away what is shown if the caret is somewhere else, or the text another."""
        self._peek.moved()

    def peek(self, offset: int | None = None) -> None:
        """Show what the name at a place means, at the caret if none is said; again, put that away."""
        if offset is None and self._peek.close():
            return
        asked = offset is None
        self._look(self._code.caret if offset is None else offset, self._show, asked=asked)

    def open_object(self) -> None:
        """Open what the name at the caret means in a tab."""
        self._look(self._code.caret, self._open, whole=False)

    def _look(self, offset: int, then: Callable[[Peeked], object], *, asked: bool = True, whole: bool = True) -> None:
        """Find out what a name means; where nobody ``asked``, nothing is said about nothing."""
        code, kernel, dialect = self._code, self._window.kernel, self._model.dialect
        if not asked and not self._model.connected:
            return
        of = self._of()
        text, version = code.content, code.document.version

        def work(_: Job) -> Peeked | None:
            return look(kernel, of, text, offset, dialect, whole=whole)

        def done(found: Peeked | None) -> None:
            if found is not None and code.document.version == version:
                then(found)
            elif asked:
                self._window.notify("There is no name at the caret that the database knows")

        self._window.background("Looking up a name", work, done)

    def _show(self, found: Peeked) -> None:
        self._peek.show(found.meant, found.title, found.comment, found.sections(), found.definition, found)

    def _open(self, found: Peeked) -> None:
        """Open a relation's page, or the SQL that makes anything else."""
        window, meant, target = self._window, found.meant, self._model.target
        if target is None:
            return
        if not meant.is_relation:
            window.open("editor", {"target": target, "text": found.definition})
            return
        state = {"target": target, "schema": meant.schema, "table": meant.name}
        session = self._model.session
        alone = session is not None and lives_in_its_session(session.target, session.driver)
        more = {"implied": found.implied, "session": session.id if session and alone else None}
        show_once(window, "table", tuple(state.values()), {**state, **more})
