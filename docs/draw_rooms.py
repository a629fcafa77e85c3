# SPDX-License-Identifier: GPL-3.0-or-later
"""Draws docs/rooms.svg, the floors of the house, from the code: `python -m docs.draw_rooms`."""

from html import escape
from pathlib import Path

from tests.support import ROOT
from tests.support.imports import FLOORS

WIDTH, ROW, GAP, TOP = 460, 46, 14, 60  # of a half, a floor, between floors, above the roof; pixels
HALVES = {"addon": "addon/: inside Blender", "backend": "backend/: its own process"}
FILL = {"addon": "#fde8d0", "backend": "#d9e8f6"}
FONT = 'font-family="sans-serif"'


def count(room: Path) -> int:
    """Python files of a room, those of its inner rooms too."""
    return 1 if room.is_file() else len(list(room.rglob("*.py")))


def draw_half(top: str, left: int, height: int) -> list[str]:
    """One box a room, the ground floor at the bottom."""
    parts = [f'<text x="{left}" y="32" {FONT} font-size="18" font-weight="bold">{escape(HALVES[top])}</text>']
    for level, rooms in enumerate(FLOORS[top]):
        y = height - (level + 1) * (ROW + GAP)
        width = (WIDTH - GAP * (len(rooms) - 1)) / len(rooms)
        for number, room in enumerate(sorted(rooms)):
            x = left + number * (width + GAP)
            folder = ROOT / top / room
            files = count(folder if folder.is_dir() else folder.with_suffix(".py"))
            title = f"{room}.py" if not folder.is_dir() else f"{room} ({files})"
            parts.append(
                f'<rect x="{x:.0f}" y="{y}" width="{width:.0f}" height="{ROW}" rx="5" '
                f'fill="{FILL[top]}" stroke="#555"/>'
                f'<text x="{x + width / 2:.0f}" y="{y + ROW / 2 + 5:.0f}" {FONT} font-size="14" '
                f'text-anchor="middle">{escape(title)}</text>'
            )
    return parts


def draw() -> str:
    """The picture as SVG. A room imports only what lies on its own floor or below it."""
    height = TOP + max(map(len, FLOORS.values())) * (ROW + GAP)
    width = 2 * WIDTH + 3 * 40
    ground = height - GAP - ROW / 2
    arrow = f"M {40 + WIDTH} {ground} h 34"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">',
        '<defs><marker id="tip" markerWidth="8" markerHeight="8" refX="6" refY="4" orient="auto">'
        '<path d="M0,0 L8,4 L0,8 z"/></marker></defs>',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        *draw_half("addon", 40, height),
        *draw_half("backend", 80 + WIDTH, height),
        f'<path d="{arrow}" stroke="black" stroke-width="2" marker-end="url(#tip)"/>',
        f'<text x="40" y="50" {FONT} font-size="12">Files in brackets. A room imports its own floor and those below;'
        " the add-on imports backend/interface alone.</text>",
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    (ROOT / "docs" / "rooms.svg").write_text(draw(), "utf-8")
