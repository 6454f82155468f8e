"""Clients of object stores, made with obstore: one per bucket and process, with retries; and its errors as sentences.

Keys, tokens and endpoints come from the environment, as obstore reads it: ``AWS_ACCESS_KEY_ID``, ``AWS_ENDPOINT_URL``,
``GOOGLE_APPLICATION_CREDENTIALS``, ``AZURE_STORAGE_ACCOUNT_NAME`` and so on; see docs/object-stores.md.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

from ..errors import ConfigError, InputError, ObjectStoreError
from .extras import import_extra
from .objects import WRITABLE

PART_BYTES = 8 << 20
"""The size of the parts in which objects are read and written. S3 takes none below 5 MiB but the last."""
_CONCURRENT_PARTS = 4  # with PART_BYTES, 32 MB of memory for an upload
_MOST_PARTS = 10_000  # S3's limit
# A server that restarts or throttles is waited for this long. obstore advises less than 5 minutes: a request is signed
# once, and its signature expires.
_RETRY_SECONDS = 120
_MOST_RETRIES = 10
_CONNECT_SECONDS = 10
_REQUEST_SECONDS = 120
_HUB = "huggingface.co"
_REPOSITORIES = ("datasets", "models", "spaces")
_ADVICE = {
    "s3": "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_ENDPOINT_URL for a server that is not Amazon's), "
    "or AWS_SKIP_SIGNATURE=true for a public bucket",
    "gs": "set GOOGLE_APPLICATION_CREDENTIALS to the file of a service account, or GOOGLE_SKIP_SIGNATURE=true for a "
    "public bucket",
    "az": "set AZURE_STORAGE_ACCOUNT_NAME, and AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_SAS_KEY",
    "hf": "set HF_TOKEN to a token that may read it",
    "http": "the server refuses it",
    "https": "the server refuses it",
}


@dataclass(frozen=True)
class Status:
    """What a store says of an object.

    Attributes:
        tag: the ETag, which differs once the object was written anew.
        modified: when it was written last, in nanoseconds since 1970.
    """

    size: int
    tag: str
    modified: int


def check_address(text: str) -> str:
    """The address that a text is, in its usual form.

    Raises:
        ConfigError: it has a password or a key in it, which the message does not repeat; or no bucket.

    >>> check_address("s3:/trees/oaks/")
    's3://trees/oaks'
    """
    scheme, _, rest = text.partition(":/")
    rest = rest.strip("/")
    host = rest.partition("/")[0]
    if "@" in host:
        raise ConfigError(
            f"the address {scheme}://{host.rpartition('@')[2]}… has a name or password before its '@': leave that out, "
            "and set the variables of the environment that docs/object-stores.md lists"
        )
    if not host:
        raise ConfigError(f"the address {text} names no {'server' if scheme.startswith('http') else 'bucket'}")
    if "?" in rest or "#" in rest:
        raise ConfigError(
            f"the address {scheme}://{rest.partition('?')[0].partition('#')[0]}… has a '?' or '#', as addresses with "
            "keys in them have: name the object alone, and set the keys in the environment"
        )
    return f"{scheme}://{rest}"


def not_on_this_computer(url: str) -> InputError:
    """The error of a library that can read files alone."""
    return InputError(f"{url} is not on this computer, as it has to be here: download it, and name the file")


def upload_file(url: str, file: Path) -> None:
    """Write an object from a file of this computer, in parts: it is whole, or as it was before.

    Raises:
        ObjectStoreError: it cannot be written, or another program writes it too.
    """
    size = file.stat().st_size
    tag = upload(url, file, size)
    status = head(url)
    if status.size != size or (tag and status.tag and tag != status.tag):
        raise ObjectStoreError(f"{url} is not what was just written: another program writes it too")


def read_range(url: str, start: int, end: int, tag: str) -> memoryview:
    """The bytes of an object from ``start`` up to ``end``, of the version with this ETag.

    Raises:
        ObjectStoreError: they cannot be read, or the object was written anew since.
        FileNotFoundError: there is no such object.
    """
    store, key = _store_of(url)
    options = {"range": (start, end)} | ({"if_match": tag} if tag else {})
    with _errors(url):
        data = memoryview(_obstore().get(store, key, options=options).bytes())
    if len(data) != end - start:
        raise ObjectStoreError(f"{url}: of {end - start} bytes from byte {start} on, the store sent {len(data)}")
    return data


def read_whole(url: str) -> bytes:
    """All bytes of an object, which is small enough for the memory.

    Raises:
        FileNotFoundError: there is no such object.
        ObjectStoreError: it cannot be read.
    """
    store, key = _store_of(url)
    with _errors(url):
        return bytes(_obstore().get(store, key).bytes())


def head(url: str) -> Status:
    """What the store says of an object.

    Raises:
        FileNotFoundError: there is no such object.
        ObjectStoreError: that cannot be known.
    """
    store, key = _store_of(url)
    if not key:
        raise FileNotFoundError(2, "it is a bucket, not an object", url)
    with _errors(url):
        return _status(_obstore().head(store, key))


def has_objects_below(url: str) -> bool:
    """Whether there is an object whose address begins with this one and a slash; never so for web servers."""
    if url.startswith(("http", "hf:")):
        return False
    store, key = _store_of(url)
    with _errors(url):
        return any(_obstore().list(store, prefix=key or None, chunk_size=1))


def list_below(url: str) -> tuple[list[str], dict[str, Status]]:
    """The names of the folders and of the objects directly below an address.

    Raises:
        ObjectStoreError: they cannot be listed.
    """
    if url.startswith(("http", "hf:")):
        raise ObjectStoreError(
            f"{url} cannot be listed: web servers have no lists of their files. Name the archive itself, or download "
            "the folder and name that"
        )
    store, key = _store_of(url)
    with _errors(url):
        listed = _obstore().list_with_delimiter(store, prefix=key or None)
    folders = [PurePosixPath(one).name for one in listed["common_prefixes"]]
    objects = {PurePosixPath(one["path"]).name: _status(one) for one in listed["objects"]}
    # Some programs write an empty object where a folder would be.
    return folders, {name: one for name, one in objects.items() if one.size or name not in folders}


def upload(url: str, file: Any, size: int, *, new: bool = False) -> str:
    """Write an object, whole or not at all: it appears when its last part has arrived. Returns its ETag.

    Args:
        file: a path, a file that is open for reading, or bytes.
        size: its length in bytes.
        new: only if there is no such object: of several writers, one succeeds. Such an object is small.

    Raises:
        FileExistsError: there is one, and ``new`` is set.
        ObjectStoreError: it cannot be written.
    """
    if not url.startswith(WRITABLE):
        raise ObjectStoreError(f"{url} cannot be written to: outputs may be at {', '.join(WRITABLE)}")
    store, key = _store_of(url)
    part = max(PART_BYTES, -(-size // _MOST_PARTS))
    options: dict[str, Any] = {"mode": "create"} if new else {"use_multipart": size > part}
    with _errors(url, writing=True):
        result = _obstore().put(store, key, file, chunk_size=part, max_concurrency=_CONCURRENT_PARTS, **options)
    return str(result["e_tag"] or "")


def delete(url: str) -> None:
    """Remove an object; one that is not there is removed already."""
    store, key = _store_of(url)
    try:
        with _errors(url, writing=True):
            _obstore().delete(store, key)
    except FileNotFoundError:
        pass


def bucket_and_key(url: str) -> tuple[str, str, str]:
    """The scheme, the bucket (or host) and the key of an address.

    >>> bucket_and_key("s3://trees/oaks/a.tar")
    ('s3', 'trees', 'oaks/a.tar')
    """
    scheme, _, rest = url.partition("://")
    bucket, _, key = rest.partition("/")
    return scheme, bucket, key


def _status(meta: Any) -> Status:
    modified = int(meta["last_modified"].timestamp() * 1_000_000) * 1000
    return Status(meta["size"], meta["e_tag"] or "", modified)


def _obstore() -> Any:
    return import_extra("obstore", "cloud", "an address of an object store", "download the files and name a folder")


def _store_of(url: str) -> tuple[Any, str]:
    """The client for an address, and the key of the object in its bucket."""
    scheme, bucket, key = bucket_and_key(url)
    if scheme == "hf":
        return _store("hf", _HUB), _hub_key(url, bucket, key)
    return _store(scheme, bucket), key


def _hub_key(url: str, kind: str, rest: str) -> str:
    """The key of a file in a repository of Hugging Face: ``hf://datasets/OWNER/NAME[@REVISION]/FILE``."""
    owner, name, *path = rest.split("/") if rest.count("/") >= 2 else ("", "")
    if kind not in _REPOSITORIES or not path:
        raise ObjectStoreError(f"{url} names no file of Hugging Face: write hf://datasets/OWNER/NAME/FILE")
    name, _, revision = name.partition("@")
    repository = f"{owner}/{name}" if kind == "models" else f"{kind}/{owner}/{name}"
    return f"{repository}/resolve/{revision or 'main'}/{'/'.join(path)}"


