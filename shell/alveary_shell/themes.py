"""The two themes that come with the window. Every text is read on its grounds at a contrast of 4.5 to 1 or more."""

from __future__ import annotations

from alveary.contracts.window import ThemeSpec

ENVIRONMENTS = {"production": "danger", "staging": "warning", "local": "success"}
"""The roles that an environment's badge is coloured by."""
DARK = ThemeSpec(
    id="dark",
    name="Dark",
    mode="dark",
    colors={
        "background": "#1e1f22",
        "surface": "#26282c",
        "raised": "#2e3035",
        "border": "#3b3e44",
        "text": "#e3e5e8",
        "muted": "#a8adb5",
        "faint": "#8a8f98",
        "accent": "#75a2ff",
        "on_accent": "#10131a",
        "selection": "#284068",
        "selection_idle": "#3a3d44",
        "stripe": "#222427",
        "success": "#6fb07f",
        "warning": "#dba656",
        "danger": "#e8797f",
        "keyword": "#cf8e6d",
        "string": "#7fb77e",
        "number": "#4fb3bf",
        "comment": "#8b8f96",
        "function": "#6aa5f0",
        "operator": "#a9b0ba",
    },
)
LIGHT = ThemeSpec(
    id="light",
    name="Light",
    mode="light",
    colors={
        "background": "#ffffff",
        "surface": "#f3f4f6",
        "raised": "#e9ebee",
        "border": "#d3d6db",
        "text": "#1d2127",
        "muted": "#545b66",
        "faint": "#69707b",
        "accent": "#2561cf",
        "on_accent": "#ffffff",
        "selection": "#cfe0ff",
        "selection_idle": "#e2e5ea",
        "stripe": "#f8f9fb",
        "success": "#25703d",
        "warning": "#825700",
        "danger": "#b92c34",
        "keyword": "#a5441a",
        "string": "#24703a",
        "number": "#0f7480",
        "comment": "#68707b",
        "function": "#1f5fc4",
        "operator": "#4b525c",
    },
)
