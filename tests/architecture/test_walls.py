# SPDX-License-Identifier: GPL-3.0-or-later
"""The house's walls and floors (docs/architecture.md), read from the import statements."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

from tests.support import ROOT

FLOORS = {  # from the ground up; nobody imports upwards, and no files import each other in a circle
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
BACKEND = sorted((ROOT / "backend").rglob("*.py"))
ADDON = sorted((ROOT / "addon").rglob("*.py"))
DISTRIBUTIONS = {
    "PIL": "pillow",
    "mcubes": "pymcubes",
    "skimage": "scikit-image",
    "fast_simplification": "fast-simplification",
    "igl": "libigl",
    "huggingface_hub": "huggingface-hub",
}


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """(absolute dotted name, whether it runs) of every import; one for type checkers alone does not run."""
    package = ".".join(path.relative_to(ROOT).with_suffix("").parts[:-1])
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


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def modules() -> set[str]:
    """Dotted names of all files of the product, whatever ROOT is."""
    return {dotted(path) for top in FLOORS for path in (ROOT / top).rglob("*.py")}


def imported_files(path: Path, known: set[str]) -> set[str]:
    """Dotted names of the product's files that a file imports, in functions too."""
    names = [(name, name.rpartition(".")[0]) for name, _ in imports(path)]
    return {next((n for n in pair if n in known), "") for pair in names} - {"", dotted(path)}


def circles(graph: dict[str, set[str]]) -> list[set[str]]:
    """Groups of nodes that reach each other (Tarjan's strongly connected components of more than one node)."""
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


def import_graph() -> dict[str, set[str]]:
    known = modules()
    return {dotted(path): imported_files(path, known) for top in FLOORS for path in (ROOT / top).rglob("*.py")}


@pytest.mark.parametrize("path", BACKEND, ids=named)
def test_the_backend_never_imports_upwards_or_blender(path):
    own = dotted(path)
    for name, _ in imports(path):
        assert name.split(".")[0] not in {"bpy", "bmesh", "mathutils", "addon"}, name
    for name in imported_files(path, modules()):
        if own != "backend" and name != "backend":
            assert floor(name) <= floor(own), f"{own} imports {name}"


@pytest.mark.parametrize("path", ADDON, ids=named)
def test_the_addon_imports_downwards_and_of_the_backend_its_interface_alone(path):
    own = dotted(path)
    for name, _ in imports(path):
        assert not name.startswith("backend") or name.startswith("backend.interface"), name
        assert name.split(".")[0] not in {"torch", "diffusers", "trimesh", "PIL", "scipy"}, name
    for name in imported_files(path, modules()):
        if own != "addon" and name.startswith("addon."):
            assert floor(name) <= floor(own), f"{own} imports {name}"


def test_no_files_import_each_other_in_a_circle():
    assert circles(import_graph()) == []


def test_engines_import_no_sibling():
    for name, targets in import_graph().items():
        if name.startswith("backend.engines."):
            assert not [t for t in targets if t.startswith("backend.engines.")], name


def test_the_roots_hold_rooms_and_nothing_else():
    for top, alone in {"backend": {"__init__", "__main__"}, "addon": {"__init__", "session"}}.items():
        assert {path.stem for path in (ROOT / top).glob("*.py")} == alone


def test_no_room_is_crowded():
    for top in FLOORS:
        for room in {path.parent for path in (ROOT / top).rglob("*.py")}:
            assert len(list(room.glob("*.py"))) <= 20, room


WALLS_BROKEN = {
    "backend/meshing/up.py": "from ..engines import one2345",
    "backend/meshing/late.py": "def f():\n    from ..engines import one2345",
    "backend/fields/root.py": "from .. import __main__",
    "backend/engines/blender.py": "def f():\n    import bpy",
    "addon/base/up.py": "from ..panels import main",
    "addon/scene/backend.py": "from ...backend.meshing import marching_cubes",
}


@pytest.mark.parametrize("name", WALLS_BROKEN)
def test_a_broken_wall_is_noticed(name, tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    for file in (
        "backend/engines/one2345.py", "backend/__main__.py", "backend/meshing/marching_cubes.py",
        "addon/panels/main.py", name,
    ):  # fmt: skip
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(WALLS_BROKEN.get(file, ""))
    rule = (
        test_the_backend_never_imports_upwards_or_blender
        if name.startswith("backend")
        else test_the_addon_imports_downwards_and_of_the_backend_its_interface_alone
    )
    with pytest.raises(AssertionError):
        rule(tmp_path / name)


def test_circles_are_found_wherever_they_begin():
    graph = {"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": {"e"}, "e": {"f"}, "f": {"d"}, "g": {"a"}}
    assert sorted(map(sorted, circles(graph))) == [["b", "c"], ["d", "e", "f"]]


def test_the_interface_needs_the_standard_library_alone():
    """Imported in a Python that has nothing else; and with relative imports, because Blender gives it another name."""
    for path in (ROOT / "backend" / "interface").rglob("*.py"):
        for name, _ in imports(path):
            top = name.split(".")[0]
            assert top in sys.stdlib_module_names or name.startswith("backend.interface"), f"{path.name}: {name}"
    code = (
        f"import sys; sys.path[:] = [p for p in sys.path if 'site-packages' not in p] + [{str(ROOT)!r}]\n"
        "import backend.interface.installer.environment, backend.interface.tasks, backend.interface.catalog\n"
        "others = {m.split('.')[0] for m in sys.modules} - set(sys.stdlib_module_names) - {'backend', '__main__'}\n"
        "sys.exit(f'{others}' if {'torch', 'numpy', 'typer'} & others else 0)"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_what_the_backend_imports_is_pinned():
    from packaging.requirements import Requirement

    from backend.interface.installer import packages

    pinned = {Requirement(pin).name.lower().replace("_", "-") for pin in packages.pins(ROOT, "backend")}
    optional = {"psutil", "certifi", "msvcrt", "fcntl"}
    for path in BACKEND:
        if {"training", "evaluation"} & set(path.parts):
            continue
        for name, runs in imports(path):
            top = name.split(".")[0]
            if runs and top not in sys.stdlib_module_names and top != "backend":
                assert DISTRIBUTIONS.get(top, top).lower() in pinned | optional, f"{named(path)} imports {name}"


def test_every_pin_is_exact():
    from packaging.requirements import Requirement

    from backend.interface.installer import packages

    groups = packages.project(ROOT)["dependency-groups"]
    assert {"backend", "training", "dev"} <= set(groups)
    for pin in [*chain(*groups.values()), *packages.constraints(ROOT)]:
        operators = [spec.operator for spec in Requirement(pin).specifier]
        assert operators == ["=="] and "*" not in pin, pin
    assert packages.pins(ROOT, "backend")[0].startswith("torch==")  # installed first, from where its build lies
