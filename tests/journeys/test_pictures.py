"""The pictures of the documentation, taken anew: at every scale everything is there, and every text has its room."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from types import ModuleType

import pytest
from debian import require

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def pictures() -> ModuleType:
    pytest.importorskip("ttkbootstrap", reason="the window is an extra")
    require("Xvfb", lambda: shutil.which("Xvfb") is None, "xvfb")
    spec = importlib.util.spec_from_file_location("pictures", DOCS / "pictures.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("theme", "scale"), [("light", 1.0), ("dark", 1.5), ("light", 2.0)])
def test_a_picture_shows_the_whole_window(pictures: ModuleType, theme: str, scale: float, tmp_path: Path) -> None:
    from PIL import Image

    path = tmp_path / "picture.png"
    pictures.take(theme, scale, path)
    with Image.open(path) as picture:
        assert picture.size == (round(1400 * scale), round(800 * scale))
        colours = picture.convert("RGB").getcolors(1 << 20) or []
    # The ground of the theme, that of the selected cell, and a good deal besides: not an empty window.
    from alveary_shell.themes import DARK, LIGHT

    ground = bytes.fromhex((LIGHT if theme == "light" else DARK).colors["background"][1:])
    assert sum(count for count, colour in colours if _near(colour, ground)) > picture.width * picture.height / 5
    assert len(colours) > 60


def test_the_kept_pictures_are_those_of_two_themes_and_three_scales(pictures: ModuleType) -> None:
    kept = {path.name for path in (DOCS / "images").glob("window-*.png")}
    assert kept == {f"window-{theme}-{scale:g}.png" for theme in pictures.THEMES for scale in pictures.SCALES}


def _near(colour: object, other: bytes) -> bool:
    assert isinstance(colour, tuple), "of an RGB picture"
    return all(abs(one - two) <= 4 for one, two in zip(colour, other, strict=True))
