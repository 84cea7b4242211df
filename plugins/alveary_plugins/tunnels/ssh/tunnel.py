"""The tunnel: one SSH connection for each server on the way, each verified under its own name, on paramiko."""

from __future__ import annotations

import contextlib
import logging
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paramiko  # type: ignore[import-untyped]  # paramiko has no annotations
from paramiko.common import (  # type: ignore[import-untyped]  # likewise
    OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED,
    OPEN_FAILED_CONNECT_FAILED,
    cMSG_GLOBAL_REQUEST,
)

from alveary.contracts.tunnel import HostKey, Stream, Tunnel, Tunneler, TunnelHelp, TunnelTarget
from alveary.errors import (
    HostKeyChangedError,
    HostKeyRevokedError,
    HostKeyUnknownError,
    QueryCancelledError,
    TunnelBusyError,
    TunnelFailedError,
)
from alveary_plugins.tunnels.ssh import known_hosts
from alveary_plugins.tunnels.ssh.known_hosts import Verdict
from alveary_plugins.tunnels.ssh.proving import prove
from alveary_plugins.tunnels.ssh.route import Hop, hops_of

MOST_BEFORE_LOGIN = 1 << 20
"""Bytes a server may send before it has let us in: a banner without an end must not fill the memory."""
#: What paramiko would still agree to, and nobody should.
DISABLED = {
    "ciphers": ["3des-cbc", "aes128-cbc", "aes192-cbc", "aes256-cbc"],
    "macs": ["hmac-sha1", "hmac-md5", "hmac-sha1-96", "hmac-md5-96"],
}
_KEEP_ALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 30_000}
_RSA = ("rsa-sha2-512", "rsa-sha2-256")
_TICK = 0.05


class SshTunneler(Tunneler):
    """Opens tunnels with paramiko."""

    def open(self, target: TunnelTarget, help: TunnelHelp, lost: Callable[[str], None], *, timeout: float) -> Tunnel:
        tunnel = SshTunnel(lost)
        try:
            for hop in hops_of(target):
                if help.stopped.is_set():
                    raise QueryCancelledError("connecting was cancelled")
                tunnel.go(hop, _files(target, help), help, timeout)
        except BaseException:
            tunnel.close()
            raise
        return tunnel


class SshTunnel(Tunnel):
    """The connections to all servers on the way, each through the one before."""

    def __init__(self, lost: Callable[[str], None]) -> None:
        self._lost = lost
        self._links: list[tuple[Hop, _Link]] = []
        self._closed = threading.Event()

    @property
    def route(self) -> str:
        return ", ".join(hop.display() for hop, _ in self._links)

    def go(self, hop: Hop, files: list[Path], help: TunnelHelp, timeout: float) -> None:
        """Go one server further; raises an error that names it."""
        deadline = time.monotonic() + timeout
        if self._links:
            sock: Any = self._channel(hop.host, hop.port, timeout)
        elif hop.proxy_command:
            sock = _program(hop)
        else:
            sock = _socket(hop, timeout)
        link = _Link(_Counted(sock), self._ended)
        self._links.append((hop, link))
        known = _about(files, hop)
        link.prefer([entry.kind for entry in known if not entry.revoked])
        try:
            link.start_client(timeout=max(deadline - time.monotonic(), 1.0))
            key = link.get_remote_server_key()  # raises if the time was over, which the line before does not
        except (paramiko.SSHException, OSError, EOFError) as exc:
            raise _no_handshake(hop, exc, link, timeout) from exc
        _verify(hop, key, known, files, help)
        link.auth_timeout = link.banner_timeout = timeout
        prove(link, hop, help)
        link.let_in()

    def connect(self, host: str, port: int, *, timeout: float) -> Stream:
        channel: Stream = self._channel(host, port, timeout)
        return channel

    def check(self, timeout: float) -> None:
        for hop, link in self._links:
            if not link.answers(timeout):
                raise TunnelFailedError(f"the SSH server {hop.display()} has not answered for {timeout:g} seconds")

    def close(self) -> None:
        self._closed.set()
        for _, link in self._links:  # the first one first: so none waits for another one behind a dead peer
            with contextlib.suppress(Exception):
                link.close()

    def _channel(self, host: str, port: int, timeout: float) -> paramiko.Channel:
        """Connect from the last server to a place."""
        hop, link = self._links[-1]
        place = f"{host}:{port}"
        try:
            return link.open_channel("direct-tcpip", (host, port), ("127.0.0.1", 0), timeout=timeout)
        except paramiko.ChannelException as exc:
            why = {
                OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED: "does not allow forwarding to",
                OPEN_FAILED_CONNECT_FAILED: "could not connect to",
            }.get(exc.code, "refuses a connection to")
            raise TunnelFailedError(
                f"the SSH server {hop.display()} let us in, but {why} {place}",
                hint="check the host and port as that server knows them, and what its administrator allows",
            ) from exc
        except (paramiko.SSHException, OSError, EOFError) as exc:
            raise TunnelFailedError(
                f"the SSH server {hop.display()} did not open a connection to {place} within {timeout:g} seconds"
                if link.is_active()
                else f"the connection to the SSH server {hop.display()} is lost"
            ) from exc

    def _ended(self) -> None:
        """One of the links has ended; the first one that has is why."""
        if self._links[0][1].is_active() and self._closed.wait(_TICK):  # it may be about to say the same
            return
        for hop, link in self._links:
            if not link.is_active() and not self._closed.is_set():
                reason = link.get_exception()
                said = f": {reason}" if reason is not None and str(reason) else ""
                self._lost(f"the SSH server {hop.display()} ended the connection{said}")
                return


