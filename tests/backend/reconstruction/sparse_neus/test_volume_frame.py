# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the volume lies: the published pose files and dataset, and the starter's own rule."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from backend.interface.view_set import first_stage, view_set
from backend.reconstruction.sparse_neus.volume_frame import (
    PUBLISHED_FOV_DEG,
    object_box,
    place_volume,
    volume_cameras,
)
from backend.rendering.cameras import Camera, orbit, project
from tests.support import DATA
from tests.support.ray_rendering import near_far

POLARS = (40, 60, 75, 76, 90, 110)
INPUT_AZIMUTH = 30  # of the released world's; here the input is Blender's front


@pytest.fixture(scope="module")
def poses() -> dict[str, np.ndarray]:
    with np.load(DATA / "one2345_poses.npz", allow_pickle=False) as file:
        return {k: file[k] for k in file.files}


def assert_equal(actual: Tensor, expected: np.ndarray) -> None:
    wanted = torch.from_numpy(expected).float()
    torch.testing.assert_close(actual, wanted, atol=1e-4 * wanted.abs().max().item(), rtol=0)


def rig(polar: int) -> list[Tensor]:
    return [orbit(a, e, 1.2) for a, e in first_stage(90 - polar) + view_set(90 - polar)]


def turned() -> Tensor:
    """From our world to the released one."""
    matrix = torch.eye(4)
    matrix[:3, :3] = orbit(INPUT_AZIMUTH, 0, 1)[:3, :3] @ orbit(0, 0, 1)[:3, :3].T
    return matrix


@pytest.mark.parametrize("polar", POLARS)
def test_cameras_and_view_order_equal_the_released_ones(polar, poses):
    second = 4 if polar <= 75 else 8
    first = [*range(4), *range(second, second + 4)]
    names = [f"{v}.png" for v in first] + [f"{v}_{k}.png" for v in first for k in range(4)]
    assert poses[f"p{polar}_ids"].tolist() == names
    assert_equal(torch.stack([turned() @ c for c in rig(polar)]), poses[f"p{polar}_c2w_blender"])


@pytest.mark.parametrize("polar", POLARS)
def test_the_published_volume_equals_the_released_datasets(polar, poses):
    reference, cameras = orbit(0, 90 - polar, 1.2), torch.stack(rig(polar)[8:])
    frame, affine, centres = place_volume("published", cameras, PUBLISHED_FOV_DEG, 256, reference)
    scale, world = (torch.from_numpy(poses[f"p{polar}_{k}"]).float() for k in ("scale_mat", "trans_mat"))
    assert_equal(turned() @ frame, (world @ scale).numpy())
    assert_equal(affine, poses[f"p{polar}_affine_mats"])
    k = torch.from_numpy(poses["intrinsics"])
    to_camera = torch.linalg.inv(k) @ affine[:, :3]
    assert_equal(to_camera, poses[f"p{polar}_w2cs"][:, :3])
    assert_equal(centres, np.linalg.inv(poses[f"p{polar}_w2cs"])[:, :3, 3])
    eye = torch.linalg.solve(frame, reference[:, 3])[:3]
    assert_equal(eye, poses[f"p{polar}_query_c2w"][:3, 3])
    assert_equal(torch.stack(near_far(torch.cat([eye[None], centres])), 1), poses[f"p{polar}_near_fars"])
    assert_equal(torch.stack(near_far(eye)), poses[f"p{polar}_query_near_far"])


def test_the_object_lies_in_the_published_volume_upright_and_in_front():
    """Blender's -Y side faces the reference camera: it is nearer to it than the +Y side; up in the picture is up."""
    cameras = torch.stack(rig(70)[8:])
    frame, *_ = place_volume("published", cameras, PUBLISHED_FOV_DEG, 256, orbit(0, 20, 1.2))
    ends = torch.tensor([[0, -0.4, 0, 1], [0, 0.4, 0, 1], [0, 0, 0.4, 1], [0, 0, -0.4, 1.0]])
    front, back, top, bottom = torch.linalg.solve(frame, ends.T).T[:, :3]
    assert front[2] < back[2] and top[1] < bottom[1]
    box = object_box(cameras, PUBLISHED_FOV_DEG)
    corners = torch.cartesian_prod(*[torch.tensor([-1.0, 1])] * 3) @ box[:3, :3].T + box[:3, 3]
    inside = torch.linalg.solve(frame, torch.cat([corners, torch.ones(8, 1)], 1).T)[:3].abs().max()
    assert inside < 0.75  # the whole box, and half of the cells of a grid over [-1, 1]^3 would miss it


