"""The tunnel of the person's own ssh program, with their whole configuration; declared here, started when wanted."""

from __future__ import annotations

from alveary.contracts.specs import TunnelOption, TunnelSpec
from alveary.hookspecs import hookimpl

OPTIONS = (
    TunnelOption(
        name="jump",
        kind="text",
        default="",
        description="servers to go through on the way, the first one first, as ssh -J takes them",
    ),
    TunnelOption(
        name="config",
        kind="text",
        default="",
        description="file to read instead of ~/.ssh/config, as ssh -F takes it",
    ),
)


@hookimpl
def alveary_tunnels() -> list[TunnelSpec]:
    """Declare the tunnel of the ssh program."""
    return [
        TunnelSpec(
            id="openssh",
            name="OpenSSH",
            factory="alveary_plugins.tunnels.openssh.tunnel:OpenSshTunneler",
            options=OPTIONS,
        )
    ]
