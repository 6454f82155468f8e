"""A dataset removes and replaces what it has made itself, and nothing of anybody else."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path

import pytest

from helpers import built, cli, configured, digests, sentence
from treeoflife.pipeline.workspace import open_workspace
from treeoflife.testing.world import World, draw_world

LEFT = f"writing-{socket.gethostname()[:40]}-4100000-0a1b2c3d"


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A few pictures."""
    world = draw_world(tmp_path_factory.mktemp("pictures"), images=20)
    return sorted((world.root / "dataset").rglob("*.jpg"))[:3]


@pytest.fixture
def photos(pictures: list[Path], tmp_path: Path) -> Path:
    """A folder of photographs with a table, in a project folder of its own."""
    folder = tmp_path / "project" / "photos"
    folder.mkdir(parents=True)
    names = ("oak.writing-desk.jpg", f"elm.jpg.{LEFT}.jpg", "ash.jpg")
    for picture, name in zip(pictures, names, strict=True):
        shutil.copy(picture, folder / name)
    rows = "".join(f"{name},Quercus robur\n" for name in names)
    (folder / "birds.csv").write_text(f"file,scientific_name\n{rows}")
    return folder


def test_a_build_leaves_what_others_have_written_in_out(photos: Path) -> None:
    """Photographs, texts and another dataset below OUT, whatever their names resemble; its own leftovers go."""
    out = photos.parent
    config = configured(out, "folder", photos)
    others = [
        out / "my.writing-thesis.txt",
        out / f"thesis.txt.{LEFT}",
        out / "other" / "metadata" / f"names.parquet.{LEFT}",
    ]
    own = [
        out / f"SHA256SUMS.{LEFT}",
        out / "metadata" / f"names.parquet.{LEFT}",
        out / "224x224" / "train" / f"shard-000000.tar.{LEFT}",
    ]
    for path in (*others, *own):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("half")
    before = {path: path.read_bytes() for path in (*photos.iterdir(), *others)}
    built(config)
    assert {path: path.read_bytes() for path in before} == before
    assert not [path for path in own if path.exists()]


def test_out_is_not_the_folder_of_the_photographs(photos: Path) -> None:
    """By whatever name: as it is, through a link, by ``..``; nothing is written."""
    link = photos.parent / "link"
    link.symlink_to(photos)
    before = sorted(photos.iterdir())
    for out in (photos, link, photos / ".." / "photos", photos.parent / "link" / "."):
        done = cli("init", "folder", "--raw", photos, "--out", out)
        assert done.returncode == 2
        sentence(done, "--raw", str(out))
    assert sorted(photos.iterdir()) == before


@pytest.mark.parametrize("kind", ["original", "published"])
def test_out_is_not_the_folder_of_the_downloads(drawn_world: World, tmp_path: Path, kind: str) -> None:
    """What was downloaded would be overwritten."""
    raw = Path(shutil.copytree(drawn_world.root, tmp_path / "raw"))
    sentence(cli("init", kind, "--raw", raw, "--out", raw), "--raw", str(raw))
    assert not (raw / "dataset.toml").exists()


@pytest.mark.parametrize("command", ["build", "status", "wds", "report"])
def test_a_configuration_by_hand_does_not_make_a_source_of_out(photos: Path, command: str) -> None:
    """Found when the dataset is opened."""
    (photos / "dataset.toml").write_text('[sources.photos]\nkind = "folder"\npath = "."\ntable = "birds.csv"\n')
    before = sorted(photos.iterdir())
    done = cli(command, "--config", photos / "dataset.toml")
    assert done.returncode == 2
    sentence(done, "sources.photos", str(photos))
    assert sorted(photos.iterdir()) == before


@pytest.mark.parametrize("folder", ["metadata", "encoded/224x224-q100/photos", "224x224/train", "holdout/set", "logs"])
def test_a_source_does_not_lie_where_the_dataset_writes(photos: Path, folder: str) -> None:
    """Also not behind a link."""
    out = photos.parent / "out"
    real = out / folder
    real.parent.mkdir(parents=True)
    photos.rename(real)
    photos.symlink_to(real)
    sentence(cli("build", "--config", configured_by_hand(out, photos)), "sources.photos", f"in {out}/")
    assert sorted(path.name for path in out.iterdir()) == sorted({"dataset.toml", folder.partition("/")[0]})


