# SPDX-License-Identifier: GPL-3.0-or-later
"""The panel in other languages, in a real window, with the picture languages.

Debian's Blender keeps its languages apart; without them this fails. Take usr/share/locale out of the package
blender-data, and let the rig show it: `--rig-argument=--bind --rig-argument=FOLDER:/usr/share/locale:ro`.
Ends with status 0 only if Blender has our words in each language.
"""

import sys

import bpy
import rig

sys.path.insert(0, next(a for a in rig.SESSION["args"] if a.startswith("here=")).removeprefix("here="))
from played import ARGS, extension, prepare
from widgets import DRAWN, join, of_region, picture

WORDS = "Improve", "4 Variations", "Get a Better Model"  # Blender has no translation of its own
HEIGHT = 960  # pixels of the sidebar that are kept


def steps():
    view, rows = bpy.context.preferences.view, extension.i18n.rows()
    prepare()
    bpy.context.scene.image_to_mesh.filepath = ARGS["image"]
    yield from rig.open_sidebar("Image to Mesh")
    yield from rig.wait_until(lambda: extension.shown_input().picture is not None, 60)
    rig.xdotool("mousemove", 300, 500)
    for number, language in enumerate(extension.i18n.LANGUAGES):
        view.language, view.use_translate_interface, view.use_translate_tooltips = language, True, True
        yield from DRAWN
        yield from DRAWN
        told = [bpy.app.translations.pgettext_iface(word) for word in WORDS]
        rig.log(language, told)
        assert told == [rows[word][number] for word in WORDS]
        left, bottom, right, top = of_region()
        picture(language, (left, max(bottom, top - HEIGHT), right, top))
    join("languages", *extension.i18n.LANGUAGES)


rig.play(steps)
