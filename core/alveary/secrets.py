"""Secrets: passwords of saved connections, kept in the first vault that can be used, and never in the store."""

from __future__ import annotations

import functools
import logging
import math
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, get_args

import msgspec

from alveary.contracts.availability import installed
from alveary.contracts.factory import load_factory
from alveary.contracts.specs import VaultSpec
from alveary.contracts.target import Target
from alveary.contracts.vault import PasswordSource, SecretKey, SecretKind, Vault
from alveary.credentials import checked
from alveary.errors import (
    AlvearyError,
    CredentialNotFoundError,
    InvalidInputError,
    KeyringFailedError,
    KeyringTimeoutError,
    QueryCancelledError,
    described,
)
from alveary.plugins import Registry
from alveary.profile_store import ProfileStore
from alveary.profiles import Profile
from alveary.redaction import SECRETS

_log = logging.getLogger(__name__)

LOAD_SECONDS = 10.0
"""How long importing a vault's library may take, on a slow disk."""
CHECK_SECONDS = 2.0
"""How long finding out whether there is a vault may take after that."""
ANSWER_SECONDS = 60.0
"""How long a vault may take to answer: a person may have to unlock it first."""
_LOOK = 0.05
"""Seconds between two looks whether nobody waits for the answer any more."""

_CHANGE = "change it: alveary connections edit NAME --ask-password, or forget it: --forget-password"

T = TypeVar("T")


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """Where a secret went. Without a ``vault`` it is forgotten when the kernel ends, and ``reason`` says why."""

    vault: str | None
    reason: str | None = None


class _Issued(NamedTuple):
    """A password that a source gave, and until when it is remembered, on the monotonic clock."""

    password_from: str
    secret: str
    expires: float


