"""How a table is built, as small tables: columns, indexes, keys, and what refers to it."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence
from tkinter import ttk

from alveary.commands.catalog import size_text
from alveary.errors import AlvearyError
from alveary_plugins.panels.table.model import Place, Structure
from alveary_shell.theme import Theme
from alveary_shell.widgets.grid_text import visible, visible_lines
from alveary_shell.widgets.listing import ListColumn, Listing
from alveary_shell.widgets.scrolled import Scrolled
from alveary_shell.widgets.words import break_lines

MOST_LINES = 24
"""Lines of a small table that are shown at once; longer ones scroll on their own."""

_COLUMNS = (
    ListColumn("#", 40),
    ListColumn("Column", 160),
    ListColumn("Type", 170),
    ListColumn("Null", 60),
    ListColumn("Key", 90),
    ListColumn("Default", 150),
    ListColumn("More", 150, stretch=True),
)
_INDEXES = (
    ListColumn("Name", 200),
    ListColumn("What", 110),
    ListColumn("Columns", 200),
    ListColumn("More", 220, stretch=True),
)
_CONSTRAINTS = (
    ListColumn("Name", 200),
    ListColumn("What", 110),
    ListColumn("Expression", 200),
    ListColumn("More", 220, stretch=True),
)
_OBJECTS = (ListColumn("Name", 200), ListColumn("What", 110), ListColumn("More", 300, stretch=True))
_KEYS = (
    ListColumn("Columns", 200),
    ListColumn("Refers to", 260),
    ListColumn("On update", 110),
    ListColumn("On delete", 110),
    ListColumn("Name", 200, stretch=True),
)
_REFERENCES = (
    ListColumn("Table", 240),
    ListColumn("By", 200),
    ListColumn("To", 200),
    ListColumn("Name", 200, stretch=True),
)


class StructurePage(tk.Frame):
    """The tab. ``opened(schema, table)`` is called for a double click on another table."""

    def __init__(self, master: tk.Misc, theme: Theme, *, opened: Callable[[str, str], object]) -> None:
        super().__init__(master, borderwidth=0)
        self._theme, self._opened = theme, opened
        self._page = Scrolled(self, theme)
        self._page.pack(fill="both", expand=True)
        self._head = ttk.Label(self._page.inner, style="Heading.TLabel")
        self._word = ttk.Label(self._page.inner, style="PageMuted.TLabel")
        self._head.pack(anchor="w", padx=theme.px(16), pady=(theme.px(14), 0))
        self._word.pack(fill="x", padx=theme.px(16))
        break_lines(self._word)
        self._word.configure(text="The structure has not been read yet.")
        self._made: list[tk.Widget] = []
        self._first: Listing | None = None
        theme.follow(self, lambda: self.configure(background=theme.color("background")))

    def focus_set(self) -> None:
        """Put the keyboard into the columns."""
        if self._first is not None:
            self._first.focus_list()
        else:
            self._page.focus_set()

    def failed(self, error: AlvearyError) -> None:
        """Say why the structure can't be shown."""
        text = "\n".join(filter(None, [error.message, error.detail, error.hint]))
        self._word.configure(text=visible_lines(text), style="PageDanger.TLabel")

    def show(self, place: Place, structure: Structure) -> None:
        """Show how a table is built."""
        for widget in self._made:
            widget.destroy()
        self._made.clear()
        relation = structure.relation
        assert relation is not None, "what is not there raises"
        name = visible(place.table if place.implied else f"{place.schema}.{place.table}")
        self._head.configure(text=name)
        rows = "" if relation.rows is None else f"about {relation.rows:,} rows"
        size = "" if relation.size is None else size_text(relation.size)
        self._word.configure(
            text="  ·  ".join(
                filter(
                    None, [relation.kind, visible(relation.detail or ""), rows, size, visible(relation.comment or "")]
                )
            ),
            style="PageMuted.TLabel",
        )
        referring = {name for key in structure.foreign_keys for name in key.columns}
        self._first = self._section(
            "Columns",
            _COLUMNS,
            [
                (
                    str(column.ordinal),
                    column.name,
                    column.type_name,
                    "" if column.nullable else "no",
                    ", ".join(
                        filter(
                            None,
                            [
                                "" if column.primary_key is None else f"primary {column.primary_key}",
                                "foreign" if column.name in referring else "",
                            ],
                        )
                    ),
                    ("generated " if column.generated else "") + (column.default or ""),
                    _more(
                        f"identity {column.identity}" if column.identity else "",
                        f"collate {column.collation}" if column.collation else "",
                        column.comment,
                    ),
                )
                for column in structure.columns
            ],
        )
        self._section(
            "Indexes",
            _INDEXES,
            [
                (
                    index.name,
                    " ".join(
                        filter(
                            None,
                            [
                                index.origin if index.origin != "index" else "unique" if index.unique else "index",
                                "partial" if index.partial else "",
                            ],
                        )
                    ),
                    _names(index.columns),
                    _more(
                        index.method,
                        f"includes {_names(index.included)}" if index.included else "",
                        f"where {index.predicate}" if index.predicate else "",
                        size_text(index.size) if index.size is not None else "",
                        "" if index.valid else "not valid",
                        index.comment,
                    ),
                )
                for index in structure.indexes
            ],
        )
        self._section(
            "Constraints",
            _CONSTRAINTS,
            [
                (each.name, each.kind, each.expression or _names(each.columns), _more(each.detail, each.comment))
                for each in structure.constraints
            ],
        )
        self._section(
            "Triggers and more",
            _OBJECTS,
            [(each.name, each.kind, _more(each.detail, each.comment)) for each in structure.objects],
        )
        keys = structure.foreign_keys
        self._section(
            "Foreign keys",
            _KEYS,
            [
                (
                    _names(key.columns),
                    f"{key.target_relation} ({_names(structure.target_columns(key))})",
                    key.on_update.lower(),
                    key.on_delete.lower(),
                    key.name,
                )
                for key in keys
            ],
            lambda at: self._opened(keys[at].target_schema, keys[at].target_relation),
        )
        others = structure.referenced_by
        self._section(
            "Referred to by",
            _REFERENCES,
            [(key.relation, _names(key.columns), _names(key.target_columns), key.name) for key in others],
            lambda at: self._opened(others[at].schema, others[at].relation),
        )

    def _section(
        self,
        title: str,
        columns: Sequence[ListColumn],
        lines: Sequence[Sequence[str]],
        opened: Callable[[int], object] | None = None,
    ) -> Listing | None:
        if not lines:
            return None
        px = self._theme.px
        head = ttk.Label(self._page.inner, text=f"{title}  {len(lines):,}", style="Heading.TLabel")
        head.pack(anchor="w", padx=px(16), pady=(px(16), px(4)))
        listing = Listing(
            self._page.inner,
            self._theme,
            columns,
            on_open=(lambda key: opened(int(key))) if opened is not None else None,
        )
        listing.tree.configure(height=min(len(lines), MOST_LINES))
        listing.show([(str(at), cells, "") for at, cells in enumerate(lines)])
        listing.pack(fill="x", padx=px(16))
        self._made += [head, listing]
        return listing


def _more(*words: str | None) -> str:
    return ", ".join(word for word in words if word)


def _names(columns: Sequence[str | None]) -> str:
    return ", ".join("(expression)" if name is None else name for name in columns)
