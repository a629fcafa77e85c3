# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the window shows what: Blender tells a script nothing of it, but a theme can paint one kind of widget in a
colour that nothing else has. Boxes are (left, bottom, right, top) in Blender's pixels."""

import subprocess

import bpy
import numpy as np
import rig

GROUPS = {  # titles of panels below the main one, and of those in them
    "Improve": ("History", "Refine in Place"),
    "Finish": ("Ready to Use", "Fit to Scene"),
    "Views": ("Novel View", "Views to Mesh", "Views of a Prompt"),
    "Advanced": ("Picture of a Prompt", "Learn a Subject"),
    "Maintenance": (),
}
WITH_SETTINGS = ("Novel View", "Views to Mesh", "Views of a Prompt", "Learn a Subject")  # a closed panel in each
CHOICES = ("File", "Image", "Render", "Prompt", "Fast", "Balanced", "Best")  # in the main panel, in their order
PRESETS_PX = 67  # from the right end of the sidebar to the icon in the title of Advanced
DRAG_STEPS = 20
ROW_PX = 8  # by which the upper edges of a row's buttons differ at most
KEYS = {".": "period", "/": "slash", " ": "space", "_": "underscore", "-": "minus"}
DRAWN = 4 * (0.4,)  # seconds: each ends after one more redraw, however slow

_opened = set()  # names of panels


def painted(colors, names, box, act=None):
    """`mask = yield from painted(...)`: bool (H, W), bottom row first, of the pixels of these colours of the theme in
    the box; `yield from act()` opens a menu that should be in them."""
    already = marked(rig.shot(".plain"), box)
    before = {name: tuple(getattr(colors, name)) for name in names}
    for name, value in before.items():
        setattr(colors, name, (*rig.MARK, 1.0)[: len(value)])
    rig.redraw()
    yield from DRAWN[:2]
    if act:
        yield from act()
    mask = marked(rig.shot(".painted"), box)
    for name, value in before.items():
        setattr(colors, name, value)
    rig.redraw()
    yield 0.3
    return mask & ~already


def marked(path, box):
    """Whether each pixel of a screenshot's box has about the colour MARK: bool (H, W), bottom row first."""
    picture = bpy.data.images.load(path)
    pixels = np.empty(picture.size[0] * picture.size[1] * 4, np.float32)
    picture.pixels.foreach_get(pixels)
    pixels = pixels.reshape(picture.size[1], picture.size[0], 4)
    bpy.data.images.remove(picture)
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


def of_area(area="VIEW_3D"):
    area = rig.area(area)
    return area.x, area.y, area.x + area.width, area.y + area.height


def beside_sidebar():
    """All to the left of the sidebar, whose pictures may have any colour."""
    return 0, 0, of_region()[0], whole()[3]


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


def tabs():
    """`boxes = yield from tabs()`: of the sidebar's tabs that are not chosen, top to bottom."""
    left, bottom, _right, _top = of_region()
    mask = yield from painted(bpy.context.preferences.themes[0].view_3d.space, ("tab_inactive",), of_region())
    columns = np.flatnonzero(mask.sum(0) > 30)
    found = [
        (left + int(columns[0]), bottom + low, left + int(columns[-1]) + 1, bottom + high)
        for low, high in runs(mask[:, columns].any(1), 1)
        if high - low > 20
    ]
    return found[::-1]


def click(box):
    """Move there, wait until Blender knows it, and click."""
    x, y = rig.centre(box)
    rig.xdotool("mousemove", x - 3, rig.window().height - 1 - y)
    yield from DRAWN
    rig.click(x, y)
    yield from DRAWN


def point(x, y, window=None):
    """Move the mouse to a place in a window of Blender's; the first one fills the screen."""
    left, bottom = (window.x, window.y) if window else (0, 0)
    rig.xdotool("mousemove", int(left + x), whole()[3] - 1 - int(bottom + y))


def drag(ends, at_end=lambda: None, window=None):
    """Press the left button at the first place, move to the second, call at_end(), and let go."""
    (x0, y0), (x1, y1) = ends
    point(x0, y0, window)
    yield from DRAWN
    rig.xdotool("mousedown", 1)
    yield 0.3
    for step in range(1, DRAG_STEPS + 1):
        share = step / DRAG_STEPS
        point(x0 + share * (x1 - x0), y0 + share * (y1 - y0), window)
        yield 0.05
    yield from DRAWN
    at_end()
    rig.xdotool("mouseup", 1)
    yield from DRAWN


def hit(*keys):
    rig.key(*keys)
    yield from DRAWN


def shown_panels():
    """Names of the titles in the sidebar, in their order."""
    names = ["Image to Mesh"]
    for group, children in GROUPS.items():
        names.append(group)
        for child in children if group in _opened else ():
            names += [child, "Settings"] if child in _opened and child in WITH_SETTINGS else [child]
    return names


def toggle_panel(name):
    """Open or close a panel by a click on its title, after its group was opened."""
    group = next((group for group, children in GROUPS.items() if name in children), None)
    if group and group not in _opened:
        yield from toggle_panel(group)
    lines = yield from titles()
    yield from click(lines[shown_panels().index(name)])
    _opened.symmetric_difference_update({name})


def open_only(name):
    """Open a panel, and close the others."""
    group = next(group for group, children in GROUPS.items() if name in children or name == group)
    for other in [other for other in shown_panels() if other in _opened and other not in (name, group)][::-1]:
        yield from toggle_panel(other)
    if name not in _opened:
        yield from toggle_panel(name)


def within(name):
    """`box = yield from within("Refine in Place")`: what an open panel shows below its title."""
    lines, number = (yield from titles()), shown_panels().index(name)
    left, bottom, right, _ = of_region()
    return left, lines[number + 1][3] if number + 1 < len(lines) else bottom, right, lines[number][1]


def live_in(name):
    """`boxes = yield from live_in("Refine in Place")`: the buttons of an open panel that are not grey."""
    _, bottom, _, top = yield from within(name)
    boxes = []
    yield from rig.buttons(rig.region("UI"), boxes)
    return [box for box in boxes if bottom <= box[1] and box[3] <= top]


def rows_around_main():
    """`above, main, below = yield from rows_around_main()`: the main button, and the rows of live buttons from it on
    upwards and downwards."""
    boxes, rows = [], []
    yield from rig.buttons(rig.region("UI"), boxes)
    for box in boxes:
        if rows and rows[-1][0][3] - box[3] < ROW_PX:
            rows[-1].append(box)
        else:
            rows.append([box])
    number = max(range(len(rows)), key=lambda number: rows[number][0][3] - rows[number][0][1])
    return [sorted(row) for row in rows[:number][::-1]], rows[number][0], [sorted(row) for row in rows[number + 1 :]]


def pick(name):
    """Click one of CHOICES, while the chosen engine takes an image."""
    boxes = yield from fields("wcol_radio")
    yield from click(boxes[CHOICES.index(name)])


def submenu(lines):
    """`lines = yield from submenu(lines)`: of the menu to the right of one of these lines."""
    return (yield from texts("wcol_menu_item", (max(line[2] for line in lines) + 4, 0, *beside_sidebar()[2:])))


def choose(act, number, box=None):
    """`lines = yield from choose(act, -1)`: click on a line of the menu that act() opens, somewhere in the box."""
    lines = yield from texts("wcol_menu_item", box, act)
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
