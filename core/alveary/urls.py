"""Targets as people write them: connection URLs, read by our own parser, which never repeats one in a message."""

from __future__ import annotations

import os
import re
from typing import cast, get_args
from urllib.parse import quote, unquote, urlencode

import msgspec

from alveary.contracts.specs import DriverSpec
from alveary.contracts.target import Target
from alveary.contracts.tunnel import TunnelMethod, TunnelTarget
from alveary.errors import InvalidInputError, MalformedUrlError, UnknownTargetError
from alveary.plugins import Registry

_URL = re.compile(
    r"""(?P<scheme>[a-z][a-z0-9+.-]*)://
        (?:(?P<user>[^:@/?\#]*)(?::(?P<password>[^@/?\#]*))?@)?
        (?P<host>\[[0-9A-Fa-f:.%]+\]|[^:@/?\#\[\]]*)
        (?::(?P<port>[0-9]*))?
        (?:/(?P<database>[^?\#]*))?
        (?:\?(?P<query>[^\#]*))?""",
    re.VERBOSE | re.IGNORECASE,
)
_TUNNEL = re.compile(
    r"(?P<kind>[a-z][a-z0-9.-]*)://(?:(?P<user>[^@:/]+)@)?(?P<host>\[[0-9A-Fa-f:.%]+\]|[^@:/\[\]]+)(?::(?P<port>[0-9]{1,5}))?/?"
)
_TUNNEL_HELP = "it reads tunnel=ssh://user@host:port, without a password, and tunnel_method, tunnel_key, tunnel_jump …"
_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_NAME = re.compile(r"[\w .-]{1,64}")
_HELP = "a URL reads scheme://user:password@host:port/database?option=value; write special characters as %XX"


def parse_target(text: str, drivers: Registry[DriverSpec], *, read_only: bool = False) -> tuple[Target, DriverSpec]:
    """Return the target a URL names and its driver; saved names are for :mod:`alveary.profile_store`.

    Raises UnknownTargetError for what is no URL, or a scheme no driver has, and MalformedUrlError for a URL that can't
    be read. Neither repeats what may hold a password.
    """
    target, spec = read_url(text, drivers)
    options = {option.name: option.default for option in spec.options if option.default is not None}
    return msgspec.structs.replace(target, options=options | target.options, read_only=read_only), spec


def read_url(text: str, drivers: Registry[DriverSpec]) -> tuple[Target, DriverSpec]:
    """Return the target a URL names with the options it says itself, and its driver; raises as ``parse_target``."""
    scheme, separator, _ = text.partition("://")
    if not separator:
        # Repeated only if it looks like a name: anything else may be a URL gone wrong, password and all.
        name = f" {text!r}" if _NAME.fullmatch(text) else ""
        raise UnknownTargetError(
            f"the target{name} is neither a URL nor a saved name",
            hint=_file_hint(text, drivers)
            or f"alveary connections list has the names; URLs are such as {' or '.join(_examples(drivers))}",
        )
    if (match := _URL.fullmatch(text)) is None:
        raise MalformedUrlError("the URL can't be read", hint=_HELP)
    spec = drivers.find(match["scheme"].lower())
    if spec is None:
        schemes = sorted(f"{scheme}://" for driver in drivers for scheme in driver.schemes)
        raise UnknownTargetError(
            f"no installed driver speaks {scheme}://", hint=f"there are {', '.join(schemes) or 'none'}"
        )
    port = match["port"]
    if port and not 0 < int(port[:6]) < 65536:
        raise MalformedUrlError("the URL's port is not a number from 1 to 65535", hint=_HELP)
    if spec.file_based and (match["host"] or match["user"] or port):
        raise MalformedUrlError(
            "the URL names a host, but this engine opens a file",
            hint=f"a relative path has three slashes, {spec.schemes[0]}:///data.db, an absolute one four",
        )
    if not spec.file_based and "@" in (match["database"] or ""):
        # More likely the end of a password with a slash in it than the name of a database.
        raise MalformedUrlError("the URL's database holds a bare @", hint=_HELP)
    tunnel, query = _tunnel(match["query"], spec)
    options = _options(query, spec)
    target = Target(
        scheme=spec.schemes[0],
        host=_decoded(match["host"].strip("[]")),
        port=int(port) if port else None,
        user=_decoded(match["user"]),
        password=_decoded(match["password"]),
        database=_decoded(match["database"]),
        options=options,
        tunnel=tunnel,
    )
    return target, spec


