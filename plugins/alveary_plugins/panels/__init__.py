"""Panels of the window, each a plugin: a declaration, a model without Tk, and a view."""
