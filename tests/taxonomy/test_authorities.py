"""Every kind of taxonomy in its real form: Parquet, zip, tab-separated text, trees with cycles."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import polars as pl
import pytest

from treeoflife.config.tables import Names
from treeoflife.core.values import RANKS
from treeoflife.errors import InputError
from treeoflife.sources.bioscan import records
from treeoflife.sources.registry import load_source
from treeoflife.taxonomy import findings, naming
from treeoflife.taxonomy.parsing.simple import SimpleParser
from treeoflife.taxonomy.providers import authorities
from treeoflife.taxonomy.providers.tree import read_tree
from treeoflife.taxonomy.resolving import evidence
from treeoflife.testing import taxonomies, world

MULBERRY = ("Plantae", "Tracheophyta", "Magnoliopsida", "Rosales", "Moraceae", "Morus", "Morus alba")


def test_taxonopys_parquet_is_one_more_authority_with_its_common_names(tmp_path: Path) -> None:
    row = dict(zip(RANKS, MULBERRY, strict=True)) | {"scientific_name": "Morus alba", "common_name": "White Mulberry"}
    (tmp_path / "source=a").mkdir()
    pl.DataFrame([row | {"uuid": "1"}]).write_parquet(tmp_path / "source=a/x.resolved.parquet")
    taxonomies = authorities.load(Names(taxonopy=tmp_path), SimpleParser())
    rows = evidence.conform(pl.DataFrame({"source": "f", "name_key": "1", "genus": "Morus", "species": "alba"}))
    named, _ = naming.name_evidence(rows, taxonomies, ("taxonopy",))
    answer = named.row(0, named=True)
    assert [answer[rank] for rank in RANKS] == [*MULBERRY[:6], "alba"]
    assert (answer["family_from"], answer["common"]) == ("taxonopy:species", "White Mulberry")


def test_a_taxonopy_file_without_a_rank_is_refused(tmp_path: Path) -> None:
    pl.DataFrame({"kingdom": ["Plantae"]}).write_parquet(tmp_path / "x.parquet")
    with pytest.raises(InputError, match="lacks the column phylum"):
        authorities.load(Names(taxonopy=tmp_path / "x.parquet"), SimpleParser())


def test_inaturalists_archive_is_read_from_its_zip_as_from_its_folder(tmp_path: Path) -> None:
    taxonomies.write_inaturalist(tmp_path / "inat", world.SPECIES)
    with zipfile.ZipFile(tmp_path / "inat.zip", "w") as archive:
        for path in (tmp_path / "inat").iterdir():
            archive.write(path, path.name)
    unpacked = authorities.load(Names(inaturalist=tmp_path / "inat"), SimpleParser())
    zipped = authorities.load(Names(inaturalist=tmp_path / "inat.zip"), SimpleParser())
    order = ["genus", "species"]
    table = unpacked.index.tables["species"].sort(order)
    assert len(table) == len(world.SPECIES)
    assert table.equals(zipped.index.tables["species"].sort(order))
    assert unpacked.vernaculars["inaturalist"].equals(zipped.vernaculars["inaturalist"])


def test_a_file_that_is_no_zip_is_refused(tmp_path: Path) -> None:
    (tmp_path / "inat.zip").write_text("no")
    with pytest.raises(InputError, match="neither a folder nor a zip"):
        authorities.load(Names(inaturalist=tmp_path / "inat.zip"), SimpleParser())


def test_bioscans_metadata_is_the_same_as_json_and_as_tab_separated_text(tmp_path: Path) -> None:
    taxonomies.write_bioscan(tmp_path, [(1, f"{n}.jpg", taxon) for n, taxon in enumerate(world.INSECTS)])
    records_read = json.loads((path := tmp_path / "BIOSCAN_Insect_Dataset_metadata.jsonld").read_text())
    lines = ["\t".join(records_read[0]), *("\t".join(map(str, row.values())) for row in records_read)]
    (tsv := tmp_path / "BIOSCAN_Insect_Dataset_metadata.tsv").write_text("\n".join(lines) + "\n")
    read = [list(load_source("bioscan", {"path": tmp_path, "metadata": one}, tmp_path).labels()) for one in (path, tsv)]
    assert read[0] == read[1]
    assert len(list(records(tsv))) == len(world.INSECTS)


def test_cycles_and_orphans_of_eols_tree_are_findings_and_end(tmp_path: Path) -> None:
    taxonomies.write_eol(tmp_path, {1: world.SPECIES[0]}, {})
    head = (tmp_path / "taxon.tab").read_text().splitlines()[0].split("\t")
    rows = [("A", "B", "Aus", "genus"), ("B", "A", "Bidae", "family"), ("C", "gone", "Cus", "genus")]
    with (tmp_path / "taxon.tab").open("a") as fd:
        for node, parent, name, rank in rows:
            given = {"taxonID": node, "parentNameUsageID": parent, "scientificName": name, "taxonRank": rank}
            fd.write("\t".join(given.get(column, "") for column in head) + "\n")
    table = findings.of_tree(read_tree(tmp_path / "taxon.tab", SimpleParser()))
    assert set(table.select("kind", "name_key").iter_rows()) == {("cycle", "A"), ("cycle", "B"), ("orphan", "C")}


def test_taxonomies_are_found_under_their_usual_names_and_missing_ones_are_named(tmp_path: Path) -> None:
    world.draw_world(tmp_path, 20, natural=True)
    names, missing = authorities.find_files(tmp_path)
    assert names.eol_tree == tmp_path / "metadata/eol/taxon.tab"
    assert names.inaturalist == tmp_path / "metadata/inat"
    assert {line.split(":")[0] for line in missing} == {"resolved.jsonl", "TaxonoPy"}


def test_taxonopys_files_below_a_link_are_read_once_and_are_inputs(tmp_path: Path) -> None:
    """Whatever the case of their endings; a copy that macOS left beside one is no table."""
    row = dict(zip(RANKS, MULBERRY, strict=True)) | {"scientific_name": "Morus alba"}
    for folder in ("own", "elsewhere"):
        (tmp_path / folder).mkdir()
    own = tmp_path / "own"
    pl.DataFrame([row]).write_parquet(tmp_path / "elsewhere/a.parquet")
    pl.DataFrame([row]).write_parquet(own / "b.PARQUET")
    (own / "._b.PARQUET").write_bytes(b"no table")
    for link, target in (("linked", "../elsewhere"), ("again", "linked"), ("up", ".")):
        (own / link).symlink_to(target)
    (count,) = authorities.load(Names(taxonopy=own), SimpleParser()).tables
    assert count.rows == 2
    assert naming.names_inputs(Names(taxonopy=own), [])[1] == [own / "again/a.parquet", own / "b.PARQUET"]
