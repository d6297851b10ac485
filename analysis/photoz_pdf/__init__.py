"""Redshift PDFs from photometry: estimators of one interface, and the commands that train and apply them."""
