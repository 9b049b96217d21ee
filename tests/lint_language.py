"""Keep the product's language plain: count phrases and names that must not come back, and refuse more of them.

``python tests/lint_language.py`` compares every file with ``tests/lint_language.json``, the counts that are left from
before; a file that isn't named there has none. ``--write`` lowers the counts to what is there now, and refuses to raise
one unless ``--allow-growth`` says that it should: a renamed file takes its counts with it.
"""

import argparse
import ast
import io
import json
import re
import sys
import tokenize
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BASELINE = Path(__file__).with_suffix(".json")

PHRASES = {
    r"anew": "again, or recreate",
    r"as (?:it|they) (?:lies?|stands?)": "byte for byte, unchanged",
    r"mend(?:s|ed|ing)?": "fix",
    r"by hand": "manual",
    r"needs? somebody": "needs attention",
    r"answered by|unanswered": "acknowledged by, open",
    r"waits? for nobody": "does not need attention",
    r"under way": "in progress",
    r"goes on|go on with|gone on with": "continues, resume",
    r"has come|came in": "received, uploaded so far",
    r"who was told|untold": "notifications, undelivered",
    r"who did what": "audit log",
    r"load anyway": "reload",
    r"where the time went": "timing",
    r"what became of": "results",
    r"(?:did not|didn't) go in": "rejected",
    r"which rows are the same": "key",
    r"words that mean null": "NULL tokens",
    r"what stands in": "the rows of, the contents of",
    r"behind (?:the header|each other|one another|it in order)": "after, below",
    r"is no (?:bigint|integer|numeric|number|boolean|date|timestamp|time|uuid|csv)": "is not a valid …",
    r"(?:carr(?:y|ies|ied)|takes? up|took up) (?:a|the|its) runs?": "execute a run, resume a run",
    r"drop(?:s|ped|ping)? (?:a|the|your|this|that) files?": "upload, put in the bucket, load",
    r"so long a run can be": "how long a run can be",
    r"brak(?:e|es|ed|ing)": "safeguard, held by a safeguard",
    r"(?:a|the|its|their) troubles?": "incident",
    r"(?:the|its|their) books": "totals, reconciliation",
    r"foretell|foretold": "preview",
}
"""What people shouldn't read, and what to write instead. Matched as whole words, in any case and over line ends."""

FILLERS = frozenset(
    {"anew", "asked", "at", "behind", "came", "each", "found", "gone", "held", "listed", "made", "one", "said", "seen"}
    | {"several", "taken", "told", "wanted"}
)
"""Names that don't say what they hold."""

_PATTERNS = {phrase: re.compile(rf"\b(?:{phrase})\b".replace(" ", r"\s+(?:#\s*|//\s*)?")) for phrase in PHRASES}
_FIRST_LETTERS = {
    phrase: "" if "|" in re.sub(r"\(.*?\)", "", phrase) else re.split(r"[^a-z]", phrase)[0] for phrase in PHRASES
}
"""What a text has to contain before it is worth to look for a phrase."""
_FOLDERS = ("docs", "infra", "ingest", "pipeline_site", "tests")
_TEXTS = (".py", ".md", ".html", ".txt", ".js", ".css", ".yml", ".yaml", ".toml")
_NAMED = ("Makefile", "Dockerfile")
_ELSEWHERE = ("docs/_", "docs/licenses.md", "ingest/migrations/", "tests/lint_language.", "tests/test_lint_language.py")
"""Migrations are history; the rest is written by tools, or has the phrases on purpose."""
_TEMPLATE_CODE = re.compile(r"\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)

Counts = dict[str, dict[str, int]]
"""File -> phrase or name -> how often."""


def prose(path: str, source: str) -> str:
    """Return what a person reads in a file: of Python its comments and strings, of a template what isn't its code.

    A string that is a single word may be a key or a column, and is left out.
    """
    if path.endswith(".html"):
        return _TEMPLATE_CODE.sub(" ", source)
    if not path.endswith(".py"):
        return source
    return "\n".join(_texts_of_python(source))


@lru_cache(maxsize=1)
def _nodes(source: str) -> list[ast.AST]:
    return list(ast.walk(ast.parse(source)))


def _texts_of_python(source: str) -> Iterator[str]:
    for node in _nodes(source):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and not node.value.isidentifier():
            yield node.value
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.string


def phrases(path: str, source: str) -> Counter[str]:
    """Return how often each of ``PHRASES`` stands in a file's prose."""
    text = prose(path, source).lower()
    return +Counter(
        {phrase: len(pattern.findall(text)) for phrase, pattern in _PATTERNS.items() if _FIRST_LETTERS[phrase] in text}
    )


def fillers(source: str) -> Counter[str]:
    """Return how often Python source binds each of ``FILLERS``, as a variable, an argument or a field."""
    counts: Counter[str] = Counter()
    for node in _nodes(source):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id in FILLERS:
            counts[node.id] += 1
        elif isinstance(node, ast.arg) and node.arg in FILLERS:
            counts[node.arg] += 1
    return counts


def measure(root: Path = ROOT) -> Counts:
    """Return the counts of every file that has any."""
    counts: Counts = {}
    for path in _files(root):
        source = (root / path).read_text(encoding="utf-8", errors="replace")
        file_counts = phrases(path, source) + (fillers(source) if path.endswith(".py") else Counter())
        if file_counts:
            counts[path] = dict(sorted(file_counts.items()))
    return counts


def _files(root: Path) -> list[str]:
    """Return the files with text of ours, as paths from ``root``."""
    files = [*root.iterdir(), *(file for folder in _FOLDERS for file in (root / folder).rglob("*"))]
    paths = [file.relative_to(root).as_posix() for file in files if file.is_file()]
    return sorted(
        path
        for path in paths
        if (path.endswith(_TEXTS) or Path(path).name in _NAMED) and not path.startswith(_ELSEWHERE)
    )


def growth(counts: Mapping[str, Mapping[str, int]], baseline: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Return one line for each count of a file that is above its baseline."""
    return [
        f"{path}: {_advice(word)} ({count}, at most {baseline.get(path, {}).get(word, 0)})"
        for path, words in counts.items()
        for word, count in words.items()
        if count > baseline.get(path, {}).get(word, 0)
    ]


def _advice(word: str) -> str:
    advice = [f"write “{PHRASES[word]}” instead of “{word}”"] if word in PHRASES else []
    return " or ".join(advice + ([f"name “{word}” after what it holds"] if word in FILLERS else []))


def total(counts: Mapping[str, Mapping[str, int]]) -> int:
    """Return the number of places that are left."""
    return sum(count for words in counts.values() for count in words.values())


def main(arguments: list[str] | None = None) -> int:
    """Compare with the baseline, or write it; 1 where a count grew."""
    parser = argparse.ArgumentParser(description="Refuse phrases and names that must not come back.")
    parser.add_argument("--write", action="store_true", help="lower the baseline to the counts of now")
    parser.add_argument("--allow-growth", action="store_true", help="with --write: raise counts, too")
    options = parser.parse_args(arguments)
    counts = measure()
    baseline = json.loads(BASELINE.read_text(encoding="utf-8")) if BASELINE.exists() else {}
    grown = growth(counts, baseline)
    if grown and not (options.write and options.allow_growth):
        print(*grown, sep="\n", file=sys.stderr)
        return 1
    if options.write:
        BASELINE.write_text(json.dumps(counts, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    left, before = total(counts), total(baseline)
    if left < before and not options.write:
        print(f"Language: {left:,} places left of {before:,}; keep that with python tests/lint_language.py --write")
    return 0


if __name__ == "__main__":
    sys.exit(main())
