# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors that several rooms raise. Message and remedy are written for an artist."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from unicodedata import category


class ImageError(ValueError):
    """The image cannot be used: the message says what is wrong with it, `remedy` what to do."""

    def __init__(self, message: str, remedy: str = "Choose another image.") -> None:
        super().__init__(message)
        self.remedy = remedy


# What helps where the system refuses a file or folder, by its reason. The others are matters of permission.
FULL = "Free some space, or choose another folder."
REMEDIES = {
    "ENOSPC": FULL,
    "EDQUOT": FULL,
    "EFBIG": "The disk takes no file of this size: choose a folder on another disk.",
    "ENAMETOOLONG": "Choose a shorter name.",
    "EILSEQ": "The disk does not take this name: choose another one.",
    "EINVAL": "The disk does not take this name: choose another one.",
    "ENOENT": "Check the name and its folder.",
    "ENOTDIR": "A file stands in the place of a folder: choose another folder.",
    "EEXIST": "A file stands in the place of a folder: choose another folder.",
    "EISDIR": "A folder has this name: choose another name.",
    "ELOOP": "A link leads back to itself: delete it, or choose another name.",
    "EROFS": "The disk can only be read: choose a folder on another disk.",
    "EMFILE": "Too many files are open: close other programs and try again.",
    "ENFILE": "Too many files are open: close other programs and try again.",
    "EIO": "The disk does not answer: check it and its connection.",
    "ENXIO": "The disk does not answer: check it and its connection.",
    "ENODEV": "The disk does not answer: check it and its connection.",
    "ESTALE": "The disk does not answer: check it and its connection.",
    "ETIMEDOUT": "The disk does not answer: check it and its connection.",
    "EBUSY": "Another program uses it: close that program and try again.",
    "ETXTBSY": "Another program uses it: close that program and try again.",
}
PERMISSION = "Choose a folder that you may write to."
NAME_REASONS = ("ENAMETOOLONG", "EINVAL", "EILSEQ", "EISDIR", "ELOOP")  # the system's, for refusing a name


def remedy_for(error: OSError, permission: str = PERMISSION) -> str:
    """The remedy for the system's reason for refusing a file; `permission` where it may not be used."""
    return REMEDIES.get(errno.errorcode.get(error.errno or 0, ""), permission)


def kind_of(error: OSError) -> str:
    """The kind of failure: "input" where the system refuses the name itself, else "disk"."""
    return "input" if errno.errorcode.get(error.errno or 0) in NAME_REASONS else "disk"


@contextmanager
def reading_input() -> Iterator[None]:
    """Turns the system's refusal to read what the user named into an ImageError with the fitting remedy."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.errno == errno.ENOMEM:
            raise
        text = f"{error.filename or 'The file'} cannot be read: {error.strerror}."
        raise ImageError(text, remedy_for(error, "Check the permissions of the file and of its folder.")) from error


def one_line(error: BaseException) -> str:
    """An exception's text on one line, without a full stop, at most 200 characters; its type where it has no text.

    Letters that cannot be shown, such as those of a damaged file, become question marks.
    """
    text = " ".join(str(error).split()) or type(error).__name__
    return showable(text[:200]).rstrip(".")


def showable(text: str) -> str:
    """The text with question marks for control characters, and for halves of UTF-16 pairs."""
    return "".join("?" if category(letter) in ("Cc", "Cs") else letter for letter in text)
