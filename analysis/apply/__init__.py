"""The trained, calibrated models applied to a whole survey, partition by partition, on Dask."""
