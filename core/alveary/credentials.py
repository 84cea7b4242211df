"""Credentials: where the password of a target comes from, and who is asked for one when a server wants it.

A password comes from the URL, else from the first source that has one, else from a person, who is asked only after the
server refused for want of one. Nothing in this room shows what it knows.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

import msgspec

from alveary.contracts.target import Target
from alveary.contracts.tunnel import HostKey, TunnelSecret
from alveary.errors import (
    AlvearyError,
    AuthenticationFailedError,
    ErrorRecord,
    InternalError,
    InvalidInputError,
    KeyringFailedError,
)
from alveary.redaction import SECRETS

HINT = "no password was given: put one into the URL, or hand the kernel Credentials with a source or an asker"
_LOOK = 0.1
"""Seconds between two looks whether somebody still waits for an answer."""

Source: TypeAlias = Callable[[Target], str | None]
"""Returns the password of a target, or None where it has none; may take its time, and is called from any thread."""
HostAsker: TypeAlias = Callable[[HostKey, threading.Event], bool]
"""Asks a person whether a server in between is the one it says it is; called and to return as an :data:`Asker`."""
Asker: TypeAlias = Callable[[Target, threading.Event], str | None]
"""Asks a person and returns the answer, None if there is nobody or no answer.

Called on a thread of its own, one question at a time. It must return soon after the event is set: the connection was
given up.
"""


class Credentials:
    """The passwords a kernel can find. Every method may be called from any thread."""

    def __init__(
        self,
        sources: Iterable[Source] = (),
        *,
        ask: Asker | None = None,
        accept_host: HostAsker | None = None,
        tunnel_secrets: Mapping[TunnelSecret, str] | None = None,
        hint: str = HINT,
    ) -> None:
        """``sources`` are asked in order, ``ask`` last; ``hint`` is what the error says where nobody had a password.

        ``accept_host`` is asked about servers of tunnels that nobody knows yet, which are refused without it;
        ``tunnel_secrets`` are what they are given before a vault or a person is asked.
        """
        self.sources = list(sources)
        """Asked in this order; whoever brings a further one (a vault) adds it here."""
        self.refusals: list[Callable[[Target, str], str | None]] = []
        """Told of each password of a source that was refused; what one answers is said as a hint."""
        self.hint = hint
        self.tunnel_secrets = dict(tunnel_secrets or {})
        self._accept_host = accept_host
        self.may_ask = ask is not None
        self._ask = ask
        self._asking = threading.Lock()
        self._lock = threading.Lock()
        self._answers: dict[object, str] = {}
        self._used: set[str] = set()

    def find(self, target: Target, failures: list[str] | None = None) -> str | None:
        """Return the password of the first source that has one.

        A source that raises KeyringFailedError has none; the sentence that says why is added to ``failures``.
        """
        for source in self.sources:
            try:
                password = source(target)
            except KeyringFailedError as exc:
                if failures is not None:
                    failures.append(exc.message)
                continue
            if password is not None:
                return checked(password)
        return None

    def answered(self, target: Target) -> str | None:
        """Return what a person answered for this target before; it is remembered as long as it is not refused."""
        with self._lock:
            return self._answers.get(_identity(target))

    def ask(self, target: Target, given_up: threading.Event) -> str | None:
        """Ask a person, unless an answer for this target is known by now; None when there is none."""
        assert self._ask is not None, "only where somebody may be asked"
        while not self._asking.acquire(timeout=_LOOK):
            if given_up.is_set():
                return None
        try:
            if (answer := self.answered(target)) is None and (answer := self._ask(target, given_up)) is not None:
                with self._lock:
                    self._answers[_identity(target)] = checked(answer)
            return answer
        finally:
            self._asking.release()

    def accepts(self, key: HostKey, given_up: threading.Event) -> bool:
        """Return whether a person takes the key of a server in between; no where there is nobody to ask."""
        if self._accept_host is None:
            return False
        while not self._asking.acquire(timeout=_LOOK):
            if given_up.is_set():
                return False
        try:
            return self._accept_host(key, given_up)
        finally:
            self._asking.release()

    def forget(self, target: Target, refused: str | None) -> None:
        """Do not give an answer that was refused once more."""
        with self._lock:
            if self._answers.get(_identity(target)) == refused:
                self._answers.pop(_identity(target), None)

    def use(self, password: str) -> None:
        """Note that a password is being used, so that :meth:`secrets` knows it."""
        SECRETS.add(password)
        with self._lock:
            self._used.add(password)

    def secrets(self) -> list[str]:
        """Return every password used so far, for whoever must blot them out of a text."""
        with self._lock:
            return list(self._used)


class Opening:
    """One session's way to its connection: a password is found, tried, and after a refusal asked for and tried once.

    ``attempt`` makes one attempt with the target it is handed and returns at once. ``failed`` is told, on another
    thread, what ended the search for a password. Once ``over`` is set nothing further is asked or attempted.
    """

    def __init__(
        self,
        target: Target,
        credentials: Credentials,
        *,
        attempt: Callable[[Target], None],
        failed: Callable[[ErrorRecord], None],
        over: threading.Event,
    ) -> None:
        self._target = target
        self._credentials = credentials
        self._attempt = attempt
        self._failed = failed
        self._over = over
        self._asked = False
        self._given = target.password is not None  # by the URL or a source: then nobody is asked
        self._tried = target.password
        self._failures: list[str] = []

    def begin(self) -> None:
        """Make the first attempt, at once unless a source must be asked, which may take time.

        Raises InvalidInputError for a password of the URL's that no server could be sent.
        """
        if self._target.password is not None:
            self._try(checked(self._target.password))
        elif self._credentials.sources:
            self._soon(self._find)
        else:
            self._try(self._credentials.answered(self._target))

    def refused(self, error: ErrorRecord) -> ErrorRecord | None:
        """Return what to say of a failed attempt; None if a person is being asked and another attempt may follow."""
        if error.code != AuthenticationFailedError.code:
            return error
        if self._given:
            tried = self._tried or ""
            hints = [refused(self._target, tried) for refused in self._credentials.refusals]
            return msgspec.structs.replace(error, hint=next(filter(None, hints), error.hint))
        self._credentials.forget(self._target, self._tried)
        if self._asked or not self._credentials.may_ask or self._over.is_set():
            return error if self._asked else self._unanswered(error)
        self._asked = True
        self._soon(lambda: self._ask(error))
        return None

    def _find(self) -> None:
        password = self._credentials.find(self._target, self._failures)
        self._given = password is not None
        self._try(password if self._given else self._credentials.answered(self._target))

    def _ask(self, error: ErrorRecord) -> None:
        answer = self._credentials.ask(self._target, self._over)
        if answer is None:
            self._failed(self._unanswered(error))
        else:
            self._try(answer)

    def _unanswered(self, error: ErrorRecord) -> ErrorRecord:
        """Return what to say where nobody had a password: the refusal, what failed to give one, what can be done."""
        detail = "; ".join(filter(None, (error.detail, *self._failures)))
        return msgspec.structs.replace(error, detail=detail or None, hint=self._credentials.hint)

    def _try(self, password: str | None) -> None:
        self._tried = password
        if password is not None:
            self._credentials.use(password)
        self._attempt(msgspec.structs.replace(self._target, password=password))

    def _soon(self, step: Callable[[], None]) -> None:
        def run() -> None:
            try:
                step()
            except AlvearyError as exc:
                self._failed(exc.record())
            except BaseException as exc:  # noqa: BLE001  # whoever waits for the session must hear of it
                # Its text is left out: nobody knows yet what in it would be a password.
                self._failed(InternalError(f"connecting can't be begun: {type(exc).__name__}").record())

        threading.Thread(target=run, name="alveary-password", daemon=True).start()


def checked(password: object) -> str:
    """Return a password if it is text that any driver can send; no error repeats a piece of it."""
    if not isinstance(password, str):
        raise InvalidInputError(f"the password is a {type(password).__name__}, not text")
    try:
        password.encode()
    except UnicodeEncodeError:
        raise InvalidInputError("the password is not valid text", hint="is it in UTF-8?") from None
    if "\0" in password:
        raise InvalidInputError("the password holds the character U+0000, which no server takes")
    return password


def _identity(target: Target) -> object:
    """Return what must be the same for an answer to be given again: whatever decides where it is sent."""
    options = {name: value for name, value in target.options.items() if name != "application_name"}
    return target.scheme, target.host, target.port, target.user, target.tunnel, tuple(sorted(options.items()))
