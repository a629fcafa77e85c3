# SPDX-License-Identifier: GPL-3.0-or-later
"""Closes small holes, turns all faces outwards and removes what nobody can see from outside."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import topology
from .holes import area_of, close_holes, fill, perimeter
from .origin import Origin, join, projected, through, unchanged
from .outside import Check, Outside

POCKET = 2.0  # times the area of its lid: a hidden place must have this to be cut off
LEAST = 4  # faces of such a place
NOTHING = np.zeros((0, 3), np.int64), np.zeros(0, np.int64)  # no lids


@dataclass
class Surface:
    """vertices float64 (N, 3), faces int64 (M, 3), one vertex a place, and the faces' origin in the mesh as it came."""

    vertices: np.ndarray
    faces: np.ndarray
    origin: Origin

    @property
    def areas(self) -> np.ndarray:
        return area_of(self.vertices, self.faces)

    def kept(self, keep: np.ndarray) -> Surface:
        """Some faces, by a mask (M,) or by their indices."""
        return Surface(self.vertices, self.faces[keep], Origin(self.origin.face[keep], self.origin.weights[keep]))

    def flipped(self, flip: np.ndarray) -> Surface:
        """The surface with the faces of a mask (M,) turned over."""
        faces, weights = self.faces.copy(), self.origin.weights.copy()
        faces[flip], weights[flip] = faces[flip][:, [0, 2, 1]], weights[flip][:, [0, 2, 1]]
        return Surface(self.vertices, faces, Origin(self.origin.face, weights))

    def with_lids(self, lids: np.ndarray, beside: np.ndarray) -> Surface:
        """The surface with more triangles (K, 3), which take their looks from the faces `beside` (K,)."""
        places = projected(self.vertices[lids], beside, self.vertices[self.faces[beside]])
        origin = join(self.origin, through(places, self.origin))
        return Surface(self.vertices, np.concatenate([self.faces, lids]), origin)


def repair(vertices: np.ndarray, faces: np.ndarray, largest: float, check: Check) -> Surface:
    """Close holes up to the diameter `largest` in a mesh within [-1, 1]^3, turn its faces outwards, and remove
    hidden ones. vertices float64 (N, 3), faces (M, 3) -> a Surface on the same vertices.

    Sheets, which enclose nothing, stay open. check: called at least every second.
    """
    welded = topology.weld(vertices, faces.astype(np.int64))
    once = topology.distinct(welded)
    surface = Surface(vertices, welded[once], unchanged(once, np.zeros(len(once), bool)))
    surface = closed(oriented(surface), largest)
    check()
    surface = oriented(surface)
    patch, is_open = topology.patches(surface.faces), open_faces(surface.faces)
    outside = Outside(surface.vertices, surface.faces, check)
    reached, seen = outside.look(patch, is_open)
    if not seen.any():  # nothing but specks
        return surface
    behind = np.bincount(patch, (reached[:, 1] - reached[:, 0]) * surface.areas) > 0
    surface = surface.flipped(is_open & behind[patch])
    surface = without_pockets(surface, seen, largest, check)
    return closed(oriented(surface), largest)


def oriented(surface: Surface) -> Surface:
    """Every patch wound in one way; those without a rim outwards."""
    surface = surface.flipped(topology.find_flipped(surface.faces, surface.areas))
    patch, is_open = topology.patches(surface.faces), open_faces(surface.faces)
    a, b, c = surface.vertices[surface.faces].transpose(1, 0, 2)
    volume = np.bincount(patch, np.einsum("mx,mx->m", a, np.cross(b, c)))
    return surface.flipped(~is_open & (volume < 0)[patch])


def open_faces(faces: np.ndarray) -> np.ndarray:
    """Mask (M,) of the faces in patches with a rim."""
    patch, inner = topology.patches(faces), np.zeros(faces.size, bool)
    for half in topology.manifold_pairs(faces):
        inner[half] = True
    return np.bincount(patch, ~inner.reshape(-1, 3).all(1))[patch] > 0


def closed(surface: Surface, largest: float) -> Surface:
    """The surface with lids on its small holes."""
    lids, beside = close_holes(surface.vertices, surface.faces, topology.patches(surface.faces), largest)
    return surface.with_lids(lids, beside)


def without_pockets(surface: Surface, seen: np.ndarray, largest: float, check: Check) -> Surface:
    """The surface without its hidden patches, and with lids over hidden places that have small openings and are deeper
    than those. seen (M,)."""
    faces, patch = surface.faces, topology.patches(surface.faces)
    one, other = topology.manifold_pairs(faces)
    one, other = np.concatenate([one, other]), np.concatenate([other, one])
    beside_hidden = np.bincount(one // 3, ~seen[other // 3], minlength=len(faces))
    shown = np.bincount(patch, seen)[patch] > 0
    hidden = ~seen | ((beside_hidden == 3) & shown)
    inner = hidden[one // 3] & hidden[other // 3]
    region = topology.components(one[inner] // 3, other[inner] // 3, len(faces))
    mate = np.full(faces.size, -1)
    mate[one] = other
    drop, added, areas = ~shown, [], surface.areas
    within = np.flatnonzero(hidden & shown)
    within = within[np.argsort(region[within], kind="stable")]
    for place in np.split(within, np.flatnonzero(np.diff(region[within])) + 1):
        check()
        lids, beside = lids_over(surface, place, mate, largest) if len(place) >= LEAST else NOTHING
        if len(lids) and POCKET * area_of(surface.vertices, lids).sum() <= areas[place].sum():
            drop[place] = True
            added.append((lids, beside))
    for lids, beside in added:
        surface = surface.with_lids(lids, beside)
    surface = surface.kept(np.append(~drop, np.ones(len(surface.faces) - len(drop), bool)))
    return surface.kept(topology.apart(surface.faces))


def lids_over(surface: Surface, place: np.ndarray, mate: np.ndarray, largest: float) -> tuple[np.ndarray, np.ndarray]:
    """Triangles (K, 3) instead of the faces `place`, and the faces beside them (K,); none if the openings are too large
    or lead elsewhere. mate (3 M,): the half-edge behind each one."""
    rim = (3 * place[:, None] + np.arange(3)).ravel()
    rim = rim[~np.isin(mate[rim] // 3, place)]
    if not len(rim) or (mate[rim] < 0).any():
        return NOTHING
    start, end = surface.faces[rim // 3, rim % 3], surface.faces[rim // 3, (rim + 1) % 3]
    lids, beside = [], []
    for loop in topology.find_loops(start, end):
        corners = start[loop]
        if len(loop) < 3 or perimeter(surface.vertices[corners]) > np.pi * largest:
            return NOTHING
        lid, near = fill(surface.vertices[corners])
        lids.append(corners[lid])
        beside.append(mate[rim[loop]][near] // 3)
    return (np.concatenate(lids), np.concatenate(beside)) if lids else NOTHING
