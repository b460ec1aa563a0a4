"""What a file is by its first bytes, whatever its name says: for messages, nothing is decoded."""

from collections.abc import Mapping

LOOKED_AT = 512
"""Bytes that tell the kind."""

KINDS: Mapping[tuple[int, bytes], str] = {
    (0, b"GIF8"): "a GIF picture",
    (0, b"8BPS"): "a Photoshop picture (PSD)",
    (0, b"%!PS"): "PostScript",
    (0, b"\xc5\xd0\xd3\xc6"): "PostScript",
    (0, b"%PDF"): "a PDF document",
    (0, b"SIMPLE  ="): "a FITS picture",
    (0, b"#define"): "an XBM picture",
    (0, b"/* XPM"): "an XPM picture",
    **{(0, b"P%d" % number): "a PNM picture" for number in range(1, 8)},
    (0, b"\x00\x00\x01\x00"): "an ICO picture",
    (0, b"\x76\x2f\x31\x01"): "an OpenEXR picture",
    (4, b"jP  "): "a JPEG 2000 picture",
    (4, b"ftyphei"): "a HEIC picture",
    (4, b"ftypavif"): "an AVIF picture",
    (128, b"DICM"): "a DICOM file",
    (0, b"\x89HDF"): "an HDF5 file",
    (0, b"MATLAB 7.3"): "one of version 7.3 (HDF5)",
    (0, b"<?xml"): "an SVG or XML file",
    (0, b"<svg"): "an SVG or XML file",
    (0, b"<"): "a page of the web (HTML)",
    (0, b"version https://git-lfs"): "a pointer of Git LFS",
    (0, b"PK\x03\x04"): "a ZIP archive",
    (0, b"\x1f\x8b"): "a gzip archive",
}
"""What a file is called that has certain bytes at a place; the first that fits."""

MENDS: Mapping[str, str] = {
    "one of version 7.3 (HDF5)": "Convert it in MATLAB: x = load('FILE'); save('FILE', '-struct', 'x', '-v7').",
    "a page of the web (HTML)": "Download the file again: the address led to a page instead, perhaps to a login.",
    "a pointer of Git LFS": "Fetch the file itself: git lfs pull.",
    "a ZIP archive": "Unpack it.",
    "a gzip archive": "Unpack it.",
}
"""What to do about some of them; the others have to be converted."""


def kind_of_file(start: bytes) -> tuple[str, str] | None:
    """Return what a file is that begins so, and the mend; None where that cannot be told."""
    start = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    kind = next((kind for (place, mark), kind in KINDS.items() if start[place:].startswith(mark)), None)
    return (kind, MENDS.get(kind, "Convert it.")) if kind else None