class _Link(paramiko.Transport):  # type: ignore[misc]  # likewise
    """One SSH connection."""

    def __init__(self, sock: _Counted, ended: Callable[[], None]) -> None:
        super().__init__(sock, disabled_algorithms=DISABLED)
        self.set_log_channel("alveary.ssh")
        self.daemon = True
        self._counted = sock
        self._ended = ended
        self._is_in = False

    def run(self) -> None:
        super().run()
        if self._is_in:
            self._ended()

    def _log(self, level: int, msg: Any, *args: object) -> None:
        super()._log(logging.DEBUG, msg, *args)  # what goes wrong is told by us, without tracebacks

    def let_in(self) -> None:
        """The server has let us in: it may send as much as it likes, and its end is news."""
        self._counted.unlimited = True
        self._is_in = True

    def prefer(self, kinds: list[str]) -> None:
        """Ask first for the kinds of keys by which the server is known."""
        options = self.get_security_options()
        wanted = [each for kind in kinds for each in (_RSA if kind == "ssh-rsa" else (kind,))]
        offered = [kind for kind in wanted if kind in options.key_types]
        options.key_types = (*dict.fromkeys(offered), *(kind for kind in options.key_types if kind not in offered))

    def answers(self, timeout: float) -> bool:
        """Return whether the server answers a question of no meaning; paramiko's own waits for ever."""
        answered = self.completion_event = threading.Event()
        message = paramiko.Message()
        message.add_byte(cMSG_GLOBAL_REQUEST)
        message.add_string("keepalive@openssh.com")
        message.add_boolean(True)
        self._send_user_message(message)
        return answered.wait(timeout) and self.is_active()


class _Counted:
    """A socket that ends when too much has come through it before it is unlimited."""

    def __init__(self, sock: Any) -> None:
        self._sock = sock
        self._left = MOST_BEFORE_LOGIN
        self.unlimited = False

    def recv(self, size: int) -> bytes:
        data: bytes = self._sock.recv(size)
        if not self.unlimited:
            self._left -= len(data)
            if self._left < 0:
                raise OSError(0, f"it sent more than {MOST_BEFORE_LOGIN:,} bytes before it let us in")
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


def _socket(hop: Hop, timeout: float) -> socket.socket:
    try:
        sock = socket.create_connection((hop.host, hop.port), timeout)
    except TimeoutError as exc:
        raise TunnelFailedError(
            f"the SSH server {hop.host}:{hop.port} did not answer within {timeout:g} seconds"
        ) from exc
    except OSError as exc:
        raise TunnelFailedError(
            f"can't connect to the SSH server {hop.host}:{hop.port}: {exc.strerror or exc}",
            hint="check its name and port, and that it is running",
        ) from exc
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEP_ALIVE.items():
        if hasattr(socket, name):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    return sock


