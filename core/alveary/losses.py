"""What is lost with a connection: said once, in the same words for every driver."""

from __future__ import annotations

import re

import msgspec

from alveary.contracts.driver import TransactionState
from alveary.errors import ErrorRecord
from alveary.events import Loss
from alveary.sqltext import Dialect, only_reads

_COMMITS = re.compile(r"\s*(commit|end)\b", re.I)
_HINT = "connect again, which makes a new session; nothing is run again on its own"


def loss(transaction: TransactionState, running: str | None, dialect: Dialect) -> Loss:
    """Return what went with a connection whose ``transaction`` last stood like this, while ``running`` ran, or None."""
    if transaction is not TransactionState.IDLE:
        committing = running is not None and transaction is TransactionState.ACTIVE and _COMMITS.match(running)
        return Loss.UNKNOWN if committing else Loss.TRANSACTION
    return Loss.NOTHING if running is None or only_reads(running, dialect) else Loss.UNKNOWN


def told(error: ErrorRecord, lost: Loss) -> ErrorRecord:
    """Return an error of a lost connection that says what went with it."""
    detail = "; ".join(filter(None, [error.detail, lost.sentence]))
    return msgspec.structs.replace(error, detail=detail, hint=error.hint or _HINT)
