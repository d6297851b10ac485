"""The mock survey held against the sky: colours, redshift errors, sizes and shapes beside real tables."""
