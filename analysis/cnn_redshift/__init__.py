"""Hoyle (2016): redshifts from whole images, beside boosted trees on catalogue features."""
