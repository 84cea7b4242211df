"""What is found by a few letters: nothing that does not hold them, the best first, and quickly found is the same."""

from __future__ import annotations

import threading
from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from alveary.matching import MOST_LETTERS, Haystack, Level, Query, folded

NAMES = st.text(alphabet="abcoßÉéİ한 _.-ABCO\n\x1f\u202e\ud800", max_size=12)
TYPED = st.text(alphabet="abcoe _.A\n\x1f", max_size=6)
ANYTHING = st.text(alphabet=st.characters(codec=None), max_size=30)


def found(query: str, *texts: str, label: str = "", scattered: bool = True) -> list[str]:
    """Return the texts that a haystack finds, the best first; each is a path whose name stands behind the last dot."""
    haystack = Haystack(((text, text.rfind(".") + 1) for text in texts), label=label, scattered=scattered)
    return [texts[number] for level in Level for number in haystack.find(Query(query), level)]


def test_what_is_written_out_comes_before_what_is_scattered() -> None:
    texts = ["cautioner", "customer_orders", "x_cuor", "acuorb", "cuors", "cuor"]
    assert found("cuor", *texts) == ["cuor", "cuors", "x_cuor", "acuorb", "customer_orders", "cautioner"]


def test_a_path_is_found_by_its_parts() -> None:
    texts = ["sales.orders", "public.orders", "public.order_items", "public.items.order"]
    assert found("public.orders", *texts)[0] == "public.orders"
    assert found("public.ord", *texts)[:2] == ["public.orders", "public.order_items"]
    assert found("orders", *texts)[:2] == ["sales.orders", "public.orders"]
    assert found("items.", *texts) == ["public.items.order"]


def test_words_are_found_in_any_order() -> None:
    assert found("item order", "orders", "order_items", "items") == ["order_items"]
    assert found("order item", "orders", "order_items", "items") == ["order_items"]


def test_capitals_begin_words() -> None:
    assert Query("items").match("OrderItems") == (Level.WORD, 0, ((5, 10),))
    assert Query("oi").match("OrderItems") == (Level.INITIALS, 0, ((0, 1), (5, 6)))
    assert Query("orderitems").match("dbo.OrderItems", 4) == (Level.EXACT, 0, ((4, 14),))
    assert Query("server").match("HTTPServer") == (Level.WORD, 0, ((4, 10),))
    assert found("items", "ritems", "OrderItems") == ["OrderItems", "ritems"]


def test_case_and_accents_make_no_difference() -> None:
    for typed in ("cafe", "CAFÉ", "cafe\u0301"):
        assert found(typed, "Café", "cave") == ["Café"]
    assert found("STRASSE"[:4], "straße") == ["straße"]
    assert found("한", "하나", "한국") == ["한국"]


def test_what_matched_is_told() -> None:
    match = Query("cuor").match("public.customer_orders", 7)
    assert match == (Level.INITIALS, 0, ((7, 9), (16, 18)))
    assert Query("ers cust").match("customers") == (Level.INSIDE, 0, ((0, 4), (6, 9)))


def test_the_label_counts_last() -> None:
    texts = ["orders", "shopping"]
    assert found("shop", *texts, label="my-shop") == ["shopping", "orders"]
    assert found("shop or", *texts, label="my-shop") == ["orders"]
    assert found("hop", *texts, label="my-shop") == ["shopping"]


def test_prose_is_not_found_by_scattered_letters() -> None:
    assert found("obm", "orders by month", scattered=False) == []
    assert found("month by", "orders by month", scattered=False) == ["orders by month"]


def test_nothing_typed_finds_everything() -> None:
    assert found(" ", "b", "a") == ["b", "a"]


def test_texts_in_many_blocks_are_all_found() -> None:
    texts = [f"schema{number % 7}.table_{number:05}" for number in range(20_000)]
    haystack = Haystack((text, 8) for text in texts)
    assert len(haystack) == len(texts)
    assert list(haystack.find(Query("19876"), Level.WORD)) == [19876]
    assert list(haystack.find(Query("table_00007"), Level.EXACT)) == [7]
    assert sum(1 for _ in haystack.find(Query("scm1tab"), Level.INITIALS)) == 0
    assert sum(1 for _ in haystack.find(Query("sch1tab"), Level.INITIALS)) == 0
    every = [sum(1 for _ in haystack.find(Query("s1t"), level)) for level in Level]
    assert sum(every) == sum(Query("s1t").match(text, 8) is not None for text in texts)


def test_a_search_that_nobody_wants_any_more_ends() -> None:
    haystack, stopped = Haystack([("orders", 0)]), threading.Event()
    stopped.set()
    assert not any(list(haystack.find(Query(query), level, stopped)) for query in ("ord", "os") for level in Level)


@given(ANYTHING, ANYTHING, st.integers(0, 40))
def test_anything_can_be_looked_for_in_anything(query: str, text: str, name_at: int) -> None:
    assert len(folded(text)) == len(text)
    match = Query(query).match(text, min(name_at, len(text)))
    places = list(chain.from_iterable(match.ranges)) if match is not None else []
    assert places == sorted(set(places))
    assert all(0 <= place <= len(text) for place in places)
    found(query, text)


@given(TYPED, NAMES)
def test_every_hit_holds_the_letters_in_their_order(query: str, text: str) -> None:
    match = Query(query).match(text)
    words = Query(query).words
    letters = folded(text)
    subsequences = [_is_in(word, letters) for word in words]
    assert (match is not None) == all(subsequences)
    if match is not None:
        marked = "".join(letters[start:end] for start, end in match.ranges)
        assert all(_is_in(word, marked) for word in words)


@given(TYPED, st.sampled_from("abco_. A"), NAMES)
def test_a_further_letter_finds_nothing_more(query: str, letter: str, text: str) -> None:
    for scattered in (True, False):
        if Query(query + letter).match(text, scattered=scattered) is not None:
            assert Query(query).match(text, scattered=scattered) is not None


@given(TYPED, st.lists(NAMES, max_size=8), st.booleans())
def test_a_haystack_finds_what_looking_at_each_text_finds(query: str, texts: list[str], scattered: bool) -> None:
    wanted = Query(query)
    pairs = [(text, text.rfind(".") + 1) for text in texts]
    haystack = Haystack(pairs, scattered=scattered)
    one_by_one = {
        number: (match.level, match.span)
        for number, pair in enumerate(pairs)
        if (match := wanted.match(*pair, scattered=scattered)) is not None
    }
    for level in Level:
        numbers = list(haystack.find(wanted, level))
        assert len(numbers) == len(set(numbers))
        assert set(numbers) == {n for n, (each, _) in one_by_one.items() if each is level}


@given(st.text(alphabet="abco_. A", max_size=7), st.lists(NAMES, min_size=6, max_size=12))
def test_one_letter_after_the_other_finds_what_all_at_once_find(query: str, texts: list[str]) -> None:
    pairs = [(text, text.rfind(".") + 1) for text in texts * 3]
    typed = Haystack(pairs)
    for end in range(len(query) + 1):
        wanted = Query(query[:end])
        for level in Level:
            assert set(typed.find(wanted, level)) == set(Haystack(pairs).find(wanted, level))


def test_only_so_many_letters_count() -> None:
    assert Query("a" * 1000).words == ("a" * MOST_LETTERS,)


def _is_in(word: str, text: str) -> bool:
    rest = iter(text)
    return all(letter in rest for letter in word)
