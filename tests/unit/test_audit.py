"""The audit of packages says what it did, and never that it did what it could not."""

from audit import report

FINE = {"name": "numpy", "version": "2.0.0", "vulns": []}
WEAK = {"name": "pillow", "version": "1.0", "vulns": [{"id": "CVE-1", "fix_versions": ["1.1"]}]}
UNKNOWN = {"name": "torch", "skip_reason": "not found on PyPI"}


def test_known_vulnerabilities_fail_and_are_named_with_their_mend() -> None:
    lines, failed = report([FINE, WEAK, UNKNOWN])
    assert failed
    assert lines == [
        "audit: pillow 1.0 has CVE-1, mended in 1.1",
        "audit: 2 packages looked up, 1 known vulnerabilities, 1 could not be looked up",
    ]


def test_none_known() -> None:
    assert report([FINE, UNKNOWN]) == (
        ["audit: 1 packages looked up, 0 known vulnerabilities, 1 could not be looked up"],
        False,
    )


def test_nothing_looked_up_is_not_said_to_be_fine() -> None:
    for found, said in (([], ["no route to host"]), ([UNKNOWN], [])):
        (line,), failed = report(found, said)
        assert "NOT DONE" in line
        assert not failed
