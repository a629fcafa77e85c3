# SPDX-License-Identifier: GPL-3.0-or-later
"""Imports the checkout as the package that Blender makes of it, under a name of its own, without bpy."""

import importlib.util
import sys

from tests.support import ROOT

NAME = "image_to_mesh_checkout"

if NAME not in sys.modules:
    spec = importlib.util.spec_from_file_location(NAME, ROOT / "__init__.py", submodule_search_locations=[str(ROOT)])
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[NAME] = module
    spec.loader.exec_module(module)