def test_the_box_does_not_depend_on_the_cameras_memory_layout():
    """A seed makes the same mesh again only if this holds; LAPACK alone is right to 1e-17 and no more."""
    cameras, held = torch.stack([orbit(a, e, 1.2) for a in range(0, 360, 30) for e in (-13, 22, 7.5)]), []
    for size in torch.randint(1, 900, (1000,), generator=torch.Generator().manual_seed(0)):
        held.append(torch.empty(int(size)))
        assert torch.equal(object_box(cameras.clone(), 49.1)[:3, 3], torch.zeros(3))


def test_a_world_of_another_size_and_place_gives_the_same_views():
    cameras = torch.stack(rig(60)[8:])
    moved = cameras.clone()
    moved[:, :3, 3] = 3 * moved[:, :3, 3] + torch.tensor([1.0, 2.0, -1.0])
    one, other = (place_volume("published", c, PUBLISHED_FOV_DEG, 64) for c in (cameras, moved))
    torch.testing.assert_close(one[1], other[1], atol=1e-3, rtol=1e-4)
    torch.testing.assert_close(other[0][:3, :3], 3 * one[0][:3, :3], atol=1e-4, rtol=1e-4)


def test_volume_cameras_equal_the_projection_of_the_cameras():
    """The network's affine, in whole-number pixel centres, against Camera.project, whose pixel centres lie at +0.5."""
    camera = Camera(orbit(37, 21, 1.4), 40, 64, 64)
    frame = torch.diag(torch.tensor([0.6, 0.6, 0.6, 1.0]))
    frame[:3, 3] = torch.tensor([0.1, -0.05, 0.02])
    affine, centres = volume_cameras(camera.cam_to_world[None], 40, 64, frame)
    points = torch.rand(20, 3) - 0.5
    pixels, depth = project(camera, points @ frame[:3, :3].T + frame[:3, 3])
    x, y, z = (points @ affine[0, :3, :3].T + affine[0, :3, 3]).unbind(1)
    torch.testing.assert_close(torch.stack([x / z, y / z], 1), pixels - 0.5, atol=1e-3, rtol=0)
    torch.testing.assert_close(z, depth, atol=1e-5, rtol=0)
    torch.testing.assert_close(frame[:3, :3] @ centres[0] + frame[:3, 3], camera.position, atol=1e-5, rtol=0)


def test_the_starters_volume_holds_everything_the_rig_sees():
    """Half side: 1.1 * distance * sin(half the field of view); centred where the cameras look."""
    cameras = torch.stack([orbit(a, e, 1.2) for a, e in view_set(20)])
    cameras[:, :3, 3] += torch.tensor([0.3, -0.2, 0.1])
    frame, *_ = place_volume("starter", cameras, 49.1, 64)
    assert frame[0, 0].item() == pytest.approx(1.1 * 1.2 * math.sin(math.radians(24.55)), abs=1e-5)
    torch.testing.assert_close(frame[:3, 3], torch.tensor([0.3, -0.2, 0.1]), atol=1e-5, rtol=0)


def test_cameras_may_have_lenses_of_their_own():
    """Each one's pixels are those of a volume placed for it alone; the box is that of the median view."""
    cameras = torch.stack([orbit(0, 10, 1.0), orbit(120, 10, 2.0), orbit(240, 10, 3.0)])
    fov_deg = torch.tensor([60.0, 30.0, 10.0])
    frame, affine, centres = place_volume("starter", cameras, fov_deg, 64)
    assert float(frame[0, 0]) == pytest.approx(1.1 * 0.5, rel=1e-5)  # sines of half the angles: 0.5, 0.259, 0.087
    for number in range(3):
        alone = volume_cameras(cameras[number : number + 1], float(fov_deg[number]), 64, frame)
        torch.testing.assert_close((affine[number], centres[number]), (alone[0][0], alone[1][0]))
