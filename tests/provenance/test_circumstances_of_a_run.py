"""The circumstances of a run: the commit says whether the sources are as committed."""

import re
import subprocess

from analysis.provenance import circumstances


def test_commit_tells_of_uncommitted_changes(tmp_path):
    assert circumstances.commit(tmp_path).startswith("unknown")
    (tmp_path / "analysis").mkdir()
    (tmp_path / "analysis" / "code.py").write_text("1\n")
    git = ["git", "-C", str(tmp_path), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    for step in (["init", "-q"], ["add", "analysis"], ["commit", "-q", "-m", "first"]):
        subprocess.run([*git, *step], check=True)
    (tmp_path / "results.csv").write_text("a result is no change of the sources\n")
    assert re.fullmatch(r"[0-9a-f]{12}", circumstances.commit(tmp_path))
    (tmp_path / "analysis" / "code.py").write_text("2\n")
    assert circumstances.commit(tmp_path).endswith(" + uncommitted changes")
