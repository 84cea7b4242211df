"""Logging for the command line: one handler on standard error, at the level ``ALVEARY_LOG`` names."""

from __future__ import annotations

import logging
import os

from alveary.errors import InvalidInputError

LEVELS = ("debug", "info", "warning", "error", "critical")


def configure() -> None:
    """Send Alveary's log to standard error from the level of ``ALVEARY_LOG`` on (critical without it).

    Errors reach a person as errors; the log is for whoever looks behind them, so it is silent unless asked for.
    """
    level = os.environ.get("ALVEARY_LOG", "").lower()
    if level and level not in LEVELS:
        raise InvalidInputError(f"ALVEARY_LOG is none of {', '.join(LEVELS)}")
    logger = logging.getLogger("alveary")
    logger.setLevel(getattr(logging, (level or "critical").upper()))
    if not any(isinstance(handler, logging.StreamHandler) for handler in logger.handlers):
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        logger.addHandler(handler)
    logger.propagate = False
