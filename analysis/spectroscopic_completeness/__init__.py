"""Bonnett et al. (2016): galaxies with redshifts do not represent the sky. Where they lack, and what it does."""
