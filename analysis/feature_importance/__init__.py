"""Hoyle et al. (2015, arXiv:1410.4696): which photometric features matter for redshifts."""
