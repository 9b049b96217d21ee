"""The commands of manage.py that may be executed in the deployed function, each with the arguments it may have.

Whoever may invoke the function chooses them, and its log keeps what they print. So a command is missing here if it
executes text, fetches an address, or prints secrets or the contents of a file: `shell`, `startapp --template`,
`diffsettings`, `dumpdata`, `rejects`. Both the handler and `zappa manage` read this list.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field


class NotAllowed(Exception):
    """This command may not be executed in the function; the text says which may."""


@dataclass(frozen=True, kw_only=True)
class Command:
    """The arguments that one command may have."""

    options: Mapping[str, str] = field(default_factory=dict)
    """Each option and the pattern of its value; empty for an option without a value."""
    arguments: tuple[str, ...] = ()
    """The patterns of the positional arguments."""
    repeats: bool = False
    """Whether there may be any number of the last one."""

    def usage(self, name: str) -> str:
        """Return what may follow ``name``, for a person."""
        options = [f"[{option}{' VALUE' if pattern else ''}]" for option, pattern in self.options.items()]
        return " ".join([name, *options, *(["ARGUMENT…"] if self.arguments else [])])

    def allows(self, words: list[str]) -> bool:
        """Tell whether ``words`` are arguments that this command may have."""
        rest, place = list(words), 0
        while rest:
            word = rest.pop(0)
            if word.startswith("-"):
                name, equals, value = word.partition("=")
                pattern = self.options.get(name)
                if pattern is None or (equals and not pattern):
                    return False
                if pattern and not re.fullmatch(pattern, value if equals else rest.pop(0) if rest else ""):
                    return False
            else:
                if place >= len(self.arguments) or not re.fullmatch(self.arguments[place], word):
                    return False
                place += 0 if self.repeats and place == len(self.arguments) - 1 else 1
        return True


_NUMBER = r"[0-9]{1,18}"
_APP = r"[a-z_]{1,50}"
_RUNS = Command(arguments=(_NUMBER,), repeats=True)

MANAGE: Mapping[str, Command] = {
    "acknowledge": _RUNS,
    "approve": Command(options={"--reading": _NUMBER}, arguments=(_NUMBER,), repeats=True),
    "check": Command(
        options={"--deploy": "", "--fail-level": "CRITICAL|ERROR|WARNING|INFO|DEBUG", "--database": "default"}
    ),
    "clearsessions": Command(),
    "datasets": Command(),
    "discard": _RUNS,
    "doctor": Command(options={"--inside": "", "--wait": _NUMBER}),
    # Without `zero`, which would drop the tables of every run.
    "migrate": Command(
        options={"--noinput": "", "--no-input": "", "--plan": "", "--check": ""},
        arguments=(_APP, r"[0-9]{4}_[a-z0-9_]{1,80}"),
    ),
    "reconcile": Command(options={"--dry-run": "", "--minutes": _NUMBER}),
    "retry": Command(options={"--anyway": ""}, arguments=(_NUMBER,), repeats=True),
    "runs": Command(options={"--dataset": r"\w{1,63}", "--status": r"[a-z]{1,20}", "--limit": _NUMBER}),
    "showmigrations": Command(options={"--plan": ""}, arguments=(_APP,)),
    "undo": _RUNS,
}


def parse(line: object) -> list[str]:
    """Return the words of a command. Raises NotAllowed if it is not on the list, or has other arguments."""
    words = line.split() if isinstance(line, str) else []
    command = MANAGE.get(words[0]) if words else None
    if command is None:
        asked = f"`{words[0]:.40}`" if words else "nothing"
        raise NotAllowed(f"manage was asked for {asked}; in the function it executes only {', '.join(MANAGE)}.")
    if not command.allows(words[1:]):
        raise NotAllowed(
            f"`{words[0]}` may not have these arguments in the function; it takes `{command.usage(words[0])}`."
        )
    return words
