# SPDX-License-Identifier: GPL-3.0-or-later
"""The servers that publish weights: addresses, what they say of a file, and what their refusals mean for an artist."""

from __future__ import annotations

import http.client
import os
import re
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from email.message import Message
from functools import cache
from typing import Any
from urllib.parse import quote, urlsplit

from ...interface.catalog import File, Weights, WeightsError

HUB = "https://huggingface.co"
TIMEOUT_S = 30.0
SHA256 = re.compile(r"[0-9a-f]{64}")
RESUME = "Check the connection, or the proxy, and download again: it goes on from here."
ELSEWHERE = "Try again later, or get it from elsewhere and choose its folder."


@dataclass(frozen=True)
class Facts:
    """What is known of a file before it is fetched: its address, bytes and sha256 in hex, None where nobody says.

    content: the server's name for this very content, so that two versions are never put together.
    """

    url: str
    size: int | None
    sha256: str | None
    content: str = ""


class Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects. Keeps what the hub says of a file before it sends us to where the bytes lie, and tells the
    token to nobody but the host that it is for.
    """

    def __init__(self) -> None:
        self.linked: dict[str, str] = {}

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Message, newurl: str
    ) -> urllib.request.Request | None:
        self.linked |= {name.lower(): value for name, value in headers.items() if name.lower().startswith("x-linked-")}
        new = super().redirect_request(req, fp, code, msg, headers, newurl)  # pyright: ignore[reportArgumentType]
        token = req.unredirected_hdrs.get("Authorization")
        if new:
            new.method = req.get_method()
        if new and token and urlsplit(newurl)[:2] == urlsplit(req.full_url)[:2]:
            new.add_unredirected_header("Authorization", token)
        return new


def open_url(weights: Weights, url: str, method: str = "GET", offset: int = 0) -> tuple[Any, dict[str, str]]:
    """(response, its headers in lower case with the hub's own on the way). Raises OSError, WeightsError."""
    request = urllib.request.Request(url, method=method, headers={"User-Agent": "image-to-mesh"})
    if offset:
        request.add_header("Range", f"bytes={offset}-")
    if "://" not in weights.repository:
        from huggingface_hub import get_token

        if token := get_token():
            request.add_unredirected_header("Authorization", f"Bearer {token}")
    redirects = Redirects()
    opener = urllib.request.build_opener(redirects, urllib.request.HTTPSHandler(context=trust()))
    try:
        response = opener.open(request, timeout=TIMEOUT_S)
    except urllib.error.HTTPError as error:
        error.close()
        raise refusal(weights, url, error.code) or error from None
    return response, {name.lower(): value for name, value in response.headers.items()} | redirects.linked


@cache
def trust() -> ssl.SSLContext:
    """The system's certificates, and certifi's: a Python from python.org has none of its own on macOS."""
    context = ssl.create_default_context()
    try:
        import certifi

        context.load_verify_locations(certifi.where())
    except (ImportError, OSError):
        pass
    return context


def address(weights: Weights, path: str) -> str:
    """Where a file is published; HF_ENDPOINT names a mirror of the Hugging Face hub."""
    if "://" in weights.repository:
        return f"{weights.repository}/{quote(path)}"
    return f"{hub()}/{weights.repository}/resolve/main/{quote(path)}"


def hub() -> str:
    return (os.environ.get("HF_ENDPOINT") or HUB).rstrip("/")


def find_facts(weights: Weights, file: File) -> Facts:
    """What the catalog knows of a file, and what the server says where the catalog does not. Raises WeightsError."""
    url = address(weights, file.path)
    if file.size and file.sha256:
        return Facts(url, file.size, file.sha256)
    try:
        response, headers = open_url(weights, url, "HEAD")
        response.close()
        size = int(headers.get("x-linked-size") or headers.get("content-length") or 0) or None
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise unreachable(weights, error) from error
    if file.size and size and file.size != size:
        raise changed(weights, f"{file.path} has {size} bytes there, and should have {file.size}")
    linked = headers.get("x-linked-etag", "").strip('"')
    sha256 = file.sha256 or (linked if SHA256.fullmatch(linked) else None)
    return Facts(url, file.size or size, sha256, linked or headers.get("etag", ""))


def refusal(weights: Weights, url: str, code: int) -> WeightsError | None:
    """What a status means that asking again will not change; None for any other."""
    if code in (401, 403) and "://" not in weights.repository:
        return WeightsError(
            f"{weights.title} is given to those only who have agreed to its licence ({code}).",
            f"Agree at {hub()}/{weights.repository} in a browser, log in with: hf auth login (or set HF_TOKEN), "
            "and download again.",
        )
    if code in (401, 403, 407):
        return WeightsError(f"{urlsplit(url).netloc} refuses to give {weights.title} ({code}).", ELSEWHERE)
    if code in (404, 410):
        return WeightsError(f"{weights.title} is not there any more: {url} ({code}).", ELSEWHERE)
    return None


def unreachable(weights: Weights, error: Exception | None) -> WeightsError:
    reason = error.reason if type(error) is urllib.error.URLError else error
    reason = reason or "the connection breaks again and again"
    return WeightsError(f"{weights.title} cannot be downloaded: {' '.join(str(reason).split())[:200]}.", RESUME)


def changed(weights: Weights, what: str) -> WeightsError:
    return WeightsError(f"{weights.title} was changed where it is published: {what}.", ELSEWHERE)
