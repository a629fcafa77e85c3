# SPDX-License-Identifier: GPL-3.0-or-later
"""Presets, menus, search and shortcut in a real window, with the pictures menus and presets.

For `--double`. Ends with status 0 only if a click or a key on each of them did what it says: Fast, Best, Balanced and a
preset saved by name came back, and every menu's entry started a job.
"""

import shutil
import sys
import tempfile
from pathlib import Path

import bpy
import rig

sys.path.insert(0, next(a for a in rig.SESSION["args"] if a.startswith("here=")).removeprefix("here="))
from played import ARGS, PATIENCE_S, extension, prepare
from widgets import (
    DRAWN,
    PRESETS_PX,
    beside_sidebar,
    choose,
    click,
    enter,
    fields,
    hit,
    join,
    of_region,
    pick,
    picture,
    shown_panels,
    submenu,
    texts,
    titles,
    type_words,
    whole,
)

FOLDER = Path(tempfile.gettempdir()) / "chosen"
SIDE = 560  # pixels of a picture's part


def settled(told):
    """The entry has started a job, which ends well."""
    yield from rig.wait_until(lambda: extension.is_busy() or extension.last_job(), 10)
    yield from rig.wait_until(lambda: not extension.is_busy(), PATIENCE_S)
    rig.log(told, extension.last_job().state.value, extension.last_job().name)
    assert extension.last_job().state.value == "Done", extension.last_job().message
    extension.forget_ended_jobs()


def shown(name, line):
    """Keep a picture of the menu around one of its lines."""
    left, bottom, *_ = line
    left, bottom = max(0, left - SIDE // 2), max(0, min(bottom - SIDE // 6, whole()[3] - SIDE))
    picture(name, (left, bottom, left + SIDE, bottom + SIDE))


def presets(settings):
    """The quality row; then settings of one's own, by the icon beside Advanced."""
    group, task = settings.lrm, extension.tasks.task("lrm")
    for name in ("Fast", "Best", "Balanced"):
        yield from pick(name)
        wanted = extension.engine_presets.preset(task, name.lower())
        assert settings.quality == name.upper() and group.mesh_resolution == wanted["mesh_resolution"]
        rig.log(name, wanted)
    title = (yield from titles())[shown_panels().index("Advanced")]
    icon = (of_region()[2] - PRESETS_PX - 8, title[1], of_region()[2] - PRESETS_PX + 8, title[3])
    around = (icon[0] - 250, 0, icon[2] + 110, title[1] + 200)  # the popover opens above or below

    def open_popover():
        yield from click(icon)

    group.mesh_resolution = 77
    assert settings.quality == "OWN"
    name, *_ = yield from fields("wcol_text", around, open_popover)
    yield from enter(name, "mine", lambda: bpy.context.window_manager.preset_name == "mine")
    yield from click((name[2] + 14, name[1], name[2] + 22, name[3]))
    yield from hit("Escape")
    [path] = bpy.utils.preset_paths("image_to_mesh/lrm")
    rig.log("saved:", [file.name for file in Path(path).glob("*.py")])
    yield from pick("Fast")
    lines = yield from texts("wcol_menu_item", around, open_popover)
    left, bottom = title[0] - 30, title[1] - 240
    picture("presets", (left, bottom, left + 400, bottom + 500))
    yield from click(lines[0])
    yield from hit("Escape")
    assert group.mesh_resolution == 77


def add_menu():
    def add():
        yield from hit("shift+a")

    lines = yield from submenu((yield from choose(add, 1, beside_sidebar())))  # of Mesh, below the search
    shown("add", lines[-1])
    yield from click(lines[-1])
    yield from settled("Add > Mesh:")


def search(middle):
    rig.xdotool("mousemove", *middle)
    yield from DRAWN
    yield from hit("F3")
    yield from type_words("image to mesh")
    bottom = whole()[3] - middle[1] - 240
    picture("search", (middle[0] - 10, bottom, middle[0] + SIDE - 10, bottom + 300))
    yield from hit("Return")
    yield from settled("F3:")


def import_menu():
    """File > Import, and two files in the file browser."""
    FOLDER.mkdir()
    for name in ("First", "Second"):
        shutil.copyfile(ARGS["image"], FOLDER / f"{name}.png")
    top = whole()[3]

    def open_file_menu():
        yield from click((34, top - 26, 70, top - 6))

    lines = yield from texts("wcol_menu_item", beside_sidebar(), open_file_menu)
    yield from click(lines[-7 if len(lines) > 18 else -6])  # Import; grey lines may be too pale to be seen
    inner = yield from submenu(lines)
    shown("import", inner[-1])
    yield from click(inner[-1])
    yield from rig.wait_until(lambda: any(area.type == "FILE_BROWSER" for area in rig.window().screen.areas), 20)
    rig.area("FILE_BROWSER").spaces.active.params.directory = str(FOLDER).encode()
    yield 2.0
    box = of_region("WINDOW", "FILE_BROWSER")
    rig.xdotool("mousemove", (box[0] + box[2]) // 2, top - (box[1] + box[3]) // 2)
    yield from DRAWN
    yield from hit("a")
    yield from hit("Return")
    names = [ob.name for ob in bpy.data.objects]
    yield from settled("File > Import:")
    assert {"First", "Second"} <= {ob.name for ob in bpy.data.objects}, names


def image_editor():
    area, settings = rig.area(), bpy.context.scene.image_to_mesh
    image = bpy.data.images.new("Painted", 8, 8)
    area.type, area.spaces.active.image = "IMAGE_EDITOR", image
    yield from DRAWN
    header = of_region("HEADER", "IMAGE_EDITOR")
    line = (yield from texts("wcol_pulldown", header))[0]

    def open_image_menu():
        yield from click((line[2] - 40, line[1], line[2], line[3]))

    lines = yield from texts("wcol_menu_item", None, open_image_menu)
    shown("image", lines[-1])
    yield from click(lines[-1])
    yield from settled("Image Editor > Image:")
    assert settings.source == "IMAGE" and settings.image == image


def steps():
    stages = ARGS.get("stages", "key,add,search,presets,import,image").split(",")
    prepare()
    bpy.context.preferences.view.filebrowser_display_type = "SCREEN"
    extension.preferences().show_colors = False  # the cube has magenta corners, and `painted` looks for magenta
    settings = bpy.context.scene.image_to_mesh
    settings.filepath = ARGS["image"]
    yield from rig.open_sidebar("Image to Mesh")
    view = of_region("WINDOW")
    middle = (view[0] + view[2]) // 3, 300
    rig.xdotool("mousemove", *middle)
    yield from DRAWN
    if "key" in stages:
        yield from hit("ctrl+shift+m")
        yield from settled("Ctrl+Shift+M:")
    if "add" in stages:
        yield from add_menu()
    if "search" in stages:
        yield from search(middle)
    if "presets" in stages:
        yield from presets(settings)
    if "import" in stages:
        yield from import_menu()
    if "image" in stages:
        yield from image_editor()
    if not {"add", "import", "image", "search"} - {*stages}:
        join("menus", "add", "import", "image", "search")


rig.play(steps)
