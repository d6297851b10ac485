"""The command line without the libraries that learn and draw."""

import subprocess
import sys

import pytest

from analysis import paths


@pytest.mark.parametrize("command", ["survey", "feature-importance"])
def test_help_needs_none_of_the_heavy_libraries(command):
    code = (
        "import sys\n"
        "sys.modules.update(dict.fromkeys(['torch', 'lightgbm', 'sklearn', 'matplotlib']))\n"  # None: import fails
        "from analysis.__main__ import main\n"
        f"main(['{command}', '--help'])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=paths.ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "usage:" in done.stdout
