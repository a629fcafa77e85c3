# SPDX-License-Identifier: GPL-3.0-or-later
"""Image to Mesh, a Blender extension. Everything else is imported when Blender enables it."""


def register() -> None:
    """Called by Blender when the extension is enabled."""
    from . import addon

    addon.register()


def unregister() -> None:
    """Called by Blender when the extension is disabled, removed or Blender ends."""
    from . import addon

    addon.unregister()
