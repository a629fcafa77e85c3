# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the window shows what: Blender tells a script nothing of it, but a theme can paint one kind of widget in a
colour that nothing else has. Boxes are (left, bottom, right, top) in Blender's pixels."""

import subprocess

import bpy
import numpy as np
import rig

PANELS = (
    *("Image to Mesh", "Settings", "Results", "History", "Novel View", "Views to Mesh", "Views of a Prompt"),
    *("Learn a Subject", "Refine in Place", "Fit to Scene", "Ready to Use"),
)
PRESETS_PX = 67  # from the right end of the sidebar to the icon in the title of Settings
KEYS = {".": "period", "/": "slash", " ": "space", "_": "underscore", "-": "minus"}
DRAWN = 4 * (0.4,)  # seconds: each ends after one more redraw, however slow


def painted(colors, names, box, act=None):
    """`mask = yield from painted(...)`: bool (H, W), bottom row first, of the pixels of these colours of the theme in
    the box; `yield from act()` opens a menu that should be in them."""
    before = {name: tuple(getattr(colors, name)) for name in names}
    for name, value in before.items():
        setattr(colors, name, (*rig.MARK, 1.0)[: len(value)])
    rig.redraw()
    yield from DRAWN[:2]
    if act:
        yield from act()
    picture = bpy.data.images.load(rig.shot(".painted"))
    for name, value in before.items():
        setattr(colors, name, value)
    rig.redraw()
    pixels = np.empty(picture.size[0] * picture.size[1] * 4, np.float32)
    picture.pixels.foreach_get(pixels)
    pixels = pixels.reshape(picture.size[1], picture.size[0], 4)
    bpy.data.images.remove(picture)
    yield 0.3
    left, bottom, right, top = box
    part = pixels[bottom:top, left:right]
    return (part[..., 0] > 0.5) & (part[..., 1] < 0.28) & (part[..., 2] > 0.5)


def runs(flags, gap=0):
    """First and last + 1 of each row of True, those with at most `gap` between them taken as one."""
    found = []
    for start, end in rig._runs(flags):
        if found and start - found[-1][1] <= gap:
            found[-1][1] = end
        else:
            found.append([start, end])
    return found


def of_region(kind="UI", area="VIEW_3D"):
    region = rig.region(kind, area)
    return region.x, region.y, region.x + region.width, region.y + region.height


def whole():
    return 0, 0, rig.window().width, rig.window().height


def fields(kind, box=None, act=None):
    """`boxes = yield from fields("wcol_num")`: of these widgets, top to bottom, then left to right."""
    box = box or of_region()
    mask = yield from painted(getattr(theme(), kind), ("inner", "inner_sel", "text"), box, act)
    found = []
    for bottom, top in runs(mask.sum(1) >= 12):
        if top - bottom >= 8:
            columns = runs(mask[bottom:top].mean(0) > 0.5)
            found += [
                (box[0] + x, box[1] + bottom, box[0] + right, box[1] + top) for x, right in columns if right - x > 9
            ]
    return sorted(found, key=lambda found: (-found[3], found[0]))


def texts(kind, box=None, act=None, space=None):
    """`boxes = yield from texts("wcol_menu_item")`: of each line of these words, top to bottom."""
    box = box or whole()
    colors, names = (space, ("button_title",)) if space else (getattr(theme(), kind), ("text", "text_sel"))
    mask = yield from painted(colors, names, box, act)
    found = []
    for bottom, top in runs(mask.any(1), 2):
        columns = np.flatnonzero(mask[bottom:top].any(0))
        if top - bottom > 4:
            found.append((box[0] + int(columns[0]), box[1] + bottom, box[0] + int(columns[-1]) + 1, box[1] + top))
    return found[::-1]


def theme():
    return bpy.context.preferences.themes[0].user_interface


def titles():
    """`boxes = yield from titles()`: of the panels' titles in the sidebar, in their order."""
    return (yield from texts("", of_region(), space=bpy.context.preferences.themes[0].view_3d.space))


def click(box):
    """Move there, wait until Blender knows it, and click."""
    x, y = rig.centre(box)
    rig.xdotool("mousemove", x - 3, rig.window().height - 1 - y)
    yield from DRAWN
    rig.click(x, y)
    yield from DRAWN


def hit(*keys):
    rig.key(*keys)
    yield from DRAWN


def toggle_panel(name):
    """Open or close a panel by a click on its title, while no panel above it is open."""
    lines = yield from titles()
    yield from click(lines[PANELS.index(name)])


def submenu(lines):
    """`lines = yield from submenu(lines)`: of the menu to the right of one of these lines."""
    return (yield from texts("wcol_menu_item", (max(line[2] for line in lines) + 4, 0, *whole()[2:])))


def choose(act, number):
    """`lines = yield from choose(act, -1)`: click on a line of the menu that act() opens."""
    lines = yield from texts("wcol_menu_item", None, act)
    yield from click(lines[number])
    return lines


def enter(box, text, until):
    """Click into a field, whose text Blender selects, type, and wait until it is so."""
    yield from click(box)
    yield from type_words(text)
    rig.key("Return")
    yield from rig.wait_until(until, 10)


def type_words(text):
    rig.key(*(KEYS.get(letter, letter) for letter in text))
    yield from DRAWN


def picture(name, box):
    """Save a part of the screen."""
    left, bottom, right, top = box
    part = f"{right - left}x{top - bottom}+{left}+{rig.window().height - top}"
    subprocess.run(["import", "-silent", "-window", "root", "-crop", part, f"{rig.OUT}/{name}.png"], check=True)


def join(name, *parts):
    """Pictures side by side in one."""
    files = [f"{rig.OUT}/{part}.png" for part in parts]
    subprocess.run(["convert", "-background", "#303030", *files, "+append", f"{rig.OUT}/{name}.png"], check=True)
