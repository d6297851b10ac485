"""Settings of stages that belong to no result."""

from analysis.blocks import Block, Count, Nside, Redshift, Seed


class Features(Block):
    """`features`."""

    seed: Seed
    nside: Nside
    z_max: Redshift
    min_galaxies: Count


BLOCKS: dict[str, type[Block]] = {"features": Features}
