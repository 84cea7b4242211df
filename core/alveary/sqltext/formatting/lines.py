"""Where the lines of a statement may break: by its clauses, lists and conditions.

It knows the shape of SQL, not its grammar: parentheses, ``CASE … END``, the words that begin a clause. What it does not
recognise is one clause more, of words with spaces between.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple, TypeAlias

from alveary.sqltext.formatting.clauses import CHANGES, QUERIES, SET_OPERATIONS, starts_of
from alveary.sqltext.formatting.printing import LINE, Doc, Fill, Group, Indent
from alveary.sqltext.formatting.words import NoLayout, Word, cluster_of, is_operator, is_unary
from alveary.sqltext.lexer import TokenKind

DEEPEST = 60
"""Parentheses within each other; a statement with more is left as it is."""
_ADDS = {"+", "-", "||"}


class Bracketed(NamedTuple):
    """``( … )``: the places of both in the words, and the nodes between."""

    opening: int
    inner: list[Node]
    closing: int


class Case(NamedTuple):
    """``CASE … END``, likewise."""

    opening: int
    inner: list[Node]
    closing: int


Node: TypeAlias = "int | Bracketed | Case"


def tree_of(words: Sequence[Word]) -> list[Node]:
    """Return the words with what is in parentheses, or from CASE to END, as one node each."""
    nodes: list[Node] = []
    above: list[tuple[list[Node], int]] = []

    def close() -> None:
        nonlocal nodes
        outer, opening = above.pop()
        kind = Bracketed if words[opening].text == "(" else Case
        outer.append(kind(opening, nodes, at))
        nodes = outer

    for at, word in enumerate(words):
        inner = words[above[-1][1]] if above else None
        if word.text == "(" or (word.lower == "case" and word.kind is TokenKind.WORD):
            if len(above) >= DEEPEST:
                raise NoLayout("it is nested too deeply")
            above.append((nodes, at))
            nodes = []
        elif word.text == ")":
            if inner is None or inner.text != "(":
                raise NoLayout("its parentheses are not balanced")
            close()
        elif word.lower == "end" and inner is not None and inner.lower == "case":
            close()
        else:
            nodes.append(at)
    if above:
        innermost = words[above[-1][1]]
        raise NoLayout("its parentheses are not balanced" if innermost.text == "(" else "a CASE has no END")
    return nodes


def _first(node: Node) -> int:
    return node if isinstance(node, int) else node.opening


def _last(node: Node) -> int:
    return node if isinstance(node, int) else node.closing


class _Clause(NamedTuple):
    nodes: list[Node]
    head: int
    """How many of the nodes say what it is."""
    kind: str


class Builder:
    """Says of the nodes of one statement where their lines may break."""

    def __init__(self, words: Sequence[Word], *, short: int, leading: bool) -> None:
        """A statement of at most ``short`` characters stays on one line; with ``leading`` commas begin lines."""
        self._words, self._short, self._leading = words, short, leading
        self._is_long = False
        self.forced: list[int] = []
        """The words at which the groups begin that are broken in any case."""

    def statement(self, nodes: list[Node]) -> Doc:
        """Return the whole statement; a short one stays on one line."""
        length = sum(len(word.text) + 1 for word in self._words)
        forced = any(word.ends for word in self._words[:-1])
        self._is_long = forced or length > self._short
        # Comments below the last clause are about the whole, or about what is no longer there.
        end = self._back_over_comments(nodes, len(nodes))
        if end == 0:
            return Group(0, len(self._words), self._sequence(nodes))
        return Group(
            0, len(self._words), [*self._clauses(nodes[:end]), *self._sequence(nodes[end:])], force=self._is_long
        )

    # -- clauses -----------------------------------------------------------------------------------------------

    def _clauses(self, nodes: list[Node]) -> list[Doc]:
        docs: list[Doc] = []
        for clause in self._split(nodes):
            doc = self._clause(clause)
            if clause.kind == "indented":
                docs.append(Indent([LINE, doc]))
            else:
                docs += [LINE, doc] if docs else [doc]
        return docs

    def _split(self, nodes: list[Node]) -> list[_Clause]:
        """Return the clauses of a statement, of a query, or of a window."""
        plain = [node for node in nodes if not (isinstance(node, int) and self._words[node].is_comment)]
        said = [self._said(node) for node in plain]
        starts = starts_of(said)
        clauses: list[_Clause] = []
        begins = [(0, 0, "plain"), *starts] if not starts or starts[0][0] > 0 else starts
        where = {_first(node): at for at, node in enumerate(nodes)}
        edges = [self._back_over_comments(nodes, where[_first(plain[at])]) if at else 0 for at, _, _ in begins]
        for number, (at, length, kind) in enumerate(begins):
            low = edges[number]
            high = edges[number + 1] if number + 1 < len(edges) else len(nodes)
            head = where[_first(plain[at + length - 1])] + 1 - low if length else 0
            clauses.append(_Clause(nodes[low:high], head, kind))
        return clauses

    def _back_over_comments(self, nodes: list[Node], at: int) -> int:
        """Comments above a clause belong to it."""
        while at > 0 and isinstance(node := nodes[at - 1], int):
            word = self._words[node]
            if not (word.is_comment and word.below):
                break
            at -= 1
        return at

    def _said(self, node: Node) -> str:
        """Return the word a node is, in lower case; "(" for parentheses, "" for anything else but a comma."""
        if isinstance(node, Bracketed):
            return "(query" if self._is_query(node.inner) else "("
        if isinstance(node, Case):
            return ""
        word = self._words[node]
        return word.lower or (word.text if word.kind is TokenKind.OPERATOR else "")

    def _clause(self, clause: _Clause) -> Doc:
        nodes, head, kind = clause
        first, last = _first(nodes[0]), _last(nodes[-1]) + 1
        body = nodes[head:]
        docs: list[Doc] = [*self._sequence(nodes[:head])]
        if not body:
            return Group(first, last, docs)
        items = self._items(body)
        if kind == "condition":
            docs.append(self._hanging(body))
        elif kind == "join":
            docs += self._join(body)
        elif kind == "with":
            docs += self._common_tables(items)
        elif kind in ("hug", "from", "rows") and len(items) == 1:
            docs += self._sequence(body)
        elif kind in ("list", "from", "rows"):
            docs.append(Indent([LINE, *self._listed(items)]))
        elif kind == "actions":
            docs.append(Indent([LINE, *self._listed(items)]))
            return self._forced(Group(first, last, docs, force=self._is_long))
        elif kind == "definition":
            docs += self._definition(body)
        else:
            docs.append(Indent(self._listed(items)) if len(items) > 1 else self._expression(body))
        return Group(first, last, docs)

    def _join(self, body: list[Node]) -> list[Doc]:
        """``b on …``, ``b using (…)``: the condition on a line of its own where it does not fit."""
        for at, node in enumerate(body):
            if isinstance(node, int) and self._words[node].lower == "on":
                cut = self._back_over_comments(body, at)
                condition = Group(_first(body[cut]), _last(body[-1]) + 1, [Indent([LINE, self._on(body[cut:])])])
                return [*self._sequence(body[:cut]), condition]
        return self._sequence(body)

    def _on(self, nodes: list[Node]) -> Doc:
        at = next(at for at, node in enumerate(nodes) if self._said(node) == "on") + 1
        if at == len(nodes):
            return Indent(self._sequence(nodes))
        return Group(_first(nodes[0]), _last(nodes[-1]) + 1, [*self._sequence(nodes[:at]), self._hanging(nodes[at:])])

    def _common_tables(self, items: list[list[Node]]) -> list[Doc]:
        docs: list[Doc] = []
        for number, item in enumerate(items):
            if number:
                docs += self._comma(items[number - 1])
            bare = item if number == len(items) - 1 else item[:-1]
            for node in bare:
                is_query = isinstance(node, Bracketed) and self._is_query(node.inner)
                docs.append(self._node(node, force=self._is_long and is_query))
        return docs

    def _definition(self, body: list[Node]) -> list[Doc]:
        """``create table t (…)``: each column on a line of its own."""
        docs: list[Doc] = []
        seen = False
        for node in body:
            is_list = isinstance(node, Bracketed) and not seen
            seen = seen or isinstance(node, Bracketed)
            docs.append(self._node(node, force=is_list and self._is_long and isinstance(node, Bracketed)))
        return docs

    # -- lists -------------------------------------------------------------------------------------------------

    def _items(self, nodes: list[Node]) -> list[list[Node]]:
        """Return what stands between commas; each but the last ends with its comma."""
        items: list[list[Node]] = [[]]
        for node in nodes:
            items[-1].append(node)
            if isinstance(node, int) and self._words[node].text == ",":
                items.append([])
        return items if items[-1] or len(items) == 1 else items[:-1]

    def _listed(self, items: list[list[Node]]) -> list[Doc]:
        docs: list[Doc] = []
        for number, item in enumerate(items):
            if number:
                docs += self._comma(items[number - 1])
            bare = item[:-1] if number < len(items) - 1 else item
            if bare:
                docs.append(self._expression(bare))
        return docs

    def _comma(self, item: list[Node]) -> list[Doc]:
        comma = _first(item[-1])
        return [LINE, comma] if self._leading else [comma, LINE]

    # -- expressions -------------------------------------------------------------------------------------------

    def _expression(self, nodes: list[Node]) -> Doc:
        """Return an expression that breaks before OR, or AND, or the operators that add."""
        first, last = _first(nodes[0]), _last(nodes[-1]) + 1
        if len(parts := self._parts(nodes)) == 1:
            return Group(first, last, self._sequence(nodes))
        docs: list[Doc] = [self._expression(parts[0])]
        for part in parts[1:]:
            docs += [LINE, self._continued(part)]
        return Group(first, last, docs)

    def _hanging(self, nodes: list[Node]) -> Doc:
        """Return an expression behind a word; if it has parts, they stand further to the right than that."""
        doc = self._expression(nodes)
        return Indent([doc]) if len(self._parts(nodes)) > 1 else doc

    def _parts(self, nodes: list[Node]) -> list[list[Node]]:
        """Return what stands between the operators that bind least, each part but the first beginning with its own."""
        for parts in (self._operands(nodes, "or"), self._operands(nodes, "and"), self._sums(nodes)):
            if len(parts) > 1:
                return parts
        return [nodes]

    def _continued(self, nodes: list[Node]) -> Doc:
        """``and …``: what follows the word may break again, further to the right."""
        at = 0
        while at < len(nodes) and isinstance(node := nodes[at], int) and self._words[node].is_comment:
            at += 1
        while at < len(nodes) and isinstance(node := nodes[at], int) and self._leads(self._words[node]):
            at += 1
        head = self._sequence(nodes[:at])
        if at == len(nodes):
            return Group(_first(nodes[0]), _last(nodes[-1]) + 1, head)
        return Group(_first(nodes[0]), _last(nodes[-1]) + 1, [*head, self._hanging(nodes[at:])])

    @staticmethod
    def _leads(word: Word) -> bool:
        return word.lower in ("and", "or") or (word.kind is TokenKind.OPERATOR and word.text in "+-|")

    def _operands(self, nodes: list[Node], word: str) -> list[list[Node]]:
        """Return what stands between AND or OR."""
        cuts, between = [], 0
        for at, node in enumerate(nodes):
            if not isinstance(node, int):
                continue
            said = self._words[node].lower
            if said == "between":
                between += 1
            elif said == "and" and between:
                between -= 1
            elif said == word and at > 0:
                cuts.append(self._back_over_comments(nodes, at))
        return _cut(nodes, cuts)

    def _sums(self, nodes: list[Node]) -> list[list[Node]]:
        cuts = []
        for at, node in enumerate(nodes):
            if isinstance(node, int) and at > 0 and not (self._words[node].glued and self._is_operator(nodes[at - 1])):
                cluster = cluster_of(self._words, node)
                if cluster in _ADDS and not is_unary(self._words, node):
                    cuts.append(self._back_over_comments(nodes, at))
        return _cut(nodes, cuts)

    def _is_operator(self, node: Node) -> bool:
        return isinstance(node, int) and is_operator(self._words[node])

    def _sequence(self, nodes: Sequence[Node]) -> list[Doc]:
        return [self._node(node) for node in nodes]

    def _node(self, node: Node, *, force: bool = False) -> Doc:
        if isinstance(node, int):
            return node
        if isinstance(node, Case):
            return self._case(node)
        opening, inner, closing = node
        if not inner:
            return Group(opening, closing + 1, [opening, closing])
        if self._is_query(inner) or self._is_window(inner):
            docs = self._clauses(inner)
        else:
            items = self._items(inner)
            simple = [self._single(item) for item in items]
            if len(items) > 3 and all(simple) and not force:
                docs = [Fill([[_first(part) for part in item] for item in items])]
            else:
                docs = self._listed(items)
        return self._forced(Group(opening, closing + 1, [opening, Indent([LINE, *docs]), LINE, closing], force=force))

    def _forced(self, group: Group) -> Group:
        if group.force:
            self.forced.append(group.first)
        return group

    def _single(self, item: list[Node]) -> bool:
        """Return whether an item is one token, a sign before it aside: then many can stand on a line."""
        words = [self._words[node] for node in item if isinstance(node, int)]
        if len(words) != len(item) or any(word.is_comment for word in words):
            return False
        bare = [word for word in words if word.text not in (",", "-", "+")]
        return len(bare) == 1 and "\n" not in bare[0].text

    def _case(self, node: Case) -> Doc:
        opening, inner, closing = node
        cuts = [
            self._back_over_comments(inner, at)
            for at, part in enumerate(inner)
            if isinstance(part, int) and self._words[part].lower in ("when", "else")
        ]
        parts = _cut(inner, cuts)
        docs: list[Doc] = [opening]
        branches: list[Doc] = []
        for number, part in enumerate(parts):
            if number == 0 and (not cuts or cuts[0] > 0):
                docs += self._sequence(part)
            elif part:
                branches += [LINE, self._branch(part)]
        docs += [Indent(branches), LINE, closing]
        return Group(opening, closing + 1, docs)

    def _branch(self, nodes: list[Node]) -> Doc:
        """``when … then …``: the second half on a line of its own where both don't fit."""
        first, last = _first(nodes[0]), _last(nodes[-1]) + 1
        cut = next((at for at, node in enumerate(nodes) if self._said(node) == "then"), 0)
        if not cut:
            return self._headed(nodes)
        cut = self._back_over_comments(nodes, cut)
        return Group(first, last, [self._headed(nodes[:cut]), Indent([LINE, self._headed(nodes[cut:])])])

    def _headed(self, nodes: list[Node]) -> Doc:
        """A word and an expression behind it."""
        at = next((at for at, node in enumerate(nodes) if not self._is_comment(node)), 0) + 1
        first, last = _first(nodes[0]), _last(nodes[-1]) + 1
        if at >= len(nodes):
            return Group(first, last, self._sequence(nodes))
        return Group(first, last, [*self._sequence(nodes[:at]), self._hanging(nodes[at:])])

    def _is_comment(self, node: Node) -> bool:
        return isinstance(node, int) and self._words[node].is_comment

    def _is_query(self, nodes: list[Node]) -> bool:
        said = [self._said_flat(node) for node in nodes if not self._is_comment(node)]
        if not said:
            return False
        if said[0] in QUERIES or (said[0] in CHANGES and len(said) > 2):
            return said[0] != "table" or len(said) > 1
        return (said[0] == "(" and any(word in SET_OPERATIONS for word in said)) or "join" in said

    def _said_flat(self, node: Node) -> str:
        return "(" if isinstance(node, Bracketed) else self._words[node].lower if isinstance(node, int) else ""

    def _is_window(self, nodes: list[Node]) -> bool:
        said = [self._said_flat(node) for node in nodes if not self._is_comment(node)]
        return said[:2] in (["partition", "by"], ["order", "by"]) or said[:1] == ["where"]


def _cut(nodes: list[Node], cuts: list[int]) -> list[list[Node]]:
    edges = [0, *(cut for cut in cuts if cut > 0), len(nodes)]
    return [nodes[low:high] for low, high in pairwise(edges) if high > low or low == 0]
