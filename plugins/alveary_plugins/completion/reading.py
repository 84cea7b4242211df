"""Reads a statement that is still being written: its queries, what each reads from, and where the caret stands.

There is no grammar to satisfy. One pass over the words keeps a stack of frames, one for each parenthesis that is open,
each with the clause it is in; a word that opens a clause changes it, whatever was missing before. A parenthesis that
was never closed ends where a clause begins that can't stand in it.
"""

from __future__ import annotations

from collections.abc import Sequence

from alveary_plugins.completion.tree import Frame, Named, Place, Query, Source
from alveary_plugins.completion.words import CARET, Word

VERBS = frozenset({"select", "insert", "update", "delete", "merge", "values", "replace", "with"})
_STOP_TEXT = """
where join left right inner outer cross full natural straight_join on using group order having limit offset fetch union
intersect except minus set returning values select window for tablesample default when as lateral into qualify use force
ignore partition then with not indexed do not_found end loop
"""
_STOP = frozenset(_STOP_TEXT.split())
_SKIPPED_TEXT = """only lateral ignore low_priority high_priority delayed quick or rollback abort replace fail into"""
_SKIPPED = frozenset(_SKIPPED_TEXT.split())
_CLOSING_TEXT = """where group having join limit returning union intersect except window"""
_CLOSING = frozenset(_CLOSING_TEXT.split())
_FROM_WITHIN_TEXT = """extract trim substring overlay substr position normalize"""
_FROM_WITHIN = frozenset(_FROM_WITHIN_TEXT.split())
_RESTARTS = frozenset({"select", "insert", "update", "delete", "with", "merge"})
_GOES_ON_TEXT = """
union all except intersect minus distinct as ( explain analyze verbose then else begin do loop query for on before after
of or instead key grant revoke , plan return ) |caret| into
"""
_GOES_ON = frozenset(_GOES_ON_TEXT.split())


def read_queries(words: Sequence[Word], text: str, at: int) -> Place | None:
    """Read a statement; return where the caret stands in it, with the scopes as the whole statement tells them."""
    return _Reading(words, text, at).run()


