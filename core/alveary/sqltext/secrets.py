"""Secrets in SQL text: where passwords and keys stand in a statement, in a comment, or in a text within a text.

Statements are read by their tokens, so that a quote in a comment or a password in a dollar quote is what it is to the
server. Prose (a comment, a message, the content of a literal) is looked through for ``name = value`` and URLs as well.
In doubt something counts as a secret: what is blotted needlessly can be typed again, what leaked can't be called back.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from functools import cache
from typing import TypeAlias

from alveary.sqltext.dialects import ANSI, MYSQL, POSTGRES, SQLITE, BackslashEscapes, Dialect
from alveary.sqltext.lexer import Scan, Token, TokenKind, lexer_of

Span: TypeAlias = tuple[int, int]
"""``text[start:end]``, the secret without its quotes."""

DEEPEST = 6
"""Texts within texts that are followed; what lies deeper is read as prose."""
LONG = 100_000
"""Characters from which on a text is read once, and followed one text deep, so that none takes minutes."""

_LONGEST_NAME = 128
"""Characters of a name; a longer word is none."""

#: One of these stands in every text that holds a secret; the second row is so common that a closer look follows.
_SURE = ("pass", "pwd", "secret", "credential", "crypt", "token", "identified", "private key")
_COMMON = ("key", "pw", "://", "grant", "change ", "user", "role", "login", "server", "group")
_CLOSER = r"""(?:[a-z]|_)key\b|api.?key|\bkey\s*["'=]|pragma.{0,99}key|(?<![a-z])pw(?![a-z])|://|
(?:create|alter)\s(?:.{0,60}\s)?(?:user|role|login|group|server)\b|\bgrant\s|\bchange\s+(?:master|repl)"""

_CORE = r"""passw(?:or)?d|passwort|passphrase|passcode|(?<![^\W_])pass|pwd|(?<![^\W_])pw|secret|credentials?|api_?key|
(?:access|secret|private|encryption|account|master|auth|shared|signing|client|storage)_?key|connection_?string|
(?:access|auth|session|refresh|api|bearer|security|sas|oauth|jwt|id)_?token"""
_ENDING = r"(?:s|_?(?:hash|digest|old|new|id|\d{1,3}))?"
_FUNCTION = r"(?:old_)?password|crypt|(?:pgp|aes|des)_\w*crypt\w*|(?:en|de)crypt\w*"
_QUOTED = r"""'[^'\\]*(?:(?:''|\\.)[^'\\]*)*'?|"[^"\\]*(?:(?:""|\\.)[^"\\]*)*"?|`[^`]*`?|\{[^}]*\}?|
\\+(?P<mark>["']).*?(?:\\+(?P=mark)|\Z)|\$(?P<tag>\w*)\$(?:.*?\$(?P=tag)\$|.*)"""

_PLUGIN = r"[\w.]*(?:auth|native|sha|ed25519|ldap|pam|gss|socket|pipe|password|parsec|fido|webauthn|kerber|clear)\w*"

_OBJECTS = {"user", "role", "login", "group", "secret", "credential", "server", "mapping"}
"""What ``CREATE`` and ``ALTER`` make whose every text is a secret, unless it is known to be none."""
_MODIFIERS = {"or", "replace", "temp", "temporary", "persistent", "external", "foreign", "local", "if", "not", "exists"}
_HARMLESS = r"""|@|user|role|exists|for|to|from|with|via|until|comment|attribute|subject|issuer|cipher|type|provider|
version|region|endpoint|scope|chain|url_style|sslmode|application_name|wrapper|dialect|sid|default_\w+|
(?:\w+_)?(?:host|hostaddr|user|username|name|dbname|database|db|schema|port|address|socket|owner|file|path|dir|service|
ca|capath|cert|cipher|pos|delay|period|version)"""
_JOINING = {"like", "ilike", "in", "binary", "n", "password", "old_password"}
"""Words that may stand between the name of a secret and the secret."""
_GOVERNING = {"to", "by", "as", "with", "via", "using", "or", "and", "for", "random", "values", "is", "replace"}
"""The same in statements about accounts, in ``SET`` and after ``IDENTIFIED``."""
_NO_SECRET = _JOINING | _GOVERNING | {
    "expire", "never", "default", "history", "reuse", "require", "current", "optional", "null", "disable", "enable",
    "interval", "lock", "unlock", "retain", "discard", "identified", "externally", "globally", "encrypted", "login",
    "unencrypted", "nologin", "valid", "account", "comment", "attribute", "superuser", "createdb", "createrole",
    "inherit", "failed_login_attempts", "password_lock_time", "options", "option", "policy", "must_change", "hashed",
    "on",
}  # fmt: skip
_BEFORE_VALUE = ("=", "(", "|", "+", "to", "by", "as")
_KEYS = {"key", "rekey", "hexkey", "hexrekey", "textkey", "textrekey"}


def may_hold_secret(text: str) -> bool:
    """Return whether a closer look is worth while: microseconds for an ordinary statement."""
    lower = text.lower()
    return any(word in lower for word in _SURE) or (
        any(word in lower for word in _COMMON) and _expression(_CLOSER).search(lower) is not None
    )


def secrets_in_statement(sql: str, dialect: Dialect | None = None) -> list[Span]:
    """Return where the secrets of a statement stand, merged and in order.

    Without a dialect, or where a quote is left open, it is read in every dialect and as prose: what is a secret in any
    of them is one.
    """
    if not may_hold_secret(sql):
        return []
    reader = _Reader(sql, dialect or ANSI, 0)
    found = [*reader.spans(), *_in_urls(sql, "'\"`")]  # what is within a literal the reader finds
    if dialect is None or reader.is_open:
        for other in (ANSI, SQLITE, POSTGRES, MYSQL) if len(sql) < LONG else ():
            found += _Reader(sql, other, 0).spans()
        found += _in_prose(sql)
    return merged(found)


def secrets_in_text(text: str) -> list[Span]:
    """Return where the secrets of prose stand (a message, a log line), merged and in order."""
    return merged([*_in_prose(text), *_in_urls(text)]) if may_hold_secret(text) else []


def merged(spans: Iterable[Span]) -> list[Span]:
    """Return spans in order, those that touch or overlap as one, empty ones left out."""
    result: list[Span] = []
    for start, end in sorted(spans):
        if result and start <= result[-1][1]:
            result[-1] = result[-1][0], max(end, result[-1][1])
        elif start < end:
            result.append((start, end))
    return result


class _Reader:
    """One pass over the tokens of a text."""

    def __init__(self, text: str, dialect: Dialect, depth: int) -> None:
        self.is_open = False
        """Whether the text ends within a literal."""
        self._text = text
        self._dialect = dialect
        self._depth = depth
        self._level = 0  # of parentheses
        self._begin_statement()

    def _begin_statement(self) -> None:
        self._head = ""
        self._about_accounts = self._identified = False
        self._object = ""
        self._awaits: int | None = None  # a secret, since this level of parentheses
        self._names_account = False  # within PASSWORD FOR account
        self._is_pair = False  # after ('password', of ('password', 'x')
        self._governor = ""  # the word that says what the next literal is
        self._previous = ""

    def spans(self) -> Iterator[Span]:
        scan = Scan(self._text, lexer_of(self._dialect), blanks=False)
        taken = 0
        for token in scan:
            start, end, kind = token
            if start < taken:  # within a bare word that was a secret
                if end > taken:
                    yield taken, end
                continue
            if kind is TokenKind.COMMENT:
                yield from self._within(start, start + 1, end)
            elif kind in (TokenKind.STRING, TokenKind.QUOTED_IDENTIFIER):
                self.is_open = scan.state.opener != ""
                yield from self._literal(token)
            elif kind is TokenKind.OPERATOR:
                self._operator(self._text[start:end])
            elif kind is TokenKind.PARAMETER:
                self._disarm()
            elif self._is_bare_secret(token):
                taken = _word_end(self._text, start)
                yield start, taken
                self._disarm()
            elif kind is TokenKind.WORD:
                self._word(self._text[start:end].lower(), end)
        self.is_open = self.is_open or scan.state.opener != ""

    # -- one kind of token each --------------------------------------------------------------------------------

    def _literal(self, token: Token) -> Iterator[Span]:
        first, last = _content(self._text, token, is_open=self.is_open)
        content = self._text[first:last]
        quoted_name = token.kind is TokenKind.QUOTED_IDENTIFIER
        if self._names_account or (quoted_name and self._text.startswith(".", token.end)):
            secret = False
        elif self._awaits is not None:
            alias = quoted_name and not self._about_accounts and self._previous not in ("=", "(", "|", "by")
            plugin = self._previous in ("with", "via") and _expression(_PLUGIN).fullmatch(content) is not None
            secret = not (alias or plugin)
        else:
            secret = self._about_accounts and not (
                quoted_name or _expression(_HARMLESS).fullmatch(self._governor) is not None
            )
        if secret:
            yield first, last
        else:
            yield from self._within(token.start, first, last)
            if is_secret_name(content.lower().rpartition(".")[2]):
                self._awaits = self._level if self._awaits is None else self._awaits
                self._is_pair = self._level > 0 and not quoted_name
            elif not self._names_account:
                self._disarm()
        self._governor, self._previous = "", "'"

    def _operator(self, text: str) -> None:
        if text == ";":
            self._begin_statement()
            return
        if text == "(":
            self._level += 1
        elif text == ")":
            self._level -= 1
            if self._awaits is not None and self._level <= self._awaits:
                self._disarm()
        elif text == "=":
            self._names_account = False
        elif text == ",":
            self._governor = ""
            if self._is_pair:
                self._is_pair = False
                return
        elif text == "@":
            self._governor = "@"
        if text not in ("=", ":", "::", ":=", "<", ">", "!", "|", "+", "(", "~") and not self._names_account:
            self._disarm()
        self._previous = text

    def _word(self, word: str, end: int) -> None:
        if self._begins(word):
            self._governor = self._previous = word
            return
        awaits = self._awaits is not None
        if awaits and word == "for" and is_secret_name(self._previous):
            self._names_account = True
        elif awaits and word == "to":
            self._names_account = False
        self._identified = self._identified or word == "identified"
        if word == "identified" or is_secret_name(word) or _expression(_FUNCTION).fullmatch(word):
            if not awaits:  # within the parentheses of PASSWORD(…) everything is a secret, up to their end
                self._awaits = self._level
        elif self._head in ("pragma", "attach") and word in _KEYS:
            self._awaits = self._level
        elif self._head == "alter" and word == "set" and self._about_accounts:
            self._about_accounts = False  # of a role: settings, whose values are none unless they are named so
        elif not (
            self._names_account
            or word in _JOINING
            or (word in _GOVERNING and self._is_wide())
            or self._is_plugin()
            or (self._previous in _BEFORE_VALUE and _expression(r"\s*\(").match(self._text, end))
        ):
            self._disarm()
        self._governor = self._previous = word

    def _begins(self, word: str) -> bool:
        """Return whether a word says what the statement is about; ``CREATE SECRET`` is followed by a name."""
        if self._head in ("", "begin"):
            self._head = word
            self._about_accounts = word in ("grant", "change")
            return False
        if self._object or self._head not in ("create", "alter") or word in _MODIFIERS:
            return False
        self._object = word
        self._about_accounts = word in _OBJECTS
        return self._about_accounts

    def _is_wide(self) -> bool:
        return self._about_accounts or self._identified or self._head in ("set", "alter")

    def _is_plugin(self) -> bool:
        return self._previous in ("with", "via", "or") and self._awaits is not None and self._is_wide()

    def _is_bare_secret(self, token: Token) -> bool:
        """A number, or a secret that somebody forgot to quote: such a statement fails, but it is written down."""
        if self._awaits is None or self._names_account:
            return False
        if token.kind is TokenKind.NUMBER:
            return True
        word = self._text[token.start : token.end].lower()
        if self._head == "pragma":
            return self._previous == "="
        direct = self._previous == "by" or (is_secret_name(self._previous) and self._about_accounts)
        return (
            direct and word not in _NO_SECRET and not self._text.startswith("(", token.end) and not is_secret_name(word)
        )

    # -- texts within ------------------------------------------------------------------------------------------

    def _within(self, opening: int, first: int, last: int) -> Iterator[Span]:
        content = self._text[first:last]
        if not may_hold_secret(content):
            return
        decoded, raw = _decoded(content, self._text[opening:first], self._dialect)
        found = [*_in_prose(decoded), *_in_urls(decoded)]
        if self._depth < (DEEPEST if len(content) < LONG else 1):
            found += _Reader(decoded, self._dialect, self._depth + 1).spans()
        for start, end in found:
            yield first + raw(start), first + raw(end)

    def _disarm(self) -> None:
        if self._awaits is not None and self._level <= self._awaits:
            self._awaits, self._names_account = None, False


def _content(text: str, token: Token, *, is_open: bool) -> Span:
    """Return where the content of a literal stands, without prefix and quotes."""
    opener = _expression(r"(?:[bnxe]|u&)?(?P<quote>['\"`\[]|\$[^$]*\$)").match(text, token.start)
    assert opener is not None, "a literal begins with its quote"
    closer = "]" if opener["quote"] == "[" else opener["quote"]
    last = token.end if is_open else token.end - len(closer)
    return opener.end(), max(last, opener.end())


class _Positions:
    """Where a character of a decoded text stands in the raw one."""

    def __init__(self) -> None:
        self._decoded, self._raw = [0], [0]

    def add(self, decoded: int, raw: int) -> None:
        """Note that from ``decoded`` on the text continues at ``raw``."""
        self._decoded.append(decoded)
        self._raw.append(raw)

    def __call__(self, position: int) -> int:
        index = bisect_right(self._decoded, position) - 1
        return self._raw[index] + position - self._decoded[index]


def _decoded(content: str, opening: str, dialect: Dialect) -> tuple[str, _Positions]:
    """Return the content of a literal without its escapes, and how to find a place of it in the raw content."""
    positions = _Positions()
    quote = opening[-1:]
    if quote not in "'\"`":
        return content, positions
    backslash = dialect.backslash_escapes is BackslashEscapes.ALWAYS or opening[:1] in "eE"
    escapes = _expression(re.escape(quote * 2) + (r"|\\." if backslash and quote != "`" else ""))
    parts, done, length = [], 0, 0
    for match in escapes.finditer(content):
        # The character itself stands where its escape does: a secret that ends there ends behind the whole.
        parts += [content[done : match.start()], match[0][1]]
        length += match.start() - done
        positions.add(length, match.start())
        length += 1
        positions.add(length, match.end())
        done = match.end()
    return ("".join([*parts, content[done:]]) if parts else content), positions


def _in_prose(text: str) -> Iterator[Span]:
    for match in _expression(r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY-----(.*?)(?:-----END|\Z)").finditer(text):
        yield match.span(1)
    for match in _assigned().finditer(text):
        start, end = match.span("bare" if match["bare"] is not None else "quoted")
        if match["bare"] is None:
            opener = _expression(r"\\*['\"`]|\{|\$\w*\$").match(text, start)
            assert opener is not None, "it begins with a quote"
            closer = {"{": "}"}.get(opener[0], opener[0])
            start = opener.end()
            if end - len(closer) >= start and text.endswith(closer, start, end):
                end -= len(closer)
        yield start, end


def _in_urls(text: str, stops: str = "") -> Iterator[Span]:
    """Yield the passwords of URLs: up to the last @, for people forget to encode theirs. ``stops`` end a URL, too."""
    position, run_end = 0, 0
    edge = _expression(rf"[\s{stops}]")
    while (position := text.find("://", position)) >= 0:
        position += 3
        if position > run_end:
            ends = edge.search(text, position)
            run_end = ends.start() if ends else len(text)
        if (at := text.rfind("@", position, run_end)) < 0:
            position = run_end
            continue
        colon = _expression(r"[^/\s:]*:(?!\d{1,5}(?:[/?#,]|\Z))").match(text, position, at + 1)
        if colon is not None and colon.end() <= at:
            yield colon.end(), at
            position = at


def _word_end(text: str, start: int) -> int:
    match = _expression(r"[^\s;,)]*").match(text, start)
    assert match is not None, "it may be empty"
    return max(match.end(), start + 1)


def is_secret_name(word: str) -> bool:
    """Return whether a word names a secret, as in ``password = 'x'``."""
    return len(word) <= _LONGEST_NAME and _expression(rf"\w*?(?:{_CORE}){_ENDING}").fullmatch(word) is not None


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern.replace("\n", ""), re.IGNORECASE | re.DOTALL)


@cache
def _assigned() -> re.Pattern[str]:
    """Compile what a secret looks like in prose: ``password = x``, ``"password": "x"``, ``PASSWORD 'x'``."""
    name = rf"(?:{_CORE}){_ENDING}(?:\\*[\"'`\]])?\s*+"
    by = r"identified\s++(?:(?:with|via)\s++\S++\s++)?(?:by|as|using)\s++(?:password\s*+)?\(?"
    return _expression(
        rf"(?:{name}(?:(?:=>|:=|==?|:|\(|\bto\b)\s*+)?\(?|{by})(?:[nebx]|u&)?(?P<quoted>{_QUOTED})"
        rf"|{name}=\s*+(?!%[sILq](?:\s|\Z))(?P<bare>[^\s\"'`{{]\S*+)"
    )
