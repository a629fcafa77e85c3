# SPDX-License-Identifier: GPL-3.0-or-later
"""The gated network that draws points, and what brings its pictures back to a mesh."""

import numpy as np
import pytest
import torch

from backend.input_view.view_colors import blend_views, blended_colors, paint_vertices, view_with_depth
from backend.interface.common_parameters import MeshParameters
from backend.meshing.texture import decimate_and_texture, nearest_vertex_colors
from backend.reconstruction.point_renderer import GatedConvolution, PointRenderer
from backend.rendering.cameras import Camera, orbit
from backend.rendering.mesh import Mesh
from backend.rendering.point_cloud import View


def test_a_gated_convolution_equals_its_formula():
    """ELU(features) times sigmoid(gate), by hand at one place of a 3 x 3 picture, and normalised over the picture."""
    torch.manual_seed(0)
    layer, x = GatedConvolution(2, 3, is_normalised=False), torch.randn(1, 2, 3, 3)
    with torch.no_grad():
        raw = [float((x[0] * conv.weight[1]).sum() + conv.bias[1]) for conv in (layer.feature, layer.gate)]
    expected = (raw[0] if raw[0] > 0 else np.expm1(raw[0])) / (1 + np.exp(-raw[1]))
    assert layer(x)[0, 1, 1, 1].item() == pytest.approx(expected, rel=1e-5)
    normalised = GatedConvolution(2, 3)(torch.randn(2, 2, 8, 8))
    torch.testing.assert_close(normalised.mean((2, 3)), torch.zeros(2, 3), atol=1e-5, rtol=0)
    torch.testing.assert_close(normalised.var((2, 3), unbiased=False), torch.ones(2, 3), atol=1e-2, rtol=0)


