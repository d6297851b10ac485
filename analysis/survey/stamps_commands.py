"""The commands of `survey` for stamps: `ingest-stamps`, and the two halves of the contact sheet."""

import argparse
from pathlib import Path
from typing import Any

from analysis.errors import InputError

INGEST_STAMPS = """\
Bring foreign stamps through the door: cubes (n, 5, ny, nx) or (n, ny, nx, 5) in .npy, .npz, HDF5 or FITS, of any
size, into a survey folder. What the objects are comes from an array or a table of labels, or from a survey:

  python -m analysis survey ingest-stamps cube.npy --labels labels.npy --classes 0=STAR,1=GALAXY --out /tmp/new
  python -m analysis survey ingest-stamps cube.npy --ids ids.npy --labels table.csv --columns map.yaml --out /tmp/new
  python -m analysis survey ingest-stamps cube.h5 --catalogue /tmp/survey --out /tmp/survey-with-stamps
  python -m analysis survey ingest-stamps --frames MIRROR --positions list.csv --out /tmp/new

Labels are matched to stamps by object number where both have one (--ids, or an array `object_id`, `objid` or `id`
beside the cube; `object_id` in the labels), else by place. In .npz and HDF5, arrays beside the cube may also be the
labels (`class`, `redshift`, or by --columns), `psf_fwhm` and `sky_noise` (n, 5); in FITS, columns of a table.

Pixels are nanomaggies after --factor; --pixels luptitudes undoes SDSS's asinh magnitudes. Sky noise that is not given
is measured on the border of each image (1.4826 MAD); a PSF that is not given stays unknown. Objects that cannot be
used (NaN, dead, corrupted, without a row, twice) are an error; with --skip-bad they are left out and listed in
provenance.json. With --frames, stamps are cut from a local mirror of SDSS's calibrated frames, in the archive's
own layout, at the positions of the lists.
"""


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(float(part) for part in text.split(","))


def add_ingest_stamps(commands: Any) -> argparse.ArgumentParser:
    """Add `ingest-stamps` to the commands of `survey`; return its parser."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = commands.add_parser(
        "ingest-stamps", help="foreign stamps in", description=INGEST_STAMPS, formatter_class=raw
    )
    parser.add_argument("files", metavar="FILE", type=Path, nargs="*", help="cubes of one kind")
    parser.add_argument("--out", metavar="DIR", type=Path, required=True, help="folder to make")
    parser.add_argument("--skip-bad", action="store_true", help="leave out what cannot be used, and list it")

    what = parser.add_argument_group("what the stamps show")
    what.add_argument("--labels", metavar="FILE", type=Path, help="array (.npy, .npz) or table")
    what.add_argument("--columns", metavar="MAP.yaml", type=Path, help="columns map of the labels; an array is `label`")
    what.add_argument("--label-is", choices=("class", "redshift"), default="class", help="of an array without a map")
    what.add_argument("--classes", metavar="0=STAR,1=GALAXY", default="", help="what class labels mean")
    what.add_argument("--ids", metavar="FILE", type=Path, help="object numbers: .npy, or one a line")
    what.add_argument("--catalogue", metavar="DIR", type=Path, help="survey whose objects these are; copied")

    how = parser.add_argument_group("how the pixels are kept")
    how.add_argument("--dataset", metavar="NAME", help="array in .npz or HDF5, extension in FITS (default: the cube)")
    how.add_argument("--bands", default="ugriz", help="their order in the file (default: ugriz)")
    how.add_argument("--axes", choices=("nbyx", "nyxb"), help="b is the band (default: the axis of 5)")
    how.add_argument("--pixels", choices=("nanomaggies", "luptitudes"), default="nanomaggies")
    how.add_argument("--factor", type=float, default=1.0, help="nanomaggies for each unit of the pixels")
    how.add_argument("--subtract-sky", action="store_true", help="take off the median of each image's border")
    how.add_argument("--sky-noise", metavar="U,G,R,I,Z", type=_numbers, help="of a pixel, nanomaggies, for all")
    how.add_argument("--psf-fwhm", metavar="U,G,R,I,Z", type=_numbers, help="arcsec, for all")
    how.add_argument("--pixel-scale", type=float, default=0.396, help="arcsec (default: 0.396)")

    frames = parser.add_argument_group("from SDSS frames")
    frames.add_argument("--frames", metavar="DIR", type=Path, help="mirror, as in the Science Archive Server")
    frames.add_argument("--positions", metavar="FILE", type=Path, nargs="+", help="lists of positions or calibObj")
    return parser


def add_contact_sheet(commands: Any) -> None:
    """Add `plot-stamps` and `real-stamps` to the commands of `survey`."""
    what = "the contact sheet: stamps of data/ beside real ones"
    commands.add_parser("plot-stamps", help=what, description=what).set_defaults(run=_plot_stamps)

    what = "the real half of the contact sheet, from the folder of real data"
    real = commands.add_parser("real-stamps", help=what, description=what)
    real.add_argument("--real-data", metavar="DIR", type=Path, required=True, help="with sas/ or kim_brunner_stamps/")
    real.set_defaults(run=_real_stamps)


def _plot_stamps(options: argparse.Namespace) -> None:
    from analysis.survey.contact_sheet import make_contact_sheet

    make_contact_sheet(options)


def _real_stamps(options: argparse.Namespace) -> None:
    from analysis.survey.real_stamps import make_real_sheet

    make_real_sheet(options)


def ingest_from(options: argparse.Namespace) -> None:
    """Bring in cubes or frames, as the options of the command say."""
    if bool(options.files) == bool(options.frames) or bool(options.frames) != bool(options.positions):
        raise InputError("ingest-stamps: expected either cubes (FILE …), or --frames DIR with --positions FILE …")
    if options.frames:
        from analysis.survey.ingest_frames import ingest_frames

        ingest_frames(options.frames, options.positions, options.out, skip_bad=options.skip_bad)
    else:
        from analysis.survey.foreign_stamps import Options
        from analysis.survey.ingest_stamps import ingest_stamps

        chosen = {name: getattr(options, name) for name in Options.__dataclass_fields__}
        ingest_stamps(options.files, options.out, Options(**chosen))
