"""Formats and their options: what is declared is what is taken, and a mistake is told before anything runs."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from alveary import ExporterSpec, FormatOption
from alveary.contracts.factory import load_factory
from alveary.errors import InvalidInputError, MissingPackageError
from alveary.formats import format_of
from alveary_plugins import exporters

SPEC = ExporterSpec(
    id="bees",
    summary="Bees",
    factory="bees:Bees",
    options=(
        FormatOption(name="size", kind="int", default=3, minimum=1, maximum=9, description="How big."),
        FormatOption(name="loud", kind="bool", default=False, description="How loud."),
        FormatOption(name="song", kind="text", default=None, description="What it hums."),
        FormatOption(name="kind", kind="choice", choices=("worker", "drone"), default="worker", description="Which."),
    ),
)


def test_options_have_their_defaults_and_their_kinds() -> None:
    assert format_of(SPEC).options == {"size": 3, "loud": False, "kind": "worker"}
    given = {"size": "4", "loud": "yes", "song": "", "kind": "Drone"}
    assert format_of(SPEC, given).options == {"size": 4, "loud": True, "song": "", "kind": "drone"}
    assert format_of(SPEC, {"size": 5.0, "song": None, "loud": None}).options == {"size": 5, "kind": "worker"}


@pytest.mark.parametrize(
    ("options", "said", "hint"),
    [
        ({"size": "10"}, "the option size must be a whole number from 1 to 9, not '10'", None),
        ({"size": True}, "the option size must be a whole number from 1 to 9, not 'True'", None),
        ({"kind": "queen"}, "the option kind must be one of worker, drone, not 'queen'", None),
        ({"nope": 1}, "the format bees has no option 'nope'", "options: size, loud, song, kind"),
        ({"null": ""}, "the format bees has no option 'null'", "say what stands for NULL with --null"),
    ],
)
def test_a_mistake_is_told_with_what_is_allowed(options: dict[str, Any], said: str, hint: str | None) -> None:
    with pytest.raises(InvalidInputError) as caught:
        format_of(SPEC, options)
    assert (caught.value.message, caught.value.hint) == (said, hint)


def test_a_format_whose_package_is_missing_says_what_to_install() -> None:
    for extra, install in (("hive", "alveary[hive]"), (None, "no_such_package")):
        spec = ExporterSpec(id="far", summary="", factory="far:Far", package="no_such_package", extra=extra)
        with pytest.raises(MissingPackageError) as caught:
            format_of(spec)
        assert caught.value.hint == f"pip install '{install}'"


def test_an_option_that_contradicts_itself_can_not_be_declared() -> None:
    contradictions: list[dict[str, Any]] = [
        {"kind": "choice"},
        {"kind": "text", "minimum": 1},
        {"kind": "int", "default": "x"},
    ]
    for wrong in contradictions:
        with pytest.raises(ValueError, match="the option o"):
            FormatOption(**{"name": "o", "default": None, "description": "", **wrong})


@pytest.mark.parametrize("spec", exporters.alveary_exporters(), ids=lambda spec: spec.id)
def test_every_option_of_ours_is_an_argument_with_the_same_default(spec: ExporterSpec) -> None:
    factory = load_factory(spec.factory)
    taken: dict[str, Any] = {}
    for maker in (each.__init__ for each in reversed(factory.__mro__) if "__init__" in vars(each)):
        for name, parameter in inspect.signature(maker).parameters.items():
            if parameter.kind is parameter.KEYWORD_ONLY:
                taken[name] = parameter.default
    for option in spec.options:
        assert taken[option.name] == option.default, option.name
        assert option.description.endswith(".")