@lru_cache(maxsize=32)
def _store(scheme: str, bucket: str) -> Any:
    """The client of a bucket. Made once per process, since each keeps its connections."""
    _obstore()
    stores = import_extra("obstore.store", "cloud", "an address of an object store")
    client: dict[str, Any] = {
        "connect_timeout": timedelta(seconds=_CONNECT_SECONDS),
        "timeout": timedelta(seconds=_REQUEST_SECONDS),
        "allow_http": _allows_http(scheme),
    }
    options: dict[str, Any] = {
        "client_options": client,
        "retry_config": {"max_retries": _MOST_RETRIES, "retry_timeout": timedelta(seconds=_RETRY_SECONDS)},
    }
    try:
        if scheme == "s3":
            _require_s3_keys(bucket)
            return stores.S3Store(bucket, **options)
        if scheme == "gs":
            return stores.GCSStore(bucket, **options)
        if scheme == "az":
            return stores.AzureStore(bucket, **options)
        if scheme == "hf" and (token := os.environ.get("HF_TOKEN")):
            client["default_headers"] = {"authorization": f"Bearer {token}"}
        return stores.HTTPStore.from_url(f"{'http' if scheme == 'http' else 'https'}://{bucket}", **options)
    except Exception as error:
        if type(error).__module__.startswith("obstore"):
            raise ConfigError(f"{scheme}://{bucket}: {_first_line(error)}; {_ADVICE[scheme]}") from None
        raise


