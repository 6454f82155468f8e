"""Checksums of downloaded files: the SHA-256 of each, and the MD5 where the provider publishes that."""

import hashlib
from functools import partial
from pathlib import Path

from ...core.files import sha256
from .part_file import PartFile

_MD5_HEX_LENGTH = 32
_new_md5 = partial(hashlib.md5, usedforsecurity=False)
_HASHED_AT_ONCE = 1 << 20  # so little that the caller soon notices when a connection fails


def matching_sha256(path: Path, published: str) -> str:
    """The SHA-256 of a file; empty if its MD5 or SHA-256 is not ``published``, which may be empty for any."""
    digest = other = sha256(path)
    if len(published) == _MD5_HEX_LENGTH:
        with path.open("rb") as fd:
            other = hashlib.file_digest(fd, _new_md5).hexdigest()
    return digest if published in ("", other) else ""


class PrefixDigest:
    """The digests of a part file up to its first gap, brought up to date while the file is received.

    So a file of 200 GB need not be read once more when it is complete.
    """

    def __init__(self, part: PartFile, published: str) -> None:
        """``published`` as in :func:`matching_sha256`."""
        self._part, self._with_md5 = part, len(published) == _MD5_HEX_LENGTH
        self._start()

    def _start(self) -> None:
        self.size, self._resets = 0, self._part.resets
        self._hashes = [hashlib.sha256(), *([_new_md5()] if self._with_md5 else [])]

    def update(self) -> bool:
        """Hash a megabyte more; False if no more was received."""
        if self._resets != self._part.resets:  # the download started over
            self._start()
        data = self._part.read(self.size, max(0, min(_HASHED_AT_ONCE, self._part.prefix - self.size)))
        if self._resets != self._part.resets:
            return True
        for digest in self._hashes:
            digest.update(data)
        self.size += len(data)
        return bool(data)

    def hexdigests(self) -> tuple[str, str]:
        """The SHA-256 of what was hashed, and the digest of the same kind as the published one."""
        return self._hashes[0].hexdigest(), self._hashes[-1].hexdigest()
