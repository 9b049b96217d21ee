"""What a run will do, decided from the file, the table and the dataset's policy; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ingest.loader.outcome.errors import RunFailed, SchemaMismatch
from ingest.loader.outcome.target import Mode, Target
from ingest.loader.planning.current_table import CurrentTable
from ingest.loader.planning.identities import (
    EMAIL_ALIASES,
    Identities,
    caseless_columns,
    email_alias,
    email_column,
    evidence_of,
)
from ingest.loader.planning.scan import ColumnScan, Scan
from ingest.loader.source.identifiers import OWN_COLUMNS
from ingest.loader.types.types import Type, widest

MOST_COLUMNS = 1_600 - len(OWN_COLUMNS)
"""PostgreSQL's limit for a table, less our own columns."""

TEXT_SHARE = 0.10
"""Over this share of a column's values in the file that only ``text`` holds, the column becomes ``text``."""

LONGEST_KEY = 2_600
"""Bytes of an identity: what an entry of PostgreSQL's B-tree holds (a third of a page), with room to spare."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedColumn:
    """One column of the file on its way into the table."""

    name: str
    type: Type
    """The column's type in the table once the plan's DDL is done."""
    key: bool
    """Whether it identifies rows for certain: blank cells are NULL then."""
    rejects: bool
    """Whether the file has values that the column doesn't hold: their records are rejected."""
    verbatim: bool
    """Whether COPY may read its cells as they stand in the file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """The run, decided: DDL by what is new, the columns, and the identities that may hold."""

    create: bool
    columns: tuple[PlannedColumn, ...]
    """The file's columns, in the file's order."""
    added: Mapping[str, Type]
    altered: Mapping[str, Type]
    append: bool
    """Records are never held against rows."""
    identities: Identities | None
    """As the dataset has them; None where this run chooses."""
    candidates: Identities
    """What the choice falls on if the records allow it (file-rules#keys); the same as ``identities`` once chosen."""
    evidence: str
    """Why the choice falls on ``candidates``, in a sentence; empty once ``identities`` are chosen."""
    caseless: frozenset[str]
    """The columns of ``candidates`` that are matched without regard to case and outer spaces."""
    long_keys: Identities
    """The identities of which a record may be longer than an index entry: such a record is rejected."""
    own_missing: tuple[str, ...]
    """Own columns that the table lacks."""

    @property
    def has_ddl(self) -> bool:
        """Whether the table's definition changes, apart from a key that is chosen."""
        return bool(self.create or self.added or self.altered or self.own_missing)

    @property
    def verbatim(self) -> bool:
        """Whether COPY may read the file's bytes; else they go through DuckDB."""
        return not self.long_keys and all(column.verbatim for column in self.columns)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the file's columns."""
        return tuple(column.name for column in self.columns)


def plan(scan: Scan, current: CurrentTable, target: Target) -> Plan:
    """Decide what the run does.

    Raises RunFailed where the dataset's policy forbids it (``strict``) or the table can't take the columns.
    """
    names = list(scan.columns)
    _check_columns(names, current, target)
    append = target.mode is Mode.APPEND
    candidates = () if append else _candidates(scan, target)
    doubt = _doubt_about_email(scan, target)
    undecided = not scan.records and email_alias(scan.columns) and target.identities is None
    if target.mode is Mode.SNAPSHOT and not candidates and not undecided:
        raise RunFailed(
            f"A snapshot needs a key to tell which rows are missing, and the file has neither id nor email. "
            f"{doubt}{' ' if doubt else ''}Declare the key of {target.table} on its dataset, or choose another mode."
        )
    # A second identity that isn't settled may turn out to be none: its blank cells are kept until that is known.
    certain = candidates if target.identities is not None else candidates[:1]
    keys = {column for identity in certain for column in identity}
    columns = tuple(_plan_column(name, scanned, current, keys, target) for name, scanned in scan.columns.items())
    kinds = {**current.columns, **{column.name: column.type for column in columns}}
    declared = bool(target.declared_key) and not append
    return Plan(
        create=not current.exists,
        columns=columns,
        added={c.name: c.type for c in columns if current.exists and c.name not in current.columns},
        altered={c.name: c.type for c in columns if current.columns.get(c.name, c.type) is not c.type},
        append=append,
        identities=() if append else target.identities,
        candidates=candidates,
        evidence="" if target.identities is not None else evidence_of(candidates, declared=declared, doubt=doubt),
        caseless=caseless_columns(candidates, kinds, ignore_case=target.ignore_email_case),
        long_keys=_long_keys(candidates, scan),
        own_missing=tuple(name for name in ("processed_at", "run_id") if current.exists and name not in current.own),
    )


def _check_columns(names: Sequence[str], current: CurrentTable, target: Target) -> None:
    for name in names:
        if name in current.foreign:
            kind = "computed by PostgreSQL" if name in current.generated else f"of the type {current.foreign[name]}"
            known = ", ".join(known.short for known in Type)
            raise SchemaMismatch(
                f"The column {name} of {target.table} is {kind}, which the loader doesn't write. Give it one of the "
                f"types {known}, or rename it in the file or in the table."
            )
    new = [name for name in names if name not in current.columns]
    if len(current.columns) + len(new) > MOST_COLUMNS:
        raise SchemaMismatch(
            f"The table {target.table} would have {len(current.columns) + len(new):,} columns; PostgreSQL's limit is "
            f"1,600, less {len(OWN_COLUMNS)} of our own. Split the file into several with fewer columns."
        )
    if not (target.strict and current.exists):
        return
    missing = [name for name in current.columns if name not in names]
    if new or missing:
        differences = [f"new: {', '.join(new)}"] if new else []
        differences += [f"missing: {', '.join(missing)}"] if missing else []
        raise SchemaMismatch(
            f"The file's columns are not those of {target.table}, and the dataset is strict "
            f"({'; '.join(differences)}). Correct the file, or set the dataset's policy to evolve."
        )


def _candidates(scan: Scan, target: Target) -> Identities:
    """The identities of the dataset, or those that section 5 would choose for this file."""
    if target.identities is not None:
        return target.identities
    if target.declared_key:
        return (_declared(target),)
    email = _email(scan)
    if "id" in scan.columns:
        return (("id",), (email,)) if email and scan.columns[email].values > 0 else (("id",),)
    return ((email,),) if email else ()


def _email(scan: Scan) -> str | None:
    """Return the file's e-mail column. By another name than ``email`` each of its values has to hold one ``@``."""
    email = email_column(scan.columns)
    if email in EMAIL_ALIASES and not scan.columns[email].addresses:
        return None
    return email


def _doubt_about_email(scan: Scan, target: Target) -> str:
    """Return why a column that is named like an e-mail isn't taken for the key, in a sentence; empty if none is."""
    if target.identities is not None or target.declared_key or target.mode is Mode.APPEND or "email" in scan.columns:
        return ""
    alias = email_alias(scan.columns)
    if alias:
        return "" if _email(scan) else f"{alias} is not a key: it needs values, each with exactly one @."
    aliases = [name for name in EMAIL_ALIASES if name in scan.columns]
    return f"{' and '.join(aliases)} are not keys: only one column could be the e-mail." if aliases else ""


def _declared(target: Target) -> tuple[str, ...]:
    own = [name for name in target.declared_key if name in OWN_COLUMNS]
    if own:
        raise RunFailed(f"{own[0]} is a column of our own and can't be the key of {target.table}. Declare another key.")
    return tuple(dict.fromkeys(target.declared_key))


def _plan_column(
    name: str, scanned: ColumnScan, current: CurrentTable, keys: set[str], target: Target
) -> PlannedColumn:
    kind = _settled_type(name, scanned, current, target)
    typed, key = kind is not Type.TEXT, name in keys
    rejects = bool(scanned.misfits.get(kind))
    return PlannedColumn(
        name=name,
        type=kind,
        key=key,
        rejects=rejects,
        # Spaces that a type or a key ignores, and values that it doesn't hold, need a hand before PostgreSQL.
        verbatim=not rejects and not (scanned.blanks and (typed or key)) and not (scanned.padded and typed),
    )


def _settled_type(name: str, scanned: ColumnScan, current: CurrentTable, target: Target) -> Type:
    """The column's type after this run: as it stands, widened, or ``text`` for more than a tenth of its values."""
    current_type = current.columns.get(name)
    if current_type is None or name in current.empty:
        return scanned.type or current_type or Type.TEXT
    if scanned.type in (None, current_type) or target.strict:
        return current_type
    beyond = scanned.misfits.get(widest(current_type), 0)
    if beyond > TEXT_SHARE * scanned.values and not target.corrections:
        return Type.TEXT
    return widest(current_type) if scanned.misfits.get(current_type, 0) > beyond else current_type


def _long_keys(candidates: Identities, scan: Scan) -> Identities:
    """The identities of which a record may be longer than an index entry."""
    return tuple(
        identity
        for identity in candidates
        if sum(scan.columns[name].longest for name in identity if name in scan.columns) > LONGEST_KEY
    )
