# SPDX-License-Identifier: GPL-3.0-or-later
"""The house's walls and floors (docs/architecture.md)."""

import subprocess
import sys
from itertools import chain
from pathlib import Path

import pytest

from tests.support import ROOT
from tests.support.imports import FLOORS, circles, dotted, files, floor, import_graph, imports

DISTRIBUTIONS = {
    "PIL": "pillow",
    "mcubes": "pymcubes",
    "skimage": "scikit-image",
    "fast_simplification": "fast-simplification",
    "igl": "libigl",
    "huggingface_hub": "huggingface-hub",
}
CROWD = 20  # files of a room
FOREIGN = {  # what a half never imports
    "backend": {"bpy", "bmesh", "mathutils", "addon"},
    "addon": {"torch", "diffusers", "trimesh", "PIL", "scipy"},
}


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def broken_walls(path: Path, root: Path = ROOT) -> list[str]:
    """A file's imports that break the rules."""
    own = dotted(path, root)
    top = own.split(".")[0]
    found = []
    for name, _ in imports(path, root):
        foreign = name.split(".")[0] in FOREIGN[top]
        private = top == "addon" and name.startswith("backend") and not name.startswith("backend.interface")
        found += [name] if foreign or private else []
    for name in import_graph(root)[own]:
        if {own, name} & set(FLOORS) or not name.startswith(top + "."):
            continue
        found += [name] if floor(name) > floor(own) else []
    return found


@pytest.mark.parametrize("path", files(), ids=named)
def test_no_file_imports_upwards_or_from_the_other_half(path):
    assert broken_walls(path) == []


WALLS_BROKEN = {
    "backend/meshing/up.py": "from ..engines import one2345",
    "backend/meshing/late.py": "def f():\n    from ..engines import one2345",
    "backend/fields/root.py": "from .. import __main__",
    "backend/engines/blender.py": "def f():\n    import bpy",
    "addon/base/up.py": "from ..panels import main",
    "addon/scene/private.py": "from ...backend.meshing import marching_cubes",
    "addon/base/heavy.py": "import torch",
}


@pytest.mark.parametrize("name", WALLS_BROKEN)
def test_a_broken_wall_is_noticed(name, tmp_path):
    whole = ("backend/engines/one2345.py", "backend/__main__.py", "backend/meshing/marching_cubes.py")
    for file in (*whole, "addon/panels/main.py", name):
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(WALLS_BROKEN.get(file, ""))
    assert len(broken_walls(tmp_path / name, tmp_path)) == 1


def test_no_files_import_each_other_in_a_circle():
    assert circles(import_graph()) == []


def test_circles_are_found_wherever_they_begin():
    graph = {"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": {"e"}, "e": {"f"}, "f": {"d"}, "g": {"a"}}
    assert sorted(map(sorted, circles(graph))) == [["b", "c"], ["d", "e", "f"]]


def test_engines_import_no_sibling():
    for name, targets in import_graph().items():
        if name.startswith("backend.engines."):
            assert not [target for target in targets if target.startswith("backend.engines.")], name


def test_the_roots_hold_rooms_and_nothing_else():
    for top, alone in {"backend": {"__init__", "__main__"}, "addon": {"__init__", "session"}}.items():
        assert {path.stem for path in (ROOT / top).glob("*.py")} == alone


def test_no_room_is_crowded():
    for room in {path.parent for path in files()}:
        assert len(list(room.glob("*.py"))) <= CROWD, room


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


def test_every_package_that_the_backend_imports_is_pinned():
    from packaging.requirements import Requirement

    from backend.interface.installer import packages

    pinned = {Requirement(pin).name.lower().replace("_", "-") for pin in packages.pins(ROOT, "backend")}
    optional = {"psutil", "certifi", "msvcrt", "fcntl"}
    for path in files():
        if "addon" in path.parts or {"training", "evaluation"} & set(path.parts):
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
