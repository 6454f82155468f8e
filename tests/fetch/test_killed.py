"""The stage fetch is killed again and again: it ends with the dataset of a run that was not, and asks little twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

from helpers import cli, command, digests
from treeoflife.testing.world import draw_picture, encode_image

from .hosts import Host, serving
from .plugin import dataset, plug_in

_IMAGES = 90
_FETCH = "per_host = 2\nconnections = 4"
_IN_FLIGHT = 2 * 2  # two requests to each of two hosts


def killed_after(requests: int, hosts: list[Host], config: Path, env: dict[str, str]) -> bool:
    """Kill ``fetch`` with all its workers once the hosts have been asked so often; whether it was still running."""
    before = sum(len(host.asked) for host in hosts)
    words = command("fetch", "--config", config, "--workers", "2")
    process = subprocess.Popen(
        words, env=os.environ | env, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while process.poll() is None and sum(len(host.asked) for host in hosts) - before < requests:
        time.sleep(0.002)
    was_running = process.poll() is None
    if was_running:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return was_running


def test_killed_again_and_again_it_ends_with_the_same_dataset(tmp_path: Path) -> None:
    env = plug_in(tmp_path / "plug-in")
    chance = random.Random(os.urandom(8))
    with serving("127.0.0.5", "127.0.0.6") as hosts:
        rows = []
        for number in range(_IMAGES):
            body = encode_image(draw_picture(random.Random(number), (64, 48)))
            url = hosts[number % 2].put(f"/{number}.jpg", body)
            rows.append({"series": 1, "card": f"{number}", "url": url, "genus": "Parus", "species": "major"})
        rows.append({"series": 2, "card": "gone", "url": hosts[0].url + "/gone.jpg", "genus": "Pica"})
        whole = dataset(tmp_path / "whole", rows, _FETCH)
        done = cli("build", "--config", whole, "--workers", "2", **env)
        assert done.returncode == 0, done.stderr
        assert sorted(hosts[0].taken() + hosts[1].taken()) == sorted(
            ["/gone.jpg", *(f"/{number}.jpg" for number in range(_IMAGES))]
        )
        config = dataset(tmp_path / "killed", rows, _FETCH)
        kills = sum(killed_after(chance.randrange(1, 25), hosts, config, env) for _ in range(5))
        done = cli("build", "--config", config, "--workers", "2", **env)
        assert done.returncode == 0, done.stderr
        counts = Counter(hosts[0].asked + hosts[1].asked)
    assert kills >= 3
    assert len(counts) == _IMAGES + 1
    assert counts.total() - len(counts) <= kills * _IN_FLIGHT
    expected, found = digests(whole.parent), digests(config.parent)
    # When an address was asked, and in which order the answers came, is in the archives and the indexes of them alone.
    differing = {name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name)}
    assert {name for name in differing if "224x224/" in name and not name.startswith(("index", "plan"))} == set()
    assert not any(".part" in name or ".journal" in name for name in found)
    assert cli("verify", config.parent, **env).returncode == 0
