"""Where passwords come from that somebody else keeps: the environment, ``~/.pgpass``, a command."""

from alveary import VaultSpec, hookimpl

_HERE = "alveary_plugins.vaults.sources"


@hookimpl
def alveary_vaults() -> list[VaultSpec]:
    """Declare them; nothing is looked at."""
    return [
        VaultSpec(
            id="env",
            name="the environment",
            factory=f"{_HERE}.environment:EnvironmentSource",
            reads=True,
            argument="VARIABLE",
        ),
        VaultSpec(
            id="pgpass",
            name="the password file",
            factory=f"{_HERE}.pgpass:PgpassSource",
            reads=True,
            argument="[FILE]",
        ),
        VaultSpec(
            id="command",
            name="the command",
            factory=f"{_HERE}.command:CommandSource",
            reads=True,
            argument="PROGRAM ARGUMENTS…",
        ),
    ]
