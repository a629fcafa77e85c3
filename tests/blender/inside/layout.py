# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for Blender's UILayout that measures what a panel draws: which words are cut off at a width."""

from types import SimpleNamespace

import blf
import bpy

UNIT = 20.0  # Blender's widget unit at scale 1, in pixels
PADDING, MARGIN = 1.5 * UNIT, 0.4 * UNIT  # around a text when widths are shared out; at each end when it is drawn
NAMES = 0.4  # share of the width for the names of properties
FONT, POINTS = 0, 11


SIDEBAR = 280  # pixels at scale 1, Blender's default
READ = ("scene", "active_object", "selected_objects", "mode", "space_data", "region_data", "view_layer", "object")


def sidebar(**more):
    """A context as panels see it in the sidebar; without a window, Blender has no scale and no region."""
    preferences = SimpleNamespace(
        system=SimpleNamespace(ui_scale=1.0),
        ui_styles=bpy.context.preferences.ui_styles,
        addons=bpy.context.preferences.addons,
    )
    own = {name: getattr(bpy.context, name, None) for name in READ}
    own |= {"window_manager": bpy.context.window_manager, "region": SimpleNamespace(width=SIDEBAR)}
    own["evaluated_depsgraph_get"] = bpy.context.evaluated_depsgraph_get
    return SimpleNamespace(preferences=preferences, **(own | more))


class Leaf:
    """A widget. words: the texts of which it shows one; room: pixels that are no text, such as icons and arrows."""

    def __init__(self, words, room=0.0, margin=MARGIN):
        self.words, self.room, self.margin = [word for word in words if word], room, margin

    def natural(self, translate):
        texts = [measure(translate(word)) for word in self.words]
        return max(texts) + PADDING + self.room if texts else max(self.room, UNIT)

    def cut_off(self, width, translate):
        for word in self.words:
            shown = translate(word)
            if measure(shown) + 2 * self.margin + self.room > width + 0.5:
                yield shown


class Named:
    """A property with its name on the left and its value on the right."""

    def __init__(self, name, value):
        self.name, self.value = Leaf([name], margin=2), value

    def natural(self, translate):
        return max(self.name.natural(translate) / NAMES, self.value.natural(translate) / (1 - NAMES))

    def cut_off(self, width, translate):
        yield from self.name.cut_off(NAMES * width, translate)
        yield from self.value.cut_off((1 - NAMES) * width, translate)


class Layout:
    """columns: 0 for a row, whose widgets share the width as their texts need it; else the number of even columns."""

    scale_x = scale_y = ui_units_x = ui_units_y = 1.0
    enabled = active = alert = True
    operator_context, emboss = "", ""

    def __init__(self, columns=1, split=False, heading=""):
        self.columns, self.use_property_split, self.children = columns, split, []
        self.use_property_decorate, self.heading = False, heading

    def add(self, child):
        self.children.append(child)
        return child

    def row(self, heading="", **_):
        inner = Layout(0, self.use_property_split and not heading)
        self.add(Named(heading, inner) if heading else inner)
        return inner

    def column(self, **_):
        return self.add(Layout(1, self.use_property_split))

    box = column

    def grid_flow(self, columns=1, **_):
        return self.add(Layout(columns, self.use_property_split))

    def label(self, text="", icon="NONE", translate=True, **_):
        self.add(Leaf([marked(text, translate)], icon_room(icon), margin=2))

    def operator(self, name, text=None, icon="NONE", translate=True, **_):
        cls = getattr(bpy.types, name.replace("image_to_mesh.", "IMAGE_TO_MESH_OT_"), None)
        words = text if text is not None else cls.bl_label if cls else ""
        self.add(Leaf([marked(words, translate)], icon_room(icon)))
        return Anything()

    def operator_menu_enum(self, name, _property, text=None, icon="NONE", **_):
        self.operator(name, text, icon)

    def prop(self, data, name, text=None, icon="NONE", **_):
        rna = data.bl_rna.properties[name]
        title = rna.name if text is None else text
        if rna.type == "BOOLEAN":
            named = self.use_property_split and self.columns
            self.add(Named("", Leaf([title], UNIT, margin=2)) if named else Leaf([title], UNIT, margin=2))
        elif rna.type == "ENUM":
            value = Leaf([item.name for item in rna.enum_items], UNIT)  # and its arrow
            self.add(Named(title, value) if self.use_property_split and title else value)
        elif self.use_property_split and title:
            self.add(Named(title, Leaf([])))
        else:
            self.add(Leaf([title], icon_room(icon)))

    def prop_enum(self, data, name, value):
        item = data.bl_rna.properties[name].enum_items[value]
        self.add(Leaf([item.name], icon_room(item.icon)))

    def prop_search(self, data, name, *_, text=None, **__):
        self.prop(data, name, text)

    def popover(self, panel="", text="", icon="NONE", **_):
        self.label(text, icon)

    def progress(self, text="", translate=True, **_):
        self.add(Leaf([marked(text, translate)]))

    def template_icon(self, _icon=0, icon_value=0, scale=1.0):
        self.add(Leaf([], scale * UNIT))

    def template_ID(self, *_, **__):
        pass

    template_list = separator = template_ID

    def natural(self, translate):
        widths = [child.natural(translate) for child in self.children] or [0.0]
        return sum(widths) if not self.columns else self.columns * max(widths)

    def cut_off(self, width, translate):
        """The texts that are wider than their places, if the layout is `width` pixels wide."""
        whole = sum(child.natural(translate) for child in self.children) or 1.0
        for child in self.children:
            share = child.natural(translate) / whole if not self.columns else 1 / self.columns
            yield from child.cut_off(width * share, translate)


class Anything:
    """The properties of a button, which take any value."""

    def __setattr__(self, _name, _value):
        pass


class Literal(str):
    """A text that is not translated, such as a name or a number."""


def marked(text, translate):
    return text if translate else Literal(text)


def measure(text):
    blf.size(FONT, POINTS)
    return blf.dimensions(FONT, text)[0]


def icon_room(icon):
    return 0.0 if icon in ("NONE", "") else UNIT
