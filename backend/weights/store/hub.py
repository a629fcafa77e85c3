# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that publish weights: addresses, file sizes and checksums, and refusals in words for an artist."""

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
RESUME = "Check the connection or the proxy and download again. It continues where it stopped."
ELSEWHERE = "Try again later, or get it elsewhere and choose its folder."


@dataclass(frozen=True)
class Facts:
    """A file's address, bytes and sha256 in hex, None if unknown, before it is downloaded.

    content: the server's name of this version, so that parts of two versions are never joined.
    """

    url: str
    size: int | None
    sha256: str | None
    content: str = ""


class Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects, keeps the hub's headers about a file, and sends the token to no other host."""

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
    """The system's certificates and certifi's: on macOS, Python from python.org has none."""
    context = ssl.create_default_context()
    try:
        import certifi

        context.load_verify_locations(certifi.where())
    except (ImportError, OSError):
        pass
    return context


def address(weights: Weights, path: str) -> str:
    """The URL of a file; HF_ENDPOINT names a mirror of the Hugging Face hub."""
    if "://" in weights.repository:
        return f"{weights.repository}/{quote(path)}"
    return f"{hub()}/{weights.repository}/resolve/main/{quote(path)}"


def hub() -> str:
    return (os.environ.get("HF_ENDPOINT") or HUB).rstrip("/")


def find_facts(weights: Weights, file: File) -> Facts:
    """Size and checksum of a file from the catalog, else from the server. Raises WeightsError."""
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
        raise changed(weights, f"{file.path} has {size} bytes there, not {file.size}")
    linked = headers.get("x-linked-etag", "").strip('"')
    sha256 = file.sha256 or (linked if SHA256.fullmatch(linked) else None)
    return Facts(url, file.size or size, sha256, linked or headers.get("etag", ""))


def refusal(weights: Weights, url: str, code: int) -> WeightsError | None:
    """The error for a status that will not change when asked again; None for any other."""
    if code in (401, 403) and "://" not in weights.repository:
        return WeightsError(
            f"{weights.title} is only for accounts that have agreed to its licence ({code}).",
            f"Agree at {hub()}/{weights.repository} in a browser, log in with: hf auth login (or set HF_TOKEN), "
            "and download again.",
        )
    if code in (401, 403, 407):
        return WeightsError(f"{urlsplit(url).netloc} refused to send {weights.title} ({code}).", ELSEWHERE)
    if code in (404, 410):
        return WeightsError(f"{weights.title} is no longer published at {url} ({code}).", ELSEWHERE)
    return None


def unreachable(weights: Weights, error: Exception | None) -> WeightsError:
    reason = error.reason if type(error) is urllib.error.URLError else error
    reason = reason or "the connection keeps breaking"
    return WeightsError(f"{weights.title} cannot be downloaded: {' '.join(str(reason).split())[:200]}.", RESUME)


def changed(weights: Weights, what: str) -> WeightsError:
    return WeightsError(f"The published {weights.title} has changed: {what}.", ELSEWHERE)
