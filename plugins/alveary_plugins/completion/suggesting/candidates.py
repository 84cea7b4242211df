"""What fits at the caret: each weighed as it is found, the best of them written as SQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import nsmallest

from alveary.completion import misfit
from alveary.contracts.completion import CompletionRequest, Suggestion
from alveary_plugins.completion.names import written
from alveary_plugins.completion.tree import Place
from alveary_plugins.completion.words import Writing


@dataclass(slots=True)
class Candidate:
    """Something that fits; ``text`` None is its name as SQL, behind ``before`` and before ``behind``."""

    rank: float
    order: int
    label: str
    kind: str
    detail: str = ""
    text: str | None = None
    before: str = ""
    behind: str = ""
    caret: int | None = None


class Candidates:
    """What was found for one request."""

    def __init__(self, request: CompletionRequest, writing: Writing, place: Place) -> None:
        self._request, self._writing, self._place = request, writing, place
        self.typed = writing.typed.lower()
        """What is typed so far, as it is compared."""
        self.upper = _shouts(writing, place)
        """Keywords are written in capitals here."""
        self._found: list[Candidate] = []

    def add(
        self,
        label: str,
        kind: str,
        base: float,
        order: int = 0,
        *,
        detail: str = "",
        text: str | None = None,
        before: str = "",
        behind: str = "",
        caret: int | None = None,
        match: str | None = None,
    ) -> None:
        """Add what fits what is typed; ``match`` is what is compared with that, the label without."""
        badness = misfit(self.typed, label if match is None else match)
        if badness is None:
            return
        if self.typed and label.startswith(self._writing.typed):
            badness -= 0.4
        rank = max(base + badness, 0.0)
        self._found.append(Candidate(rank, order, label, kind, detail, text, before, behind, caret))

    def phrases(self, phrases: Sequence[str], base: float) -> None:
        """Add keywords, the likeliest first; of those whose end stands behind the caret only the beginning."""
        following = [word.lower for word in self._place.words[self._place.at + 1 : self._place.at + 4]]
        for order, whole in enumerate(phrases):
            words, phrase = whole.split(), whole
            if len(words) > 1 and following[: len(words) - 1] == words[1:]:
                phrase = words[0]
            elif following[:1] == words[-1:] and not self.typed:
                continue  # it stands there
            label = phrase.upper() if self.upper and phrase.islower() else phrase
            self.add(label, "keyword", base + min(order, 40) * 0.05, order, text=label)

    def best(self) -> list[Suggestion]:
        """Return the best of everything that fits."""
        best = nsmallest(self._request.limit, self._found, key=lambda each: (each.rank, each.order, each.label))
        writing = self._writing
        space = " " if writing.spaced else ""
        made = []
        for each in best:
            text = written(each.label, self._request.dialect, writing.quote) if each.text is None else each.text
            text = f"{each.before}{text}{each.behind}"
            made.append(
                Suggestion(
                    text=text + (space if not text.endswith(("(", ".", ")", " ")) else ""),
                    label=each.label,
                    kind=each.kind,
                    start=writing.start,
                    end=writing.end,
                    rank=round(each.rank, 2),
                    detail=each.detail,
                    caret=each.caret,
                )
            )
        return made


def _shouts(writing: Writing, place: Place) -> bool:
    """Return whether keywords are written in capitals here: what is typed says so, else the nearest word before."""
    typed = writing.typed
    if typed.islower() or (len(typed) > 1 and typed.isalpha()):
        return typed.isupper()
    for word in [*reversed(place.words[: place.at]), *place.words[place.at :]]:
        if word.lower in _LOUD:
            return word.text.isupper()
    return typed.isupper()


_LOUD_TEXT = """select from where join on and or insert into update set delete values group order by left with as"""
_LOUD = frozenset(_LOUD_TEXT.split())
