"""The SSH tunnel: declared here, opened with paramiko, which nothing imports before a tunnel is wanted."""

from __future__ import annotations

from alveary.contracts.specs import TunnelOption, TunnelSpec
from alveary.hookspecs import hookimpl

OPTIONS = (
    TunnelOption(
        name="jump",
        kind="text",
        default="",
        description="servers to go through on the way, the first one first: ann@gate.example:2222,inner",
    ),
    TunnelOption(
        name="config",
        kind="text",
        default="~/.ssh/config",
        description="file from which Host, HostName, Port, User, IdentityFile and ProxyJump are taken; none for none",
    ),
    TunnelOption(
        name="known_hosts",
        kind="text",
        default="~/.ssh/known_hosts",
        description="file of keys that are trusted, read beside Alveary's own; none for none",
    ),
    TunnelOption(
        name="proxy_command",
        kind="bool",
        default=False,
        description="run the ProxyCommand that the config file has for the server: a program, as you",
    ),
)


@hookimpl
def alveary_tunnels() -> list[TunnelSpec]:
    """Declare the SSH tunnel."""
    return [
        TunnelSpec(
            id="ssh",
            name="SSH",
            factory="alveary_plugins.tunnels.ssh.tunnel:SshTunneler",
            options=OPTIONS,
            package="paramiko",
            extra="ssh",
        )
    ]
