"""Formats of photographs, drawings and videos that are recognised and not read, and what to do about them."""

from collections.abc import Mapping

from ...core.values import Skip

_RAW = "a camera's raw photograph, which is not read: convert it to JPEG"
_VIDEO = "a video: save single frames of it as JPEG"
_DRAWING = "a drawing or a layered picture, which is not read: export it as JPEG or PNG"
_RAW_SUFFIXES = """.3fr .arw .cr2 .cr3 .crw .dcr .dng .erf .fff .gpr .iiq .kdc .mef .mos .mrw .nef .nrw .orf .pef .raf
    .raw .rw2 .rwl .sr2 .srf .srw .x3f"""
_VIDEO_SUFFIXES = ".3gp .avi .flv .m2ts .m4v .mkv .mov .mp4 .mpeg .mpg .mts .ogv .webm .wmv"
_DRAWING_SUFFIXES = ".ai .afphoto .cdr .eps .psb .psd .svg .svgz .wmf .xcf"

UNREAD_SUFFIXES: Mapping[str, str] = {
    **dict.fromkeys(_RAW_SUFFIXES.split(), _RAW),
    **dict.fromkeys(_VIDEO_SUFFIXES.split(), _VIDEO),
    **dict.fromkeys(_DRAWING_SUFFIXES.split(), _DRAWING),
    **dict.fromkeys((".jxl",), "in JPEG XL, which is not read: convert it to JPEG or PNG"),
    **dict.fromkeys(
        (".jxr", ".hdp", ".wdp", ".exr", ".hdr", ".fits", ".dcm"),
        "in a format that is not read: convert it to JPEG or PNG",
    ),
}
"""File name endings, in lower case, with what to say of such a file."""


def not_readable(suffix: str) -> Skip:
    """The reason why a file with this ending becomes no sample."""
    return Skip("not-readable", UNREAD_SUFFIXES[suffix])
