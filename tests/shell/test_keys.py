"""Keys as people write them, as Tk names them, and who gets which."""

from __future__ import annotations

import pytest

from alveary import CommandSpec
from alveary.contracts.window import Placement
from alveary.errors import InvalidInputError
from alveary_shell.keys import Keymap, normal, sequence


def command(id: str, *keys: str, panel: str | None = None) -> CommandSpec:
    return CommandSpec(id=id, summary=id, factory="a:b", placement=Placement(title=id, keys=keys, panel=panel))


@pytest.mark.parametrize(
    ("written", "normalised", "tk"),
    [
        ("ctrl+shift+p", "Ctrl+Shift+P", "<Control-Shift-Key-P>"),
        ("Shift+Ctrl+p", "Ctrl+Shift+P", "<Control-Shift-Key-P>"),
        ("Ctrl+Enter", "Ctrl+Enter", "<Control-Key-Return>"),
        ("F5", "F5", "<Key-F5>"),
        ("Ctrl++", "Ctrl++", "<Control-Key-plus>"),
        ("Ctrl+-", "Ctrl+-", "<Control-Key-minus>"),
        ("ctrl+n", "Ctrl+N", "<Control-Key-n>"),
        ("Ctrl+/", "Ctrl+/", "<Control-Key-slash>"),
        ("Alt+X", "Alt+X", "<Mod1-Key-x>"),
        ("Esc", "Esc", "<Key-Escape>"),
        ("Ctrl+0", "Ctrl+0", "<Control-Key-0>"),
    ],
)
def test_keys_have_one_spelling(written: str, normalised: str, tk: str) -> None:
    assert normal(written) == normalised
    assert sequence(written) == tk


@pytest.mark.parametrize("written", ["", "Ctrl", "Ctrl+", "Hyper+X", "F13", "Ctrl+ab", "Ctrl+;x"])
def test_what_are_no_keys_is_refused(written: str) -> None:
    with pytest.raises(InvalidInputError, match="are no keys"):
        normal(written)


def test_two_commands_of_one_panel_cannot_have_the_same_keys() -> None:
    keymap = Keymap([command("a.b", "Ctrl+X", panel="editor"), command("c.d", "ctrl+x", panel="editor")])
    assert keymap.keys("a.b") == ["Ctrl+X"]
    assert keymap.keys("c.d") == []
    assert keymap.conflicts == ["Ctrl+X already runs a.b"]


def test_panels_may_use_the_same_keys_and_come_before_the_window() -> None:
    keymap = Keymap(
        [
            command("w.find", "Ctrl+F"),
            command("e.find", "Ctrl+F", panel="editor"),
            command("g.find", "F3", panel="grid"),
        ]
    )
    assert keymap.conflicts == ["Ctrl+F already runs w.find"]
    keymap = Keymap([command("e.find", "Ctrl+F", panel="editor"), command("g.find", "Ctrl+F", panel="grid")])
    assert keymap.bindings()["Ctrl+F"] == ["e.find", "g.find"]


def test_what_a_person_chose_goes_before_what_is_declared() -> None:
    specs = [command("a.b", "Ctrl+X"), command("c.d", "Ctrl+Y")]
    keymap = Keymap(specs, {"a.b": ["Ctrl+Z"]})
    assert keymap.keys("a.b") == ["Ctrl+Z"]
    with pytest.raises(InvalidInputError, match=r"already runs c\.d"):
        keymap.bind("a.b", ["Ctrl+Y"])
    assert keymap.keys("a.b") == ["Ctrl+Z"]
