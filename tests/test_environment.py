"""The commit that a result was obtained with."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import nnunet_slice_attention
from nnunet_slice_attention import environment
from nnunet_slice_attention.environment import commit

PACKAGE = Path(nnunet_slice_attention.__file__).parent


def git(folder, *args):
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    done = subprocess.run(["git", "-C", folder, *identity, *args], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit_seen_in(folder):
    """Result of `commit()` in the copy of the package in `folder`."""
    code = "from nnunet_slice_attention.environment import commit; print(commit())"
    env = os.environ | {"PYTHONPATH": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=env, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def test_the_commit_of_the_source(tmp_path):
    shutil.copytree(PACKAGE, tmp_path / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__"))
    git(tmp_path, "init", "-q")
    (tmp_path / ".gitignore").write_text("__pycache__\n")
    assert commit_seen_in(tmp_path) in ("unknown", commit())  # in a repository, but not part of it
    (tmp_path / "table.csv").write_text("dice\n")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-q", "-m", "all")
    head = git(tmp_path, "rev-parse", "--short", "HEAD")
    (tmp_path / "table.csv").write_text("dice\n0.9\n")  # a result, no source
    assert commit_seen_in(tmp_path) == head
    (tmp_path / PACKAGE.name / "files.py").write_text("# edited\n")
    assert commit_seen_in(tmp_path) == f"{head}-dirty"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"vcs_info": 1}', "null"])
def test_with_a_damaged_direct_url_the_commit_is_unknown(content, monkeypatch):
    monkeypatch.setattr(
        environment, "distribution", lambda name: SimpleNamespace(read_text=lambda file: content)
    )
    assert environment._installed_commit() == "unknown"
