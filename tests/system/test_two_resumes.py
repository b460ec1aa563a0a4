"""Two processes that resume one run folder at once: one runs, the other is refused in one line, nothing is doubled."""

import os
import shutil
import subprocess
import sys
from itertools import islice
from pathlib import Path
from typing import Any

from fedhca import run
from fedhca.experiment import journal
from tiny import RECIPE

ROUNDS = 20


def test_of_two_resumes_at_once_one_runs_and_the_other_says_that_the_folder_is_in_use(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    begun: Any = run(RECIPE, rounds=ROUNDS, out=folder)
    assert len(list(islice(begun, 1))) == 1
    begun.close()
    command = [sys.executable, "-m", "fedhca", "resume", str(folder)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "1000"}
    both = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [each.communicate(timeout=300)[1] for each in both]
    assert sorted(each.returncode != 0 for each in both) == [False, True], said
    (line,) = next(err for each, err in zip(both, said, strict=True) if each.returncode).strip().splitlines()
    assert str(folder) in line
    assert "in use" in line
    assert [entry["round"] for entry in journal.read_lines(folder / "journal.jsonl")] == [*range(1, ROUNDS + 1)]
    again = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert again.returncode == 0, again.stderr  # nothing is left locked
    shutil.rmtree(folder)
