"""Stage the repository's pages for the documentation site: python docs/site.py FOLDER

Everything that git tracks and that a page may link to keeps its place, so that relative links hold. The API page is
written here, from the names that the package exports.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import nnunet_slice_attention

ROOT = Path(__file__).parents[1]
API = "docs/reference/api.md"


def stage(target: Path) -> None:
    """Write the site's source into `target`; an earlier site's source there is replaced.

    Raises:
        ValueError: the folder has something else.
    """
    if target.exists() and any(target.iterdir()) and not (target / API).is_file():
        raise ValueError(f"{target} is not empty, and not a site's source. Give another folder.")
    shutil.rmtree(target, ignore_errors=True)
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True)
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target / name)
    public = [name for name in nnunet_slice_attention.__all__ if not name.startswith("_")]
    blocks = "\n".join(f"::: nnunet_slice_attention.{name}\n" for name in public)
    (target / API).write_text(f"# API\n\n{blocks}", encoding="utf-8")


if __name__ == "__main__":
    try:
        stage(Path(sys.argv[1]))
    except ValueError as error:
        sys.exit(str(error))
