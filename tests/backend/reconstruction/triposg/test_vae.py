# SPDX-License-Identifier: GPL-3.0-or-later
"""TripoSG's shapes against numbers of the published code, and against fields of a closed form."""

import pytest
import torch

from backend.reconstruction.triposg.model import TripoSG
from backend.reconstruction.triposg.vae import ShapeEncoder, VAESizes, embed_positions
from backend.weights.formats.fill import fill
from backend.weights.formats.transformers_folder import read_folder
from backend.weights.loaders.triposg import STEMS, VAE, load_triposg, order_heads
from backend.weights.loaders.triposg_names import encoder_origins
from tests.support.triposg_checkpoints import body, recorded, shaped, spec, write

TOLERANCE = {"rtol": 1e-4, "atol": 1e-4}  # outputs have a deviation of about 1


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> TripoSG:
    return load_triposg(write(tmp_path_factory.mktemp("published") / "w"), torch.device("cpu"), exact=True)


def test_positions_are_embedded_as_published():
    numbers = recorded("vae")
    torch.testing.assert_close(embed_positions(numbers["points"][:, :40]), numbers["embedded_points40"])


def test_latents_become_the_published_tokens_and_field(published):
    numbers = recorded("vae")
    with torch.no_grad():
        torch.testing.assert_close(published.decoder.tokens(numbers["z"]), numbers["tokens"], **TOLERANCE)
    field = published.query(published.decode(numbers["z"]), numbers["points"][0])
    torch.testing.assert_close(field, numbers["field"][0, :, 0], **TOLERANCE)


def test_a_surface_becomes_the_published_distribution_of_latents(tmp_path):
    numbers, args = recorded("vae"), spec("vae")["args"]
    sizes = VAESizes(
        args["latent_channels"],
        args["num_attention_heads"],
        encoder_width=args["width_encoder"],
        encoder_depth=args["num_layers_encoder"],
    )
    folder, encoder = write(tmp_path / "w") / VAE, ShapeEncoder(sizes)
    origins = encoder_origins(encoder.state_dict())
    fill(encoder, read_folder(folder, STEMS[VAE], False, ""), folder, "", origins=origins)
    order_heads(encoder)
    with torch.no_grad():
        found = encoder(numbers["enc_points"], numbers["enc_normals"], numbers["enc_queries"].long())
    torch.testing.assert_close(torch.cat(found, -1), numbers["enc_moments"], **TOLERANCE)


def test_a_shapes_keys_and_values_are_computed_once(published):
    """However many points are asked, the layers of the tokens run for `decode` alone."""
    numbers, runs = recorded("vae"), []
    attention = published.decoder.query_block.attn2
    hooks = [layer.register_forward_hook(lambda *_: runs.append(1)) for layer in (attention.to_k, attention.to_v)]
    shape = published.decode(numbers["z"])
    parts = [published.query(shape, part) for part in numbers["points"][0].split(100)]
    for hook in hooks:
        hook.remove()
    assert len(runs) == 2
    torch.testing.assert_close(torch.cat(parts), numbers["field"][0, :, 0], **TOLERANCE)


def test_the_field_is_positive_inside_a_known_body(tmp_path):
    model = load_triposg(write(tmp_path / "w", vae=shaped()), torch.device("cpu"))
    points = torch.rand(3000, 3, generator=torch.Generator().manual_seed(2)) * 2 - 1
    told, found = body(points), model.query(model.decode(recorded("vae")["z"]), points)
    clear = told.abs() > 0.01
    assert 0.1 < (told > 0).float().mean() < 0.9
    assert torch.equal(found[clear] > 0, told[clear] > 0)


def test_points_are_counted_and_none_is_no_error(published):
    shape, counted = published.decode(recorded("vae")["z"]), []
    assert published.query(shape, torch.zeros(0, 3)).shape == (0,)
    published.query(shape, torch.zeros(9000, 3), counted.append)
    assert sum(counted) == 9000 and max(counted) <= 1 << 12
