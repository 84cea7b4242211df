"""Finding anything with a real keyboard: nothing is connected unasked, and Enter does the natural thing."""

from __future__ import annotations

import time

from fix_window import try_until
from journeys.test_first_steps import Person, person

__all__ = ["person"]


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
    assert person.panels("table") == []
    person.key("Escape")
    person.key("ctrl+p")
    time.sleep(0.5)
    person.key("ctrl+Return")  # reads what the connection holds
    person.type("itm")
    try_until(lambda: person.key("Return"), lambda: person.panels("table"), "the table's page")
    tables = person.panels("table")
    assert [(each["target"], each["schema"], each["table"]) for each in tables] == [("shop", "main", "item")]
    find(person, "prices")
    person.key("Return")
    person.wait(
        lambda: "select price from item" in person.texts(),
        "the saved query in an editor",
    )
    assert not any("select price from item" in each["statement"] for each in person.alveary("history"))

    def take_the_second() -> None:
        person.key("Escape", "ctrl+p")  # empty, it has what was used last: the saved query, then the table
        time.sleep(0.7)
        person.key("Down", "shift+Return")

    try_until(
        take_the_second,
        lambda: any("create table item" in text.lower() for text in person.texts()),
        "the table's DDL in an editor",
    )
