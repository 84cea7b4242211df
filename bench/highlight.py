"""Typing in the middle of a 5,000-line script: milliseconds a key in the editor, and in a plain Tk text beside it.

Needs an X server; run it as ``xvfb-run python bench/highlight.py`` where there is none.
"""

from __future__ import annotations

import statistics
import time
import tkinter as tk

import ttkbootstrap

from alveary.sqltext import POSTGRES
from alveary_shell.theme import Theme
from alveary_shell.themes import DARK, LIGHT
from alveary_shell.widgets.code import Code

LINES = 5000
KEYS = 200
STATEMENT = """\
-- revenue of one customer by month
select date_trunc('month', o.placed_at) as month, count(*) as orders, sum(o.total)::numeric(14, 2) as revenue
from public.orders as o
join public.customers as c on c.id = o.customer_id
where o.status in ('paid', 'shipped') and c.email like '%@example.org' /* a remark */ and o.total >= 1000.50
group by 1 order by revenue desc nulls last
limit 100;

"""


def typed(root: tk.Tk, widget: tk.Misc) -> list[float]:
    """Type a statement again and again and return what each key took until it was drawn, in milliseconds."""
    keys = "select total, 'text' from orders where id = 42 "
    named = {" ": "space", ",": "comma", "'": "apostrophe", "=": "equal"}
    took = []
    for at in range(KEYS):
        char = keys[at % len(keys)]
        began = time.perf_counter()
        widget.event_generate("<Key>", keysym=named.get(char, char))
        root.update()
        took.append((time.perf_counter() - began) * 1000)
    return took


def line(what: str, took: list[float]) -> str:
    """Return one line of the report."""
    ordered = sorted(took)
    middle, high = statistics.median(ordered), ordered[int(len(ordered) * 0.95)]
    return f"{what:<34} median {middle:6.2f} ms   95 % {high:6.2f} ms   worst {ordered[-1]:6.2f} ms"


def main() -> None:
    """Print the figures."""
    script = (STATEMENT * LINES)[: len(STATEMENT) * LINES // STATEMENT.count("\n")]
    root = ttkbootstrap.App(title="highlight", iconphoto=None, size=(1400, 900))
    theme = Theme(root, [DARK, LIGHT])
    theme.use("dark")
    plain = tk.Text(root, wrap="none", font=theme.code)
    code = Code(root, theme, dialect=POSTGRES)
    print(f"{script.count(chr(10)):,} lines, {len(script):,} characters")
    plain.pack(fill="both", expand=True)
    plain.insert("1.0", script)
    plain.mark_set("insert", f"{LINES // 2}.0")
    plain.see("insert")
    plain.focus_force()
    root.update()
    print(line("plain Text", typed(root, plain)))
    plain.pack_forget()
    code.pack(fill="both", expand=True)
    root.update()
    began = time.perf_counter()
    code.load(script)
    root.update()
    print(f"{'editor: load and first paint':<34} {(time.perf_counter() - began) * 1000:13.2f} ms")
    code.go_to_line(LINES // 2)
    code.text.focus_force()
    until = time.perf_counter() + 2
    while time.perf_counter() < until:
        root.update()
    print(line("editor", typed(root, code.text)))
    code.go_to_line(1)
    root.update()
    began = time.perf_counter()
    code.type("/*")
    root.update()
    print(f"{'editor: a comment opened at the top':<34} {(time.perf_counter() - began) * 1000:13.2f} ms")
    longest = 0.0
    while not code.settled:
        step = time.perf_counter()
        root.update()
        longest = max(longest, time.perf_counter() - step)
    print(
        f"{'  and all lines below it':<34} {(time.perf_counter() - began) * 1000:13.2f} ms"
        f"   in slices, the longest {longest * 1000:.2f} ms"
    )
    root.destroy()


if __name__ == "__main__":
    main()
