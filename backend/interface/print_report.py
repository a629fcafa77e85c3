# SPDX-License-Identifier: GPL-3.0-or-later
"""Sentences for the panel and the command line from the facts of a print check."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Translate = Callable[[str], str]

OPEN_WORDS = "It has holes. Open edges: {}"
TOUCHING_WORDS = "Parts only touch. Such edges or corners: {}"
WINDING_WORDS = "Faces look to different sides. Edges between them: {}"
CROSSING_WORDS = "Faces cut through each other: {} %"
CAVITY_WORDS = "It is hollow. Closed spaces inside: {}"
INVERTED_WORDS = "It is inside out"
THIN_WORDS = "A wall is too thin: {} mm, at least {} mm is needed"
SIZE_WORDS = "Size: {} x {} x {} mm"
WALL_WORDS = "Thinnest wall: {} mm"
SHELLS_WORDS = "Shells: {}"
FINE_WORDS = "Ready to print"


def problems(found: Mapping[str, Any], translate: Translate = str) -> list[str]:
    """A sentence for each thing that is wrong; found: the facts of meshing.print_check."""
    wrong = [
        (OPEN_WORDS, found["open_edges"]),
        (TOUCHING_WORDS, found["touching"]),
        (WINDING_WORDS, found["flipped_edges"]),
        (CAVITY_WORDS, found["cavities"]),
    ]
    sentences = [translate(words).format(f"{count:,}") for words, count in wrong if count]
    if found["inside_out"]:
        sentences.append(translate(INVERTED_WORDS))
    if found["crossing"]:
        sentences.append(translate(CROSSING_WORDS).format(f"{max(100 * found['crossing'], 0.1):.1f}"))
    wall, least = found["wall_mm"], found["least_wall_mm"]
    if wall is not None and wall < least:
        sentences.append(translate(THIN_WORDS).format(rounded(wall), rounded(least)))
    return sentences


def measures(found: Mapping[str, Any], translate: Translate = str) -> list[str]:
    """Size, thinnest wall and number of shells, each in a few words."""
    texts = [translate(SIZE_WORDS).format(*map(rounded, found["size_mm"]))]
    if found["wall_mm"] is not None:
        texts.append(translate(WALL_WORDS).format(rounded(found["wall_mm"])))
    return [*texts, translate(SHELLS_WORDS).format(f"{found['shells']:,}")]


def rounded(millimetres: float) -> str:
    """Three digits that count, no more."""
    return f"{millimetres:,.0f}" if millimetres >= 100 else f"{millimetres:.3g}"
