"""Proving who we are to a server in between: keys, an agent's keys, a password, and what it asks on its own."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import paramiko  # type: ignore[import-untyped]  # paramiko has no annotations

from alveary.contracts.tunnel import TunnelHelp, TunnelSecret
from alveary.errors import TunnelAuthenticationError, TunnelFailedError
from alveary_plugins.tunnels.ssh.route import Hop

MOST_AGENT_KEYS = 5
"""Keys of an agent that are offered: servers close the door after a few that they do not know."""


def prove(transport: paramiko.Transport, hop: Hop, help: TunnelHelp) -> None:
    """Log in; raises TunnelAuthenticationError, which says what was tried."""
    try:
        transport.auth_none(hop.user)
        return
    except paramiko.BadAuthenticationType as exc:
        allowed = list(exc.allowed_types)
    except paramiko.SSHException as exc:
        raise _broken(hop, exc) from exc
    tried: list[str] = []
    locked: list[str] = []
    for kind, way, attempt in _ways(transport, hop, help, tried):
        if kind not in allowed:
            continue
        try:
            further = attempt()
        except paramiko.BadAuthenticationType as exc:
            allowed = list(exc.allowed_types)
            continue
        except paramiko.AuthenticationException:
            tried.append(way)
            if not transport.is_active():
                break
            continue
        except (paramiko.SSHException, EOFError, OSError) as exc:
            raise _broken(hop, exc) from exc
        if further is None:  # there was nothing to try
            locked.append(way)
            continue
        if not further:
            return
        allowed = further  # it was right, and something else is wanted as well
    ways = ", ".join(dict.fromkeys(tried)) or "nothing that it takes"
    unsaid = f"; nobody said the secret of {', '.join(dict.fromkeys(locked))}" if locked else ""
    hint = "check the user, the method and the key; `ssh-add -l` lists what the agent holds"
    if locked:
        hint = "where nobody can be asked, ALVEARY_SSH_PASSPHRASE and ALVEARY_SSH_PASSWORD hold such secrets"
    raise TunnelAuthenticationError(
        f"the SSH server {hop.display()} refuses us",
        detail=f"it takes {', '.join(allowed)}; tried: {ways}{unsaid}",
        hint=hint,
    )


_Attempt = Callable[[], "list[str] | None"]


def _ways(
    transport: paramiko.Transport, hop: Hop, help: TunnelHelp, tried: list[str]
) -> Iterator[tuple[str, str, _Attempt]]:
    """Yield the ways to try: what the server calls it, what a person does, and the attempt."""
    if hop.method == "agent":
        with contextlib.closing(paramiko.Agent()) as agent:
            for number, key in enumerate(_offered(agent, hop)):
                if number < MOST_AGENT_KEYS:
                    yield "publickey", "keys of the agent", _publickey(transport, hop, key)
    if hop.method != "password":
        for path in hop.keys:
            if hop.method == "key" or os.path.isfile(path):
                yield "publickey", f"the key {path}", lambda path=path: _key_file(transport, hop, path, help)  # type: ignore[misc]  # mypy can't infer a default
    yield "keyboard-interactive", "its questions", lambda: _questions(transport, hop, help)
    if hop.method != "key":
        yield "password", "a password", lambda: _password(transport, hop, help)


def _publickey(transport: paramiko.Transport, hop: Hop, key: paramiko.PKey) -> _Attempt:
    return lambda: list(transport.auth_publickey(hop.user, key))


def _offered(agent: paramiko.Agent, hop: Hop) -> Iterator[paramiko.PKey]:
    """Yield the keys of an agent that are offered: where files of keys are named, only those that the files hold."""
    wanted = [blob for path in hop.keys if (blob := _public(path)) is not None] if hop.only_keys else None
    for key in agent.get_keys():
        if wanted is None or key.asbytes() in wanted:
            yield key


def _public(path: str) -> bytes | None:
    """Return the public half of a key that lies beside its file."""
    with contextlib.suppress(OSError, ValueError, IndexError, paramiko.SSHException):
        from base64 import b64decode

        return b64decode(Path(path + ".pub").read_text().split()[1])
    return None


def _key_file(transport: paramiko.Transport, hop: Hop, path: str, help: TunnelHelp) -> list[str] | None:
    key = loaded(path, help)
    return None if key is None else list(transport.auth_publickey(hop.user, key))


def loaded(path: str, help: TunnelHelp) -> paramiko.PKey | None:
    """Return the key of a file, None if nobody gives its passphrase; raises TunnelFailedError for what is no key."""
    of = f"the key {path}"
    passphrase: str | None = None
    for _ in range(2):
        try:
            return paramiko.PKey.from_path(path, passphrase.encode() if passphrase is not None else None)
        except (paramiko.PasswordRequiredException, TypeError):
            pass
        except OSError as exc:
            raise TunnelFailedError(f"{of} can't be read: {exc.strerror or exc}") from exc
        except (paramiko.SSHException, ValueError) as exc:
            if passphrase is None:
                raise TunnelFailedError(f"{path} holds no key that can be used", detail=str(exc)) from exc
            help.refused("passphrase", of, passphrase)
            raise TunnelAuthenticationError(f"the passphrase does not open {of}") from exc
        except paramiko.pkey.UnknownKeyType as exc:
            raise TunnelFailedError(f"{of} is of a kind that can't be used", hint="use ed25519 or RSA") from exc
        if passphrase is not None or (passphrase := help.secret("passphrase", of)) is None:
            return None
    return None


def _password(transport: paramiko.Transport, hop: Hop, help: TunnelHelp) -> list[str] | None:
    if (password := help.secret(hop.password, hop.display())) is None:
        return None
    try:
        return list(transport.auth_password(hop.user, password, fallback=False))
    except paramiko.AuthenticationException:
        help.refused(hop.password, hop.display(), password)
        raise


def _questions(transport: paramiko.Transport, hop: Hop, help: TunnelHelp) -> list[str] | None:
    """Answer what the server asks: with the password if that is what it wants, else with what a person says."""
    given: list[str] = []

    def handler(title: str, instructions: str, prompts: list[tuple[str, bool]]) -> list[str]:
        answers = []
        for prompt, shown in prompts:
            is_password = not shown and "password" in prompt.lower()
            kind: TunnelSecret = hop.password if is_password else "answer"
            of = hop.display() if is_password else f"{hop.display()}: {prompt.strip().rstrip(':')}"
            answer = None if is_password and given else help.secret(kind, of)
            if answer is None:
                raise paramiko.AuthenticationException("nobody answers")
            if is_password:
                given.append(answer)
            answers.append(answer)
        return answers

    try:
        return list(transport.auth_interactive(hop.user, handler))
    except paramiko.AuthenticationException:
        for password in given:
            help.refused(hop.password, hop.display(), password)
        raise


def _broken(hop: Hop, exc: BaseException) -> TunnelFailedError:
    return TunnelFailedError(
        f"the SSH server {hop.display()} ended the connection while it was to let us in", detail=str(exc) or None
    )