class Secrets:
    """What vaults keep for saved connections. Any thread but Tk's may call any method: it may take a minute.

    What was found or given to keep is remembered as long as the kernel lives, so no vault is asked twice. A profile
    notes which vault keeps a secret of it: no vault is asked for one it was never given.
    """

    def __init__(self, vaults: Registry[VaultSpec], profiles: ProfileStore) -> None:
        self._vaults = vaults
        self._profiles = profiles
        self._callers: dict[str, _Caller] = {}
        self._remembered: dict[SecretKey, str] = {}
        self._issued: dict[str, _Issued] = {}
        self._lock = threading.Lock()

    def find(self, key: SecretKey, *, stopped: threading.Event | None = None) -> str | None:
        """Return a secret, None if none was given to keep.

        Raises CredentialNotFoundError if the vault no longer has it, KeyringFailedError if it can't be asked, and
        QueryCancelledError once ``stopped`` is set.
        """
        if (secret := self._remembered.get(key)) is not None:
            return secret
        if (id := self._profiles.secrets_of(key.profile_id).get(key.kind)) is None:
            return None
        caller = self._caller(id)
        secret = caller.call(functools.partial(self._got, key), stopped)
        if secret is None:
            raise CredentialNotFoundError(f"{caller.name} no longer holds the {key.kind}", hint=_CHANGE)
        return secret

    def password(self, target: Target) -> str | None:
        """Return the password of a saved connection's target: a source of :class:`~alveary.credentials.Credentials`."""
        if target.profile_id is None:
            return None
        profile = self._profiles.by_id(target.profile_id)
        if profile is not None and profile.password_from is not None:
            return self._read(profile, profile.password_from, target)
        return self.find(SecretKey(target.profile_id, "password"))

    def source(self, password_from: str) -> tuple[PasswordSource, str]:
        """Return what gives a password, and its argument, from a text such as ``env:NAME``.

        Raises InvalidInputError for what there is not or makes no sense; may take time.
        """
        id, _, argument = password_from.partition(":")
        known = [spec for spec in self._vaults if spec.reads]
        if id not in [spec.id for spec in known]:
            forms = ", ".join(f"{spec.id}:{spec.argument}" for spec in known)
            raise InvalidInputError(f"password_from: there is no source {id!r}", hint=f"there are {forms or 'none'}")
        source: PasswordSource = self._caller(id).call(lambda made: made, None)
        source.validate(argument)
        return source, argument

    def prepare(self) -> None:
        """Have sources take what no child process should inherit, for every saved connection that names one."""
        for profile in self._profiles.own():
            if profile.password_from is not None:
                try:
                    source, argument = self.source(profile.password_from)
                    self._caller(profile.password_from.partition(":")[0]).call(
                        functools.partial(_prepare, source, argument), None
                    )
                except AlvearyError as exc:  # who uses the connection is told
                    _log.info("a source of passwords can't be prepared: %s", exc.message)

    def read(self, password_from: str, target: Target) -> str:
        """Return the password that a source gives now; raises what :meth:`source` and the source raise."""
        source, argument = self.source(password_from)
        caller = self._caller(password_from.partition(":")[0])
        secret = checked(caller.call(lambda _: source.password(argument, target), None))
        SECRETS.add(secret)
        return secret

    def _read(self, profile: Profile, password_from: str, target: Target) -> str:
        """Return the password that a source gives, from memory as long as it lives."""
        with self._lock:
            issued = self._issued.get(profile.id)
        if issued is not None and issued.password_from == password_from and time.monotonic() < issued.expires:
            return issued.secret
        secret = self.read(password_from, target)
        source, _ = self.source(password_from)
        lifetime = profile.password_ttl if profile.password_ttl is not None else source.lifetime
        expires = math.inf if lifetime is None else time.monotonic() + lifetime
        with self._lock:
            self._issued[profile.id] = _Issued(password_from, secret, expires)
        return secret

    def refused(self, target: Target, password: str) -> str | None:
        """Forget a password that a server refused; return what to do about it if a vault keeps it."""
        if target.profile_id is None:
            return None
        key = SecretKey(target.profile_id, "password")
        with self._lock:
            issued = self._issued.get(target.profile_id)
            if issued is not None and issued.secret == password:
                del self._issued[target.profile_id]
                return f"the password that {issued.password_from!r} gave for {target.name!r} was refused"
        if self._remembered.get(key) != password:
            return None
        del self._remembered[key]
        return f"the password that is kept for {target.name!r} was refused; {_CHANGE}"

    def usable(self, *, stopped: threading.Event | None = None) -> str | None:
        """Return what the first vault is called that can be used here, None if there is none; found out once."""
        for spec in self._keeping():
            try:
                self._caller(spec.id).check(stopped)
            except KeyringFailedError:
                continue
            return spec.name
        return None

    def remember(self, key: SecretKey, secret: str) -> None:
        """Remember a secret as long as the kernel lives, and give it to no vault; one that keeps another stays."""
        self._remembered[key] = checked(secret)

    def keep(self, key: SecretKey, secret: str, *, stopped: threading.Event | None = None) -> Kept:
        """Give a secret to the first vault that takes it; without one it is remembered as long as the kernel lives.

        The profile notes the vault first, and goes on noting it where nobody waited for the answer, so that there
        never is a secret that nobody knows of. Raises QueryCancelledError once ``stopped`` is set.
        """
        if not checked(secret):
            raise InvalidInputError("the password is empty", hint="leave it out if the server wants none")
        profiles = self._profiles
        profile = profiles.by_id(key.profile_id)
        if profile is None:
            raise InvalidInputError("the connection has been removed")
        self._remembered[key] = secret
        before, reasons = profile.secrets.get(key.kind), list[str]()
        # The vault that has one already comes first, or the old one would stay behind there.
        for spec in sorted(self._keeping(), key=lambda spec: spec.id != before):
            caller = self._caller(spec.id)
            try:
                caller.check(stopped)
            except KeyringFailedError as exc:
                reasons.append(exc.message)
                continue
            profiles.note_secret(key, spec.id)
            try:
                caller.call(lambda vault: vault.set(key, secret), stopped, secret)
            except KeyringTimeoutError as exc:  # it may be kept yet, so it stays noted
                return Kept(vault=None, reason=f"{exc.message}; it may do so yet")
            except KeyringFailedError as exc:
                profiles.note_secret(key, before)
                reasons.append(exc.message)
            else:
                return Kept(vault=spec.id)
        return Kept(vault=None, reason="; ".join(reasons) or "there is no vault")

    def forget(self, key: SecretKey, *, stopped: threading.Event | None = None) -> bool:
        """Have a secret forgotten everywhere; return whether a vault kept it.

        Raises KeyringFailedError, and forgets nothing, if that can't be asked.
        """
        self._remembered.pop(key, None)
        if (id := self._profiles.secrets_of(key.profile_id).get(key.kind)) is None:
            return False
        self._caller(id).call(functools.partial(_delete, key), stopped)
        self._profiles.note_secret(key, None)
        return True

    def forget_all(self, profile_id: str, *, stopped: threading.Event | None = None) -> bool:
        """Have every secret of a connection forgotten, as one does before it is removed; what :meth:`forget` says."""
        for key in [key for key in self._remembered if key.profile_id == profile_id]:
            self._remembered.pop(key, None)
        kept = self._profiles.secrets_of(profile_id)
        for kind in get_args(SecretKind):
            if kind in kept:
                self._caller(kept[kind]).call(functools.partial(_delete, SecretKey(profile_id, kind)), stopped)
        return bool(kept)

    def _keeping(self) -> list[VaultSpec]:
        return [spec for spec in self._vaults if not spec.reads]

    def _got(self, key: SecretKey, vault: Vault) -> str | None:
        # Remembered here, while the vault is nobody else's: of two sessions that open at once one asks.
        if (secret := self._remembered.get(key)) is None and (secret := vault.get(key)) is not None:
            self._remembered[key] = checked(secret)
        return secret

    def _caller(self, id: str) -> _Caller:
        spec = self._vaults.find(id)
        if spec is None:
            raise KeyringFailedError(f"the vault {id!r} is not installed", hint="see: alveary plugins")
        return self._callers.setdefault(id, _Caller(spec))


