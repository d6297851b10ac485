"""The mock survey: galaxies, stars and quasars as SDSS would have measured and chosen them."""
