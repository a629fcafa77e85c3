# SPDX-License-Identifier: GPL-3.0-or-later
"""Bundles: the few sets of weights that help an artist most, each with the settings that use it."""

from __future__ import annotations

from dataclasses import dataclass

from . import catalog
from .catalog import CommercialUse, Weights

STRICTEST: tuple[CommercialUse, ...] = ("no", "unclear", "with conditions", "yes")
TERMS: dict[CommercialUse, str] = {  # in plain words, for the artist
    "yes": "May be used commercially",
    "with conditions": "May be used commercially, with conditions",
    "unclear": "Unclear whether it may be used commercially",
    "no": "May not be used commercially",
}


@dataclass(frozen=True)
class Bundle:
    """A download that makes one thing better.

    title, gain: for artists. chosen: id of the set that settings name. tasks: names of the tasks whose weights become
    the chosen set; none for a set that is used as soon as it is here.
    """

    id: str
    title: str
    gain: str
    chosen: str
    tasks: tuple[str, ...] = ()

    @property
    def sets(self) -> tuple[Weights, ...]:
        """The chosen set and those that it does not work without."""
        return with_required(self.chosen)

    @property
    def size(self) -> int:
        """Bytes of all sets."""
        return sum(weights.size for weights in self.sets)

    @property
    def licence(self) -> str:
        """The licences of all sets, each named once."""
        return ", ".join(dict.fromkeys(weights.licence for weights in self.sets))

    @property
    def commercial_use(self) -> CommercialUse:
        """The strictest of the sets' terms."""
        uses = {weights.commercial_use for weights in self.sets}
        return next(use for use in STRICTEST if use in uses)


def with_required(identity: str) -> tuple[Weights, ...]:
    """A set of weights, and those that it requires. ParameterError if the id is unknown."""
    chosen = catalog.weights(identity)
    return chosen, *map(catalog.weights, chosen.requires)


BUNDLES = (
    Bundle(
        "meshes",
        "Better Meshes",
        "Cleaner shapes and sides from an image, in one pass",
        "triposr",
        ("lrm",),
    ),
    Bundle(
        "cutouts",
        "Better Cut-outs",
        "Cuts objects out of photos with shadows or busy backgrounds",
        "rembg-isnet",
    ),
    Bundle(
        "prompts",
        "Better Pictures and Prompts",
        "Pictures of anything you describe, not only simple objects",
        "stable-diffusion-1-5",
        ("text_to_image",),
    ),
)


def bundle(identity: str) -> Bundle:
    """The bundle with this id. ValueError if there is none."""
    for known in BUNDLES:
        if known.id == identity:
            return known
    raise ValueError(f"There is no bundle {identity!r}")
