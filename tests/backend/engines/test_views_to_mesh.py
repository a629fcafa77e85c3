# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures with known cameras, of balls and of a hollow box: what they show is known in closed form."""

import io
import math

import numpy as np
import pytest
import torch
from PIL import Image

from backend.engines import Request, novel_view, views_to_mesh
from backend.interface.parameters import ParameterError, check_angles
from backend.interface.tasks import NOVEL_VIEW, VIEWS_TO_MESH
from backend.interface.view_set import FOV_DEG, RADIUS, first_stage
from backend.meshing.visual_hull import visual_hull
from backend.preprocess import salient_object
from backend.preprocess.input_camera import input_camera
from backend.preprocess.views.folder import read_attached
from backend.preprocess.views.poses import ViewsError
from backend.preprocess.zero123_framing import framed_input
from backend.rendering.cameras import Camera, orbit, rays
from backend.rendering.lens import Lens, ViewCamera
from backend.rendering.mesh import Mesh
from backend.rendering.rasteriser import render_mesh
from backend.runtime.progress import Progress
from backend.weights.loaders.one2345 import load_models
from backend.weights.store.store import STARTER
from tests.support import toy_views
from tests.support.toy_views import given

BALL = 0.35
needs_starter = pytest.mark.skipif(not any(STARTER.rglob("*.safetensors")), reason="the built-in weights are missing")


def ball(camera: Camera, middle=(0.0, 0.0, 0.0), radius: float = BALL) -> np.ndarray:
    """RGBA float32 (H, W, 4) by ray and sphere: red on the side of +X, blue on the other."""
    origins, directions = rays(camera)
    away = origins - torch.tensor(middle)
    b = (away * directions).sum(1)
    root = b * b - (away * away).sum(1) + radius**2
    points = away + (-b - root.clamp(min=0).sqrt())[:, None] * directions
    color = torch.where(points[:, :1] > 0, torch.tensor([0.9, 0.1, 0.1]), torch.tensor([0.1, 0.15, 0.9]))
    rgba = torch.cat([color, torch.ones(len(color), 1)], 1) * (root > 0)[:, None]
    return rgba.view(camera.height, camera.width, 4).numpy()


def around(size: int, middle=(0.0, 0.0, 0.0), unit: float = 1.0) -> list[Camera]:
    cameras = [Camera(orbit(a, e, RADIUS * unit), FOV_DEG, size, size) for a, e in first_stage(20)]
    for camera in cameras:
        camera.cam_to_world[:3, 3] += torch.tensor(middle)
    return cameras


def test_the_visual_hull_holds_the_ball_and_fills_every_silhouette():
    cameras = around(64)
    hull = visual_hull(torch.stack([torch.from_numpy(ball(c)[..., 3]) for c in cameras]), cameras, 48)
    assert np.linalg.norm(hull.vertices, axis=1).min() > BALL - 0.02  # a hull holds the object
    for camera in cameras:  # and fills every silhouette
        seen, true = render_mesh(hull, camera)[..., 3].numpy() > 0.5, ball(camera)[..., 3] > 0.5
        assert (seen & true).sum() / (seen | true).sum() > 0.95


def box(hole: float) -> Mesh:
    """A cube of side 0.6 whose top is sunk in by `hole` over its inner 0.4: a thing that no silhouette tells."""
    o, i, t = 0.3, 0.2, 0.3
    ring = [(-1, -1), (1, -1), (1, 1), (-1, 1)]
    corners = [(x * o, y * o, -t) for x, y in ring] + [(x * o, y * o, t) for x, y in ring]
    corners += [(x * i, y * i, t) for x, y in ring] + [(x * i, y * i, t - hole) for x, y in ring]
    faces = [(0, 3, 2), (0, 2, 1), (12, 13, 14), (12, 14, 15)]
    for a, b in ((0, 4), (4, 8), (8, 12)):
        for k in range(4):
            p, q = k, (k + 1) % 4
            faces += [(a + p, a + q, b + q), (a + p, b + q, b + p)]
    colors = np.full((16, 4), [200, 60, 40, 255], np.uint8)
    colors[12:] = [30, 60, 220, 255]
    return Mesh(np.array(corners, np.float32), np.array(faces, np.int32), colors)


