"""A plain, slow, obviously right model of sections 2 to 7: one file into one dataset, in dictionaries."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from tests.loader.oracle_deciding import differing, is_held, missing_rows
from tests.loader.oracle_identities import OTHER_EMAILS, Identities, Resolved, blank_to_null, choose, resolve
from tests.loader.oracle_names import SharedColumn
from tests.loader.oracle_names import columns as columns_of
from tests.loader.oracle_reading import Cell, Record, read
from tests.loader.oracle_types import Value, join, kind_of, value_of, widened

MARKS = ("_line", "_code", "_reason")
"""A file that has all three is a corrected reject file."""


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What an operator set on the dataset."""

    mode: str = "upsert"
    strict: bool = False
    declared_key: tuple[str, ...] = ()
    ignore_email_case: bool = False
    null_tokens: tuple[str, ...] = ()
    reject_share: float = 0.10
    reject_count: int = 10
    approves: bool = False
    """Whether an operator approves whatever is held."""
    corrections: bool = False
    """Whether the file is a corrected reject file, which never turns a column into text."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row of the table and the run that inserted or changed it last."""

    cells: dict[str, Value]
    run_id: int


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """All that the runs so far have left behind. ``kinds`` None: there is no table yet."""

    policy: Policy = field(default_factory=Policy)
    headers: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, str] | None = None
    rows: tuple[Row, ...] = ()
    identities: Identities | None = None
    previous: int | None = None
    """How many records the run before had."""


@dataclass(frozen=True, kw_only=True)
class Refused:
    """One reject: any of ``codes``, and any of ``columns`` with its value where a column is to blame."""

    line: int
    raw: bytes
    codes: frozenset[str]
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Account:
    """What a run tells; ``failed`` says why where it did, the dataset is then as it was."""

    failed: str = ""
    counts: Counter[str] = field(default_factory=Counter)
    rejects: tuple[Refused, ...] = ()
    withheld: bool | None = False
    """A snapshot deleted nothing, since the key of a record can't be read; None where there was nothing to delete."""


def load(dataset: Dataset, data: bytes, run_id: int, delimiter: str = ",") -> tuple[Dataset, Account]:
    """The dataset after the file ``data``, and the account of the run."""
    if not data:
        return dataset, Account(failed="empty")
    header, records = read(data, delimiter=delimiter)
    try:
        names, headers = columns_of([cell.text for cell in header], dataset.headers)
    except SharedColumn:
        return dataset, Account(failed="both map")
    policy, columns = dataset.policy, names
    if set(MARKS) <= set(names):
        columns = [name for name in names if name not in MARKS]
        mode = "append" if policy.mode == "append" else "upsert"
        policy = replace(policy, mode=mode, approves=True, corrections=True)
    if policy.strict and dataset.kinds is not None and set(columns) != set(dataset.kinds):
        return dataset, Account(failed="column")
    run = _Load(dataset, policy, run_id, columns, records, names)
    after, account = run.execute()
    return (dataset if account.failed else replace(after, headers=headers)), account


