"""Notifications: a card in the corner that takes no focus; an error stays until it is put away, and can be copied."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Mapping
from functools import partial

from alveary.errors import AlvearyError
from alveary.tables import visible
from alveary_shell.sdk import Level
from alveary_shell.theme import Theme

SECONDS = 6
MOST = 4
"""Cards at once; the oldest goes."""
MOST_TEXT = 2000
WIDTH = 380

_ICONS: dict[Level, str] = {
    "info": "info-circle",
    "success": "check-circle",
    "warning": "exclamation-triangle",
    "danger": "x-octagon",
}
_ROLES: dict[Level, str] = {"info": "accent", "success": "success", "warning": "warning", "danger": "danger"}


class Toasts:
    """The cards of one window, newest below."""

    def __init__(self, root: tk.Tk, theme: Theme, copy: Callable[[str], object]) -> None:
        self._root, self._theme, self._copy = root, theme, copy
        self._cards: list[tk.Frame] = []
        self._errors: dict[tk.Frame, tuple[str, list[str]]] = {}
        """Of the cards that tell an error what they tell, and of what."""
        theme.follow(root, self.arrange)

    def show(
        self,
        text: str,
        level: Level,
        *,
        detail: str | None = None,
        copied: str | None = None,
        actions: Mapping[str, Callable[[], object]] | None = None,
    ) -> tk.Frame:
        """Show a card; one with something to be ``copied`` stays until it is closed.

        ``actions`` are what else can be clicked on it; the card is put away then.
        """
        theme = self._theme
        card = tk.Frame(self._root, borderwidth=0, highlightthickness=1)
        mark = tk.Frame(card, width=theme.px(3), borderwidth=0)
        mark.pack(side="left", fill="y")
        icon = tk.Label(card, borderwidth=0)
        icon.pack(side="left", anchor="n", padx=(theme.px(10), 0), pady=theme.px(10))
        texts = tk.Frame(card, borderwidth=0)
        texts.pack(side="left", fill="both", expand=True, padx=theme.px(10), pady=theme.px(9))
        wrap = theme.span(WIDTH - 90)
        head = tk.Label(texts, text=shown(text), justify="left", anchor="w", wraplength=wrap, borderwidth=0)
        head.pack(fill="x")
        more = tk.Label(texts, text=shown(detail or ""), justify="left", anchor="w", wraplength=wrap, borderwidth=0)
        links: list[tk.Label] = []
        if detail:
            more.pack(fill="x", pady=(theme.px(3), 0))
        row = tk.Frame(texts, borderwidth=0)

        def add_link(word: str, clicked: Callable[[], object]) -> None:
            link = tk.Label(row, text=word, anchor="w", borderwidth=0, cursor="hand2")
            link.bind("<Button-1>", lambda _: clicked())
            link.pack(side="left", padx=(0, theme.px(14)))
            row.pack(fill="x", pady=(theme.px(5), 0))
            links.append(link)

        def act(action: Callable[[], object]) -> None:
            self._remove(card)
            action()

        for word, action in (actions or {}).items():
            add_link(word, partial(act, action))
        if copied is not None:
            add_link("Copy", partial(self._copy, copied))
        cross = tk.Label(card, borderwidth=0, cursor="hand2")
        cross.pack(side="right", anchor="n", padx=theme.px(8), pady=theme.px(10))
        cross.bind("<Button-1>", lambda _: self._remove(card))

        def paint() -> None:
            ground = theme.color("raised")
            for frame in (card, texts, row):
                frame.configure(background=ground)
            for label in (icon, head, more, cross, *links):
                label.configure(background=ground)
            card.configure(highlightbackground=theme.color("border"))
            mark.configure(background=theme.color(_ROLES[level]))
            icon.configure(image=theme.icon(_ICONS[level], _ROLES[level], 15))
            cross.configure(image=theme.icon("x-lg", "muted", 11))
            head.configure(foreground=theme.color("text"), font=theme.ui)
            more.configure(foreground=theme.color("muted"), font=theme.small)
            for link in links:
                link.configure(foreground=theme.color("accent"), font=theme.small)

        theme.follow(card, paint)
        self._cards.append(card)
        if len(self._cards) > MOST:
            self._remove(self._cards[0])
        self.arrange()
        if copied is None:
            # Of the root: a callback of the card's own would outlive the card, and Tk gives its name to another one.
            self._root.after(SECONDS * 1000, lambda: self._remove(card))
        return card

    def error(
        self, error: AlvearyError, title: str | None, actions: Mapping[str, Callable[[], object]] | None = None
    ) -> None:
        """Show an error with what is known of it; one that is told already is told once, of all that met it."""
        said = f"{error.code} {error.message}"
        titles = [title] if title else []
        for card, (told, of) in list(self._errors.items()):
            if told == said:
                titles = list(dict.fromkeys([*of, *titles]))
                self._remove(card)
        title = " · ".join(each.removesuffix(".") for each in titles) or None
        detail = "\n".join(filter(None, [error.message if title else None, error.detail, error.hint]))
        codes = " · ".join(filter(None, [error.code, error.server_code]))
        card = self.show(
            title or error.message,
            "danger",
            detail="\n".join(filter(None, [detail, codes])),
            copied="\n".join(filter(None, [title, error.message, error.detail, error.hint, codes])),
            actions=actions,
        )
        self._errors[card] = said, titles

    def close_last(self) -> bool:
        """Put the newest card away; return whether there was one."""
        if self._cards:
            self._remove(self._cards[-1])
            return True
        return False

    def _remove(self, card: tk.Frame) -> None:
        if card in self._cards and card.winfo_exists():
            self._cards.remove(card)
            self._errors.pop(card, None)
            card.destroy()
            self.arrange()

    def arrange(self) -> None:
        """Put the cards where they belong in a window of this size."""
        px = self._theme.px
        offset, width = px(36), min(self._theme.span(WIDTH), max(self._root.winfo_width() - px(28), 1))
        for card in reversed(self._cards):
            card.place(relx=1, rely=1, x=-px(14), y=-offset, anchor="se", width=width)
            card.update_idletasks()
            offset += card.winfo_reqheight() + px(8)
            card.lift()


def shown(text: str) -> str:
    """Return text as Tk can draw it: control characters and lone surrogates escaped, no endless text."""
    if len(text) > MOST_TEXT:
        text = text[:MOST_TEXT] + "…"
    return "\n".join(visible(line) for line in text.split("\n"))
