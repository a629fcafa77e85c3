# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of the extensions platform that Blender's own validator does not check."""

import ast
import re
import tomllib

from tests.support import ROOT

MANIFEST = tomllib.loads((ROOT / "blender_manifest.toml").read_text("utf-8"))


def test_licence_version_and_oldest_blender():
    assert MANIFEST["license"] == ["SPDX:GPL-3.0-or-later"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", MANIFEST["version"])
    assert MANIFEST["blender_version_min"] == "4.2.0" and "blender_version_max" not in MANIFEST


def test_permissions_have_short_reasons():
    assert {"files", "network"} <= set(MANIFEST["permissions"])
    for reason in MANIFEST["permissions"].values():
        assert 10 < len(reason) <= 64 and reason[-1].isalnum()


def test_the_addon_imports_nothing_but_blender_numpy_and_the_standard_library():
    import sys

    blender = {"bl_operators", "bl_ui", "bmesh", "bpy", "gpu", "gpu_extras", "mathutils", "numpy"}  # what it ships
    allowed = set(sys.stdlib_module_names) | blender
    for path in [ROOT / "__init__.py", *(ROOT / "addon").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                if node.level == 0:
                    names = [node.module or ""]
                else:
                    assert node.module is None or not node.module.startswith("backend") or "interface" in node.module, (
                        path
                    )
            for name in names:
                assert name.split(".")[0] in allowed, f"{path.name} imports {name}"


def test_importing_the_package_does_not_import_blender():
    """Blender's own import happens in register(), so that the checkout can be imported anywhere."""
    for path in (ROOT / "__init__.py", ROOT / "addon" / "__init__.py"):
        top = ast.parse(path.read_text("utf-8")).body
        assert not [n for n in top if isinstance(n, (ast.Import, ast.ImportFrom)) and "bpy" in ast.dump(n)]


def test_no_operator_runs_under_temp_override():
    """Blender reads the override's dictionary without Python's lock while the operator runs: it crashed now and then in
    BPY_context_member_get when a thread of ours ran Python at that moment."""
    assert not [
        path.name for path in sorted((ROOT / "addon").glob("*.py")) if "temp_override(" in path.read_text("utf-8")
    ]
