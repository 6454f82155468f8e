"""The duration of a build from and to an object store, against that of the same build on the disk.

    python benchmarks/object_store.py [IMAGES]      # by default 400

The store is moto's server on this computer, which answers in a few milliseconds and takes turns with the build on its
cores: a store elsewhere has longer ways and more bandwidth. The world has as many archives, class folders and single
photographs as the demo; each photograph that is no member of an archive costs requests of its own.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from treeoflife.core.files import write_text
from treeoflife.core.folders import walk_folder
from treeoflife.core.objects import ObjectPath
from treeoflife.pipeline.discover import discover
from treeoflife.testing.world import draw_world

TURNS = 3
BUCKET = ObjectPath("s3://benchmark")


def start_server() -> subprocess.Popen[bytes]:
    """Start the server, name it in the environment, and make the bucket."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    os.environ |= {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "key", "AWS_ENDPOINT_URL": address}
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while server.poll() is None:
        try:
            urllib.request.urlopen(urllib.request.Request(f"{address}/{BUCKET.name}", method="PUT")).close()
        except urllib.error.URLError:
            time.sleep(0.1)
        else:
            return server
    raise SystemExit("moto's server does not start: pip install 'moto[server]'")


def seconds(config: Path) -> float:
    """The duration of a build."""
    begin = time.perf_counter()
    words = [sys.executable, "-m", "treeoflife", "build", "--config", str(config), "--workers", "2"]
    subprocess.run(words, check=True, capture_output=True)
    return time.perf_counter() - begin


def main() -> None:
    images = int(sys.argv[1]) if sys.argv[1:] else 400
    server = start_server()
    try:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            raw = draw_world(folder / "world", images).root / "dataset"
            for path in walk_folder(raw).files:
                ObjectPath(f"{BUCKET}/raw/{path.relative_to(raw).as_posix()}").upload(path)
            on_disk = discover("published", folder / "world").text
            for turn in range(TURNS):
                in_store = re.sub(r'(?m)^path = ".*/dataset/(.*)"$', rf'path = "{BUCKET}/raw/\1"', on_disk)
                in_store = re.sub(r"(?m)^# (store|shards) = .*$", rf'\1 = "{BUCKET}/out-{turn}"', in_store)
                for where, text in (("disk", on_disk), ("store", in_store)):
                    write_text(folder / f"{where}-{turn}/dataset.toml", text)
                disk, store = (seconds(folder / f"{where}-{turn}/dataset.toml") for where in ("disk", "store"))
                print(f"disk {disk:6.2f} s   store {store:6.2f} s   ratio {store / disk:5.2f}", flush=True)
    finally:
        server.terminate()


main()
