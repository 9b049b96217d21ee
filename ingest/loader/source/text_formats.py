"""Refuse text that is not a table: JSON, markup, SQL, settings, prose.

No message quotes the file: it may contain personal data.
"""

import re
from collections.abc import Collection, Sequence

from ingest.loader.outcome.errors import RunFailed

_BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"
_LEADING = f" \t\r\n\v\f\0\x1e{_BOM}"
"""What may stand before the first character that counts; 0x1E is how RFC 7464 begins each JSON text."""

# A key in double or single quotes, or none (JSON5, MongoDB). No header of a CSV file begins like that.
_JSON_OBJECT = re.compile(r"""[\[\s]*\{\s*(?:"(?:[^"\\]|\\.)*+"|'(?:[^'\\]|\\.)*+'|[A-Za-z_$][\w$]*)\s*:""")
_JSON_TOKEN = re.compile(
    r"""\s+|"(?:[^"\\\r\n]|\\.)*+"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])|(?:true|false|null|NaN)\b|[\[\]{}:,]"""
)
_JSON_CUT = re.compile(r'"(?:[^"\\\r\n]|\\.)*+\\?\Z|[-+.\w]*\Z')
"""A token that the end of the head cuts off."""
_MOST_TOKENS = 10_000

_MARKUP = re.compile(r"<(?:!doctype\b|!--|\?xml\b|\?php\b|html\b|svg\b|rss\b)", re.IGNORECASE)
_ELEMENT = re.compile(r"<([A-Za-z_][\w.:-]*)(?:\s[^<>]*)?>")
_CHILD = re.compile(r"(\s*+)<[A-Za-z_][\w.:-]*[\s>]")
_SQL_COMMENTS = re.compile(r"(?:\s+|--[^\r\n]*|/\*.*?\*/;?)*+", re.DOTALL)
_SQL = re.compile(
    r"(?:create\s+(?:or\s+replace\s+)?(?:(?:temp|temporary|unlogged)\s+)?"
    r"(?:table|database|schema|type|sequence|index|view|extension|role|user)\s"
    r"|insert\s+(?:ignore\s+)?into\s|drop\s+(?:table|database|schema|view|index)\s|alter\s+table\s"
    r"|copy\s++[^\r\n]+\sfrom\s+stdin\b|set\s++(?:names\s|[\w.@ ]++=)|(?:begin|start)(?:\s+transaction)?\s*;\s*[\r\n]"
    r"|pragma\s+\w+\s*=|use\s+[`\"\[]?\w+[`\"\]]?\s*;\s*[\r\n]|lock\s+tables\s|select\s[^\r\n;]*\sfrom\s)",
    re.IGNORECASE,
)
_YAML = re.compile(r"(?:%YAML[^\n]*\n)?---[ \t]*\r?\n(?:\s*#[^\n]*\n)*\s*(?:-\s|[\w\"'.-]+\s*:(?:\s|$))")
_SETTINGS = re.compile(
    r"(?:[;#][^\n]*\n|\s)*+\[[^\]\r\n,;\t|]+\][ \t]*\r?\n(?:[;#][^\n]*\n|\s)*+[\w.\-]++(?: [\w.\-]++)*+\s*+[=:]"
)
_OTHERS = (
    ("BEGIN:VCARD", "a vCard file of contacts", "export the contacts as CSV"),
    ("BEGIN:VCALENDAR", "a calendar", "export its entries as CSV"),
    ("{\\rtf", "a rich text document", "save the table in it as CSV (UTF-8)"),
    ("%!PS", "a PostScript document", "export the table in it as CSV"),
    ("-----BEGIN ", "a key or a certificate", "upload a CSV file instead"),
    ("#!/", "a script", "upload a CSV file instead"),
    (
        "version https://git-lfs",
        "a Git LFS pointer and not the file itself",
        "fetch the file with `git lfs pull` first",
    ),
)

_NO_TABLES = frozenset(
    [
        "txt",
        "text",
        "log",
        "md",
        "json",
        "jsonl",
        "ndjson",
        "geojson",
        "xml",
        "html",
        "htm",
        "yaml",
        "yml",
        "ini",
        "conf",
        "cfg",
        "toml",
        "properties",
        "sql",
    ]
)
"""Extensions of files that may hold a table, and mostly don't."""
_PACKED = frozenset(["gz", "gzip", "zst", "zstd", "bz2", "xz", "zip"])
_MOSTLY = 0.9
"""The share of a text's first lines that must have as many cells as its header for it to be a table."""
_FEW_LINES = 3
"""Lines of prose that may have the same number of commas by chance."""
_LONGEST_NAME = 63
"""Characters of a column's name, which PostgreSQL would cut."""
_PLAIN_TEXT = (
    "The file is plain text, not a table: its lines have different numbers of columns, or only one. Save it as a "
    "CSV file (.csv) whose first line names the columns, and upload that."
)


