"""Settings of n(z) in tomographic bins."""

from typing import Annotated

from pydantic import Field

from analysis.blocks import Block, Count, Estimator, Positive, Seed, Several


class EvaluateRedshiftDistributions(Block):
    """`redshift-distributions evaluate`."""

    seed: Seed
    n_bootstrap: Count
    estimator: Estimator
    n_bins: Count
    outside: Annotated[float, Field(ge=0, lt=0.5)]
    n_fields: Several
    cell: Positive
    planted_bias: Positive


BLOCKS: dict[str, type[Block]] = {"evaluate_redshift_distributions": EvaluateRedshiftDistributions}
