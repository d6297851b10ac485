"""What `make bench` measured, as it stands in README.md and in the paper."""

import fake_benches
import pytest

from analysis.apply import bench
from analysis.paper import benches


def test_ratios_are_those_of_what_stands_beside_them() -> None:
    by_ratio = {round(row.ratio, 2): (row.ours, row.usual) for row in benches.rows(fake_benches.BENCHES)}
    assert by_ratio == {
        5.0: ("2.0 s", "scikit-learn: 10.0 s"),
        3.0: ("900 stamps a second", "plain loop in float32: 300 stamps a second"),
        2.5: ("50,000 a second", "one by one in a DataLoader: 20,000 a second"),
        4.0: ("10 ms", "JaxPM: 40 ms"),
        1.6: ("100 ms", "JaxPM: 160 ms"),
        1.9: ("38,000 a second", "one worker: 20,000 a second"),
    }


def test_a_force_that_was_timed_without_jaxpm_has_no_line() -> None:
    alone = {"threads": 2, "force_64": {"seconds": 0.01, "fraction_of_memory_floor": 0.1}}
    assert benches.rows({"nbody": alone}) == []


def test_a_billion_objects_at_the_speed_of_the_larger_catalogue() -> None:
    written = " ".join(benches.readme_billion(fake_benches.BENCHES).split())
    # 1e9 objects / (1e7 objects / 250 s) * 2 workers / 3600 s
    assert "40,000 objects a second by two workers (10,000,000 in 250 s)" in written
    assert "a billion objects take **14 core hours**, 13 minutes on 64 cores" in written
    assert "109 GB to read, 49 GB of answers" in written


def test_what_was_not_measured_is_not_said() -> None:
    assert benches.readme_billion({}) == benches.readme_table({}) == benches.NOT_RUN.strip()
    assert benches.bench_pages({})["section-apply-bench"] == benches.NOT_RUN


def test_the_figures_are_those_that_the_bench_writes() -> None:
    alone, both = (bench.Run(10**6, n, seconds, 60, 2**30, 10**8, 10**8) for n, seconds in ((1, 50.0), (2, 26.3)))
    large = bench.Run(10**7, 2, 250, 500, 2**30, 1_090_000_000, 490_000_000)
    written = bench.summary(alone, both, large)
    expected = fake_benches.BENCHES["apply"]
    assert written.keys() == expected.keys() - {"machine"}
    assert written["billion"] == pytest.approx(expected["billion"], rel=0.01)
