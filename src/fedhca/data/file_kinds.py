"""What a file is by its first bytes, whatever its name says; for messages only, nothing is decoded."""

from collections.abc import Mapping

LOOKED_AT = 512
"""Bytes that tell the kind."""

AS_ONE = "Save it as one."
UNPACK = "Unpack it."

KINDS: Mapping[tuple[int, bytes], tuple[str, str]] = {
    (0, b"GIF8"): ("a GIF picture", AS_ONE),
    (0, b"8BPS"): ("a Photoshop picture (PSD)", AS_ONE),
    (0, b"%!PS"): ("PostScript", AS_ONE),
    (0, b"\xc5\xd0\xd3\xc6"): ("PostScript", AS_ONE),
    (0, b"%PDF"): ("a PDF document", AS_ONE),
    (0, b"SIMPLE  ="): ("a FITS picture", AS_ONE),
    (0, b"#define"): ("an XBM picture", AS_ONE),
    (0, b"/* XPM"): ("an XPM picture", AS_ONE),
    **{(0, b"P%d" % number): ("a PNM picture", AS_ONE) for number in range(1, 8)},
    (0, b"\x00\x00\x01\x00"): ("an ICO picture", AS_ONE),
    (0, b"\x76\x2f\x31\x01"): ("an OpenEXR picture", AS_ONE),
    (4, b"jP  "): ("a JPEG 2000 picture", AS_ONE),
    (4, b"ftyphei"): ("a HEIC picture", AS_ONE),
    (4, b"ftypavif"): ("an AVIF picture", AS_ONE),
    (128, b"DICM"): ("a DICOM file", AS_ONE),
    (0, b"\x89PNG"): ("a PNG picture", AS_ONE),
    (0, b"\xff\xd8\xff"): ("a JPEG picture", AS_ONE),
    (0, b"\x93NUMPY"): ("a NumPy array (.npy)", AS_ONE),
    (0, b"MATLAB 5.0"): ("a MATLAB file", AS_ONE),
    (0, b"\x89HDF\r\n"): ("an HDF5 file", AS_ONE),
    (0, b"MATLAB 7.3"): (
        "one of version 7.3, which is HDF5",
        "Save it again in MATLAB: x = load('FILE'); save('FILE', '-struct', 'x', '-v7').",
    ),
    (0, b"<"): ("a page of the web (HTML or XML)", "Download the file again: its address led to a page instead."),
    (0, b"version https://git-lfs"): ("a pointer of Git LFS", "Fetch the file: git lfs pull."),
    (0, b"PK\x03\x04"): ("a ZIP archive", UNPACK),
    (0, b"\x1f\x8b"): ("a gzip archive", UNPACK),
}
"""What a file is called that has certain bytes at a place, and what to do about it; the first that fits."""


def kind_of_file(start: bytes) -> tuple[str, str] | None:
    """Return what a file is that begins so, and the mend; None where that cannot be told."""
    start = start.removeprefix(b"\xef\xbb\xbf")
    for (place, mark), found in KINDS.items():
        if start[place:].startswith(mark) or (mark == b"<" and start.lstrip().startswith(mark)):
            return found
    return None
