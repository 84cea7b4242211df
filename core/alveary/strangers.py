"""Code of strangers: a guard around the moments a plugin's code is imported or called."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from alveary.errors import InternalError, described


@contextlib.contextmanager
def guarded(what: str, *, passing: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """Turn whatever the code inside raises, ``sys.exit`` included, into an InternalError that begins with ``what``.

    Exceptions of the types ``passing`` go through, and so does Ctrl-C.
    """
    try:
        yield
    except passing:
        raise
    except KeyboardInterrupt:
        raise
    except BaseException as exc:
        raise InternalError(f"{what}: {described(exc)}") from exc
