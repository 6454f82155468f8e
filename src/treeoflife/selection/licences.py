"""The licences of EOL's images, from its media manifest: which images may be in the shards, and ``licences.csv``."""

from collections.abc import Collection, Sequence
from pathlib import Path

import polars as pl

from ..core.files import replacing
from ..core.text_tables import TextTable, read_text_table, simple_name
from ..core.written_numbers import whole_numbers
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


def read_manifest(files: Sequence[Path], wanted: Collection[str], content_ids: pl.Series) -> pl.DataFrame:
    """Some columns of the manifest's rows of these images, each content id once.

    Raises:
        InputError: a file is missing or malformed, has fewer than six columns, a content id is no whole number, or an
            image has two licences.
    """
    images = content_ids.cast(pl.Int64).unique().alias("eol_content_id").to_frame()
    parts = [pl.DataFrame(schema={**dict.fromkeys(wanted, pl.String), "eol_content_id": pl.Int64})]
    for path in files:
        table = read_text_table(path, {"eol_content_id", *wanted}, delimiter=",", columns=_MANIFEST)
        rows = table.rows.with_columns(_content_ids(path, table))
        parts.append(rows.join(images, on="eol_content_id", how="semi"))
    rows = pl.concat(parts, how="diagonal")
    _check_licences(files, rows)
    if "license_name" in rows.columns:  # of several rows, one that names a licence
        rows = rows.sort(_simple_licence(pl.col("license_name")) == "", maintain_order=True)
    return rows.unique("eol_content_id", keep="first", maintain_order=True)


def _check_licences(files: Sequence[Path], rows: pl.DataFrame) -> None:
    """Check that no image has two licences: it may have several rows, such as one for each of its pages."""
    named = rows.filter(pl.col("license_name") != "").with_columns(same=_simple_licence(pl.col("license_name")))
    licences = named.unique(["eol_content_id", "same"], keep="first", maintain_order=True)
    for image in licences.filter(pl.col("eol_content_id").is_duplicated())["eol_content_id"].head(1):
        names = " and ".join(licences.filter(eol_content_id=image)["license_name"].head(2))
        raise InputError(
            f"the manifest ({', '.join(map(str, files))}) gives the image {image} two licences, {names}: keep the row "
            "that is right"
        )


def _content_ids(path: Path, table: TextTable) -> pl.Series:
    """The content id of each row of a file, null where there is none."""
    values = table.rows["eol_content_id"]
    ids = whole_numbers(values).cast(pl.Int64, strict=False)
    for row in (ids.is_null() & (values != "")).arg_true().to_list():
        # Only the first file of a manifest has a header, which is a row here.
        if row or simple_name(values[row]) != "eolcontentid":
            raise InputError(f"the manifest {path}, line {table.lines[row]}: {values[row]!r:.80} is no content id")
    return ids


def _simple_licence(name: pl.Expr) -> pl.Expr:
    return name.fill_null("").str.to_lowercase().str.strip_chars()


def licence_family(name: pl.Expr) -> pl.Expr:
    """A licence without its version: cc-by for cc-by-4.0."""
    return _simple_licence(name).str.replace(r"-\d+(\.\d+)*$", "")


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
    rows = read_manifest(manifest, {"license_name"}, images["content_id"])
    licences = rows.select(content_id="eol_content_id", licence="license_name")
    licensed = images.join(licences, on="content_id", how="left", maintain_order="left")
    allowed = [licence.lower() for licence in allow]
    name = pl.col("licence").replace("", None).fill_null(NONE)
    good = name.str.to_lowercase().is_in(allowed) | licence_family(name).is_in(allowed)
    return licensed.select(unlicensed=pl.when(~good).then(pl.format("its licence is {}", name))).to_series()


def write_licences(path: Path, catalog: Path, manifest: Sequence[Path]) -> dict[str, int]:
    """Write ``licences.csv`` for EOL's images in a catalog; returns the number of images of each licence."""
    rows = pl.scan_parquet(catalog, glob=False).filter(pl.col("eol_content_id").is_not_null()).unique("treeoflife_id")
    images = rows.select("treeoflife_id", pl.col("eol_content_id").cast(pl.Int64), "eol_page_id").collect()
    # The catalog's page id, not the manifest's: the mapping says on which page an image is in the dataset.
    known = read_manifest(manifest, {*_MANIFEST} - {"eol_page_id"}, images["eol_content_id"])
    table = images.join(known, on="eol_content_id", how="left")
    table = table.with_columns(_link(), md5=pl.lit(None, pl.String), title=pl.lit(None, pl.String))
    columns = [pl.col(name).cast(pl.String).replace("", None).fill_null(NONE) for name in COLUMNS]
    frame = table.select(columns).sort("treeoflife_id")
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
