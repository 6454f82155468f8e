"""A listed source, from addresses on several hosts to shards: what is asked, what is kept, where each image ends."""

from __future__ import annotations

import random
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from helpers import cli, samples, sentence, shards
from treeoflife.testing.world import draw_picture, encode_image

from .hosts import Host, serving
from .plugin import Row, dataset, plug_in, write_table


@pytest.fixture
def hosts() -> Iterator[list[Host]]:
    with serving("127.0.0.2", "127.0.0.3", "127.0.0.4") as found:
        yield found


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return plug_in(tmp_path / "plug-in")


def picture(number: int) -> bytes:
    return encode_image(draw_picture(random.Random(number)))


def card(host: Host, number: int, **more: object) -> Row:
    """A row, whose picture the host has."""
    url = host.put(f"/pictures/{number}.jpg", picture(number))
    named = {
        "kingdom": "Animalia",
        "genus": "Parus",
        "species": "Parus major",
        "scientific_name": "Parus major L., 1758",
    }
    return {"series": number // 10, "card": f"c/{number}", "url": url, **named, **more}


def run(word: str, config: Path, env: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return cli(word, "--config", config, "--workers", "2", *words, **env)


def build(config: Path, env: dict[str, str]) -> str:
    done = run("build", config, env)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def asked(hosts: list[Host]) -> list[str]:
    return sorted(path for host in hosts for path in host.taken())


def catalog(config: Path) -> pl.DataFrame:
    rows = pl.read_parquet(config.parent / "224x224/catalog.parquet")
    return rows.filter(pl.col("split") != "train_small").sort("series", "card")


def ledger(config: Path) -> dict[str | None, str]:
    """The reason of each image that became no sample, by what its container calls it; None without one."""
    rows = pl.read_parquet(config.parent / "ledger/ledger.parquet")
    return dict(rows.select("file", "reason").sort("file").iter_rows())


def test_every_row_of_the_list_ends_as_a_sample_or_in_the_ledger(
    tmp_path: Path, hosts: list[Host], env: dict[str, str]
) -> None:
    rows = [card(hosts[number % 3], number) for number in range(20)]
    first = rows[0]["url"]
    rows += [
        {"series": 90, "card": "shared", "url": first, "genus": "Pica"},
        {"series": 91, "card": "gone", "url": hosts[0].url + "/gone.jpg", "genus": "Pica"},
        {"series": 91, "card": "busy", "url": hosts[1].put("/busy.jpg", b"", 503), "genus": "Pica"},
        {"series": 91, "card": "page", "url": hosts[1].put("/page.jpg", b"<html>no</html>"), "genus": "Pica"},
        {"series": 92, "card": "empty", "url": "", "genus": "Pica"},
        {"series": 92, "card": "file", "url": "file:///etc/passwd", "genus": "Pica"},
        {"series": 92, "card": "given up", "url": first, "problem": "the provider withdrew it", "genus": "Pica"},
        {"series": 92, "card": "", "url": first, "genus": "Pica"},
    ]
    config = dataset(tmp_path, rows)
    text = build(config, env)
    named = catalog(config)
    assert named["card"].to_list() == [
        row["card"] for row in sorted(rows[:21], key=lambda row: (row["series"], row["card"]))
    ]
    assert set(named.filter(pl.col("series") < 90).select("kingdom", "genus", "species").iter_rows()) == {
        ("Animalia", "Parus", "major")
    }
    left_out = ledger(config)
    assert left_out == {
        "91/gone": "http-404", "91/busy": "http-503", "91/page": "not-an-image", "92/empty": "bad-row",
        "92/file": "bad-row", "92/given up": "bad-row", first: "bad-row",
    }  # fmt: skip
    assert named.height + len(left_out) == len(rows)
    assert named["treeoflife_id"].n_unique() == 21
    assert "http-404 1" in text
    counts = Counter(asked(hosts))
    assert counts == {f"/pictures/{number}.jpg": 1 for number in range(20)} | dict.fromkeys(
        ["/gone.jpg", "/busy.jpg", "/page.jpg"], 1
    )
    verified = cli("verify", config.parent, **env)
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_a_later_build_asks_only_for_what_is_new_or_may_have_passed(
    tmp_path: Path, hosts: list[Host], env: dict[str, str]
) -> None:
    rows = [card(hosts[number % 3], number) for number in range(12)]
    gone = {"series": 9, "card": "gone", "url": hosts[0].url + "/gone.jpg", "genus": "Pica"}
    config = dataset(tmp_path, [*rows, gone])
    build(config, env)
    asked(hosts)
    before = samples(shards(config.parent))
    assert "encode" not in build(config, env)
    assert asked(hosts) == []

    busy = {"series": 9, "card": "busy", "url": hosts[1].put("/busy.jpg", b"", 503), "genus": "Pica"}
    write_table(tmp_path / "cards.csv", [*rows[1:], card(hosts[2], 50), busy, gone])
    text = build(config, env)
    assert asked(hosts) == ["/busy.jpg", "/pictures/50.jpg"]
    assert "encode: 1 image encoded, 2 skipped" in text  # the archive of the row that is gone stays as it is
    assert catalog(config)["card"].to_list() == [*(f"c/{number}" for number in range(1, 12)), "c/50"]
    assert ledger(config) == {"0/c/0": "not-listed", "9/gone": "http-404", "9/busy": "http-503"}
    kept = samples(shards(config.parent))
    assert len(before.keys() - kept.keys()) == 1
    assert all(kept[key]["jpg"] == before[key]["jpg"] for key in before.keys() & kept.keys())
    status = run_status(config, env)
    assert "http-503 1" in status
    assert "http-404 1" in status

    hosts[1].put("/busy.jpg", picture(99))
    build(config, env)
    assert asked(hosts) == ["/busy.jpg"]
    assert "busy" in catalog(config)["card"].to_list()

    hosts[0].put("/gone.jpg", picture(98))
    build(config, env)
    assert asked(hosts) == []
    done = run("fetch", config, env, "--retry", "http-404")
    assert done.returncode == 0, done.stderr
    assert asked(hosts) == ["/gone.jpg"]
    build(config, env)
    assert asked(hosts) == []
    assert "gone" in catalog(config)["card"].to_list()
    sentence(run("fetch", config, env, "--retry", "http-404"), "http-404", "nothing has failed")


def run_status(config: Path, env: dict[str, str]) -> str:
    done = cli("status", "--config", config, **env)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_network_that_is_down_stops_the_build_before_anything_is_encoded(
    tmp_path: Path, hosts: list[Host], env: dict[str, str]
) -> None:
    rows = [card(hosts[number % 2], number) for number in range(6)]
    nowhere = [
        {"series": 5, "card": str(n), "url": f"http://127.0.0.9:{n + 1}/a.jpg", "genus": "Pica"} for n in range(6)
    ]
    config = dataset(tmp_path, nowhere)
    for _ in range(2):  # once more: nothing has been answered so far
        sentence(run("build", config, env), "no host", "name server", "Nothing was encoded")
        assert not (config.parent / "encoded").exists()
        assert not (config.parent / "224x224").exists()
    write_table(tmp_path / "cards.csv", rows + nowhere)
    build(config, env)  # some hosts answer: what the others do is theirs alone
    assert catalog(config).height == 6
    assert set(ledger(config).values()) <= {"no-answer", "host-down"}
    write_table(tmp_path / "cards.csv", [*rows, *nowhere, {"series": 6, "card": "x", "url": "http://127.0.0.9:9/"}])
    sentence(run("build", config, env), "no host answered")
    build(config, env)
    assert len(ledger(config)) == 7


def test_a_picture_that_stands_for_many_is_kept_out_by_name(
    tmp_path: Path, hosts: list[Host], env: dict[str, str]
) -> None:
    nothing = picture(7)
    rows = [card(hosts[0], number) for number in range(20, 24)]
    rows += [
        {
            "series": 1,
            "card": f"p{n}",
            "url": hosts[n % 2].put(f"/none/{n}", nothing),
            "genus": "Pica",
            "observation": n,
        }
        for n in range(4)
    ]
    # Several addresses of one observation may have the same picture.
    rows += [
        {
            "series": 2,
            "card": f"o{n}",
            "url": hosts[2].put(f"/one/{n}", picture(8)),
            "genus": "Pica",
            "observation": "o",
        }
        for n in range(4)
    ]
    config = dataset(tmp_path, rows, "placeholder_after = 4")
    text = build(config, env)
    assert ledger(config) == {f"1/p{n}": "placeholder" for n in range(4)}
    assert catalog(config).height == 8
    assert "4 addresses give the same picture" in text
    assert f"{hosts[0].url}/none/0" in text
    asked(hosts)
    build(config, env)
    assert asked(hosts) == []
    hosts[0].put("/none/0", picture(40))
    assert run("fetch", config, env, "--retry", "placeholder").returncode == 0
    assert asked(hosts) == [f"/none/{n}" for n in range(4)]
    build(config, env)  # three are left: too few for a placeholder
    assert ledger(config) == {}


def test_rows_that_repeat_a_key_are_one_image_and_are_said(
    tmp_path: Path, hosts: list[Host], env: dict[str, str]
) -> None:
    rows = [card(hosts[0], number, flags="COUNTRY_DERIVED_FROM_COORDINATES") for number in range(6)]
    rows[3]["flags"] = "COUNTRY_INVALID;TAXON_MATCH_FUZZY"
    again = dict(rows[1])
    other = {**rows[2], "url": hosts[0].put("/a-first", picture(77)), "species": "Parus minor"}
    config = dataset(tmp_path, [*rows, again, other])
    text = build(config, env)
    assert "1 rows repeat another row; 1 images have rows that differ" in text
    named = catalog(config)
    assert named.height == 6
    assert named.filter(card="c/2")["species"].to_list() == ["minor"]  # of /a-first, which comes before /pictures
    ids = dict(named.select("card", "treeoflife_id").iter_rows())
    found = pl.read_parquet(config.parent / "findings/lists.parquet")
    assert dict(found.select("treeoflife_id", "kind").iter_rows()) == {
        ids["c/2"]: "listed-differently", ids["c/3"]: "taxon-match-fuzzy",
    }  # fmt: skip
    write_table(tmp_path / "cards.csv", list(reversed([*rows, again, other])))
    before = (config.parent / "fetched/postcards/images.parquet").read_bytes()
    build(config, env)
    assert (config.parent / "fetched/postcards/images.parquet").read_bytes() == before


def test_what_was_fetched_is_no_part_of_what_is_published(
    tmp_path: Path, hosts: list[Host], env: dict[str, str]
) -> None:
    from treeoflife.config.paths import Paths
    from treeoflife.config.tables import Images
    from treeoflife.publish.upload import published_files

    config = dataset(tmp_path, [card(hosts[0], number) for number in range(5)])
    build(config, env)
    fetched = config.parent / "fetched"
    assert (fetched / "postcards/000000.tar").exists()
    assert not [path for path in published_files(Paths(config.parent, Images())) if path.is_relative_to(fetched)]
    assert fetched in Paths(config.parent, Images()).written_folders()  # no source may lie in it


def test_what_is_deleted_is_made_again_and_asked_again_only_if_need_be(
    tmp_path: Path, hosts: list[Host], env: dict[str, str]
) -> None:
    config = dataset(tmp_path, [card(hosts[0], number) for number in range(5)])
    assert run("fetch", config, env).returncode == 0
    files = config.parent / "fetched/postcards"
    asked(hosts)
    for name in ("000000.images.parquet", "images.parquet"):
        before = (files / name).read_bytes()
        (files / name).unlink()
        assert "to do" in run_status(config, env)
        assert run("fetch", config, env).returncode == 0
        assert (files / name).read_bytes() == before
        assert asked(hosts) == []
    (files / "000000.tar").unlink()
    (files / "000000.parquet").unlink()
    assert run("fetch", config, env).returncode == 0
    assert asked(hosts) == [f"/pictures/{number}.jpg" for number in range(5)]
    assert "up to date" in run("fetch", config, env).stdout


def test_shares_are_of_what_was_fetched(tmp_path: Path, hosts: list[Host], env: dict[str, str]) -> None:
    config = dataset(tmp_path, [card(hosts[0], number) for number in range(5)])
    for done in (
        cli("share", "encode", "0/2", "--config", config, **env),
        cli("export-slurm", tmp_path / "scripts", "--config", config, **env),
    ):
        sentence(done, "[sources.postcards]", "treeoflife fetch")
    assert run("fetch", config, env).returncode == 0
    for share in ("0/2", "1/2"):
        assert cli("share", "encode", share, "--config", config, **env).returncode == 0
    assert len(list((config.parent / "encoded").glob("*/postcards/0*.tar"))) == 1