def configured_by_hand(out: Path, photos: Path) -> Path:
    """A dataset.toml that ``init`` did not write."""
    path = out / "dataset.toml"
    table = photos / "birds.csv"
    path.write_text(f'[sources.photos]\nkind = "folder"\npath = "{photos}"\ntable = "{table}"\n')
    return path


def test_a_folder_of_tables_is_not_out(photos: Path) -> None:
    """All tables below it are read, and with them those that the dataset writes."""
    config = configured(photos.parent, "folder", photos)
    config.write_text(config.read_text().replace("# taxonopy = ", 'taxonopy = "."'))
    sentence(cli("build", "--config", config), "[names] taxonopy", str(photos.parent))


def test_a_first_build_overwrites_nothing_that_is_there(photos: Path) -> None:
    """It names the file, each time, and goes on once that is gone."""
    config = configured(photos.parent / "out", "folder", photos)
    for name, command in {
        "SHA256SUMS": "build", "224x224/catalog.csv": "build", "224x224/train/shard-000007.tar": "wds",
        "metadata/mapping.sqlite": "mapping", "metadata/naming/photos_name_lookup.json": "metadata",
        "ledger/ledger.parquet": "build", "reports/index.html": "report",
    }.items():  # fmt: skip
        theirs = config.parent / name
        theirs.parent.mkdir(parents=True, exist_ok=True)
        theirs.write_text("mine")
        done = cli(command, "--config", config)
        assert done.returncode == 2
        sentence(done, str(theirs))
        assert theirs.read_text() == "mine"
        theirs.unlink()
    built(config, "--until", "encode")


def test_a_copy_of_a_dataset_without_its_records_is_known_by_its_checksums(photos: Path, tmp_path: Path) -> None:
    """As one that was downloaded: nothing is in the way, and nothing changes."""
    config = configured(photos.parent / "out", "folder", photos)
    built(config)
    visible = [path for path in config.parent.iterdir() if not path.name.startswith(".")]
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in visible:
        shutil.copytree(path, copy / path.name) if path.is_dir() else shutil.copy(path, copy)
    before = digests(copy)
    built(copy / "dataset.toml")
    after = {name: one for name, one in digests(copy).items() if not name.startswith(".tables/")}
    assert after == before
    shutil.rmtree(copy / ".state")
    for name in (".known.sqlite", ".lock"):
        (copy / name).unlink()
    (copy / "224x224" / "train" / "shard-000900.tar").write_text("mine")
    sentence(cli("build", "--config", copy / "dataset.toml"), "shard-000900.tar")


@pytest.mark.parametrize("name", ["README.md", "croissant.json"])
def test_a_card_replaces_a_card_alone(photos: Path, name: str) -> None:
    """A text that somebody wrote stays, and is named; a card of an earlier day is written anew."""
    config = configured(photos.parent / "out", "folder", photos)
    built(config)
    assert cli("card", "--config", config).returncode == 0
    assert cli("card", "--config", config).returncode == 0
    theirs = config.parent / name
    theirs.write_text("# My project\n")
    sentence(cli("card", "--config", config), str(theirs))
    assert theirs.read_text() == "# My project\n"


def test_a_demo_draws_no_world_over_that_of_others(tmp_path: Path) -> None:
    """A folder of that name is named."""
    (tmp_path / "world").mkdir()
    sentence(cli("demo", tmp_path), str(tmp_path / "world"))
    assert not list((tmp_path / "world").iterdir())


def test_scratch_is_not_in_the_folder_of_the_photographs(photos: Path, tmp_path: Path) -> None:
    """Its files would be found there by the next build; in OUT, which may be below that folder, they are not."""
    config = configured(photos / "out", "folder", photos)
    text = config.read_text().replace("# scratch = ", f'scratch = "{photos / "tables"}"')
    config.write_text(text)
    sentence(cli("status", "--config", config), "[engine] scratch", "name a folder outside of it")
    config.write_text(text.replace(str(photos / "tables"), "tables"))
    assert cli("status", "--config", config).returncode == 0


def test_a_database_leaves_no_folder_in_out(photos: Path) -> None:
    config = configured(photos.parent, "folder", photos)
    workspace = open_workspace(config)
    with workspace.database() as database:
        database.make("one", "SELECT 1 AS a")
        assert workspace.paths.scratch.is_dir()
    assert not workspace.paths.scratch.exists()
