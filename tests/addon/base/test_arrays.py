# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportMissingImports=false
"""Edges as Blender wants them, without Blender: a tetrahedron by hand, soups of triangles one by one. Textures."""

import io
import struct

import numpy as np
import pytest
from image_to_mesh_checkout.addon.base.arrays import MeshArrays, decode_mesh


def mesh(faces: list[tuple[int, int, int]] | np.ndarray) -> MeshArrays:
    faces = np.asarray(faces, np.int32)
    count = int(faces.max()) + 1
    return MeshArrays(np.zeros((count, 3), np.float32), faces, np.zeros((count, 4), np.uint8))


def test_a_tetrahedron_has_six_edges_in_order():
    edges, corners = mesh([(0, 1, 2), (0, 3, 1), (1, 3, 2), (2, 3, 0)]).topology
    assert edges.tolist() == [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]]
    assert corners.tolist() == [0, 3, 1, 2, 4, 0, 4, 5, 3, 5, 2, 1]
    assert edges.dtype == corners.dtype == np.int32 and edges.flags.c_contiguous


@pytest.mark.parametrize("seed", range(5))
def test_every_corner_has_the_edge_to_the_next(seed: int):
    rng = np.random.default_rng(seed)
    faces = np.array([rng.choice(40, 3, replace=False) for _ in range(100)], np.int32)
    edges, corners = mesh(faces).topology
    expected = [tuple(sorted((int(f[i]), int(f[(i + 1) % 3])))) for f in faces for i in range(3)]
    assert [tuple(edges[e].tolist()) for e in corners] == expected
    assert sorted(map(tuple, edges.tolist())) == sorted(set(expected))


def test_numbers_of_vertices_do_not_run_over():
    big = 2**31 - 1
    arrays = MeshArrays(
        np.zeros((0, 3), np.float32), np.array([(big, 0, big - 1)], np.int32), np.zeros((0, 4), np.uint8)
    )
    edges, corners = arrays.topology
    assert edges.tolist() == [[0, big - 1], [0, big], [big - 1, big]] and corners.tolist() == [1, 0, 2]


def textured(**changes) -> bytes:
    """Three triangles, of which one names a vertex twice, with a texture of 2 x 2 pixels."""
    header = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 2, 2)
    arrays = {
        "vertices": np.eye(4, 3),
        "faces": np.array([(0, 1, 2), (1, 1, 2), (0, 2, 3)]),
        "vertex_colors": np.zeros((4, 4), np.uint8),
        "uv": np.arange(18, dtype=np.float32).reshape(3, 3, 2) / 18,
        "texture": np.frombuffer(header, np.uint8),
    }
    stream = io.BytesIO()
    np.savez(stream, **{key: value for key, value in (arrays | changes).items() if value is not None})
    return stream.getvalue()


def test_a_texture_arrives_and_a_face_that_goes_takes_its_uv_along():
    found = decode_mesh(textured())
    assert found.uv is not None and found.texture.startswith(b"\x89PNG")
    assert found.faces.tolist() == [[0, 1, 2], [0, 2, 3]]
    np.testing.assert_array_equal(found.uv, np.arange(18, dtype=np.float32).reshape(3, 3, 2)[[0, 2]] / np.float32(18))
    plain = decode_mesh(textured(uv=None, texture=None))
    assert plain.uv is None and plain.texture == b""


@pytest.mark.parametrize(
    "changes",
    [
        {"uv": np.zeros((2, 3, 2))},
        {"uv": np.full((3, 3, 2), np.nan)},
        {"texture": np.zeros(40, np.uint8)},
        {"texture": None},
        {"texture": np.frombuffer(b"\x89PNG\r\n\x1a\n" + b"\xff" * 40, np.uint8)},
    ],
)
def test_a_hostile_texture_is_refused(changes):
    with pytest.raises(ValueError, match=r"texture|UV"):
        decode_mesh(textured(**changes))


def test_the_origin_of_a_face_goes_with_it_and_one_that_does_not_fit_is_refused():
    weights = np.tile(np.eye(3), (3, 1, 1))
    found = decode_mesh(textured(uv=None, origin_face=np.array([5, 6, 7]), origin_weights=weights))
    assert found.origin_face.tolist() == [5, 7] and found.origin_weights.shape == (2, 3, 3)
    assert decode_mesh(textured()).origin_face is None
    for wrong in (weights[:2], weights * np.nan):
        with pytest.raises(ValueError, match="origin"):
            decode_mesh(textured(origin_face=np.array([5, 6, 7]), origin_weights=wrong))
