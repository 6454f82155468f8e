"""The licences of EOL's images, from its media manifest: which images may be in the shards, and ``licences.csv``."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from ..core.files import replacing
from ..core.text import reason
from ..errors import InputError

NONE = "not provided"
# The columns of the published licences.csv; md5 and title are not in the manifest and always read "not provided".
COLUMNS = (
    "treeoflife_id", "eol_content_id", "eol_page_id", "md5", "medium_source_url", "eol_full_size_copy_url",
    "license_name", "copyright_owner", "license_link", "title",
)  # fmt: skip
_MANIFEST = ("eol_content_id", "eol_page_id", "medium_source_url", "eol_full_size_copy_url",
             "license_name", "copyright_owner")  # fmt: skip
_CREATIVE_COMMONS = "https://creativecommons.org"
# Public domain, which has no versions as the other licences have.
_LINKS = {
    "cc0": f"{_CREATIVE_COMMONS}/publicdomain/zero/1.0/",
    "pd": f"{_CREATIVE_COMMONS}/publicdomain/mark/1.0/",
}


def scan_manifest(files: Sequence[Path]) -> pl.LazyFrame:
    """The manifest's files as one table, each content id once.

    Raises:
        InputError: a file is missing, or has fewer than six columns.
    """
    frames = []
    for path in files:
        try:
            frame = pl.scan_csv(path, has_header=False, infer_schema=False, glob=False)
            columns = frame.collect_schema().names()
        except (OSError, pl.exceptions.PolarsError) as error:
            raise InputError(f"the manifest {path} cannot be read: {reason(error)}") from None
        if len(columns) < len(_MANIFEST):
            raise InputError(f"{path} is not EOL's media manifest: it has {len(columns)} columns, not {len(_MANIFEST)}")
        frames.append(frame.select(pl.col(old).alias(new) for old, new in zip(columns, _MANIFEST, strict=False)))
    # Only the first file has a header: it is read as a row, and dropped because its content id is no number.
    table = pl.concat(frames).with_columns(pl.col("eol_content_id").cast(pl.Int64, strict=False))
    return table.drop_nulls("eol_content_id").unique("eol_content_id", keep="first", maintain_order=True)


def licence_family(name: pl.Expr) -> pl.Expr:
    """A licence without its version: cc-by for cc-by-4.0."""
    return name.fill_null("").str.to_lowercase().str.strip_chars().str.replace(r"-\d+(\.\d+)*$", "")


def refuse(images: pl.DataFrame, manifest: Sequence[Path], allow: Sequence[str]) -> pl.Series:
    """For each image of a source, ``unlicensed``: why it must not be in the dataset, or null.

    Args:
        images: the images; all of them may be in the dataset if they are not EOL's.
        manifest: the files of EOL's media manifest.
        allow: the allowed licences, with their version, or without it for all versions; empty allows every image. An
            image without a known licence is refused.
    """
    if not allow or "content_id" not in images.columns:
        return pl.Series("unlicensed", [None], pl.String).new_from_index(0, images.height)
    licences = scan_manifest(manifest).select(content_id="eol_content_id", licence="license_name").collect()
    licensed = images.join(licences, on="content_id", how="left", maintain_order="left")
    allowed = [licence.lower() for licence in allow]
    name = pl.col("licence").replace("", None).fill_null(NONE)
    good = name.str.to_lowercase().is_in(allowed) | licence_family(name).is_in(allowed)
    return licensed.select(unlicensed=pl.when(~good).then(pl.format("its licence is {}", name))).to_series()


def write_licences(path: Path, catalog: Path, manifest: Sequence[Path]) -> dict[str, int]:
    """Write ``licences.csv`` for EOL's images in a catalog; returns the number of images of each licence."""
    rows = pl.scan_parquet(catalog, glob=False).filter(pl.col("eol_content_id").is_not_null()).unique("treeoflife_id")
    rows = rows.select("treeoflife_id", pl.col("eol_content_id").cast(pl.Int64), "eol_page_id")
    # The catalog's page id, not the manifest's: the mapping says on which page an image is in the dataset.
    table = rows.join(scan_manifest(manifest).drop("eol_page_id"), on="eol_content_id", how="left")
    table = table.with_columns(_link(), md5=pl.lit(None, pl.String), title=pl.lit(None, pl.String))
    columns = [pl.col(name).cast(pl.String).replace("", None).fill_null(NONE) for name in COLUMNS]
    frame = table.select(columns).sort("treeoflife_id").collect()
    with replacing(path) as temporary:
        frame.write_csv(temporary)
    return dict(frame.group_by("license_name").len().sort("len", "license_name", descending=[True, False]).iter_rows())


def _link() -> pl.Expr:
    """``license_link``: the address of a Creative Commons licence; version 4.0 if the manifest names none."""
    family = licence_family(pl.col("license_name"))
    version = pl.col("license_name").str.extract(r"(\d+\.\d+)$").fill_null("4.0")
    address = pl.format(_CREATIVE_COMMONS + "/licenses/{}/{}/", family.str.strip_prefix("cc-"), version)
    creative_commons = pl.when(family.str.starts_with("cc-")).then(address)
    return family.replace_strict(_LINKS, default=creative_commons, return_dtype=pl.String).alias("license_link")
