# SPDX-License-Identifier: GPL-3.0-or-later
"""Sentences about a result that people should read, from its facts: the same for Blender's panel and the command
line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

WARNING = "warning"
SENTENCES = (WARNING, "background", "stand_ins", "note")  # facts that are sentences, the most important first


def remarks(facts: Mapping[str, Any]) -> list[str]:
    """Sentences about a result and its stages: warnings, the background's removal, models that stood in for others,
    the elevation that was used, and the mesh's depth."""
    stages = facts.get("stages")
    parts = [facts, *(stage for stage in stages if isinstance(stage, dict))] if isinstance(stages, list) else [facts]
    said = [part.get(name) for part in parts for name in SENTENCES]
    elevation, depth = facts.get("elevation_deg"), facts.get("depth")
    if isinstance(elevation, (int, float)):
        elevation = f"Elevation {elevation:g}\N{DEGREE SIGN}, {facts.get('elevation') or 'given'}"
    if isinstance(depth, (int, float)):
        depth = f"Depth {depth:g} of the width"
    return [str(text) for text in (*said, elevation, depth) if text]


def add_warnings(facts: Mapping[str, Any], warnings: Iterable[str]) -> dict[str, Any]:
    """The facts with more warnings, each once, before the one that is there."""
    said = [*dict.fromkeys(warnings), str(facts.get(WARNING) or "")]
    text = " ".join(filter(None, said))
    return dict(facts) | ({WARNING: text} if text else {})
