"""Lines of the report: one figure each, with its ratio to the peer, its bar, and whether the bar is met."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from processes import Pair

_HEADER = ("figure", "work", "ours", "peer", "ratio (min–max)", "CPU ratio", "bar", "peak MB ours / peer")
_WIDE = 1.35
"""A spread (the largest ratio by the smallest) from which on a line is marked."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the report, each cell as it is printed."""

    figure: str
    work: str
    ours: str = "–"
    peer: str = "–"
    ratio: str = "–"
    cpu: str = "–"
    bar: str = "–"
    peak: str = "–"

    def cells(self) -> tuple[str, ...]:
        """Return the cells in the order of the header."""
        return self.figure, self.work, self.ours, self.peer, self.ratio, self.cpu, self.bar, self.peak


def compared(
    figure: str, work: str, pair: Pair, *, bar: float | None, floor: float, peak_bar: float | None = None
) -> Line:
    """Return the line of a figure that is a ratio to a peer.

    ``bar`` is what the ratio may be at most and ``peak_bar`` what our peak in MB may be; None where nothing is asked.
    ``floor`` is the least peak that can be measured.
    """
    peaks = [max(usage.peak for usage in side) for side in (pair.ours, pair.peer)]
    asked = []
    if bar is not None:
        asked.append((f"≤ {bar:g}", statistics.median(pair.ratios) <= bar))
    if peak_bar is not None:
        asked.append((f"≤ {peak_bar:g} MB", peaks[0] <= peak_bar))
    return Line(
        figure=figure,
        work=work,
        ours=seconds(statistics.median(usage.seconds for usage in pair.ours)),
        peer=seconds(statistics.median(usage.seconds for usage in pair.peer)),
        ratio=spread(pair.ratios),
        cpu=f"{pair.cpu_ratio:.2f}",
        bar=verdict(", ".join(text for text, _ in asked), all(met for _, met in asked)) if asked else "–",
        peak=" / ".join(f"≤ {peak:.0f}" if peak < floor * 1.1 else f"{peak:.0f}" for peak in peaks),
    )


def seconds(value: float) -> str:
    """Return seconds with three digits that count."""
    return f"{value:.3f} s" if value < 1 else f"{value:.2f} s"


def spread(ratios: Sequence[float]) -> str:
    """Return the median with the smallest and the largest, marked when these are far apart."""
    wide = ", wide" if max(ratios) / min(ratios) > _WIDE else ""
    return f"**{statistics.median(ratios):.2f}** ({min(ratios):.2f}–{max(ratios):.2f}{wide})"


def verdict(bar: str, met: bool) -> str:
    """Return a bar and whether it is met."""
    return f"{bar}: {'met' if met else '**missed**'}"


def markdown(lines: Iterable[Line]) -> str:
    """Return the lines as a Markdown table."""
    rows = [_HEADER, tuple("---" for _ in _HEADER), *(line.cells() for line in lines)]
    # A pipe inside a cell would end it.
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)
