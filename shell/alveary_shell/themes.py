"""The two themes that come with the window."""

from __future__ import annotations

from alveary.contracts.window import ThemeSpec

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
        "muted": "#a0a5ad",
        "faint": "#71767f",
        "accent": "#6b9bff",
        "on_accent": "#10131a",
        "selection": "#2f4a7d",
        "selection_idle": "#3a3d44",
        "stripe": "#222427",
        "success": "#6fb07f",
        "warning": "#dba656",
        "danger": "#e4757a",
        "keyword": "#cf8e6d",
        "string": "#7fb77e",
        "number": "#4fb3bf",
        "comment": "#7a7e85",
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
        "muted": "#59606b",
        "faint": "#878e99",
        "accent": "#2f6fe4",
        "on_accent": "#ffffff",
        "selection": "#cfe0ff",
        "selection_idle": "#e2e5ea",
        "stripe": "#f8f9fb",
        "success": "#2c7d46",
        "warning": "#9a6700",
        "danger": "#c8353d",
        "keyword": "#a5441a",
        "string": "#2b7a3d",
        "number": "#0f7480",
        "comment": "#7d8590",
        "function": "#1f5fc4",
        "operator": "#4b525c",
    },
)