def _tunnel(query: str | None, spec: DriverSpec) -> tuple[TunnelTarget | None, str]:
    """Return the tunnel that a URL's query asks for, and the rest of the query."""
    said, rest = dict[str, str](), []
    for pair in filter(None, (query or "").split("&")):
        name, _, value = pair.partition("=")
        if name == "tunnel" or name.startswith("tunnel_"):
            said[name] = _decoded(value) or ""
        else:
            rest.append(pair)
    if not said:
        return None, query or ""
    if spec.file_based:
        raise InvalidInputError(f"tunnel: {spec.name} opens a file, which has none")
    match = _TUNNEL.fullmatch(said.pop("tunnel", ""))
    if match is None:
        # Not repeated: a password may stand in it.
        raise MalformedUrlError("the URL's tunnel can't be read", hint=_TUNNEL_HELP)
    port = int(match["port"] or 22)
    if not 0 < port < 65536:
        raise MalformedUrlError("the port of the URL's tunnel is not a number from 1 to 65535", hint=_TUNNEL_HELP)
    key = said.pop("tunnel_key", None)
    method = said.pop("tunnel_method", "key" if key else "agent")
    if method not in get_args(TunnelMethod):
        raise InvalidInputError(f"the URL's option tunnel_method is none of {', '.join(get_args(TunnelMethod))}")
    if method == "key" and not key:
        raise InvalidInputError("the URL's option tunnel_method=key needs tunnel_key, the path of a key file")
    options = {name.removeprefix("tunnel_"): value for name, value in said.items()}
    tunnel = TunnelTarget(
        kind=match["kind"],
        host=match["host"].strip("[]"),
        port=port,
        user=match["user"],
        method=cast(TunnelMethod, method),
        key=os.path.abspath(os.path.expanduser(key)) if key else None,
        options=tuple(sorted(options.items())),
    )
    return tunnel, "&".join(rest)


def url_of(target: Target, driver: DriverSpec, *, password: str | None = None) -> str:
    """Return the URL that leads to a target, with the options it does not have by default; no password but the given.

    What :func:`read_url` reads from it is the target again.
    """
    user = quote(target.user or "", safe="")
    secret = f":{quote(password, safe='')}" if password else ""
    at = "@" if user or secret else ""
    host = target.host or ""
    host = f"[{host}]" if ":" in host else quote(host, safe="")
    port = f":{target.port}" if target.port is not None else ""
    default = {option.name: option.default for option in driver.options}
    options = {name: value for name, value in target.options.items() if default.get(name) != value}
    if target.tunnel is not None:
        options |= tunnel_words(target.tunnel)
    query = f"?{urlencode(options, quote_via=quote)}" if options else ""
    return f"{target.scheme}://{user}{secret}{at}{host}{port}/{quote(target.database or '', safe='/:')}{query}"


def tunnel_words(tunnel: TunnelTarget) -> dict[str, str]:
    """Return how a URL says a tunnel: its names and values, which are to be quoted."""
    user = f"{tunnel.user}@" if tunnel.user else ""
    host = f"[{tunnel.host}]" if ":" in tunnel.host else tunnel.host
    port = f":{tunnel.port}" if tunnel.port != 22 else ""
    words = {"tunnel": f"{tunnel.kind}://{user}{host}{port}", "tunnel_method": tunnel.method}
    if tunnel.key:
        words["tunnel_key"] = tunnel.key
    return words | {f"tunnel_{name}": value for name, value in tunnel.options}


def _options(query: str | None, spec: DriverSpec) -> dict[str, str]:
    known = {option.name: option for option in spec.options}
    options = dict[str, str]()
    for pair in filter(None, (query or "").split("&")):
        name, _, value = pair.partition("=")
        name, value = _decoded(name) or "", _decoded(value) or ""
        if name not in known:
            # Not repeated: what was meant as another part of the URL may stand here.
            raise InvalidInputError(
                f"the URL has an option that {spec.name} does not know",
                hint=f"known options: {', '.join(known) or 'none'}",
            )
        chosen = known[name].chosen(value)
        if chosen is None:
            raise InvalidInputError(f"the URL's option {name} is none of {', '.join(known[name].choices)}")
        options[name] = chosen
    return options


def _decoded(part: str | None) -> str | None:
    if not part:
        return None
    if _PERCENT.search(part):
        raise MalformedUrlError("the URL has a % that is not followed by two hexadecimal digits", hint=_HELP)
    try:
        decoded = unquote(part, errors="strict")
    except UnicodeDecodeError:
        raise MalformedUrlError("the URL's %XX codes are not UTF-8", hint=_HELP) from None
    if "\0" in decoded:
        raise MalformedUrlError("the URL holds the character U+0000", hint=_HELP)
    return decoded


def _file_hint(text: str, drivers: Registry[DriverSpec]) -> str | None:
    schemes = [driver.schemes[0] for driver in drivers if driver.file_based]
    if not schemes or not _NAME.fullmatch(text) or not os.path.isfile(text):
        return None
    return f"to open the file write {schemes[0]}:///{quote(text)}"


def _examples(drivers: Registry[DriverSpec]) -> list[str]:
    return [
        f"{driver.schemes[0]}:///file.db" if driver.file_based else f"{driver.schemes[0]}://user@host/database"
        for driver in drivers
    ] or ["sqlite:///file.db"]
