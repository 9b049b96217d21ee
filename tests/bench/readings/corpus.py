"""Files of known truth: our own, each fault times each delimiter, and the real ones that tests load."""

import csv
import io
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.loader.real_files import PACKAGES, files_of
from tests.loader.test_real_files import DELIMITERS, HEADERLESS, unpacked_by_python

HEAD = 1 << 16
"""Bytes of a file that each system is shown."""
_MARKS = ",;\t|"


@dataclass(frozen=True, kw_only=True)
class Known:
    """One file, and how it is written."""

    name: str
    content: bytes
    delimiter: str
    quote: str = '"'
    header: int = 1
    """The physical line of the header, from 1; 0: none."""
    names: tuple[str, ...] = ()
    one_column: bool = False
    """Whether no delimiter cuts it: any is right."""


_FIRST = ("Ada", "Grace", "Alan", "Edsger", "Barbara", "Donald", "Radia", "Tim")
_LAST = ("Miller", "Smith", "Jones", "Lovelace", "Hopper", "O'Neil", "García", "Weiß")
_CITIES = ("London", "New York", "Oslo", "Bern", "São Paulo", "Rome")


def own() -> Iterator[Known]:
    """Each kind of table, with each delimiter and each thing that may stand above it."""
    for mark in _MARKS:
        for kind, (names, rows) in _tables().items():
            plain = _written(names, rows, mark)
            told = {"delimiter": mark, "names": names}
            yield Known(name=f"own/{kind}", content=plain, **told)
            yield Known(name=f"own/{kind}, title", content=b"Report of May 2024\n" + plain, **told | {"header": 2})
            yield Known(name=f"own/{kind}, title and blank", content=b"Report\n\n" + plain, **told | {"header": 3})
            padded = ("Report" + mark * (len(names) - 1)).encode()
            rule = (mark * (len(names) - 1)).encode()
            yield Known(name=f"own/{kind}, padded", content=b"\n".join((padded, rule, plain)), **told | {"header": 3})
            yield Known(name=f"own/{kind}, comments", content=b"# by hand\n# twice\n" + plain, **told | {"header": 3})
            ragged = plain.replace(b"\n", b"\n" + mark.encode().join([b"x"] * (len(names) + 2)) + b"\n", 3)
            ragged = plain[: plain.index(b"\n") + 1] + ragged[ragged.index(b"\n") + 1 :]
            yield Known(name=f"own/{kind}, ragged", content=ragged, **told)
            if kind != "text":
                body = plain[plain.index(b"\n") + 1 :]
                yield Known(name=f"own/{kind}, no header", content=body, delimiter=mark, header=0)
            single = _written(names, rows, mark, quote="'")
            yield Known(name=f"own/{kind}, single quotes", content=single, quote="'", **told)


def _tables() -> dict[str, tuple[tuple[str, ...], list[tuple[str, ...]]]]:
    dice = random.Random(7)
    days = [f"2024-{dice.randint(1, 12):02}-{dice.randint(1, 28):02}" for _ in range(40)]
    people = [f"{dice.choice(_LAST)}, {dice.choice(_FIRST)}" for _ in range(40)]
    return {
        "people": (
            ("id", "name", "joined"),
            [(str(n), person, day) for n, (person, day) in enumerate(zip(people, days, strict=True), 1)],
        ),
        "money": (
            ("Date", "Text", "Amount, net", "Amount, gross"),
            [(day, "Rent; May", f"{n},{n % 90 + 10}", f"{n + 1},{n % 80 + 10}") for n, day in enumerate(days, 100)],
        ),
        "numbers": (("x", "y", "z"), [(str(n), f"{n / 7:.3f}", str(n * n % 97)) for n in range(40)]),
        "text": (
            ("name", "city", "note"),
            [(dice.choice(_FIRST), dice.choice(_CITIES), f'said: "{dice.choice(_LAST)}"; left') for _ in range(40)],
        ),
    }


def _written(names: tuple[str, ...], rows: list[tuple[str, ...]], delimiter: str, quote: str = '"') -> bytes:
    text = io.StringIO()
    all_quoted = csv.QUOTE_ALL if quote != '"' else csv.QUOTE_MINIMAL
    writer = csv.writer(text, delimiter=delimiter, quotechar=quote, lineterminator="\n", quoting=all_quoted)
    writer.writerows([names, *rows])
    return text.getvalue().encode()


def real() -> Iterator[Known]:
    """The real files that tests load: what they say of them is the truth."""
    for package in PACKAGES:
        for file in files_of(package):
            content = unpacked_by_python(file).removeprefix(b"\xef\xbb\xbf")
            if len(content) > HEAD:
                content = content[: content.rindex(b"\n", 0, HEAD) + 1]
            promised = "\t" if re.search(r"\.(tsv|tab)\b", file.name) else ","
            delimiter, header = DELIMITERS.get(file.name, promised), int(not HEADERLESS.search(file.name))
            text = io.StringIO(content.decode("utf-8", "replace"), newline="")
            first = next(iter(csv.reader(text, delimiter=delimiter)), [])
            yield Known(
                name=file.name,
                content=content,
                delimiter=delimiter,
                header=header,
                names=tuple(cell.strip() for cell in first) if header else (),
                one_column=len(first) == 1,
            )