def _program(hop: Hop) -> socket.socket:
    """Start a ProxyCommand, which speaks to the server in our place; it ends with the socket."""
    ours, its = socket.socketpair()
    try:
        with its:
            started = subprocess.Popen(
                list(hop.proxy_command), stdin=its.fileno(), stdout=its.fileno(), start_new_session=True
            )
    except OSError as exc:
        ours.close()
        raise TunnelFailedError(f"the ProxyCommand of {hop.host} can't be started: {exc.strerror}") from exc
    threading.Thread(target=started.wait, name="alveary-proxy-command", daemon=True).start()
    return ours


def _no_handshake(hop: Hop, exc: BaseException, link: _Link, timeout: float) -> TunnelFailedError:
    said = str(link.get_exception() or exc)
    place = f"the SSH server {hop.host}:{hop.port}"
    if isinstance(exc, paramiko.SSHException) and ("Timeout" in said or "No existing session" in said):
        return TunnelFailedError(f"{place} did not finish the handshake within {timeout:g} seconds")
    if "banner" in said:
        return TunnelBusyError(
            f"{place} is no SSH server, or takes no more connections now", detail=said, hint="check the host and port"
        )
    return TunnelFailedError(
        f"{place} and we find no common language" if "Incompatible" in said else f"the handshake with {place} failed",
        detail=said,
    )


# -- who answers -----------------------------------------------------------------------------------------------------


def _files(target: TunnelTarget, help: TunnelHelp) -> list[Path]:
    """Return the files of known keys: our own, which is written, and the person's, which never is."""
    theirs = dict(target.options).get("known_hosts", "~/.ssh/known_hosts")
    own = help.folder / "known_hosts"
    return [own] if theirs in ("", "none") else [own, Path(theirs).expanduser()]


def _about(files: list[Path], hop: Hop) -> list[known_hosts.Entry]:
    try:
        return known_hosts.about(known_hosts.read(files), known_hosts.host_name(hop.host, hop.port))
    except OSError as exc:
        raise TunnelFailedError(f"the known keys can't be read: {exc.filename}: {exc.strerror}") from exc


def _verify(
    hop: Hop, shown: paramiko.PKey, known: list[known_hosts.Entry], files: list[Path], help: TunnelHelp
) -> None:
    """Raise unless the key a server shows is known, or a person accepts it now."""
    blob = shown.asbytes()
    key = HostKey(host=hop.host, port=hop.port, kind=shown.get_name(), fingerprint=known_hosts.fingerprint(blob))
    verdict, entry = known_hosts.verdict(known, blob)
    place = f"the SSH server {hop.host}:{hop.port}"
    if verdict is Verdict.REVOKED and entry is not None:
        raise HostKeyRevokedError(
            f"{place} shows a key that was revoked", detail=f"{key.kind} {key.fingerprint}, by {entry.where}"
        )
    if verdict is Verdict.CHANGED and entry is not None:
        raise HostKeyChangedError(
            f"{place} shows another key than before: somebody may be listening in",
            detail=f"{key.kind} {key.fingerprint}, but {entry.where} has {known_hosts.fingerprint(entry.key)}",
            hint="ask whoever runs the server; if the change is right, take the line out of the file",
        )
    if verdict is Verdict.KNOWN:
        return
    if not help.accepts(key):
        raise HostKeyUnknownError(
            f"{place} is not known: its {key.kind} key has the fingerprint {key.fingerprint}",
            hint=f"compare it with what whoever runs the server says, then: --ssh-accept-fingerprint {key.fingerprint}",
        )
    try:
        known_hosts.remember(files[0], known_hosts.host_name(hop.host, hop.port), key.kind, blob)
    except OSError as exc:
        raise TunnelFailedError(f"the key can't be kept: {exc.filename}: {exc.strerror}") from exc