def _allows_http(scheme: str) -> bool:
    """Whether a server may be spoken to without encryption: where its address in the environment or URL says so."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL", os.environ.get("AWS_ENDPOINT", ""))
    return scheme == "http" or (scheme == "s3" and endpoint.startswith("http://"))


def _require_s3_keys(bucket: str) -> None:
    """Say at once that keys are missing: obstore would ask the machine for those of its role, for a minute."""
    given = ("AWS_ACCESS_KEY_ID", "AWS_SKIP_SIGNATURE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN")
    of_machine = (
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_METADATA_ENDPOINT",
    )
    if not any(os.environ.get(name) for name in (*given, *of_machine)):
        raise ConfigError(
            f"there are no keys for s3://{bucket}: {_ADVICE['s3']}. On a machine that has a role, set "
            "AWS_METADATA_ENDPOINT=http://169.254.169.254"
        )


@contextmanager
def _errors(url: str, *, writing: bool = False) -> Iterator[None]:
    """Raise obstore's errors as what they are: not there, not allowed, or a store that does not answer."""
    try:
        yield
    except Exception as error:
        # Of an object that is not there, obstore raises Python's own FileNotFoundError, with a page of details.
        if not (type(error).__module__.startswith("obstore") or isinstance(error, OSError)):
            raise
        raise _translated(error, url, writing=writing) from None


def _translated(error: Exception, url: str, *, writing: bool) -> Exception:
    kind, text = type(error).__name__, str(error)
    is_absent = isinstance(error, FileNotFoundError)
    scheme, bucket, _ = bucket_and_key(url)
    if kind == "AlreadyExistsError":
        return FileExistsError(17, "there is such an object", url)
    if "NoSuchBucket" in text or (is_absent and writing):
        return ObjectStoreError(f"{url}: there is no bucket '{bucket}'; make it, or correct the address")
    if is_absent:
        return FileNotFoundError(2, "there is no such object", url)
    if kind == "PreconditionError":
        return ObjectStoreError(f"{url} was written anew while it was read; run the same command again")
    if kind in ("PermissionDeniedError", "UnauthenticatedError") or "credential" in text.lower():
        act = "write to" if writing else "read"
        return ObjectStoreError(f"{url}: the store does not let these keys {act} it; {_ADVICE[scheme]}")
    return ObjectStoreError(
        f"{url}: the store cannot be used, though it was asked for up to {_RETRY_SECONDS} seconds: {_first_line(error)}"
    )


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:500] if lines else type(error).__name__
