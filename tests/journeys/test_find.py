"""Finding anything with a real keyboard: nothing is connected unasked, and Enter does the natural thing."""

from __future__ import annotations

import json
import sqlite3
import time
from pathlib import Path
from typing import Any

from journeys.test_first_steps import Person, person

__all__ = ["person"]


def open_panels(person: Person, kind: str) -> list[dict[str, Any]]:
    """Return the states of the open panels of a kind, as they were written last."""
    with sqlite3.connect(Path(person._home) / "alveary.db") as store:
        rows = store.execute(
            "select state, max(generation) from workspace_panels where panel = ? and closed_at is null group by id",
            (kind,),
        ).fetchall()
    return [json.loads(state) for state, _ in rows]


def find(person: Person, text: str) -> None:
    person.key("ctrl+p")
    time.sleep(0.5)
    person.type(text)
    time.sleep(0.3)


def test_a_table_is_found_opened_and_used_lately(person: Person, shop_url: str) -> None:
    person.alveary("connections", "add", "shop", shop_url)
    person.alveary("queries", "save", "reports/prices", "select price from item", "--connection", "shop")
    person.start()
    find(person, "itm")
    person.key("Return")  # nothing was read, so there is no such table
    time.sleep(0.5)
    assert open_panels(person, "table") == []
    person.key("Escape")
    person.key("ctrl+p")
    time.sleep(0.5)
    person.key("ctrl+Return")  # reads what the connection holds
    time.sleep(1.5)
    person.type("itm")
    person.key("Return")
    tables = person.wait(lambda: open_panels(person, "table"), "the table's page")
    assert [(each["target"], each["schema"], each["table"]) for each in tables] == [("shop", "main", "item")]
    find(person, "prices")
    person.key("Return")
    person.wait(
        lambda: any(each.get("text") == "select price from item" for each in open_panels(person, "editor")),
        "the saved query in an editor",
    )
    assert not any("select price from item" in each["statement"] for each in person.alveary("history"))
    person.key("ctrl+p")  # empty, it has what was used last: the saved query, then the table
    time.sleep(0.7)
    person.key("Down", "shift+Return")
    person.wait(
        lambda: any("create table item" in each.get("text", "").lower() for each in open_panels(person, "editor")),
        "the table's DDL in an editor",
    )
