"""Files of the sources, as they came, for the images that were chosen. One task per container."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from ..core.files import write_bytes
from ..engines.base import Tick
from ..errors import ContainerError
from ..sources.base import Container, Source


@dataclass(frozen=True)
class ExtractTask:
    """Files of one container to write; ``wanted`` has the position, the SHA-256 when encoded, and new path of each."""

    source: Source
    container: Container
    max_bytes: int
    wanted: tuple[tuple[int, bytes, Path], ...]

    @property
    def label(self) -> str:
        """What messages call it."""
        return f"{self.source.name}/{self.container.name}"


def extract(task: ExtractTask, tick: Tick) -> int:
    """Write the files; returns how many.

    Raises:
        ContainerError: a file is not the one that was encoded, or is gone.
    """
    left = {position: (digest, path) for position, digest, path in task.wanted}
    for position, image in enumerate(task.source.read(task.container, task.max_bytes)):
        if position in left:
            digest, path = left.pop(position)
            if hashlib.sha256(image.data).digest() != digest:
                raise ContainerError(
                    f"{task.container.path} changed since it was encoded, at {image.file}; build again"
                )
            write_bytes(path, image.data)
            tick(1)
        if not left:
            break
    if left:
        raise ContainerError(f"{task.container.path} has fewer files than when it was encoded; build again")
    return len(task.wanted)
