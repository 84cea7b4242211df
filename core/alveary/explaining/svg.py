"""A plan as a picture: SVG, drawn by the same routine as in the window, with its warnings below."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from html import escape

from alveary.contracts.plan import Plan
from alveary.explaining.drawing import Box, Label, Path, PlanDrawing, Shape
from alveary.explaining.rows import numbered, summary, warning_line
from alveary.tables import visible

SIZE = 13
"""Pixels of the font; a character of a monospaced one is three fifths as wide."""
LONGEST = 150
"""Characters of a line that stands beside the tree."""

#: Colours of the roles that the drawing uses, for light paper.
PAPER = {
    "background": "#ffffff",
    "raised": "#eef0f3",
    "border": "#c3c8cf",
    "text": "#1d2127",
    "muted": "#59606b",
    "faint": "#9aa1ab",
    "accent": "#2f6fe4",
    "warning": "#b26a00",
}


class _Monospaced:
    line = round(SIZE * 1.2)

    def width(self, text: str, *, bold: bool = False) -> int:
        """Return the width of a text, wide characters as two."""
        if text.isascii():
            return -(-len(text) * SIZE * 6 // 10)
        cells = sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)
        return -(-cells * SIZE * 6 // 10)


def plan_svg(plan: Plan, colors: Mapping[str, str] = PAPER) -> str:
    """Return a plan as one SVG document, in the colours of the roles, those of light paper if nothing else is said."""
    drawing = PlanDrawing(plan, _Monospaced())
    margin, line = drawing.unit, drawing.row_height
    nodes = numbered(plan)
    below = [Label(0, 0, summary(plan), "muted")]
    below += [Label(0, 0, f"▲ {warning_line(nodes, each)}", "warning") for each in plan.warnings]
    below += [Label(0, 0, remark, "muted") for remark in plan.remarks]
    title = _short(" ".join(plan.statement.split()))
    width = max(drawing.width, *(_Monospaced().width(_short(each.text)) for each in below)) + 2 * margin
    height = line * (len(drawing.rows) + len(below) + 4)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="monospace" font-size="{SIZE}" '
        'xml:space="preserve">',
        f"<title>{_text(title)}</title>",
        f'<rect width="100%" height="100%" fill="{colors["background"]}"/>',
        *_drawn(iter([Label(margin, line * 0.9, title, bold=True)]), colors),
        f'<g transform="translate({margin} {line * 1.6:.1f})">',
        *_drawn(drawing.head(), colors),
        "</g>",
        f'<g transform="translate({margin} {line * 2.6:.1f})">',
        *(each for at in range(len(drawing.rows)) for each in _drawn(drawing.row(at), colors)),
        "</g>",
    ]
    top = line * (len(drawing.rows) + 3.2)
    for at, label in enumerate(below):
        placed = Label(margin, top + line * at, _short(label.text), label.role)
        lines += _drawn(iter([placed]), colors)
    return "\n".join([*lines, "</svg>"]) + "\n"


def _drawn(shapes: Iterator[Shape], colors: Mapping[str, str]) -> Iterator[str]:
    for shape in shapes:
        color = colors[shape.role]
        if isinstance(shape, Box):
            color = _mixed(colors["background"], color, shape.strength)
            yield (
                f'<rect x="{shape.left:.1f}" y="{shape.top:.1f}" width="{shape.right - shape.left:.1f}" '
                f'height="{shape.bottom - shape.top:.1f}" fill="{color}" stroke="none"/>'
            )
        elif isinstance(shape, Path):
            points = " ".join(f"{x:.1f},{y:.1f}" for x, y in shape.points)
            paint = f'fill="{color}"' if shape.filled else f'fill="none" stroke="{color}"'
            yield f'<poly{"gon" if shape.filled else "line"} points="{points}" {paint}/>'
        else:
            end = ' text-anchor="end"' if shape.end == "right" else ""
            bold = ' font-weight="bold"' if shape.bold else ""
            baseline = shape.y + SIZE * 0.35  # from the middle, which not every viewer can be told to mean
            yield f'<text x="{shape.x:.1f}" y="{baseline:.1f}" fill="{color}"{end}{bold}>{_text(shape.text)}</text>'


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _mixed(one: str, other: str, part: float) -> str:
    pairs = zip(bytes.fromhex(one[1:]), bytes.fromhex(other[1:]), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * part):02x}" for a, b in pairs)


def _text(text: str) -> str:
    """Return a text that XML can hold: what is not printable as its escape."""
    return escape(visible(text), quote=False)
