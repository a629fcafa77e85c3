# SPDX-License-Identifier: GPL-3.0-or-later
"""SentencePiece's file, written by its own message's definition, read without it."""

from pathlib import Path

import pytest
from transformers import T5Tokenizer

from backend.weights.formats.sentence_pieces import fields, read_sentence_pieces, varint

pytest.importorskip("google.protobuf")
WORDS = [
    ("<pad>", 0.0),
    ("</s>", 0.0),
    ("<unk>", 0.0),
    ("▁", -2.0),
    ("▁a", -1.5),
    ("▁red", -3.25),
    ("c", -4.0),
    ("ar", -4.5),
    ("größe", -6.0),
]


def write(path: Path) -> bytes:
    from transformers.utils.sentencepiece_model_pb2_new import ModelProto  # pyright: ignore

    model = ModelProto()
    for text, score in WORDS:
        model.pieces.add(piece=text, score=score, type=2 if text == "<unk>" else 1)
    model.trainer_spec.unk_id = 2
    model.normalizer_spec.name = "nmt_nfkc"
    path.write_bytes(model.SerializeToString())
    return path.read_bytes()


def test_words_and_scores_come_in_their_order(tmp_path):
    write(tmp_path / "spiece.model")
    assert read_sentence_pieces(tmp_path / "spiece.model") == (WORDS, None)


def test_the_tokenizer_uses_the_files_words(tmp_path):
    write(tmp_path / "spiece.model")
    words, characters = read_sentence_pieces(tmp_path / "spiece.model")
    tokenizer = T5Tokenizer(words, _spm_precompiled_charsmap=characters)
    assert tokenizer.tokenize("a red car") == ["▁a", "▁red", "▁", "c", "ar"]
    assert tokenizer("a red car").input_ids == [4, 5, 3, 6, 7, 1]


def test_varints_hold_seven_bits_a_byte():
    assert varint(b"\xac\x02", 0) == (300, 2)
    assert list(fields(b"\x08\x96\x01\x12\x02hi\x1d\0\0\x80\x3f")) == [(1, 150), (2, b"hi"), (3, b"\0\0\x80?")]


@pytest.mark.parametrize("damage", [lambda d: d[:-3], lambda d: b"\xff" * 20, lambda d: b"", lambda d: b"\x0b" + d])
def test_damaged_files_are_refused(tmp_path, damage):
    (tmp_path / "x").write_bytes(damage(write(tmp_path / "spiece.model")))
    with pytest.raises(ValueError, match=r"damaged|no words"):
        read_sentence_pieces(tmp_path / "x")
