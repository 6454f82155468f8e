"""Licences of EOL's images, from its media manifest: licences.csv, and which images may be in the shards."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from ..core.files import replacing
from ..errors import InputError

NONE = "not provided"
COLUMNS = (
    "treeoflife_id", "eol_content_id", "eol_page_id", "md5", "medium_source_url", "eol_full_size_copy_url", "license_name",  # noqa: E501
    "copyright_owner", "license_link", "title",
)  # fmt: skip
_MANIFEST = (
    "eol_content_id",
    "eol_page_id",
    "medium_source_url",
    "eol_full_size_copy_url",
    "license_name",
    "copyright_owner",
)
_LINKS = {
    "cc0": "https://creativecommons.org/publicdomain/zero/1.0/", "pd": "https://creativecommons.org/publicdomain/mark/1.0/",
}  # fmt: skip


def scan(manifest: Sequence[Path]) -> pl.LazyFrame:
    """The manifest's files as one table; only the first has a header, which is not a row.

    Raises:
        InputError: one is missing, or has not six columns.
    """
    frames = []
    for path in manifest:
        try:
            frame = pl.scan_csv(path, has_header=False, infer_schema=False)
            columns = frame.collect_schema().names()
        except (OSError, pl.exceptions.PolarsError) as error:
            raise InputError(f"the manifest {path} cannot be read: {str(error).splitlines()[0]}") from None
        if len(columns) < len(_MANIFEST):
            raise InputError(f"{path} is not EOL's media manifest: it has {len(columns)} columns, not {len(_MANIFEST)}")
        frames.append(frame.select(pl.col(old).alias(new) for old, new in zip(columns, _MANIFEST, strict=False)))
    number = pl.col("eol_content_id").cast(pl.Int64, strict=False)
    return (
        pl.concat(frames)
        .with_columns(number)
        .drop_nulls("eol_content_id")
        .unique("eol_content_id", keep="first", maintain_order=True)
    )


def family(name: pl.Expr) -> pl.Expr:
    """A licence without its version: cc-by for cc-by-4.0."""
    return name.fill_null("").str.to_lowercase().str.strip_chars().str.replace(r"-\d+(\.\d+)*$", "")


def refused(images: pl.DataFrame, manifest: Sequence[Path], allow: Sequence[str]) -> pl.DataFrame:
    """Images of EOL with ``unlicensed``: why one may not be in the dataset, null for those that may.

    ``allow`` names licences with their version, or without for all versions. An image of which no licence is known may not.
    """  # noqa: E501
    if not allow or "content_id" not in images.columns:
        return images.with_columns(unlicensed=pl.lit(None, pl.String))
    table = scan(manifest).select(content_id="eol_content_id", licence="license_name").collect()
    found = images.join(table, on="content_id", how="left", maintain_order="left")
    wanted = [one.lower() for one in allow]
    named = pl.col("licence").replace("", None).fill_null(NONE)
    good = named.str.to_lowercase().is_in(wanted) | family(named).is_in(wanted)
    return found.with_columns(unlicensed=pl.when(~good).then(pl.format("its licence is {}", named))).drop("licence")


def write(path: Path, catalog: Path, manifest: Sequence[Path]) -> dict[str, int]:
    """Write licences.csv for the images of a catalog; returns how many there are of each licence."""
    rows = (
        pl.scan_parquet(catalog).filter(pl.col("eol_content_id").is_not_null())
        .select("treeoflife_id", pl.col("eol_content_id").cast(pl.Int64), page="eol_page_id").unique("treeoflife_id")
    )  # fmt: skip
    base = family(pl.col("license_name"))
    version = pl.col("license_name").str.extract(r"(\d+\.\d+)$").fill_null("4.0")
    creative = pl.format("https://creativecommons.org/licenses/{}/{}/", base.str.strip_prefix("cc-"), version)
    link = base.replace_strict(
        _LINKS, default=pl.when(base.str.starts_with("cc-")).then(creative), return_dtype=pl.String
    )
    table = rows.join(scan(manifest).drop("eol_page_id"), on="eol_content_id", how="left").with_columns(
        link.alias("license_link"),
        pl.col("page").alias("eol_page_id"),
        md5=pl.lit(None, pl.String),
        title=pl.lit(None, pl.String),
    )
    filled = [pl.col(name).cast(pl.String).replace("", None).fill_null(NONE) for name in COLUMNS]
    frame = table.select(filled).sort("treeoflife_id").collect()
    with replacing(path) as temporary:
        frame.write_csv(temporary)
    return dict(frame.group_by("license_name").len().sort("len", "license_name", descending=[True, False]).iter_rows())
