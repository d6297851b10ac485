"""Made-up figures of the form that the benches write."""

from typing import Any

MACHINE = {"processor": "a processor", "cores": "2", "system": "Linux"}
BENCHES: dict[str, dict[str, Any]] = {
    "apply": {
        "objects": {"small": 1_000_000, "large": 10_000_000},
        "objects_per_second": 40_000.0,
        "objects_per_second_per_core": 20_000.0,
        "efficiency_percent": 95.0,
        "cpu_microseconds_per_object": 50.0,
        "peak_gib": {"small": 0.94, "large": 1.03},
        "memory_ratio": 1.1,
        "seconds": {"small_one_worker": 50.0, "small": 26.315789, "large": 250.0},
        "bytes_per_object": {"in": 109.0, "out": 49.0},
        "billion": {
            "core_hours": 13.9,
            "minutes_on_64_cores": 13.0,
            "input_gb": 109.0,
            "output_gb": 49.0,
            "while_it_runs_gb": 98.0,
        },
        "machine": MACHINE,
    },
    "feature-importance": {
        "galaxies": 100_000,
        "features": 85,
        "compared_trees": 10,
        "depth": 16,
        "by_depth": {"16": {"ratio": 5.0, "ours": {"seconds": 2.0}, "scikit_learn": {"seconds": 10.0}}},
        "machine": MACHINE,
    },
    "nbody": {
        "threads": 2,
        "bandwidth_gb_per_s": 10.0,
        "force_64": {"seconds": 0.01, "jaxpm_seconds": 0.04, "ratio": 4.0, "fraction_of_memory_floor": 0.1},
        "run_64_10": {"seconds": 0.1, "jaxpm_seconds": 0.16, "ratio": 1.6},
        "machine": MACHINE,
    },
    "stamps": {
        "crop": 40,
        "threads": 2,
        "stamps_per_second": 50_000.0,
        "plain": 20_000.0,
        "ratio": 2.5,
        "machine": MACHINE,
    },
    "training": {
        "threads": 2,
        "precision": "bfloat16",
        "stamps_per_second": 900.0,
        "plain": 300.0,
        "ratio": 3.0,
        "machine": MACHINE,
    },
}
