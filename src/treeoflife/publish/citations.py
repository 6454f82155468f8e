"""What images come from: the titles of well-known sources, what they are, and how their makers want them cited."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Origin:
    """A provider of images.

    Attributes:
        title: its name.
        about: what it says of the rights to its images, or what a reader has to do to cite it.
        bibtex: its entries.
    """

    title: str
    about: str = ""
    bibtex: tuple[str, ...] = ()


_EOL = """@misc{eol,
  title = {Encyclopedia of Life},
  howpublished = {\\url{https://eol.org}},
}"""
_INAT21 = """@inproceedings{vanhorn2021benchmarking,
  title = {Benchmarking Representation Learning for Natural World Image Collections},
  author = {Van Horn, Grant and Cole, Elijah and Beery, Sara and Wilber, Kimberly and Belongie, Serge and Mac Aodha, Oisin},
  booktitle = {Proceedings of the IEEE/CVF Conference on Computer Vision and Pattern Recognition (CVPR)},
  pages = {12884--12893},
  year = {2021},
}"""
_BIOSCAN_1M = """@inproceedings{gharaee2023step,
  title = {A Step Towards Worldwide Biodiversity Assessment: The {BIOSCAN-1M} Insect Dataset},
  author = {Gharaee, Zahra and Gong, ZeMing and Pellegrino, Nicholas and Zarubiieva, Iuliia and Haurum, Joakim Bruslund
    and Lowe, Scott C. and McKeown, Jaclyn T. A. and Ho, Chris C. Y. and McLeod, Joschka and Wei, Yi-Yun C. and Agda, Jireh
    and Ratnasingham, Sujeevan and Steinke, Dirk and Chang, Angel X. and Taylor, Graham W. and Fieguth, Paul},
  booktitle = {Advances in Neural Information Processing Systems},
  volume = {36},
  year = {2023},
}"""
_BIOSCAN_5M = """@inproceedings{gharaee2024bioscan5m,
  title = {{BIOSCAN-5M}: A Multimodal Dataset for Insect Biodiversity},
  author = {Gharaee, Zahra and Lowe, Scott C. and Gong, ZeMing and Millan Arias, Pablo and Pellegrino, Nicholas
    and Wang, Austin T. and Haurum, Joakim Bruslund and Zarubiieva, Iuliia and Kari, Lila and Steinke, Dirk
    and Taylor, Graham W. and Fieguth, Paul and Chang, Angel X.},
  booktitle = {Advances in Neural Information Processing Systems},
  volume = {37},
  year = {2024},
}"""
_GBIF = """@misc{gbif,
  title = {{GBIF}: The Global Biodiversity Information Facility},
  author = {{GBIF.org}},
  howpublished = {\\url{https://www.gbif.org}},
}"""
_INATURALIST = """@misc{inaturalist,
  title = {{iNaturalist}},
  howpublished = {\\url{https://www.inaturalist.org}},
}"""
TREEOFLIFE_10M = """@inproceedings{stevens2024bioclip,
  title = {{BioCLIP}: A Vision Foundation Model for the Tree of Life},
  author = {Stevens, Samuel and Wu, Jiaman and Thompson, Matthew J. and Campolongo, Elizabeth G. and Song, Chan Hee
    and Carlyn, David Edward and Dong, Li and Dahdul, Wasila M. and Stewart, Charles and Berger-Wolf, Tanya
    and Chao, Wei-Lun and Su, Yu},
  booktitle = {Proceedings of the IEEE/CVF Conference on Computer Vision and Pattern Recognition (CVPR)},
  pages = {19412--19424},
  year = {2024},
}"""
_TREEOFLIFE_200M = """@misc{gu2025bioclip2,
  title = {{BioCLIP} 2: Emergent Properties from Scaling Hierarchical Contrastive Learning},
  author = {Gu, Jianyang and Stevens, Samuel and Campolongo, Elizabeth G. and Thompson, Matthew J. and Zhang, Net
    and Wu, Jiaman and Kopanev, Andrei and Mai, Zheda and White, Alexander E. and Balhoff, James and Dahdul, Wasila M.
    and Rubenstein, Daniel and Lapp, Hilmar and Berger-Wolf, Tanya and Chao, Wei-Lun and Su, Yu},
  year = {2025},
  eprint = {2505.23883},
  archivePrefix = {arXiv},
}"""

ORIGINS = {
    "eol": Origin("the Encyclopedia of Life", "each image has an author and a licence of its own", (_EOL,)),
    "inat21": Origin(
        "iNat21",
        "photographs of iNaturalist's observers; its [terms](https://github.com/visipedia/inat_comp/tree/master/2021#terms-of-use) "
        "allow non-commercial research and education alone, and no distribution of the images",
        (_INAT21,),
    ),
    "bioscan-1m": Origin("BIOSCAN-1M", "photographs of insect specimens", (_BIOSCAN_1M,)),
    "bioscan-5m": Origin("BIOSCAN-5M", "photographs of insect specimens", (_BIOSCAN_5M,)),
    "gbif": Origin("GBIF", "each download has a DOI, which GBIF asks to cite: add that of this download", (_GBIF,)),
    "inaturalist": Origin("iNaturalist", "each photograph has an observer and a licence of its own", (_INATURALIST,)),
    "treeoflife-200m": Origin(
        "TreeOfLife-200M", "each image has a provider, an owner and a licence of its own", (_TREEOFLIFE_200M,)
    ),
    "folder": Origin("", "a folder of photographs"),
    "urls": Origin("", "a list of addresses on the web"),
}
"""The well-known origins, by the kind of the source, or what is known beyond. Those without a title have that of the source."""


def bibtex_text(value: str) -> str:
    """``value`` as text within the braces of a BibTeX field.

    >>> bibtex_text("50% of {Aves} & more")
    '50\\\\% of Aves \\\\& more'
    """
    kept = "".join(" " if char.isspace() else char for char in value if char not in "{}\\")
    return "".join(f"\\{char}" if char in "&%$#_" else char for char in kept)