def test_neus_recovers_a_concavity_in_the_cameras_world():
    """The box stands at (1, 2, 3) and is twice as large; from above one sees into it."""
    middle, unit, truth = (1.0, 2.0, 3.0), 2.0, box(0.3)
    views = [(a, e) for a in (0, 60, 120, 180, 240, 300) for e in (15, 60)]
    cameras = [Camera(orbit(a, e, RADIUS), FOV_DEG, 64, 64) for a, e in views]
    pictures = [render_mesh(truth, camera).numpy() for camera in cameras]
    hull = visual_hull(torch.stack([torch.from_numpy(p[..., 3]) for p in pictures]), cameras)
    moved = [Camera(c.cam_to_world.clone(), FOV_DEG, 64, 64) for c in cameras]
    for camera in moved:
        camera.cam_to_world[:3, 3] = camera.cam_to_world[:3, 3] * unit + torch.tensor(middle)
    values = VIEWS_TO_MESH.check({"method": "neus", "steps": 24, "device": "cpu", "mesh_resolution": 80})
    result = views_to_mesh.run(
        Request(VIEWS_TO_MESH.name, {"views": pictures, "cameras": [given(c) for c in moved]}, values), Progress()
    )
    found = Mesh((result.mesh.vertices - np.array(middle)) / unit, result.mesh.faces, result.mesh.vertex_colors)
    test = Camera(orbit(35, 30, RADIUS), FOV_DEG, 96, 96)
    seen, true = render_mesh(found, test).numpy(), render_mesh(truth, test).numpy()
    inside, either = (seen[..., 3] > 0.5) & (true[..., 3] > 0.5), (seen[..., 3] > 0.5) | (true[..., 3] > 0.5)
    assert inside.sum() / either.sum() > 0.94  # of pixels that are not much smaller than the box
    assert np.abs(seen - true)[inside][:, :3].mean() < 0.06

    def floor(mesh: Mesh) -> float:
        """How deep the middle of the top is."""
        middle = mesh.vertices[(np.abs(mesh.vertices[:, :2]) < 0.1).all(1) & (mesh.vertices[:, 2] > -0.2)]
        return float(middle[:, 2].min())

    assert floor(hull) > 0.28 and floor(found) < floor(hull) - 0.02  # the true floor, 0, takes more steps
    assert result.views.shape == (12, 160, 160, 4) and result.facts["views"] == 12


def toys(background=None, flip=1.0) -> dict:
    """The toy through a lens of its own in each picture, in a world three times as large and moved by (5, 6, 7)."""
    lenses = [  # width, height, fl_x, fl_y, cx, cy
        (160, 160, 175, 175, 80, 80),
        (240, 135, 150, 150, 120, 67.5),
        (160, 160, 175, 110, 80, 80),
        (180, 180, 160, 160, 60, 115),
    ]
    pictures, cameras = [], []
    for number, (azimuth, elevation) in enumerate(2 * toy_views.RIG):
        pose = toy_views.look_at(azimuth + 15 * (number >= len(toy_views.RIG)), elevation)
        width, height, *plain = lenses[number % 4]
        seen = toy_views.picture(pose, width, height, toy_views.pinhole(*plain), background)
        opaque = np.full((height, width, 1), 255, np.uint8)
        pictures.append((seen if background is None else np.dstack([seen, opaque])).astype(np.float32) / 255)
        pose[:3, 3] = 3 * pose[:3, 3] + (5, 6, 7)
        pose[:3, 1:3] *= flip
        cameras.append(ViewCamera(pose, Lens(width, height, *map(float, plain))))
    return {"views": pictures, "cameras": cameras}


def shared_volume(result) -> float:
    """IoU of a result with the toy."""
    mesh = result.mesh
    return toy_views.iou(Mesh((mesh.vertices - np.array((5, 6, 7), np.float32)) / 3, mesh.faces, mesh.vertex_colors))


@needs_starter
@pytest.mark.parametrize("change", [{}, {"flip": -1.0}], ids=["plain", "opencv"])
def test_sparse_neus_gets_the_toy_right_through_any_lenses(change):
    values = VIEWS_TO_MESH.check({"device": "cpu", "mesh_resolution": 48, "texture": "off"})
    result = views_to_mesh.run(Request(VIEWS_TO_MESH.name, toys(**change), values), Progress())
    assert shared_volume(result) > 0.77  # 0.83 of square pictures by plain lenses, at a finer resolution
    assert ("OpenCV" in result.facts.get("warning", "")) == bool(change)


@pytest.mark.parametrize("mode", ["auto", "always"])
def test_neus_gets_the_toy_right_before_a_plain_background(mode, monkeypatch):
    monkeypatch.setattr(salient_object, "find", lambda: None)  # by the border's color
    settings = {"method": "neus", "steps": 2, "device": "cpu", "mesh_resolution": 48, "texture": "off"}
    values = VIEWS_TO_MESH.check(settings | {"remove_background": mode})
    result = views_to_mesh.run(Request(VIEWS_TO_MESH.name, toys(background=(0, 0, 0)), values), Progress())
    assert shared_volume(result) > 0.8  # of the visual hull, which fills corners that no view looks into


