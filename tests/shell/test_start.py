"""What comes before the window: a desktop that lacks something is told of in one line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from fix_window import HANG, Screen

from alveary_shell.start import Attempt, plain_fonts


def test_a_tk_without_smooth_fonts_is_told_of_with_the_way_out(screen: Screen) -> None:
    assert plain_fonts(screen.root) is None
    screen.root.tk.eval("rename ::tk::pkgconfig ::tk::real; proc ::tk::pkgconfig {get what} {return x11}")
    try:
        said = plain_fonts(screen.root)
    finally:
        screen.root.tk.eval("rename ::tk::pkgconfig {}; rename ::tk::real ::tk::pkgconfig")
    assert said is not None
    assert "\n" not in said
    assert "not xft" in said
    assert "python3-tk" in said


def test_a_display_that_is_not_there_is_told_of(home: Path) -> None:
    """In a process of its own: this one has its one root already."""
    for display, said in ((":12345", "the display can't be opened"), ("", "DISPLAY is not set")):
        environment = {**os.environ, "ALVEARY_HOME": str(home), "DISPLAY": display}
        command = [sys.executable, "-m", "alveary", "window"]
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=HANG, check=False)
        assert ended.returncode == 2
        assert said in ended.stderr
        assert "alveary --help" in ended.stderr
        assert not (home / "window.starting").exists()


def test_an_attempt_knows_of_the_one_before(tmp_path: Path) -> None:
    data = tmp_path / "data"
    first = Attempt(data)
    assert not first.begin()
    assert Attempt(data).begin()
    first.over()
    assert not Attempt(data).begin()
