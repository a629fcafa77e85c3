# SPDX-License-Identifier: GPL-3.0-or-later
"""Says which words of a prompt a text encoder cannot use: those beyond its length, and those that it never learnt."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable
from typing import Any

CLOSED = 2000  # words: a vocabulary with fewer holds whole words of a training's own captions
MARK = "</w>"  # ends a word's last token in CLIP's vocabularies
LITTLE = set("a an and at for from in into is of on or that the to with".split())  # which say nothing of the object
SHOWN = 8  # words
PUNCTUATION = ".,;:!?\"'()[]{}"
UNKNOWN_TO_STARTER = "The built-in model does not know: {}. It knows colors and simple things, such as: a red car."
FOREIGN = "The model reads English. It hardly understands: {}."
TOO_LONG = 'The prompt is longer than the {} tokens that the model reads. It does not see: "{}"'


def unused_words(tokenizer: Any, prompts: Iterable[str], length: int) -> list[str]:
    """Sentences about prompts of which a model reads at most `length` tokens, none where it can use all."""
    texts = [text for text in dict.fromkeys(prompts) if text.strip()]
    unknown, foreign, dropped = [], [], []
    known = whole_words(tokenizer)
    for text in texts:
        dropped.append(beyond(tokenizer, text, length))
        words = [word for part in text.split() for word in re.split(r"[-/,;]", part) if word.strip(PUNCTUATION)]
        if known:
            unknown += [w for w in words if w.strip(PUNCTUATION).lower() not in known | LITTLE and w not in known]
        else:
            foreign += [w for w in words if is_foreign(w) or is_unread(tokenizer, w)]
    sentences = [(UNKNOWN_TO_STARTER, unknown), (FOREIGN, foreign)]
    said = [sentence.format(listed(words)) for sentence, words in sentences if words]
    return said + [TOO_LONG.format(length, text.strip(" ,")) for text in sorted(filter(None, dropped), key=len)[-1:]]


def whole_words(tokenizer: Any) -> set[str]:
    """The words that a small vocabulary was made of: those from which no larger one was joined. Empty for a large
    vocabulary, and for one of letters."""
    if len(tokenizer) > CLOSED:
        return set()
    model = json.loads(tokenizer.backend_tokenizer.to_str())["model"]
    parts = {part for pair in model.get("merges") or [] for part in pair}
    ends = [token for token in tokenizer.get_vocab() if token.endswith(MARK) and token not in parts]
    words = {token.removesuffix(MARK) for token in ends if len(token) > len(MARK) + 1}
    return words | set(tokenizer.get_added_vocab()) if parts else set()


def beyond(tokenizer: Any, text: str, length: int) -> str:
    """The end of a text that lies beyond so many tokens, from the word on in which it begins."""
    offsets = tokenizer(text, return_offsets_mapping=True, truncation=False, verbose=False)["offset_mapping"]
    spans = [(start, end) for start, end in offsets if end > start]
    read = length - (len(offsets) - len(spans))
    if len(spans) <= read:
        return ""
    start = spans[read][0]
    return text[text.rfind(" ", 0, start + 1) + 1 :]


def is_foreign(word: str) -> bool:
    """Whether a word has a letter of another script than Latin, or a mark without a letter."""
    if word and unicodedata.category(word[0])[0] == "M":
        return True
    letters = [letter for letter in word if letter.isalpha()]
    return any(not unicodedata.name(letter, "").startswith(("LATIN", "FULLWIDTH LATIN")) for letter in letters)


def is_unread(tokenizer: Any, word: str) -> bool:
    """Whether a tokenizer has nothing but its sign for unknown words in the place of a part of a word."""
    unknown, end = tokenizer.unk_token_id, tokenizer.eos_token_id  # the same for CLIP, which knows all bytes
    return unknown not in (None, end) and unknown in tokenizer(word, verbose=False)["input_ids"]


def listed(words: Iterable[str]) -> str:
    """Words, each once, in their order; many are counted."""
    once = list(dict.fromkeys(word.strip(PUNCTUATION) for word in words))
    rest = len(once) - SHOWN
    return ", ".join(once[:SHOWN]) + (f" and {rest} more" if rest > 0 else "")
