"""Print the packages that pyproject.toml names, and those of the extras given: what a layer of the image installs.

requirements.txt has the versions. Standard library only: it runs before anything is installed.
"""

import sys
import tomllib
from pathlib import Path


def packages(pyproject: Path, extras: list[str]) -> list[str]:
    """Return the requirements of the package itself and of some of its extras, sorted."""
    project = tomllib.loads(pyproject.read_text())["project"]
    optional = project["optional-dependencies"]
    return sorted({*project["dependencies"], *(name for extra in extras for name in optional[extra])})


if __name__ == "__main__":
    print("\n".join(packages(Path("pyproject.toml"), sys.argv[1:])))