class _Reading:
    """One pass."""

    def __init__(self, words: Sequence[Word], text: str, at: int) -> None:
        self.words = words
        self.text = text
        self.at = at
        self.place: Place | None = None
        self.frames = [Frame("query", Query())]

    @property
    def frame(self) -> Frame:
        return self.frames[-1]

    def lower(self, at: int) -> str:
        return self.words[at].lower if 0 <= at < len(self.words) else ""

    def run(self) -> Place | None:
        at = 0
        while at < len(self.words):
            at = self._step(at)
        while len(self.frames) > 1:
            self._pop(len(self.words))
        self._end_item(self.frame, len(self.words))
        return self.place

    def _step(self, at: int) -> int:
        word = self.words[at]
        lower = word.lower
        frame = self.frame
        if lower == CARET:
            return self._caret(at)
        if lower == "(":
            self._push(at)
            return at + 1
        if lower == ")":
            if len(self.frames) > 1:
                self._pop(at)
            return at + 1
        if lower == ";":
            if self.place is None:  # what is before has nothing to do with what the caret is in
                self._restart(at + 1)
            else:
                return len(self.words)
            return at + 1
        if lower == ",":
            self._comma(at)
            return at + 1
        is_part = at > 0 and self.words[at - 1].lower == "." and self.words[at - 1].end == word.start
        if is_part or not word.is_name:
            if frame.expects == "alias" and lower not in (".", "::"):
                frame.expects = ""
            return at + 1
        if self.lower(at + 1) != "." and lower:
            if lower in _RESTARTS and self._begins_another(at):
                if self.place is not None:
                    return len(self.words)
                self._restart(at)
            taken = self._keyword(at, lower)
            if taken:
                return taken
        return self._name(at)

    def _restart(self, at: int) -> None:
        self.frames = [Frame("query", Query(begin=at), begin=at)]

    def _begins_another(self, at: int) -> bool:
        """Return whether a verb that begins a line begins another statement, what is before being unfinished."""
        if at == 0 or len(self.frames) > 1 or not self.frame.query.verb or self.lower(at - 1) in _GOES_ON:
            # Right behind the caret a line that begins with a verb is the next statement as well.
            if not (at and self.lower(at - 1) == CARET and len(self.frames) == 1 and self.frame.query.verb):
                return False
            if self.frame.clause in ("set operation", "with", "into", "insert", "start"):
                return False
        query = self.frame.query
        if query.verb == "insert" and self.frame.base is None and self.lower(at) in ("select", "with"):
            return False
        if self.frame.clause in ("with", "utility", "set operation"):
            return False
        line = self.text.rfind("\n", 0, self.words[at].start) + 1
        return not self.text[line : self.words[at].start].strip() and line > 0

    # -- the caret -----------------------------------------------------------------------------------------------

    def _caret(self, at: int) -> int:
        frame = self.frame
        if frame.clause == "start" and frame.kind == "query" and at > frame.begin and len(self.frames) == 1:
            frame.clause = "utility"
        frames = [
            Frame(each.kind, each.query, each.clause, each.begin, each.head, each.expects, each.source, each.about,
                  each.names, each.base, each.current, each.argument, each.item)
            for each in self.frames
        ]  # fmt: skip
        self.place = Place(self.words, at, frames, frame.clause, frame.expects, frame.argument, frame.query)
        if frame.expects == "relation":
            if self.lower(at + 1) != "(":
                frame.expects, frame.source = "alias", Source()
        elif frame.expects == "alias" and self.lower(at - 1) != ".":
            frame.expects = ""
        return at + 1

    # -- parentheses ---------------------------------------------------------------------------------------------

    def _push(self, at: int) -> None:
        frame = self.frame
        query = frame.query
        head = self.words[at - 1] if at > frame.begin else None
        before = head.lower if head is not None else ""
        following = self.lower(at + 1)
        new = Frame("group", query, frame.clause, at + 1, before or (head.name.lower() if head is not None else ""))
        holds_query = following in ("select", "with", "values") or (
            following == "table" and frame.clause not in ("utility", "start")
        )
        if frame.clause == "with" and frame.current is not None:
            if before in ("as", "materialized"):
                new.query = frame.current.query = Query(outer=query, begin=at + 1)
                new.kind, new.clause = "query", "start"
            else:
                new.kind, new.names = "names", frame.current.columns
        elif frame.expects == "relation" and frame.kind in ("query", "sources") and frame.clause in _FROM:
            if holds_query or following == CARET:
                lateral = before == "lateral"
                source = Source(at=at, joined=_is_joined(self.words, at), is_lateral=lateral)
                new.query = source.query = Query(outer=query, source=source, correlated=lateral, begin=at + 1)
                query.sources.append(source)
                frame.source = source
                new.kind, new.clause = "query", "start"
            else:
                new.kind, new.clause, new.expects = "sources", "from", "relation"
                frame.source = None
            frame.expects = "alias"
        elif holds_query:
            insert = frame.clause == "insert"
            new.query = Query(outer=query, correlated=not insert, begin=at + 1)
            new.kind, new.clause = "query", "start"
        elif frame.expects == "alias" and frame.source is not None and frame.clause in _FROM:
            new.kind, new.names = "names", frame.source.columns
            frame.expects = ""
        elif frame.clause == "using" and frame.kind in ("query", "sources"):
            new.kind, new.about = "names", query.sources[-1] if query.sources else None
        elif (frame.clause == "insert" and frame.kind == "query") or frame.clause == "merge insert":
            new.kind, new.about, new.names, new.clause = "names", query.target, query.listed, "insert list"
            frame.expects = ""
        elif frame.clause == "conflict":
            new.kind, new.about, new.clause = "names", query.target, "conflict list"
        elif frame.clause in ("values", "merge values"):
            new.kind, new.clause = "row", "values row"
        elif before == "over" or (frame.clause == "window" and before == "as"):
            new.kind, new.clause = "group", "over"
        elif before == "filter":
            new.clause = "filter"
        elif frame.clause in ("utility", "start"):
            new.kind, new.clause = ("names" if len(self.frames) == 1 else "group"), "utility"
        elif frame.clause == "set" and before in ("set", ","):
            new.kind, new.about = "names", query.target
            new.clause = "set list"
        elif head is not None and head.is_name and before not in _OPERATORS:
            new.kind = "arguments"
            if frame.clause in _FROM:
                new.clause = "arguments"
        self.frames.append(new)

    def _pop(self, at: int) -> None:
        frame = self.frames.pop()
        self._end_item(frame, at)
        if frame.kind == "row" and not frame.query.widths:
            frame.query.widths = frame.argument + 1
        outer = self.frame
        if outer.clause == "with" and frame.kind == "query" and outer.current is not None:
            outer.current = None

    def _comma(self, at: int) -> None:
        frame = self.frame
        frame.argument += 1
        if frame.kind == "names":
            return
        if frame.clause in _LISTS:
            self._end_item(frame, at)
            frame.item = at + 1
        elif frame.clause in (*_FROM, "on", "using") and frame.kind in ("query", "sources"):
            frame.clause, frame.expects = "from", "relation"
        elif frame.clause == "with":
            frame.current = None

    def _end_item(self, frame: Frame, at: int) -> None:
        if frame.clause in _LISTS and frame.kind == "query" and frame.item < at:
            frame.query.items.append((frame.item, at))
            frame.item = at

    # -- words ---------------------------------------------------------------------------------------------------

    def _close_groups(self, at: int) -> None:
        """End the parentheses that a clause can't stand in: they were not closed yet."""
        while len(self.frames) > 1 and self.frame.kind not in ("query", "sources"):
            self._pop(at)

    def _keyword(self, at: int, lower: str) -> int:
        """Take a word that opens a clause; return where to go on, 0 for a word that opens none."""
        frame = self.frame
        if frame.kind not in ("query", "sources"):
            if lower == "from" and frame.head not in _FROM_WITHIN and self.lower(at - 1) != "distinct":
                pass
            elif lower not in _CLOSING or (lower in ("where", "group") and frame.clause in ("filter", "utility")):
                return self._within(at, lower)
            if frame.clause == "utility" or not frame.query.verb:
                return self._within(at, lower)
            self._close_groups(at)
            frame = self.frame
        query = frame.query
        previous = self.lower(at - 1)
        if lower in VERBS and (taken := self._verb(at, lower)):
            return taken
        if frame.clause == "start":
            frame.clause = "utility"
        if frame.clause == "utility":
            return at + 1 if lower in ("as", "on", "for") else 0
        match lower:
            case "from" if query.verb in ("select", "update", "delete") and previous != "distinct":
                self._enter(at, "from", "relation")
                if frame.base is not None and query.verb == "insert":
                    frame.query = frame.base
            case "into" if frame.clause in ("into", "insert", "merge"):
                frame.clause, frame.expects = ("merge" if query.verb == "merge" else "into"), "relation"
            case "into" if frame.clause in _LISTS:
                self._end_item(frame, at)
                frame.clause = "into new"
            case "join" | "straight_join":
                self._enter(at, "from", "relation")
            case "using" if query.verb in ("delete", "merge") and frame.clause in ("from", "merge"):
                self._enter(at, "from", "relation")
            case "using" if frame.clause == "from":
                self._enter(at, "using", "")
            case "on" if frame.base is not None and frame.clause not in _FROM and previous != "distinct":
                self._end_item(frame, at)
                frame.query, frame.clause = frame.base, "conflict"
            case "on" if query.verb == "insert" or frame.clause in ("values", "insert"):
                frame.clause = "conflict"
            case "on" if frame.clause in _FROM or frame.clause in ("on", "using"):
                if frame.base is not None and self.lower(at + 1) in ("conflict", "duplicate"):
                    frame.query, frame.clause = frame.base, "conflict"
                else:
                    self._enter(at, "on", "")
            case "where" | "having" | "limit" | "offset" | "fetch" | "window" | "qualify":
                if lower != "where" or frame.clause != "conflict" or query.verb != "insert":
                    self._enter(at, lower, "")
                else:
                    frame.clause = "where"
            case "group" | "order" | "partition" if previous not in ("within",):
                self._enter(at, f"{lower} by" if lower != "partition" else frame.clause, "")
            case "returning":
                self._end_item(frame, at)
                if frame.base is not None:
                    frame.query, frame.base = frame.base, None
                frame.clause, frame.expects, frame.item = "returning", "", at + 1
            case "union" | "intersect" | "except" | "minus":
                self._enter(at, "set operation", "")
            case "set" if query.verb in ("update", "merge", "insert") or frame.clause == "conflict":
                self._enter(at, "set", "")
            case "when" if query.verb == "merge" and frame.clause in ("on", "set", "merge then", "values", "merge when",
                                                                      "merge insert", "merge values"):  # fmt: skip
                if self._case_depth(at) == 0:
                    frame.clause = "merge when"
                else:
                    return 0
            case "then" if frame.clause == "merge when":
                frame.clause = "merge then"
            case "update" if frame.clause == "conflict" and previous == "key":
                frame.clause = "set"
            case "do" if frame.clause in ("conflict", "where") and query.verb == "insert":
                frame.clause = "conflict"
            case "for" if self.lower(at + 1) in ("update", "share", "no", "key", CARET):
                self._enter(at, "for", "")
            case "lateral":
                return at + 1
            case _:
                return 0
        return at + 1

    def _within(self, at: int, lower: str) -> int:
        """Take a word of an expression in parentheses."""
        frame = self.frame
        if lower in ("order", "partition") and frame.clause != "utility":
            frame.clause = f"{lower} by"
            return at + 1
        if lower == "where" and frame.clause == "filter":
            frame.clause = "where"
            return at + 1
        if lower == "select" and at == frame.begin:
            frame.kind, frame.clause = "query", "start"
            frame.query = Query(outer=frame.query, correlated=True, begin=at)
            return self._verb(at, lower)
        return 0

    def _enter(self, at: int, clause: str, expects: str) -> None:
        self._end_item(self.frame, at)
        self.frame.clause, self.frame.expects = clause, expects

    def _case_depth(self, at: int) -> int:
        depth = 0
        for word in self.words[self.frame.begin : at]:
            depth += (word.lower == "case") - (word.lower == "end")
        return max(depth, 0)

    def _verb(self, at: int, lower: str) -> int:
        frame = self.frame
        query = frame.query
        previous = self.lower(at - 1)
        clause = frame.clause
        if clause == "merge then" and lower in ("insert", "update", "delete"):
            frame.clause = {"insert": "merge insert", "update": "merge update", "delete": "merge then"}[lower]
            return at + 1
        if lower == "values" and query.verb in ("insert", "merge"):
            if clause == "set" and self.lower(at + 1) == "(":  # MySQL's VALUES(column) in ON DUPLICATE KEY UPDATE
                return 0
            frame.clause = "merge values" if query.verb == "merge" else "values"
            return at + 1
        if lower == "with" and clause not in ("start", "insert", "into", "utility", "set operation"):
            return 0
        if lower == "with" and not {self.lower(at + 1), self.lower(at + 2)} & {CARET, "recursive", "as", "("}:
            return 0
        if lower == "replace" and (clause != "start" or self.lower(at + 1) not in ("into", CARET)):
            return 0
        if clause == "utility" and not _begins_query(lower, previous, self.lower(0)):
            return 0
        match clause:
            case "insert" | "into" if query.verb == "insert":
                frame.base = query
                frame.query = query = Query(outer=query, begin=at)
            case "set operation":
                frame.query = query = Query(
                    query.outer, query.correlated, query.source, first=query.first or query, begin=at
                )
            case "start" | "with" | "utility":
                pass
            case _:
                return 0
        match lower:
            case "with":
                frame.clause = "with"
                if self.lower(at + 1) == "recursive":
                    return at + 2
            case "select":
                query.verb, frame.clause, frame.item = "select", "select", at + 1
                following = at + 1
                while self.lower(following) in ("distinct", "all", "distinctrow", "sql_calc_found_rows"):
                    following += 1
                frame.item = following
                return following
            case "values":
                query.verb, frame.clause = "values", "values"
            case "insert" | "replace":
                query.verb, frame.clause = "insert", "into"
            case "update":
                query.verb, frame.clause, frame.expects = "update", "update", "relation"
            case "delete":
                query.verb, frame.clause = "delete", "delete"
            case "merge":
                query.verb, frame.clause = "merge", "merge"
        return at + 1

    # -- names ---------------------------------------------------------------------------------------------------

    def _name(self, at: int) -> int:
        frame = self.frame
        word = self.words[at]
        if frame.kind == "names":
            if self.lower(at - 1) in ("(", ","):
                frame.names.append(word)
            return at + 1
        if frame.clause == "with" and frame.kind == "query":
            if self.lower(at - 1) in ("with", "recursive", ","):
                frame.current = Named(word)
                frame.query.named[word.name.lower()] = frame.current
            return at + 1
        if frame.kind not in ("query", "sources"):
            return at + 1
        if frame.expects == "alias":
            if word.lower == "as":
                return at + 1
            if word.lower == "with" and self.lower(at + 1) == "ordinality":
                return at + 2
            if word.lower not in _STOP and not (word.lower and self.lower(at + 1) == "."):
                if frame.source is not None:
                    frame.source.alias = word
                if self.lower(at + 1) != "(":
                    frame.expects = ""
                return at + 1
            frame.expects = ""
            return at + 1
        if frame.clause == "into" and frame.query.verb == "insert" and frame.expects != "relation":
            if word.lower in _SKIPPED:
                return at + 1
            frame.expects = "relation"  # MySQL needs no INTO
        if frame.expects == "relation" and word.lower not in (
            _SKIPPED if frame.clause != "from" else ("only", "lateral")
        ):
            return self._source(at)
        return at + 1

    def _source(self, at: int) -> int:
        frame = self.frame
        query = frame.query
        path = [self.words[at]]
        end = at + 1
        while self.lower(end) == "." and end + 1 < len(self.words) and self.words[end + 1].is_name:
            path.append(self.words[end + 1])
            end += 2
        if self.lower(end) == "." and self.lower(end + 1) == CARET:
            frame.expects = "relation"
            return end + 1
        source = Source(tuple(path), at=at, joined=_is_joined(self.words, at))
        frame.expects, frame.source = "alias", source
        if frame.clause == "into":
            query.target = source
            frame.clause = "insert"
            if self.lower(end) == "(":
                frame.expects = ""
            return end
        source.is_function = self.lower(end) == "("
        query.sources.append(source)
        if query.target is None and query.verb in ("update", "delete", "merge"):
            query.target = source
        if source.is_function:
            self.frames.append(Frame("arguments", query, "arguments", end + 1, path[-1].name.lower()))
            return end + 1
        return end


_FROM = ("from", "update", "merge")
_LISTS = ("select", "returning")
_OPERATORS_TEXT = """in and or not any all some exists like between as when then else case on where by select"""
_OPERATORS = frozenset(_OPERATORS_TEXT.split())


def _is_joined(words: Sequence[Word], at: int) -> bool:
    """Return whether what stands at a place follows JOIN."""
    for index in range(at - 1, max(at - 4, -1), -1):
        if words[index].lower in ("join", "straight_join"):
            return True
        if words[index].lower not in ("lateral", "only", "("):
            return False
    return False


def _begins_query(verb: str, previous: str, first: str) -> bool:
    """Return whether a verb within a statement of another kind begins a query of it."""
    if verb in ("select", "values", "with"):
        return previous not in ("grant", "revoke", ",", "set", "default", "on")
    if first in ("grant", "revoke"):
        return False
    return previous not in ("on", "before", "after", "of", "or", "instead", "for", "grant", "revoke", ",", "to", "key")
