# SPDX-License-Identifier: GPL-3.0-or-later
"""A campaign of faults against the backend, as Blender sees it (docs/research/faults.md)."""

import tests.addon.conftest  # noqa: F401  (makes image_to_mesh_checkout of the checkout, as Blender makes a package)
