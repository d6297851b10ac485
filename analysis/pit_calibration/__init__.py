"""Polsterer et al. (2016): does a redshift PDF behave like one? The PIT, its controls, and what repairs it."""
