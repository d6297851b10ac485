"""Machine-learning results in cosmology, re-tested: survey -> features -> result -> paper."""

__version__ = "0.1.0"
