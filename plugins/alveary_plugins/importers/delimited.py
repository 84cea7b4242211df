"""CSV and TSV: delimiter, quote, encoding and header found out; NULL told from empty text by PostgreSQL's rule."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from alveary.contracts.importer import Chunk, Fault, FileColumn, Importer, Passage
from alveary.contracts.setting import Value
from alveary.contracts.types import Delimited
from alveary.contracts.values import Row
from alveary.errors import FileUnreadableError, InvalidInputError
from alveary.transfer.inference import kind_of
from alveary_plugins.importers.text_files import blocks, find_encoding

_CANDIDATES = (",", ";", "\t", "|")
_SAMPLE_ROWS = 1000
_LONGEST = 1 << 28
"""Characters of one record; more than that is a quote that is never closed."""
_SHOWN = 200


class DelimitedImporter(Importer):
    """Reads CSV. A quote counts only at the beginning of a field; a doubled one within is the character itself."""

    def __init__(
        self,
        path: str,
        *,
        delimiter: str | None = None,
        quote: str | None = None,
        header: str | None = None,
        null: str | None = None,
        encoding: str | None = None,
    ) -> None:
        super().__init__(path)
        self._delimiter = None if delimiter is None else _one_character(delimiter)
        if quote is not None and len(quote) > 1:
            raise InvalidInputError(f"{quote!r} can't quote fields", hint="give one character, or nothing at all")
        self._quote = quote
        self._header = header
        self._null = null
        self._encoding = encoding
        self._newline = "\n"

    def columns(self) -> tuple[FileColumn, ...]:
        if self._encoding is None:
            self._encoding, note = find_encoding(self.path)
            if note is not None:
                self.notes.append(note)
        sample = next((text for text, _ in blocks(self.path, self._encoding)), "")
        if not sample.strip("\r\n"):
            raise FileUnreadableError(f"{self.path} is empty: there is no column in it")
        if "\n" not in sample and "\r" in sample:
            self._newline = "\r"
        if self._quote is None:
            self._quote = _find_quote(sample, self._delimiter or ",;\t|", self._newline)
        if self._delimiter is None:
            self._delimiter = self._find_delimiter(sample)
        rows = self._sampled(sample)
        if not rows:
            raise FileUnreadableError(f"{self.path}: the quote that opens on line 1 is never closed", line=1)
        if self._header is None:
            self._header = "yes" if _is_header(rows) else "no"
            if self._header == "no":
                self.notes.append("the first line is read as a row, for it looks like the lines below; "
                                  "the columns are numbered")  # fmt: skip
        if self._header == "no":
            return tuple(FileColumn(name=f"column{number}") for number in range(1, len(rows[0]) + 1))
        names = [str(cell or "") for cell in rows[0]]
        unique = _named(names)
        if unique != names:
            self.notes.append("columns without a name, or with one that stands twice, are numbered")
        return tuple(FileColumn(name=name) for name in unique)

    def settled(self) -> dict[str, Value]:
        settled: dict[str, Value] = {"quote": self._quote, "header": self._header, "encoding": self._encoding}
        if self._null is not None:
            settled["null"] = self._null
        return settled | self._own()

    def _own(self) -> dict[str, Value]:
        return {"delimiter": "\\t" if self._delimiter == "\t" else self._delimiter}

    def chunks(self, columns: Sequence[FileColumn]) -> Iterator[Chunk]:
        for each in self._read(columns, passages=False):
            assert isinstance(each, Chunk), "passages were not asked for"
            yield each

    def passages(self, columns: Sequence[FileColumn]) -> Iterator[Chunk | Passage]:
        return self._read(columns, passages=True)

    def _read(self, columns: Sequence[FileColumn], *, passages: bool) -> Iterator[Chunk | Passage]:
        assert self._encoding is not None, "it is settled how to read the file"
        width = len(columns)
        skip = self._header == "yes"
        line, rest, wanted = 1, "", 0
        first = True
        plain = self._plain_form(width) if passages else None
        for text, done in blocks(self.path, self._encoding):
            if first:
                first = False
                if "\n" not in text and "\r" in text:
                    self._newline = "\r"
            rest += text
            if len(rest) < wanted:
                continue  # a record that goes on and on is not looked at again with every block
            used = rest.rfind("\n") + 1
            if plain is not None and used and (count := plain(rest[:used])):
                head = rest.index("\n") + 1 if skip else 0
                if count > skip:
                    yield self._passage(rest[head:used], line + skip, width, count - skip, done)
                line, rest, skip = line + count, rest[used:], False
                continue
            chunk, used = self._parsed(rest, line, width, final=False)
            if not used:
                wanted = 2 * len(rest)
                if wanted > _LONGEST:
                    raise self._unclosed(line)
                continue
            line += rest.count(self._newline, 0, used)
            rest, wanted = rest[used:], 0
            if skip and (chunk.rows or chunk.faults):
                skip = _drop_first(chunk)
            chunk.done = done
            yield chunk
        if rest:
            chunk, used = self._parsed(rest, line, width, final=True)
            if skip and (chunk.rows or chunk.faults):
                _drop_first(chunk)
            chunk.done = done
            yield chunk
            if used < len(rest):
                raise self._unclosed(line + rest.count(self._newline, 0, used))

    def _plain_form(self, width: int) -> Callable[[str], int] | None:
        """Return what counts the records of a text in which each stands on a line and is quoted by the rule; else 0."""
        delimiter, quote = self._delimiter or ",", self._quote
        if not quote or self._newline != "\n" or width < 2:
            return None
        q, d = re.escape(quote), re.escape(delimiter)
        # Every quote opens where a field begins, and is closed where it ends, on the same line.
        field = rf"(?<![^{d}\n]){q}[^{q}\n]*+(?:{q}{q}[^{q}\n]*+)*+{q}(?![^{d}\r\n])"
        by_the_rule = re.compile(f"[^{q}]*+(?:{field}[^{q}]*+)*+").fullmatch

        def count(text: str) -> int:
            blank = text[0] in "\r\n" or "\n\n" in text or "\n\r" in text
            return 0 if blank or by_the_rule(text) is None else text.count("\n")

        return count

    def _passage(self, text: str, line: int, width: int, count: int, done: int) -> Passage:
        def read() -> Chunk:
            chunk, _ = self._parsed(text, line, width, final=False)
            chunk.done = done
            return chunk

        form = Delimited(delimiter=self._delimiter or ",", quote=self._quote or "", null=self._null or "")
        return Passage(text, form, line, count, done, read)

    def _unclosed(self, line: int) -> FileUnreadableError:
        return FileUnreadableError(
            f"{self.path}: the quote that opens in the row of line {line} is never closed",
            line=line,
            hint="where quotes are characters as any, say so: the option quote is empty then",
        )

    def _parsed(self, text: str, line: int, width: int | None, *, final: bool) -> tuple[Chunk, int]:
        """Return the whole records at the beginning of a text, and how many characters they take.

        ``width`` is the number of columns there must be, None for any.
        """
        newline, delimiter, quote = self._newline, self._delimiter or ",", self._quote
        null = self._null or ""
        lines: list[int] = []
        rows: list[Row] = []
        faults: list[Fault] = []
        quoted = None if not quote else _quoted(delimiter, quote)
        used, at, number = 0, 0, line
        pieces = text.split(newline)
        last = len(pieces) - 1
        while at <= last:
            piece = pieces[at]
            if at == last and (not final or not piece):
                break
            size = len(piece) + 1
            taken = 1
            if piece[-1:] == "\r":
                piece = piece[:-1]
            fields: list[str | None]
            if not piece and width != 1:
                at, number, used = at + 1, number + 1, used + size
                continue
            if not quote or quote not in piece:
                found = piece.split(delimiter)
                fields = found if null not in found else [None if cell == null else cell for cell in found]  # type: ignore[assignment]  # a list of text is read as one of text or None
            elif quoted is not None and (some := _fields(piece, delimiter, quote, quoted, null)) is not None:
                fields = some
            else:
                record = _record(text, used, delimiter, quote, newline, null)
                if record is None:
                    break
                fields, size, closed = record
                taken = max(text.count(newline, used, used + size), 1)
                if not closed:
                    faults.append(
                        Fault(
                            line=number,
                            column="",
                            value=text[used : used + min(size, _SHOWN)].rstrip("\r\n"),
                            reason="something stands between a closing quote and the end of its field",
                        )
                    )
                    at, number, used = at + taken, number + taken, used + size
                    continue
            if width is not None and len(fields) != width:
                faults.append(
                    Fault(
                        line=number,
                        column="",
                        value=text[used : used + min(size, _SHOWN)].rstrip("\r\n"),
                        reason=f"there are {len(fields)} fields where {width} are due",
                    )
                )
            else:
                lines.append(number)
                rows.append(tuple(fields))
            at, number, used = at + taken, number + taken, used + size
        return Chunk(lines, rows, 0, faults), min(used, len(text))

    def _sampled(self, sample: str) -> list[Row]:
        """Return the first rows, whatever their width."""
        return self._parsed(sample, 1, None, final=True)[0].rows[:_SAMPLE_ROWS]

    def _find_delimiter(self, sample: str) -> str:
        best = (0.0, 0)
        found = ","
        for candidate in _CANDIDATES:
            self._delimiter = candidate
            widths = Counter(map(len, self._sampled(sample[: 1 << 17])))
            if not widths:
                continue
            width, count = widths.most_common(1)[0]
            score = (count / sum(widths.values()) if width > 1 else 0.0, width)
            if score > best:
                best, found = score, candidate
        return found


class TabbedImporter(DelimitedImporter):
    """Reads TSV."""

    def __init__(
        self,
        path: str,
        *,
        quote: str | None = None,
        header: str | None = None,
        null: str | None = None,
        encoding: str | None = None,
    ) -> None:
        super().__init__(path, delimiter="\t", quote=quote, header=header, null=null, encoding=encoding)

    def _own(self) -> dict[str, Value]:
        return {}


def _record(
    text: str, start: int, delimiter: str, quote: str, newline: str, null: str
) -> tuple[list[str | None], int, bool] | None:
    """Return the fields of the record that begins at a place, its length, and whether all is well with its quotes.

    None if the text ends before a quote that opens in it is closed.
    """
    fields: list[str | None] = []
    at, well = start, True
    while True:
        if text.startswith(quote, at):
            pieces = []
            at += 1
            while True:
                end = text.find(quote, at)
                if end < 0:
                    return None
                pieces.append(text[at:end])
                at = end + 1
                if not text.startswith(quote, at):
                    break
                pieces.append(quote)
                at += 1
            fields.append("".join(pieces))
        else:
            end = _least(text.find(delimiter, at), text.find(newline, at), len(text))
            bare = text[at:end]
            if text.startswith(newline, end) and newline == "\n":
                bare = bare.removesuffix("\r")
            fields.append(None if bare == null else bare)
            at = end
        if text.startswith(delimiter, at):
            at += 1
        elif text.startswith(newline, at):
            return fields, at + 1 - start, well
        elif newline == "\n" and text.startswith("\r\n", at):
            return fields, at + 2 - start, well
        elif at >= len(text) or (at == len(text) - 1 and text[at] == "\r"):
            return fields, len(text) - start, well
        else:
            well = False
            at = _least(text.find(delimiter, at), text.find(newline, at), len(text))


def _least(*places: int) -> int:
    return min(place for place in places if place >= 0)


def _quoted(delimiter: str, quote: str) -> re.Pattern[str]:
    """Return the pattern of a field in quotes on one line; what stands in them is its one group."""
    q, d = re.escape(quote), re.escape(delimiter)
    return re.compile(f"{q}([^{q}]*+(?:{q}{q}[^{q}]*+)*+){q}(?={d}|$)")


def _fields(piece: str, delimiter: str, quote: str, quoted: re.Pattern[str], null: str) -> list[str | None] | None:
    """Return the fields of a record that stands on one line; None for one that has more, or odd quotes.

    What stands between quoted fields is split at once, for there is much of it.
    """
    fields: list[str | None] = []
    at, length = 0, len(piece)
    while True:
        start = piece.find(quote, at)
        bare: list[str | None]
        if start != at:
            between = piece[at:] if start < 0 else piece[at : start - 1]
            if start > 0 and piece[start - 1] != delimiter:
                return None
            bare = between.split(delimiter)  # type: ignore[assignment]  # a list of text is read as one of text or None
            fields += bare if null not in bare else [None if cell == null else cell for cell in bare]
            if start < 0:
                return fields
        if (match := quoted.match(piece, start)) is None:
            return None
        text = match[1]
        fields.append(text.replace(quote + quote, quote) if quote in text else text)
        at = match.end() + 1
        if at > length:
            return fields
        if at == length:
            fields.append(None if null == "" else "")
            return fields


def _drop_first(chunk: Chunk) -> bool:
    """Leave the header out of the rows; return that none needs to be left out any more."""
    if chunk.faults and (not chunk.rows or chunk.faults[0].line < chunk.lines[0]):
        del chunk.faults[0]
    else:
        del chunk.rows[0]
        chunk.lines = chunk.lines[1:]
    return False


def _find_quote(sample: str, delimiters: str, newline: str) -> str:
    """Return the apostrophe where it plainly quotes fields and nothing else does; else the quotation mark."""
    if '"' in sample or "'" not in sample:
        return '"'
    field = f"(?:^|[{re.escape(delimiters)}{newline}])'"
    ends = f"'(?=$|[{re.escape(delimiters)}\r{newline}])"
    begun, ended = (len(re.findall(pattern, sample)) for pattern in (field, ends))
    return "'" if begun > 1 and begun == ended and sample.count("'") >= 2 * begun else '"'


def _is_header(rows: list[Row]) -> bool:
    """Tell whether the first row is unlike the others: a row of data has the kind of value its column has.

    Some names may be missing, of a column that counts or of one behind the last delimiter, if others plainly are names.
    """
    first, *others = rows
    plainly = False
    for place, cell in enumerate(first):
        below = {kind_of(str(row[place])) for row in others if place < len(row) and row[place] is not None}
        if cell and len(below) == 1 and below != {kind_of("x")}:
            if kind_of(str(cell)) in below:
                return False
            plainly = True
    has_gap = any(cell is None or cell == "" for cell in first) and not all(cell is None for cell in first)
    return plainly or not has_gap or not others or len(first) == 1


def _named(names: list[str]) -> list[str]:
    taken: set[str] = set(names)
    seen: set[str] = set()
    unique = []
    for number, name in enumerate(names, start=1):
        candidate, more = name or f"column{number}", 2
        while candidate in seen or (candidate != name and candidate in taken):
            candidate, more = f"{name or f'column{number}'}_{more}", more + 1
        seen.add(candidate)
        unique.append(candidate)
    return unique


def _one_character(delimiter: str) -> str:
    delimiter = "\t" if delimiter == "\\t" else delimiter
    if len(delimiter) != 1 or delimiter in "\r\n\0":
        raise InvalidInputError(f"{delimiter!r} can't separate fields", hint="give one character; \\t is the tab")
    return delimiter
