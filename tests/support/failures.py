# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists the failures that people can meet: every place in the backend that makes one of its exceptions, as written."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.backend_client import ROOT

KINDS = {  # of each class of exceptions, the kind of failure that it becomes; see backend.process.failure
    "ParameterError": "parameter",
    "WeightsError": "weights",
    "ImageError": "input",
    "ViewsError": "input",
    "MeshFileError": "disk",
    "DiskError": "disk",
    "FolderError": "disk",
    "EmptyResult": "input",
    "Vanished": "input",
    "Diverged": "input",
    "SetupError": "input",
    "NoHome": "disk",
}
NOT_SHIPPED = ("training", "evaluation")
ANY = "\0"  # stands for what is only known at run time


@dataclass(frozen=True)
class Site:
    """A place that makes a failure. message and remedy: as written, with ANY for what is filled in; remedy None where
    the class has one of its own."""

    path: str
    line: int
    kind: str
    message: str
    remedy: str | None

    @property
    def pattern(self) -> re.Pattern[str]:
        """Matches the message, whatever is filled in."""
        return re.compile(".*".join(map(re.escape, self.message.split(ANY))), re.DOTALL)


def failures() -> Iterator[Site]:
    """All places, in the order of their files."""
    for file in sorted((ROOT / "backend").rglob("*.py")):
        name = file.relative_to(ROOT).as_posix()
        if name.split("/")[1] not in NOT_SHIPPED:
            yield from sites_in(file, name)


def sites_in(file: Path, name: str) -> Iterator[Site]:
    tree = ast.parse(file.read_text("utf-8"))
    constants = {
        target.id: text_of(node.value, {})
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for function in (n for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.Module))):
        own = [n for n in children(function)]
        known = constants | {
            t.id: text_of(n.value, constants)
            for n in own
            if isinstance(n, ast.Assign)
            for t in n.targets
            if isinstance(t, ast.Name)
        }
        for call in own:
            if isinstance(call, ast.Call) and isinstance(call.func, (ast.Name, ast.Attribute)):
                made = call.func.id if isinstance(call.func, ast.Name) else call.func.attr
                if made in KINDS and call.args:
                    arguments = [text_of(a, known) for a in call.args]
                    given = arguments[2] if made == "MeshFileError" and len(arguments) > 2 else ANY
                    kind = KINDS[made] if given == ANY else given
                    remedy = arguments[1] if len(arguments) > 1 else None
                    yield Site(name, call.lineno, kind, arguments[0], remedy)


def children(function: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function or module, without those of functions inside it."""
    for child in ast.iter_child_nodes(function):
        if not isinstance(child, ast.FunctionDef):
            yield child
            yield from children(child)


def text_of(node: ast.AST, known: dict[str, str]) -> str:
    """A text as an expression makes it."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(part, known) for part in node.values)
    if isinstance(node, ast.FormattedValue):
        return text_of(node.value, known) if isinstance(node.value, ast.Name) else ANY
    if isinstance(node, ast.Name):
        return known.get(node.id, ANY)
    return ANY
