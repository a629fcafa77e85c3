# SPDX-License-Identifier: GPL-3.0-or-later
"""The backend of Image to Mesh: a process of its own, with its own environment; never imports bpy."""

from pathlib import Path


def _read_version() -> str:
    """The version in the extension's manifest, which lies beside this package; "unknown" without a manifest."""
    try:
        lines = (Path(__file__).resolve().parents[1] / "blender_manifest.toml").read_text("utf-8").splitlines()
    except OSError:
        return "unknown"
    return next((line.split('"')[1] for line in lines if line.startswith("version =")), "unknown")


__version__ = _read_version()
