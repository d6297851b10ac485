"""`python -m analysis bench NAME`: how fast a part is against the usual way, both in one run.

Each bench prints one line of JSON last, and ends with exit code 1 where the figure it is there for is not reached.
"""

import argparse
import json
from functools import partial
from pathlib import Path
from typing import Any

from analysis import paths
from analysis.command_line import call
from analysis.files import write_json


def kept(function: str, options: argparse.Namespace) -> int:
    """Measure, print, and write to `--out` what was measured and where; return the exit code.

    Parameters
    ----------
    function : str
        `module:function`, which returns figures and whether they are `reached`.
    options : argparse.Namespace
    """
    from analysis.provenance.circumstances import machine

    figures = {"bench": options.bench, **call(function, options), "machine": machine()}
    if options.out:
        write_json(options.out, figures)
    print(json.dumps(figures))
    return 0 if figures["reached"] else 1


def add_commands(groups: Any) -> None:
    """Add `bench` and its benches to the command line."""
    about = "how fast a part is, against the usual way; exit code 1 where it is too slow"
    bench = groups.add_parser("bench", help=about, description=about)
    benches = bench.add_subparsers(title="benches", required=True, metavar="NAME", dest="bench")

    def add(name: str, about: str, function: str) -> argparse.ArgumentParser:
        parser = benches.add_parser(name, help=about, description=about)
        parser.add_argument("--out", type=Path, metavar="FILE", help="write the figures there, too")
        parser.set_defaults(run=partial(kept, function))
        return parser

    about = "AdaBoost and its importances, against scikit-learn's, on galaxies of a mock survey drawn for it"
    parser = add("feature-importance", about, "analysis.feature_importance.bench:report")
    parser.add_argument("--objects", type=int, default=100_000, help="training galaxies (default: 100,000)")
    parser.add_argument("--trees", type=int, default=50, help="of our whole fit (default: 50)")
    parser.add_argument("--compared-trees", type=int, default=10, help="of the fits compared (default: 10)")
    parser.add_argument("--seed", type=int, default=1)

    about = "augmented stamps from the cache on 2 threads, against one at a time in a DataLoader"
    parser = add("stamps", about, "analysis.survey.stamps_bench:report")
    parser.add_argument("--stamps", type=int, default=8000, help="drawn for it (default: 8,000)")
    parser.add_argument("--batch-size", type=int, default=128, help="default: 128, as Kim & Brunner (2017)")
    parser.add_argument("--seed", type=int, default=1)

    about = "the training loop on Kim & Brunner's network, against a plain float32 loop"
    parser = add("training", about, "analysis.training_bench:report")
    parser.add_argument("--stamps", type=int, default=1024, help="of an epoch (default: 1,024)")
    parser.add_argument("--batch-size", type=int, default=128, help="default: 128, as Kim & Brunner (2017)")
    parser.add_argument("--width", type=float, default=1.0, help="of the network (default: 1, the published one)")
    parser.add_argument("--threads", type=int, default=0, help="of either way (default: one for each core)")
    parser.add_argument("--rounds", type=int, default=5, help="epochs of each way that count (default: 5)")
    parser.add_argument("--seed", type=int, default=1)

    about = "the particle-mesh force and a whole N-body run, against JaxPM"
    parser = add("nbody", about, "analysis.nbody_gan.bench:report")
    what = (
        "a Python with jaxpm==0.1.6 and packaging, of a virtual environment made for it; without, ours are timed alone"
    )
    parser.add_argument("--peers", type=Path, metavar="PYTHON", help=what)
    parser.add_argument(
        "--device", default="cpu", help="ours: cpu (default), cuda or auto; JaxPM runs on the processor"
    )
    parser.add_argument("--threads", type=int, default=2, help="of both (default: 2)")
    parser.add_argument("--rounds", type=int, default=15, help="calls of each, in turn (default: 15)")

    about = "the models applied to generated catalogues of two sizes: speed, scaling from one worker to two, memory"
    parser = add("apply", about, "analysis.apply.bench:report")
    what = "of the two catalogues (default: 1,000,000 and 10,000,000)"
    parser.add_argument("--objects", type=int, nargs=2, default=[1_000_000, 10_000_000], metavar="N", help=what)
    parser.add_argument("--memory-limit", metavar="BYTES", help="of each worker (default: an equal share)")
    parser.add_argument("--folder", type=Path, help="where there is room: 5 GB (default: that of temporary files)")
    parser.add_argument("--seed", type=int, default=1)

    about = "redshift PDFs on BOSS DR10, cross-validated inside the training galaxies, against RAIL's estimators"
    parser = benches.add_parser("photoz", help=about, description=about)
    parser.add_argument("--real-data", type=Path, metavar="DIR", help="the folder of real tables (default: $REAL_DATA)")
    parser.add_argument("--final", action="store_true", help="read the test galaxies, and write down that they were")
    what = "also run RAIL's estimators, by the Python of a virtual environment that has them (with --final)"
    parser.add_argument("--peers", type=Path, metavar="PYTHON", help=what)
    parser.set_defaults(run=partial(call, "analysis.photoz_pdf.bench:run"))

    about = "trainings, N-body boxes and drawn boxes at full size on a GPU, held against the processor; under 9 minutes"
    parser = benches.add_parser("gpu", help=about, description=about)
    out = paths.RESULTS / "gpu"
    parser.add_argument("--out", type=Path, default=out, metavar="DIR", help="for <card>.json (default: results/gpu)")
    parser.set_defaults(run=partial(call, "analysis.gpu_bench.bench:run"))
