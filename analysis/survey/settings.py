"""Settings of the stages on the raw survey, and of the survey that is drawn for a scale."""

from typing import Annotated

from pydantic import Field

from analysis.blocks import Ascending, Block, Count, CountOrNone, Magnitude, Positive, Seed


class PlotStamps(Block):
    """`survey plot-stamps`."""

    side: Count
    columns: Count
    r_limits: Annotated[Ascending[Magnitude], Field(min_length=2, max_length=2)]
    stretch: Positive
    q: Positive


class DrawnSurvey(Block):
    """The mock survey of a scale, in scales/*.yaml."""

    objects: Count
    stamps: CountOrNone
    seed: Seed


BLOCKS: dict[str, type[Block]] = {"plot_stamps": PlotStamps}
