"""SDSS's spectroscopic sample from its archive: query -> rows -> fields -> frames -> stamps -> survey folder."""
