# SPDX-License-Identifier: GPL-3.0-or-later
"""The house's floors, and who imports whom, read from the import statements."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.support import ROOT

FLOORS = {  # from the ground up; nobody imports upwards
    "backend": (
        {"interface"},
        {"runtime", "rendering"},
        {"meshing"},
        {"fields"},
        {"diffusion", "reconstruction", "input_view"},
        {"weights"},
        {"preprocess"},
        {"optimisation"},
        {"engines"},
        {"process"},
        {"cli"},
        {"training"},
        {"evaluation"},
        {"__main__"},
    ),
    "addon": (
        {"base", "i18n"},
        {"setup"},
        {"settings", "jobs"},
        {"scene"},
        {"session"},
        {"operators"},
        {"panels"},
    ),
}


def imports(path: Path, root: Path = ROOT) -> Iterator[tuple[str, bool]]:
    """(absolute dotted name, whether it runs) of every import, those in functions too; one for type checkers alone
    does not run."""
    package = ".".join(path.relative_to(root).with_suffix("").parts[:-1])
    tree = ast.parse(path.read_text("utf-8"))
    idle = {id(n) for block in ast.walk(tree) if is_typing_block(block) for n in ast.walk(block)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, id(node) not in idle) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                yield f"{base}.{alias.name}", id(node) not in idle


def is_typing_block(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def floor(name: str) -> int:
    """Height of a module by its dotted name, such as backend.fields.field."""
    top, room, *_ = name.split(".")
    heights = [height for height, rooms in enumerate(FLOORS[top]) if room in rooms]
    assert heights, f"{name} lies in no room"
    return heights[0]


def files(root: Path = ROOT) -> list[Path]:
    """All Python files of the product."""
    return sorted(path for top in FLOORS for path in (root / top).rglob("*.py"))


def dotted(path: Path, root: Path = ROOT) -> str:
    """Dotted name of a file: backend/fields/field.py -> backend.fields.field; a package has its folder's name."""
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


@cache
def import_graph(root: Path = ROOT) -> dict[str, set[str]]:
    """For every file of the product, by dotted name, the files of the product that it imports."""
    known = {dotted(path, root) for path in files(root)}
    graph = {}
    for path in files(root):
        names = [(name, name.rpartition(".")[0]) for name, _ in imports(path, root)]
        found = {next((n for n in pair if n in known), "") for pair in names}
        graph[dotted(path, root)] = found - {"", dotted(path, root)}
    return graph


def circles(graph: dict[str, set[str]]) -> list[set[str]]:
    """Groups of nodes that reach each other: strongly connected components of more than one node (Tarjan 1972)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[set[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for target in graph.get(node, ()):
            if target not in index:
                visit(target)
            if target in stack:
                low[node] = min(low[node], low[target])
        if low[node] == index[node]:
            group = set(stack[stack.index(node) :])
            del stack[stack.index(node) :]
            if len(group) > 1:
                found.append(group)

    for node in graph:
        if node not in index:
            visit(node)
    return found