def maps(side: int = 16) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.rand(2, 19, side // scale, side // scale, generator=generator) for scale in (1, 2, 4)]


def test_the_layers_have_the_released_widths():
    """Two convolutions a layer: 19 -> 16; 16 -> 13 and 32 with scale 2's 19; 32 -> 45 and 64; 64 -> 32, with 32 again
    64 -> 32; 32 -> 16, with 16 again 32 -> 16; and 16 -> 3, 1 x 1."""
    widths = [(19, 16), (16, 13), (32, 45), (64, 32), (64, 32), (32, 16), (32, 16)]
    gates = sum(2 * (9 * a * b + b) for a, b in widths)
    norms = sum(2 * b for i, (_, b) in enumerate(widths) if i != 4)
    affine = sum(p.numel() for p in PointRenderer(16).parameters())
    assert affine == gates + norms + 16 * 3 + 3


def test_the_renderer_starts_as_the_points_colours_and_learns_from_every_scale():
    network, told = PointRenderer(16), maps()
    torch.testing.assert_close(network(told), told[0][:, :3].clamp(0.001, 0.999))
    torch.nn.init.normal_(network.color.weight)
    leaves = [m.requires_grad_() for m in told]
    for gradient in torch.autograd.grad((network(leaves) ** 2).sum(), leaves):
        assert (gradient.flatten(2).abs().amax(2) > 0).all()


def ball(rows: int = 24) -> Mesh:
    """Grey, radius 0.4."""
    a, e = (
        v.ravel() for v in np.meshgrid(np.arange(2 * rows) * np.pi / rows, np.linspace(-1.5, 1.5, rows), indexing="ij")
    )
    points = 0.4 * np.stack([np.cos(a) * np.cos(e), np.sin(a) * np.cos(e), np.sin(e)], 1)
    i, j = (v.ravel() for v in np.meshgrid(np.arange(2 * rows), np.arange(rows - 1), indexing="ij"))
    first, second = i * rows + j, (i + 1) % (2 * rows) * rows + j
    faces = np.concatenate([np.stack([first, second, second + 1], 1), np.stack([first, second + 1, first + 1], 1)])
    return Mesh(points, faces, np.full((len(points), 4), (128, 128, 128, 255), np.uint8))


def stripes(points: torch.Tensor) -> torch.Tensor:
    """A smooth colour of the world."""
    return 0.5 + 0.4 * torch.sin(6 * points)


def shot(mesh: Mesh, azimuth: float, color=stripes) -> View:
    camera = Camera(orbit(azimuth, 0, 3.0), 22, 96, 96)
    view = view_with_depth(mesh, camera, torch.zeros(96, 96, 3))
    rows, columns = view.mask.nonzero(as_tuple=True)
    x, y = (columns + 0.5 - 48) / camera.focal, (48 - rows - 0.5) / camera.focal
    local = torch.stack([x, y, -torch.ones_like(x)], 1) * view.depth[view.mask][:, None]
    view.color[view.mask] = color(local @ camera.cam_to_world[:3, :3].T + camera.position)
    return view


def test_vertices_take_the_colours_of_the_views():
    mesh = ball()
    painted = paint_vertices(
        mesh, blended_colors([shot(mesh, a) for a in (0, 90, 180, 270)], nearest_vertex_colors(mesh))
    )
    truth = stripes(torch.from_numpy(mesh.vertices)).numpy() * 255
    middle = np.abs(mesh.vertices[:, 2]) < 0.3
    off = np.abs(painted.vertex_colors[:, :3] - truth)
    assert off[middle].mean() < 4 and off[middle].max() < 40
    assert np.array_equal(painted.faces, mesh.faces) and np.array_equal(painted.vertices, mesh.vertices)


def test_the_reference_view_takes_precedence_and_invisible_points_keep_their_colour():
    mesh = ball()
    front = shot(mesh, 0, lambda points: torch.tensor([1.0, 0, 0]).expand_as(points))
    side = shot(mesh, 50, lambda points: torch.tensor([0, 0, 1.0]).expand_as(points))
    points = 0.4 * torch.tensor([[0, -1.0, 0], [0, 1, 0], [0.9848, 0.1736, 0]])  # in front, behind, 100 degrees right
    own = torch.full((3, 3), 0.25)
    found = blend_views(points, points / 0.4, own, [front, side])
    expected = torch.tensor([[1.0, 0, 0], [0.25, 0.25, 0.25], [0, 0, 1]])
    torch.testing.assert_close(found, expected, atol=0.02, rtol=0)


def test_points_where_the_reference_is_unreliable_keep_their_colour():
    """Its left half is not: there places keep their colour, whatever another view tells; behind, it counts."""
    mesh = ball()
    front = shot(mesh, 0, lambda points: torch.tensor([1.0, 0, 0]).expand_as(points))
    front.mask[:, :48] = False
    side = shot(mesh, -50, lambda points: torch.tensor([0, 0, 1.0]).expand_as(points))
    angles = torch.deg2rad(torch.tensor([-20.0, 20.0, -70.0, -100.0]))
    normals = torch.stack([angles.sin(), -angles.cos(), torch.zeros(4)], 1)
    found = blend_views(0.4 * normals, normals, torch.full((4, 3), 0.25), [front, side])
    expected = torch.tensor([[0.25, 0.25, 0.25], [1, 0, 0], [0.25, 0.25, 0.25], [0, 0, 1]])
    torch.testing.assert_close(found, expected, atol=0.05, rtol=0)


def test_views_are_baked_into_a_texture_at_the_right_points():
    """Every vertex looks up its own texel; colours are those of the world there."""
    mesh = ball(8)
    colors = blended_colors([shot(mesh, a) for a in (0, 90, 180, 270)], nearest_vertex_colors(mesh))
    textured = decimate_and_texture(mesh, MeshParameters(texture="256", max_faces=0), colors)
    assert textured.uv is not None and textured.texture is not None
    centre, uv = textured.vertices[textured.faces].mean(1), textured.uv.mean(1)
    column, row = (uv * [256, -256] + [0, 256]).astype(int).clip(0, 255).T
    truth = stripes(torch.from_numpy(centre)).numpy() * 255
    middle = np.abs(centre[:, 2]) < 0.3
    assert np.abs(textured.texture[row, column, :3] - truth)[middle].mean() < 12