def test_silhouettes_without_a_common_object_are_refused():
    cameras, corner = around(32), np.zeros((32, 32, 4), np.float32)
    corner[:6, :6] = 1  # in every picture at the left and above: nothing stands there for all of them
    values = VIEWS_TO_MESH.check({"method": "neus", "device": "cpu", "remove_background": "never"})
    with pytest.raises(ViewsError, match="no object in common"):
        inputs = {"views": [corner] * 8, "cameras": [given(camera) for camera in cameras]}
        views_to_mesh.run(Request(VIEWS_TO_MESH.name, inputs, values), Progress())


def png(size=(24, 18)) -> bytes:
    stream = io.BytesIO()
    Image.new("RGBA", size, (10, 20, 30, 255)).save(stream, "PNG")
    return stream.getvalue()


def told(**changes) -> dict:
    return {"cam_to_world": orbit(30, 20, 1.2).tolist(), "fov_deg": 40.0} | changes


def test_attached_views_are_read_with_their_cameras():
    moved = orbit(90, 20, 1.2).tolist()
    lens = {"fl_x": 30, "fl_y": 20, "cx": 5, "cy": 9, "w": 24, "h": 18, "fov_deg": None, "cam_to_world": moved}
    views = read_attached([png(), png((16, 16)), png()], [told(), told(fov_deg=20, cam_to_world=moved), told(**lens)])
    assert [i.shape for i in views.images] == [(18, 24, 4), (16, 16, 4), (18, 24, 4)]
    first, second, third = (camera.lens for camera in views.cameras)
    assert first.fl_x == first.fl_y == pytest.approx(9 / math.tan(math.radians(20))) and second.width == 16
    assert (third.fl_x, third.fl_y, third.cx, third.cy) == (30, 20, 5, 9)


@pytest.mark.parametrize(
    "cameras",
    [
        None,
        [told()],
        [told(), "camera"],
        [told(), told(fov_deg=0)],
        [told(), told(fov_deg="wide")],
        [told(), told(fov_deg=math.nan)],
        [told(), told(cam_to_world=[[1, 2], [3, 4]])],
        [told(), told(cam_to_world=(2 * np.eye(4)).tolist())],
    ],
)
def test_invalid_cameras_are_refused(cameras):
    with pytest.raises(ViewsError) as error:
        read_attached([png(), png()], cameras)
    assert error.value.remedy


def test_invalid_angles_are_refused():
    assert check_angles([[30, -10.5], [1, None]]) == [(30.0, -10.5), (1.0, None)]
    for wrong in (None, [], [30], [[1, 2, 3]], [[math.inf, 0]], [["1", 2]], [[None, 0]], [[True, 0]], [[0, 0]] * 33):
        with pytest.raises(ParameterError, match="Angles"):
            check_angles(wrong)


@needs_starter
def test_views_at_several_angles_equal_each_sampled_alone():
    """Sampled by hand, with the offset from the image's own elevation, which the model estimates."""
    image = ball(Camera(orbit(0, 20, RADIUS), FOV_DEG, 64, 64))
    values = NOVEL_VIEW.check({"device": "cpu", "auto_elevation": True})
    request = Request(NOVEL_VIEW.name, {"image": image, "angles": [(90.0, 30.0), (40.0, None)]}, values, 3)
    result = novel_view.run(request, Progress())
    model, shown = load_models("starter", torch.device("cpu")).zero123, framed_input(image, 64)
    own, distance = input_camera("starter", shown, 0.0, True)
    assert result.images.shape == (2, 64, 64, 4) and result.facts["elevation_deg"] == round(own, 1)
    for view, angle in zip(result.images, [(90, 30 - own), (40, 0)], strict=True):
        turn = torch.tensor([angle], dtype=torch.float32).T
        pose = model.pose(*turn, torch.tensor([own]), RADIUS - distance)
        alone = model.sample(model.encode(shown), pose, model.sampling(), torch.Generator().manual_seed(3))[0]
        np.testing.assert_allclose(view[..., :3] / 255, alone.permute(1, 2, 0), atol=0.51 / 255)


def test_the_visual_hull_is_not_carved_where_a_view_is_unknown():
    """Half of one view is black and unknown; the ball is carved by the other views alone there."""
    cameras = around(48)
    alpha = torch.stack([torch.from_numpy(ball(camera)[..., 3]) for camera in cameras])
    known = torch.ones_like(alpha, dtype=torch.bool)
    alpha[0, :, :24], known[0, :, :24] = 0, False

    def left(hull: Mesh) -> float:
        """Where the ball ends, looked at from its middle."""
        x, y, z = hull.vertices[np.linalg.norm(hull.vertices, axis=1) < 0.45].T
        return float(x[(np.abs(y) < 0.1) & (np.abs(z) < 0.1)].min())

    assert left(visual_hull(alpha, cameras, 32)) > -0.05
    assert left(visual_hull(alpha, cameras, 32, known=known)) == pytest.approx(-BALL, abs=0.05)
