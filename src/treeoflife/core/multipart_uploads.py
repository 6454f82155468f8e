"""Ending the uploads to S3 that killed runs left: their parts are no objects, are not listed with them, and cost money.

obstore can neither list nor end an upload that another process began, so that these few requests are made here and
signed as S3 asks for it (https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html). The other
stores need nothing: Azure drops the parts of an unfinished upload after a week by itself, and Google's by a rule of the
bucket, see docs/object-stores.md.
"""

import hashlib
import hmac
import os
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from ..errors import InputError, ObjectStoreError
from .object_stores import bucket_and_key
from .xml_reader import Element, parse_xml

_EMPTY = hashlib.sha256(b"").hexdigest()
_SECONDS = 60
_LONGEST_ANSWER = 1 << 24
_DEFAULT_REGION = "us-east-1"  # as obstore has it


class Upload(NamedTuple):
    """An upload that was begun: the key of its object, and its own id."""

    key: str
    id: str


@dataclass(frozen=True)
class S3Server:
    """Where S3 is and who asks, by the variables of the environment that obstore reads too."""

    endpoint: str
    region: str
    access_key: str
    secret_key: str
    token: str = ""

    @staticmethod
    def from_environment() -> "S3Server | None":
        """None where there are no keys in the environment, as on a machine that has a role."""
        access_key, secret_key = (os.environ.get(f"AWS_{name}") for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY"))
        if not access_key or not secret_key:
            return None
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or _DEFAULT_REGION
        endpoint = os.environ.get("AWS_ENDPOINT_URL") or os.environ.get("AWS_ENDPOINT")
        endpoint = endpoint or f"https://s3.{region}.amazonaws.com"
        token = os.environ.get("AWS_SESSION_TOKEN") or os.environ.get("AWS_TOKEN") or ""
        return S3Server(endpoint.rstrip("/"), region, access_key, secret_key, token)

    def request(self, method: str, path: str, query: Mapping[str, str]) -> bytes:
        """Make a request without a body; returns the answer.

        Raises:
            ObjectStoreError: the server refuses it, or does not answer.
        """
        encoded = _encode_query(query)
        url = f"{self.endpoint}{quote(path)}?{encoded}"
        headers = self.sign(method, url, datetime.now(UTC))
        try:
            request = urllib.request.Request(url, method=method, headers=headers)  # noqa: S310 - the user's own server
            with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310
                return bytes(answer.read(_LONGEST_ANSWER))
        except (urllib.error.URLError, OSError, ValueError) as error:
            raise ObjectStoreError(f"{self.endpoint}{path}: {error}") from None

    def sign(self, method: str, url: str, time: datetime) -> dict[str, str]:
        """The headers of a request without a body, with its signature (version 4)."""
        parts, stamp, day = urlsplit(url), f"{time:%Y%m%dT%H%M%SZ}", f"{time:%Y%m%d}"
        headers = {"host": parts.netloc, "x-amz-content-sha256": _EMPTY, "x-amz-date": stamp}
        if self.token:
            headers["x-amz-security-token"] = self.token
        names = ";".join(sorted(headers))
        lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
        canonical = "\n".join((method, parts.path, parts.query, lines, names, _EMPTY))
        scope = f"{day}/{self.region}/s3/aws4_request"
        text = "\n".join(("AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()))
        key = f"AWS4{self.secret_key}".encode()
        for part in (day, self.region, "s3", "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        signature = hmac.digest(key, text.encode(), "sha256").hex()
        credential = f"{self.access_key}/{scope}"
        headers["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}"
        )
        return headers


def end_left_uploads(folder: Path) -> int:
    """End all uploads of objects below an address, which no program makes any more; returns their number.

    Raises:
        ObjectStoreError: it is not known which there are, since there are no keys in the environment, or the server
            does not let these keys list uploads.
    """
    scheme, bucket, prefix = bucket_and_key(str(folder))
    if scheme != "s3":
        return 0
    server = S3Server.from_environment()
    if server is None:
        raise ObjectStoreError(f"{folder}: the environment has no AWS_ACCESS_KEY_ID, which a machine with a role lacks")
    uploads = list(_uploads(server, bucket, f"{prefix}/" if prefix else ""))
    for upload in uploads:
        server.request("DELETE", f"/{bucket}/{upload.key}", {"uploadId": upload.id})
    return len(uploads)


def _uploads(server: S3Server, bucket: str, prefix: str) -> Iterator[Upload]:
    """The uploads of objects whose keys begin with a prefix; S3 lists a thousand at a time."""
    after: dict[str, str] = {}
    while True:
        page = _parse(server.request("GET", f"/{bucket}", {"uploads": "", "prefix": prefix, **after}), bucket)
        uploads = [Upload(_text(one, "Key"), _text(one, "UploadId")) for one in page.all("Upload")]
        yield from (one for one in uploads if one.key.startswith(prefix) and one.id)
        if _text(page, "IsTruncated") != "true" or not uploads:
            return
        after = {"key-marker": _text(page, "NextKeyMarker"), "upload-id-marker": _text(page, "NextUploadIdMarker")}


def _parse(answer: bytes, bucket: str) -> Element:
    try:
        return parse_xml(answer, f"the list of uploads of {bucket}")
    except InputError as error:
        raise ObjectStoreError(str(error)) from None


def _text(element: Element, name: str) -> str:
    child = element.first(name)
    return child.text if child else ""


def _encode_query(query: Mapping[str, str]) -> str:
    return "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in sorted(query.items()))
