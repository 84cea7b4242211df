"""What commands share that may have to be confirmed: how a script confirms, and when fewer guards are wanted."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from alveary.commands import Context
from alveary.contracts.target import Confirm, Environment
from alveary.policy import Confirmation, Consent, lowered, strictest

ConfirmedName = Annotated[
    str | None, Meta(description="Name of the connection, to confirm what must be confirmed there.")
]
Yes = Annotated[bool, Meta(description="Confirm what needs no more than a yes.")]


class Confirming(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a script confirms what a person would be asked."""

    confirm: ConfirmedName = None
    yes: Yes = False

    def consent(self) -> Consent:
        """Return what was confirmed beforehand."""
        return Consent(yes=self.yes, name=self.confirm)


def confirm_lowering(
    context: Context,
    parameters: Confirming,
    name: str,
    environment: Environment | None,
    old: Confirm,
    new: Confirm,
    *,
    writable: bool = False,
) -> None:
    """Have a person confirm that less must be confirmed from now on, as strictly as what is given up.

    ``writable`` says that a connection is no longer read-only, which counts where anything had to be confirmed.
    Raises what :meth:`~alveary.policy.Policy.confirm` raises; nothing is changed then.
    """
    before, after = msgspec.structs.asdict(old), msgspec.structs.asdict(new)
    milder = [f"{level} from {before[level]} to {after[level] or 'never'}" for level in lowered(old, new)]
    if (strict := strictest(old)) == "never" or not (milder or writable):
        return
    what = "lowering what must be confirmed (" + ", ".join(milder) + ")" if milder else "allowing writes"
    confirmation = Confirmation(what=what, name=name, typed=strict == "name", environment=environment)
    context.kernel.policy.confirm(confirmation, parameters.consent(), context.stopped())


def confirm_source(
    context: Context, parameters: Confirming, password_from: str, name: str, environment: Environment | None
) -> None:
    """Have a person confirm what a source of a password does, if it does more than look something up."""
    source, argument = context.kernel.secrets.source(password_from)
    if (what := source.confirmation(argument)) is not None:
        confirmation = Confirmation(what=what, name=name, typed=False, environment=environment)
        context.kernel.policy.confirm(confirmation, parameters.consent(), context.stopped())