def _prepare(source: PasswordSource, argument: str, _: object) -> None:
    source.prepare(argument)


def _delete(key: SecretKey, vault: Vault) -> None:
    vault.delete(key)


class _Caller:
    """Calls one vault, one call at a time, each in a thread that is left behind if it takes too long."""

    def __init__(self, spec: VaultSpec) -> None:
        self.name = spec.name
        self._spec = spec
        self._vault: Any = None  # a Vault, or a PasswordSource
        self._busy = threading.Lock()
        self._failed: KeyringFailedError | None = None
        """Why the vault can't be used at all; it is not looked for again."""

    def check(self, stopped: threading.Event | None) -> None:
        """Raise KeyringFailedError where there is no such vault; looked for once."""
        if self._vault is None and self._failed is None:
            try:
                if not installed(self._spec.package):
                    extra = f": pip install 'alveary[{self._spec.extra}]'" if self._spec.extra else ""
                    raise KeyringFailedError(f"{self.name} needs the Python package {self._spec.package}{extra}")
                vault = self._run(self._made, LOAD_SECONDS, stopped)
                self._run(vault.check, CHECK_SECONDS, stopped)
                self._vault = vault
            except KeyringFailedError as exc:
                self._failed = exc
        if self._failed is not None:
            raise type(self._failed)(self._failed.message, hint=self._failed.hint)

    def _made(self) -> Any:
        return load_factory(self._spec.factory)()

    def call(self, question: Callable[[Any], T], stopped: threading.Event | None, secret: str | None = None) -> T:
        """Return the vault's answer; raises KeyringFailedError, KeyringTimeoutError or QueryCancelledError."""
        self.check(stopped)
        assert self._vault is not None, "it was found"
        return self._run(functools.partial(question, self._vault), ANSWER_SECONDS, stopped, secret, holds=True)

    def _run(
        self,
        question: Callable[[], T],
        seconds: float,
        stopped: threading.Event | None,
        secret: str | None = None,
        *,
        holds: bool = False,
    ) -> T:
        """Ask in a thread. A vault that ``holds`` secrets may repeat one in what it raises; we know only our own."""
        deadline = time.monotonic() + seconds
        answers: list[T] = []
        failures: list[BaseException] = []
        over = threading.Event()

        def run() -> None:
            try:
                answers.append(question())
            except BaseException as exc:  # noqa: BLE001  # a stranger's library raises what it likes; told to who waits
                failures.append(exc)
            finally:
                self._busy.release()
                over.set()

        while not self._busy.acquire(timeout=_LOOK):
            self._still_wanted(deadline, seconds, stopped)
        try:
            threading.Thread(target=run, name="alveary-vault", daemon=True).start()
        except RuntimeError as exc:
            self._busy.release()
            raise KeyringFailedError(f"{self.name} can't be asked: {described(exc)}") from exc
        while not over.wait(_LOOK):
            self._still_wanted(deadline, seconds, stopped)
        if not failures:
            return answers[0]
        if isinstance(failures[0], AlvearyError):
            raise failures[0]
        if holds and secret is None:  # its text is left out: nobody knows what in it is a secret
            raise KeyringFailedError(f"{self.name} failed: {type(failures[0]).__name__}") from None
        raise KeyringFailedError(f"{self.name} failed: {described(failures[0], secret)}") from failures[0]

    def _still_wanted(self, deadline: float, seconds: float, stopped: threading.Event | None) -> None:
        if stopped is not None and stopped.is_set():
            raise QueryCancelledError("cancelled")
        if time.monotonic() >= deadline:
            raise KeyringTimeoutError(
                f"{self.name} did not answer within {seconds:g} seconds",
                hint="is there a window somewhere that asks to unlock it?",
            )
