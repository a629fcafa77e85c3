# SPDX-License-Identifier: GPL-3.0-or-later
"""The tasks that make meshes of the scene fit for use."""

from __future__ import annotations

from .parameters import Values, parameter, parameters
from .task import Task


@parameters
class MakeSolidParameters(Values):
    """Parameters of Make Solid."""

    holes: float = parameter(
        "Hole Size",
        0.25,
        0,
        2,
        help="Close holes up to this size, as a share of the mesh's longest side",
    )
    remesh: bool = parameter(
        "One Skin",
        False,
        help="Rebuild the mesh as one closed skin. Joins parts that overlap, and gives flat parts a thickness",
    )
    cells: int = parameter(
        "Skin Detail",
        160,
        32,
        384,
        unit="cells",
        help="Cells of the skin along the longest side; more gives a finer mesh",
        only={"remesh": (True,)},
    )

    @property
    def is_seeded(self) -> bool:
        return False


MAKE_SOLID = Task(
    name="make_solid",
    title="Make Solid",
    help="Turns all faces outwards, closes small holes and removes what cannot be seen from outside",
    inputs=("mesh",),
    values=MakeSolidParameters,
    weights=(),
)


@parameters
class PrintCheckParameters(Values):
    """Parameters of the print check."""

    wall: float = parameter(
        "Least Wall", 0.8, 0, 1000, unit="mm", help="The thinnest wall that your printer can make, in millimetres"
    )
    unit: float = parameter(
        "Unit", 1000.0, 1e-6, 1e9, unit="mm", help="Millimetres of one unit of the mesh; 1000 for metres"
    )

    @property
    def is_seeded(self) -> bool:
        return False


PRINT_CHECK = Task(
    name="print_check",
    title="Print Check",
    help="Says whether a mesh can be printed, and what is wrong with it",
    inputs=("mesh",),
    values=PrintCheckParameters,
    weights=(),
    produces="images",
)