class _Load:
    """One file on its way, step by step."""

    def __init__(
        self,
        dataset: Dataset,
        policy: Policy,
        run_id: int,
        columns: list[str],
        records: list[Record],
        names: list[str],
    ) -> None:
        self.dataset, self.policy, self.run_id = dataset, policy, run_id
        self.columns, self.records = columns, records
        self.refused: dict[int, Refused] = {}
        self.counts = Counter(records=len(records))
        self.cells: dict[int, dict[str, Cell]] = {}
        for number, record in enumerate(records):
            if record.flaws:
                self.refuse(number, record.flaws)
            else:
                self.cells[number] = dict(zip(names, record.cells, strict=True))

    def refuse(self, number: int, codes: frozenset[str], columns: Iterable[str] = ()) -> None:
        record = self.records[number]
        values = {name: self.cells[number][name].text for name in columns}
        self.refused[number] = Refused(line=record.line, raw=record.raw, codes=codes, columns=values)

    def execute(self) -> tuple[Dataset, Account]:
        kinds = self.plan()
        stood = self.dataset.rows
        table = [{name: widened(row.cells.get(name), kind) for name, kind in kinds.items()} for row in stood]
        values = {
            number: {name: self.value(cells[name], kinds[name]) for name in self.columns}
            for number, cells in self.cells.items()
            if number not in self.refused
        }
        chosen = self.identities(values)
        identities = chosen or ()
        if self.lacks_key(chosen) or not {name for identity in identities for name in identity} <= set(kinds):
            return self.dataset, Account(failed="key")
        resolved = resolve(table, values, identities, self.policy.ignore_email_case)
        for number, disposition in resolved.fates.items():
            if disposition == "duplicate":
                self.counts["duplicate"] += 1
            else:
                self.refuse(number, frozenset({disposition}))
        rows = self.write(table, values, identities, resolved)
        missing = self.missing(table, kinds, identities, resolved)
        self.counts.update(rejected=len(self.refused), deleted=len(missing or ()))
        after = replace(
            self.dataset,
            kinds=kinds,
            rows=tuple(row for number, row in enumerate(rows) if number not in (missing or ())),
            identities=chosen,
            previous=len(self.records),
        )
        return after, self.account(
            withheld=missing is None if table else None,
            differing=differing(values, identities, resolved),
            stood=len(table),
            key_becomes_text=self.key_becomes_text(kinds, identities),
        )

    def key_becomes_text(self, kinds: dict[str, str], identities: Identities) -> bool:
        before, names = self.dataset.kinds or {}, {name for identity in identities for name in identity}
        held = {name for name in names for row in self.dataset.rows if row.cells.get(name) is not None}
        return any(kinds[name] == "text" != before[name] for name in held)

    def account(self, *, withheld: bool | None, differing: int, stood: int, key_becomes_text: bool) -> Account:
        failed = ""
        previous = self.dataset.previous if self.policy.mode == "snapshot" else None
        if self.is_over_the_limit():
            failed = "rejected"
        elif not self.policy.approves and is_held(
            self.counts, differing, stood, previous, key_becomes_text=key_becomes_text
        ):
            failed = "held"
        rejects = tuple(self.refused[number] for number in sorted(self.refused))
        return Account(failed=failed, counts=+self.counts, rejects=rejects, withheld=withheld)

    def identities(self, values: dict[int, dict[str, Value]]) -> Identities | None:
        """What makes rows the same; None if no file had records yet."""
        if self.policy.mode == "append":
            return ()
        if self.dataset.identities is None and values:
            return choose(self.columns, values, self.policy.declared_key, self.policy.ignore_email_case)
        return self.dataset.identities

    def lacks_key(self, chosen: Identities | None) -> bool:
        """Whether a snapshot can't tell, now or with the first record to come, which rows it lacks."""
        has_one = bool(self.policy.declared_key or {"id", "email"} & set(self.columns))
        has_one = has_one or len({*OTHER_EMAILS} & set(self.columns)) == 1
        return self.policy.mode == "snapshot" and (chosen == () or (chosen is None and not has_one))

    def missing(
        self, table: list[dict[str, Value]], kinds: dict[str, str], identities: Identities, resolved: Resolved
    ) -> list[int] | None:
        """The rows that a snapshot deletes; None if it can't tell."""
        if self.policy.mode != "snapshot" or not identities:
            return []
        keys = [self.key(number, kinds, identities) for number in range(len(self.records))]
        return missing_rows(table, keys, identities, resolved, self.policy.ignore_email_case)

    def key(self, number: int, kinds: dict[str, str], identities: Identities) -> dict[str, Value] | None:
        """The identity cells of a record; None if they can't be read, or there is none."""
        if number not in self.cells or (number in self.refused and "null_key" in self.refused[number].codes):
            return None
        cells = {name: self.cells[number][name] for of in identities for name in of if name in self.columns}
        texts = {name: self.text(cell).strip(" ") for name, cell in cells.items()}
        if any(text and join((kind_of(text), kinds[name])) != kinds[name] for name, text in texts.items()):
            return None
        values = {name: blank_to_null(self.value(cell, kinds[name])) for name, cell in cells.items()}
        return values if number not in self.refused or any(value is not None for value in values.values()) else None

    def plan(self) -> dict[str, str]:
        """The table's columns and their types after the run; refuses the records that don't fit."""
        standing = self.dataset.kinds or {}
        kinds = dict(standing)
        misfits: dict[int, set[str]] = {}
        for name in self.columns:
            values = {number: self.text(cells[name]).strip(" ") for number, cells in self.cells.items()}
            found = {number: kind_of(text) for number, text in values.items() if text}
            holds = any(row.cells.get(name) is not None for row in self.dataset.rows)
            if name not in standing or not holds:
                kinds[name] = self.settle(standing.get(name, "text"), found)
                continue
            kinds[name], bad = self.meet(standing[name], found)
            for number in bad:
                misfits.setdefault(number, set()).add(name)
        for number, columns in misfits.items():
            self.refuse(number, frozenset({"bad_value"}), columns)
        return kinds

    def settle(self, standing: str, found: dict[int, str]) -> str:
        """The type of a column that holds no value: the file's, unless the one that stands takes its values too."""
        kind = join(found.values())
        return standing if not found or (standing != "text" and join((standing, kind)) == standing) else kind

    def meet(self, standing: str, found: dict[int, str]) -> tuple[str, list[int]]:
        """The type of a column that holds values, and the records whose value doesn't fit it."""
        if standing == "text":
            return "text", []
        if self.policy.strict:
            return standing, [number for number, kind in found.items() if join((standing, kind)) != standing]
        bad = [number for number, kind in found.items() if join((standing, kind)) == "text"]
        if len(bad) * 10 > len(found) and not self.policy.corrections:
            return "text", []
        return join([standing, *(kind for number, kind in found.items() if number not in bad)]), bad

    def text(self, cell: Cell) -> str:
        return "" if self.is_null(cell) else cell.text

    def is_null(self, cell: Cell) -> bool:
        return cell.is_null or cell.text in self.policy.null_tokens

    def value(self, cell: Cell, kind: str) -> Value:
        if self.is_null(cell) or (kind != "text" and not cell.text.strip(" ")):
            return None
        return value_of(cell.text, kind)

    def write(
        self,
        table: list[dict[str, Value]],
        values: dict[int, dict[str, Value]],
        identities: Identities,
        resolved: Resolved,
    ) -> list[Row]:
        """The table after the run: rows that differ are written, new ones are added."""
        rows = [Row(cells=cells, run_id=row.run_id) for cells, row in zip(table, self.dataset.rows, strict=True)]
        key = {name for identity in identities for name in identity}
        names = {*self.columns, *(table[0] if table else ()), *(self.dataset.kinds or ())}
        for number, target in sorted(resolved.rows.items()):
            new = {name: blank_to_null(value) if name in key else value for name, value in values[number].items()}
            if number in resolved.ids:
                new["id"] = resolved.ids[number]
            if target is None:
                rows.append(Row(cells=dict.fromkeys(names) | new, run_id=self.run_id))
                self.counts["inserted"] += 1
            elif table[target] == table[target] | new:
                self.counts["unchanged"] += 1
            else:
                rows[target] = Row(cells=table[target] | new, run_id=self.run_id)
                self.counts["updated"] += 1
        return rows

    def is_over_the_limit(self) -> bool:
        rejected, records = self.counts["rejected"], self.counts["records"]
        over = rejected > self.policy.reject_count and rejected > self.policy.reject_share * records
        return over or 0 < records == rejected
