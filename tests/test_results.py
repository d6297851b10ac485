"""Results are written the same way everywhere, and what training chose is read the same way."""

from pathlib import Path

import pandas as pd
import pytest

from analysis import paths
from analysis.errors import InputError
from analysis.results import read_choices, write_not_run, write_result, write_tables


def test_choices_that_are_missing_or_cut_say_what_to_run(tmp_path: Path) -> None:
    path = tmp_path / "choices.json"
    with pytest.raises(InputError, match=r"choices\.json: not there; run `python -m analysis x train` first") as error:
        read_choices(path, "x train")
    assert error.value.kind == "no-such-file"
    path.write_text('{"depth": 1')
    with pytest.raises(InputError, match=r"choices\.json: .*; run `python -m analysis x train` again") as error:
        read_choices(path, "x train")
    assert error.value.kind == "damaged-file"
    path.write_text('{"depth": 1}')
    assert read_choices(path, "x train") == {"depth": 1}


def test_tables_lie_beside_the_metrics_with_as_many_digits_as_they_are_worth(tmp_path: Path) -> None:
    table = pd.DataFrame({"n": [3], "sigma": [0.123456789]})
    write_result(tmp_path / paths.METRICS, {"sigma": 0.123456789}, {"widths.csv": table})
    assert (tmp_path / "widths.csv").read_text() == "n,sigma\n3,0.123457\n"
    write_tables(tmp_path, {"widths.csv": table}, digits=3)
    assert (tmp_path / "widths.csv").read_text() == "n,sigma\n3,0.123\n"
    write_not_run(tmp_path / paths.METRICS, "no stamps", {"widths.csv": ["n", "sigma"]})
    assert (tmp_path / "widths.csv").read_text() == "n,sigma\n"