def refuse_format(head: bytes) -> None:
    """Raise RunFailed if ``head``, a file's first bytes in UTF-8, is text of another format than CSV."""
    text = head.decode(errors="replace").lstrip(_LEADING)
    if _is_json(text):
        raise RunFailed("The file is JSON, not a CSV file: export the records as CSV, one column per key.")
    if _is_markup(text):
        raise RunFailed(
            "The file is a web page or XML, not a CSV file: an error page may have been saved instead of the download."
        )
    if _SQL.match(text, _end(_SQL_COMMENTS, text)):
        raise RunFailed("The file is SQL, not a CSV file: export the table as CSV, as `\\copy … to … csv header` does.")
    if _YAML.match(text):
        raise RunFailed("The file is YAML, not a CSV file: export the records as CSV.")
    if _SETTINGS.match(text):
        raise RunFailed("The file contains settings (INI or TOML), not a table: upload a CSV file instead.")
    for start, kind, advice in _OTHERS:
        if text.startswith(start):
            raise RunFailed(f"The file is {kind}, not a CSV file: {advice}.")


def refuse_plain_text(name: str, records: Sequence[Sequence[bytes]], delimiter: str, known: Collection[str]) -> None:
    """Raise RunFailed if a file that is named as a text, such as ``notes.txt``, holds no clear table.

    ``records`` are the cells of its first lines, the header first (none of a malformed line). What the dataset has met
    as a header (``known``) is a table, whatever it looks like.
    """
    if not _is_named_as_text(name) or not records:
        return
    header = [cell.decode(errors="replace").strip() for cell in records[0]]
    if known and all(cell.strip('"') in known for cell in header):
        return
    alike = sum(len(record) == len(header) for record in records)
    if len(header) < 2 or alike < _MOSTLY * len(records) or (delimiter == "," and _is_prose(records)):
        raise RunFailed(_PLAIN_TEXT)


def _is_named_as_text(name: str) -> bool:
    parts = name.rsplit("/", 1)[-1].lower().split(".")[1:]
    while parts and parts[-1].strip() in _PACKED:
        parts.pop()
    return bool(parts) and parts[-1].strip() in _NO_TABLES


def _is_prose(records: Sequence[Sequence[bytes]]) -> bool:
    """Return whether commas part the clauses of a sentence rather than the names of columns."""
    texts = [cell.decode(errors="replace") for cell in records[0]]
    if texts[-1].rstrip().endswith((".", "!", "?", ":")) or max(map(len, texts)) > _LONGEST_NAME:
        return True
    spaced = all(text.startswith(" ") for text in texts[1:])
    return spaced and (len(records) == 1 or (len(records) <= _FEW_LINES and any(" " in text.strip() for text in texts)))


def _is_json(text: str) -> bool:
    """Return whether the text is JSON as far as it goes: one value, or one a line; an object's first key is enough."""
    if not text.startswith(("{", "[")):
        return False
    first_key = _JSON_OBJECT.match(text)
    return _is_nested(text, begins_object=first_key is not None)


def _is_nested(text: str, *, begins_object: bool) -> bool:
    """Return whether JSON brackets enclose all of the text; commas between two on a line are those of a CSV.

    Where it ``begins_object`` what follows may be broken, or written as other programs than JSON's write it.
    """
    depth = offset = 0
    for _ in range(_MOST_TOKENS):
        if offset == len(text):
            break
        token = _JSON_TOKEN.match(text, offset)
        if token is None:
            return (begins_object and (bool(depth) or text[offset] not in ";|")) or bool(_JSON_CUT.match(text, offset))
        mark, offset = token.group(), token.end()
        depth += (mark in "[{") - (mark in "]}")
        if not depth and _parts_cells(mark, text[offset : offset + 1]):
            return False
    return True


def _parts_cells(mark: str, following: str) -> bool:
    """Return whether a mark outside of all brackets, and the character after it, are those of a CSV file."""
    if mark.isspace():
        return "\t" in mark and "\n" not in mark and following != ""
    return mark not in "]}" and (mark != "," or following not in ("\r", "\n", ""))


def _is_markup(text: str) -> bool:
    """Return whether the text is HTML or XML; in headers such as ``<DATE>,<TIME>`` no element is closed."""
    if _MARKUP.match(text):
        return True
    element = _ELEMENT.match(text)
    if element is None:
        return False
    child = _CHILD.match(text, element.end())
    return f"</{element.group(1)}>" in text or (child is not None and "\n" in child.group(1))


def _end(pattern: re.Pattern[str], text: str) -> int:
    match = pattern.match(text)
    return match.end() if match else 0
