"""How DuckDB explains: its JSON as a tree. It says what an operator takes alone, in seconds of all threads together."""

from collections.abc import Generator

from alveary import Explained, Explainer, ExplainRequest, Plan, PlanNode, Step
from alveary.contracts.documents import Members, detail, number, read_document


class DuckdbExplainer(Explainer):
    """Explains by EXPLAIN (FORMAT JSON)."""

    def explain(self, request: ExplainRequest) -> Generator[Step, Explained, Plan]:
        how = "analyze, format json" if request.analyze else "format json"
        said = yield Step(sql=f"explain ({how}) {request.sql}", bound=True, runs=request.analyze)
        raw = "".join(row[-1] or "" for row in said.rows)
        try:
            document = read_document(raw)
        except ValueError:  # its raw text is all there is then
            document = None
        top = document.get("operator") or document.get("children") if isinstance(document, Members) else document
        steps = tuple(node(each) for each in top if isinstance(each, Members)) if isinstance(top, list) else ()
        root = steps[0] if len(steps) == 1 else PlanNode(kind="Plan", children=steps)
        return Plan(engine="duckdb", server=f"DuckDB {request.server.version}", statement=request.sql,
                    analyzed=request.analyze, root=root, raw=raw, raw_format="json")  # fmt: skip


def node(members: Members) -> PlanNode:
    """Return an operator, and those below it, as a step."""
    said = members.get("extra_info") if isinstance(members.get("extra_info"), Members) else Members()
    below = members.get("children") if isinstance(members.get("children"), list) else []
    children = tuple(node(each) for each in below if isinstance(each, Members))
    own = number(members.get("timing"))
    rows, kind = number(members.get("intermediate_rows")), str(members.get("name"))
    own_ms = None if own is None else own * 1000
    total_ms = None if own_ms is None else own_ms + sum(child.total_ms or 0.0 for child in children)
    figures = (detail(*each) for each in members if each[0] not in ("children", "extra_info"))
    return PlanNode(kind=kind, relation=said.get("Table"), condition=said.get("Filters"), actual_rows=rows,
                    estimated_rows=number(said.get("Estimated Cardinality")), own_ms=own_ms, total_ms=total_ms,
                    scans=kind == "SEQ_SCAN", details=tuple(detail(*each) for each in said), children=children,
                    figures=tuple(figures))  # fmt: skip
