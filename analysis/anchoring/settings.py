"""Settings of the mock survey's comparison with real tables."""

from analysis.blocks import AdaBoost, Block, Count, Seed


class DeepAdaBoost(AdaBoost):
    """Boosted trees of fixed depth, and their seed."""

    max_depth: Count
    seed: Seed


class RealAnchoring(Block):
    """`anchoring measure`."""

    seed: Seed
    n_galaxies: Count
    min_in_bin: Count
    n_bootstrap: Count
    adaboost: DeepAdaBoost


BLOCKS: dict[str, type[Block]] = {"real_anchoring": RealAnchoring}
