"""Widgets that panels share; each takes the theme it is drawn with."""
