"""Hoyle, Gruen et al. (2018): n(z) of tomographic bins, calibrated by resampling a reference field."""
