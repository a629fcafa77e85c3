# SPDX-License-Identifier: GPL-3.0-or-later
"""The house's walls and floors (design, section 2), read from the import statements."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FLOORS = [  # from the ground up; nobody imports upwards, and rooms of one floor may know each other
    {"interface"},
    {"rendering", "meshing"},
    {"fields"},
    {"diffusion", "reconstruction", "preprocess", "weights"},
    {"engines"},
]
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
    """The floor of a module of the backend by its dotted name; the roof for server, command line and training."""
    room = name.split(".")[1] if "." in name else ""
    return next((i for i, rooms in enumerate(FLOORS) if room in rooms), len(FLOORS))


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", BACKEND, ids=named)
def test_the_backend_never_imports_upwards_or_blender(path):
    own = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for name, _ in imports(path):
        assert name.split(".")[0] not in {"bpy", "bmesh", "mathutils", "addon"}, name
        known = name.startswith("backend.") and (ROOT / Path(*name.split(".")[:2])).is_dir()
        if known and len(own.split(".")) > 2:
            assert floor(name) <= floor(own), f"{own} imports {name}"


@pytest.mark.parametrize("path", ADDON, ids=named)
def test_the_addon_imports_nothing_of_the_backend_but_its_interface(path):
    for name, _ in imports(path):
        assert not name.startswith("backend") or name.startswith("backend.interface"), name
        assert name.split(".")[0] not in {"torch", "diffusers", "trimesh", "PIL", "scipy"}, name


def test_a_wall_would_be_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    for name, text in {
        "backend/meshing/a.py": "from ..engines import one2345",
        "backend/engines/b.py": "def f():\n    import bpy",
        "addon/c.py": "from ..backend.meshing import mesh",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "backend/engines").mkdir(exist_ok=True)
    for name in ("backend/meshing/a.py", "backend/engines/b.py"):
        with pytest.raises(AssertionError):
            test_the_backend_never_imports_upwards_or_blender(tmp_path / name)
    with pytest.raises(AssertionError):
        test_the_addon_imports_nothing_of_the_backend_but_its_interface(tmp_path / "addon/c.py")


def test_the_interface_needs_the_standard_library_alone():
    """Imported in a Python that has nothing else; and with relative imports, because Blender gives it another name."""
    for path in (ROOT / "backend" / "interface").glob("*.py"):
        for name, _ in imports(path):
            top = name.split(".")[0]
            assert top in sys.stdlib_module_names or name.startswith("backend.interface"), f"{path.name}: {name}"
    code = (
        f"import sys; sys.path[:] = [p for p in sys.path if 'site-packages' not in p] + [{str(ROOT)!r}]\n"
        "import backend.interface.environment, backend.interface.declarations, backend.interface.catalog\n"
        "others = {m.split('.')[0] for m in sys.modules} - set(sys.stdlib_module_names) - {'backend', '__main__'}\n"
        "sys.exit(f'{others}' if {'torch', 'numpy', 'typer'} & others else 0)"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_what_the_backend_imports_is_pinned():
    from packaging.requirements import Requirement

    from backend.interface import packages

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

    from backend.interface import packages

    groups = packages.project(ROOT)["dependency-groups"]
    assert {"backend", "training", "dev"} <= set(groups)
    for pin in [*chain(*groups.values()), *packages.constraints(ROOT)]:
        operators = [spec.operator for spec in Requirement(pin).specifier]
        assert operators == ["=="] and "*" not in pin, pin
    assert packages.pins(ROOT, "backend")[0].startswith("torch==")  # installed first, from where its build lies
