"""What an editor says of its session, its transaction and its text, in a few words."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Mapping
from typing import Any

from alveary.events import SessionState
from alveary.sessions import Session
from alveary_plugins.panels.editor.files import Form
from alveary_plugins.panels.editor.model import EditorModel


def state_text(model: EditorModel) -> tuple[str, str]:
    """Return how the editor stands, and the theme's role that says how grave it is."""
    run = model.run
    match model.phase:
        case "disconnected":
            return "", "muted"
        case "connecting" | "waiting":
            return model.waits_for, "warning" if model.asked else "accent"
        case "lost":
            error = model.session.error if model.session is not None else None
            told = "; ".join(filter(None, [error.message, error.detail])) if error is not None else ""
            return told or "The session was lost", "danger"
        case "running" | "cancelling" if run is not None:
            many = f" {run.at + 1:,} of {len(run.items):,}" if len(run.items) > 1 else ""
            word = "Cancelling" if run.cancelled else "Running"
            step = f" · {run.step.sentence}" if run.step is not None else ""
            return f"{word}{many}{step} · {_seconds(time.monotonic() - run.begun)}", "accent"
        case "running" | "cancelling":
            return f"{model.phase.capitalize()}…", "accent"
    if model.transaction == "failed":
        return "Transaction failed: roll it back", "danger"
    if model.session is not None and model.session.state is SessionState.UNVERIFIED:
        open_ = "In transaction · " if model.transaction == "open" else ""
        return f"{open_}Unverified: it is tried before anything is sent", "warning"
    return (f"In transaction · {_age(model)}", "warning") if model.transaction == "open" else ("", "muted")


def transaction_text(model: EditorModel) -> str:
    """Return how the transaction stands, for the window's foot."""
    if not model.connected:
        return ""
    if model.transaction == "failed":
        return "Transaction failed"
    if model.transaction == "open":
        return f"In transaction · {_age(model)}"
    return "Autocommit" if model.autocommit else "Manual commit"


def session_text(session: Session | None, *, connected: bool) -> str:
    """Return who answers, for the window's foot."""
    if session is not None and session.state is SessionState.BROKEN:
        return f"{name_of(session)} · lost"
    return " · ".join([name_of(session), *_facts(session)]) if session is not None and connected else ""


def name_of(session: Session) -> str:
    """Return what a session is called: its saved name, the name of its file, or its URL."""
    target = session.target
    if target.name is None and session.driver.file_based and target.database:
        return os.path.basename(target.database)
    return target.display()


def place_of(session: Session | None, schema: str | None) -> str:
    """Return the database and the schema that were chosen."""
    if session is None or session.driver.file_based:
        return ""
    database = session.target.database
    if schema is not None and session.driver.dialect.name == "mysql":  # where databases are schemas
        return schema
    return " · ".join(filter(None, [database, schema])) or "(no database)"


def form_name(form: Form) -> str:
    """Return how a file holds its text, such as ``UTF-8 · LF``."""
    ends = {"\n": "LF", "\r\n": "CRLF", "\r": "CR"}[form.newline]
    mark = " BOM" if form.mark and form.encoding == "utf-8" else ""
    return f"{form.encoding.upper()}{mark} · {ends}"


def text_as_state(text: str) -> dict[str, str]:
    """Return text as JSON in UTF-8 can hold it: half characters, which it can't, are written as escapes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return {"escaped": json.dumps(text)}
    return {"text": text}


def text_from_state(state: Mapping[str, Any]) -> str:
    """Return the text that :func:`text_as_state` kept."""
    escaped = state.get("escaped")
    if isinstance(escaped, str):
        with contextlib.suppress(ValueError):  # from another version
            return str(json.loads(escaped))
    text = state.get("text", "")
    return text if isinstance(text, str) else ""


def _facts(session: Session) -> list[str]:
    """Return who answers, how the connection is encrypted, and through which tunnel it goes."""
    facts = []
    if session.server is not None:
        facts.append(f"{session.server.product} {session.server.version}")
        if session.server.tls is not None:
            facts.append(session.server.tls.summary())
    return facts if session.route == "direct" else [*facts, session.route]


def _age(model: EditorModel) -> str:
    since = model.in_transaction_since
    seconds = int(time.monotonic() - since) if since is not None else 0
    return f"{seconds} s" if seconds < 60 else f"{seconds // 60} min {seconds % 60} s"


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 60 else f"{int(seconds) // 60} min {int(seconds) % 60} s"
