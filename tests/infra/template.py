"""A CloudFormation template to ask: resources by type, and values as text in which references stand as <Name>."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Template:
    """One stack's template."""

    file: Path

    @cached_property
    def whole(self) -> dict[str, Any]:
        """As it was written."""
        return json.loads(self.file.read_text())

    @cached_property
    def outputs(self) -> dict[str, Any]:
        """The outputs for people and programs; those between stacks are left out."""
        told = self.whole["Outputs"].items()
        return {name: plain(output["Value"]) for name, output in told if "Export" not in output}

    def all(self, kind: str) -> dict[str, Any]:
        """Every resource of ``kind``, properties as ``plain`` writes them, by logical id."""
        resources = self.whole["Resources"].items()
        return {name: plain(each.get("Properties", {})) for name, each in resources if each["Type"] == kind}

    def one(self, kind: str, name: str = "") -> Any:
        """The only resource of ``kind`` whose logical id begins with ``name``."""
        found = {each: told for each, told in self.all(kind).items() if each.startswith(name)}
        assert len(found) == 1, (kind, name, list(found))
        return next(iter(found.values()))

    def resource(self, kind: str, name: str = "") -> dict[str, Any]:
        """The same with what stands beside its properties, such as DeletionPolicy."""
        resources = self.whole["Resources"].items()
        (found,) = [each for id_, each in resources if each["Type"] == kind and id_.startswith(name)]
        return found

    def kinds(self) -> set[str]:
        """The types of all resources."""
        return {each["Type"] for each in self.whole["Resources"].values()}


@dataclass(frozen=True)
class Stacks:
    """The three templates of a stage."""

    folder: Path
    stage: str

    def __getitem__(self, name: str) -> Template:
        return Template(self.folder / self.stage / f"ingest-{self.stage}-{name}.template.json")

    def __iter__(self) -> Any:
        return (self[name] for name in ("data", "app", "trigger"))


def plain(value: Any) -> Any:
    """``value`` with Ref, Fn::GetAtt and Fn::Join written out: ``{"Ref": "Bucket"}`` is ``<Bucket>``."""
    if isinstance(value, list):
        return [plain(each) for each in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"Ref"}:
        return f"<{value['Ref']}>"
    if value.keys() == {"Fn::GetAtt"}:
        return f"<{'.'.join(value['Fn::GetAtt'])}>"
    if value.keys() == {"Fn::Join"}:
        between, parts = value["Fn::Join"]
        return between.join(plain(parts))
    return {name: plain(each) for name, each in value.items()}


def statements(document: Any) -> list[dict[str, Any]]:
    """The statements of a policy, actions and resources as lists."""
    wanted = []
    for each in document["Statement"]:
        lists = {name: each[name] if isinstance(each[name], list) else [each[name]] for name in ("Action", "Resource")}
        wanted.append(each | lists)
    return wanted
