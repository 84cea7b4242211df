"""One request as it was read: what every room that looks for suggestions is handed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from alveary.contracts.completion import CatalogView, CompletionRequest
from alveary.sqltext import Dialect
from alveary_plugins.completion.grammar import Expected
from alveary_plugins.completion.names import written
from alveary_plugins.completion.scope import Scope
from alveary_plugins.completion.suggesting.candidates import Candidates
from alveary_plugins.completion.tree import Place
from alveary_plugins.completion.words import Writing


@dataclass(frozen=True, slots=True)
class Asked:
    """Where the caret is, what could stand there, what is known, and what was found so far."""

    request: CompletionRequest
    writing: Writing
    place: Place
    what: Expected
    scope: Scope
    found: Candidates

    @property
    def dialect(self) -> Dialect:
        """Whose SQL it is."""
        return self.request.dialect

    @property
    def catalog(self) -> CatalogView:
        """What is known of the database."""
        return self.request.catalog

    @property
    def system(self) -> Collection[str]:
        """The schemas that the server keeps for itself."""
        return self.request.catalog.system_schemas

    def write(self, name: str) -> str:
        """Return a name as SQL."""
        return written(name, self.dialect)
