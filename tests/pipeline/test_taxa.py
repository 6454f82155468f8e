"""The taxa that a model has seen, of any catalog and of shards; and which names of a list are among them."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import treeoflife
from helpers import cli, sentence
from treeoflife.core.values import RANKS

BIRD = ("Animalia", "Chordata", "Aves", "Passeriformes", "Paridae")
ROWS = [
    ("train", *BIRD, "Parus", "major", "Great Tit"),
    ("train_small", *BIRD, "Parus", "major", "Great Tit"),
    ("val", *BIRD, "Parus", "major", "Kohlmeise"),
    ("val", *BIRD, "Parus", "major", "Great Tit"),
    ("train", *BIRD, "Parus", "Parus minor", ""),
    ("train", *BIRD, "Parus", "", "Tits"),
    ("train", "Animalia", "", "", "", "", "Cyanistes", "caeruleus", "Blue Tit"),
    ("train", "", "", "", "", "", "", "", ""),
]
HEAD = ("split", *RANKS, "common")


def _write(path: Path, rows: list[tuple[str, ...]] = ROWS) -> Path:
    table = pl.DataFrame(rows, schema=dict.fromkeys(HEAD, pl.String), orient="row")
    table = table.with_columns(pl.all().replace("", None))
    if path.suffix == ".parquet":
        table.write_parquet(path)
    else:
        text = table.write_csv(separator="\t" if path.suffix == ".tsv" else ",")
        path.write_text(text, encoding="utf-8-sig")
    return path


@pytest.mark.parametrize("name", ["catalog.csv", "any.tsv", "any.parquet"])
def test_every_taxon_is_counted_once_by_rank_and_split(tmp_path: Path, name: str) -> None:
    """An image of train_small is one of train; a binomial in the column of the species is not doubled; a gap stays."""
    taxa = treeoflife.taxa(_write(tmp_path / name))
    assert taxa.columns == [
        "rank", *RANKS, "name", "common_name", "images", "train", "val", "lower_taxa", "lower_species",
    ]  # fmt: skip
    counts = {(row[0], row[8]): row[9:] for row in taxa.iter_rows()}
    assert counts["kingdom", "Animalia"] == ("", 6, 4, 2, 9, 3)
    assert counts["family", "Paridae"] == ("", 5, 3, 2, 3, 2)
    assert counts["genus", "Parus"] == ("Tits", 5, 3, 2, 2, 2)
    assert counts["species", "Parus major"] == ("Great Tit", 3, 1, 2, 0, 0)
    assert counts["species", "Parus minor"] == ("", 1, 1, 0, 0, 0)
    assert counts["species", "Cyanistes caeruleus"] == ("Blue Tit", 1, 1, 0, 0, 0)
    assert taxa["rank"].unique(maintain_order=True).to_list() == list(RANKS)
    assert taxa.rows() == treeoflife.taxa(_write(tmp_path / f"turned-{name}", ROWS[::-1])).rows()


def test_the_taxa_of_a_build_are_those_of_its_catalog_and_of_its_shards(drawn_build: Path, tmp_path: Path) -> None:
    """With the folder, with its shards alone, and in both forms of a file."""
    assert cli("taxa", drawn_build, "--rank", "species", "--out", tmp_path / "taxa.csv").returncode == 0
    assert (
        cli("taxa", drawn_build / "224x224/*/*.tar", "--rank", "species", "-o", tmp_path / "t.parquet").returncode == 0
    )
    own, of_shards = pl.read_csv(tmp_path / "taxa.csv"), pl.read_parquet(tmp_path / "t.parquet")
    catalog = pl.read_parquet(drawn_build / "224x224/catalog.parquet").filter(pl.col("split") != "train_small")
    names = pl.concat_str(pl.col("genus"), pl.col("species"), separator=" ")
    counted = catalog.filter(pl.col("species") != "").group_by(names.alias("name")).len()
    expected = dict(counted.iter_rows())
    assert {row[0]: row[1] for row in own.group_by("name").agg(pl.sum("images")).iter_rows()} == expected
    assert (
        own.select("name", "images", "train", "val").rows() == of_shards.select("name", "images", "train", "val").rows()
    )


@pytest.mark.parametrize("name", ["names.txt", "names.csv"])
def test_names_of_a_list_are_seen_or_seen_as_genus_or_family_or_not(tmp_path: Path, name: str) -> None:
    """However they are written, in the order of the list."""
    labels = ["Parus major Linnaeus, 1758", "PARUS_MINOR", "Parus cristatus", "Periparus ater", "Corvus corax",
              "Parus", "unknown 12", "Parus major newtoni"]  # fmt: skip
    head = "\ufeffscientificName,n\n" if name.endswith("csv") else ""
    rows = "".join(f'"{one}",1\n' if head else f"{one}\n" for one in labels)
    (tmp_path / name).write_text(head + rows)
    catalog = _write(tmp_path / "catalog.parquet")
    done = cli("taxa", catalog, "--against", tmp_path / name, "--out", tmp_path / "seen.csv")
    assert done.returncode == 0, done.stderr
    assert "seen 4; genus-seen 1; family-seen 1; unseen 1; no-name 1" in done.stdout
    seen = pl.read_csv(tmp_path / "seen.csv")
    assert seen["label"].to_list() == labels
    assert seen.select("status", "images", "train", "val").rows() == [
        ("seen", 3, 1, 2), ("seen", 1, 1, 0), ("genus-seen", 5, 3, 2), ("family-seen", 5, 3, 2), ("unseen", 0, 0, 0),
        ("seen", 5, 3, 2), ("no-name", 0, 0, 0), ("seen", 3, 1, 2),
    ]  # fmt: skip


@pytest.mark.parametrize("written", ["Parus caeruleus", "Cyanistes caeruleus"])
def test_a_synonym_counts_as_the_same_species(tmp_path: Path, written: str) -> None:
    """Whichever of the two the catalog has, and whichever the list has, by the dataset's own taxonomies."""
    (tmp_path / "tits.csv").write_text(
        "taxonID,acceptedNameUsageID,taxonomicStatus,scientificName,taxonRank,kingdom,phylum,class,order,family,genus\n"
        f"1,1,accepted,Cyanistes caeruleus,species,{','.join(BIRD)},Cyanistes\n"
        f"2,1,synonym,Parus caeruleus,species,{','.join(BIRD)},Parus\n"
    )
    genus, epithet = written.split()
    out = tmp_path / "out"
    (out / "224x224").mkdir(parents=True)
    (out / "dataset.toml").write_text(
        f'[sources.photos]\nkind = "folder"\npath = "{tmp_path}"\n[names]\nchecklists = {{ tits = "../tits.csv" }}\n'
        'backbone = "tits"\n'
    )
    _write(out / "224x224/catalog.parquet", [("train", *BIRD, genus, epithet, "")])
    (tmp_path / "list.txt").write_text("Parus caeruleus\nCyanistes caeruleus\nParus ater\n")
    done = cli("taxa", out, "--against", tmp_path / "list.txt", "--out", tmp_path / "seen.parquet")
    assert done.returncode == 0, done.stderr
    assert pl.read_parquet(tmp_path / "seen.parquet")["status"].to_list()[:2] == ["seen", "seen"]


def test_what_has_no_taxa_gets_a_sentence(tmp_path: Path) -> None:
    """With the way out."""
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    sentence(cli("taxa", tmp_path / "t.csv", "--out", tmp_path / "o.csv"), "no column of a rank")
    _write(tmp_path / "n.csv", ROWS[-1:])
    sentence(cli("taxa", tmp_path / "n.csv", "--out", tmp_path / "o.csv"), "names nothing")
    _write(tmp_path / "c.csv")
    sentence(cli("taxa", tmp_path / "c.csv", "--out", tmp_path / "o.csv", "--rank", "tribe"), "none of the ranks")
    sentence(cli("taxa", tmp_path / "c.csv", "--out", tmp_path / "o.xlsx"), ".csv or .parquet")
    assert not (tmp_path / "o.csv").exists()
