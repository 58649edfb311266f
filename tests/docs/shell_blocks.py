"""Shell blocks of the documentation, and the commands that bash makes of them: loops, variables, quotes, comments."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).parents[2]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "benchmark_results").rglob("README.md")),
]
MARK = r"<!-- not run:(?P<reason>.*?)-->\n"
FENCED = re.compile(
    rf"^(?P<indent> *)(?:{MARK}\s*)?```(?P<language>\w*)\n(?P<code>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)
SHELLS = ("bash", "sh", "shell", "console")
SET_BY_THE_READER = {f"nnUNet_{kind}": f"/nnUNet_{kind}" for kind in ("raw", "preprocessed", "results")}


@dataclass(frozen=True)
class Block:
    """`reason` is why it is not run, None without a mark; `language` is "" if the fence has none."""

    page: str
    line: int
    language: str
    code: str
    reason: str | None

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks_of(page: Path) -> list[Block]:
    """All fenced blocks, of any language."""
    text = page.read_text(encoding="utf-8")
    name = page.relative_to(ROOT).as_posix()
    return [
        Block(
            name,
            text.count("\n", 0, found.start("code")) + 1,
            found["language"],
            dedent(found["code"]),
            found["reason"],
        )
        for found in FENCED.finditer(text)
    ]


def shell_blocks(pages: Iterable[Path] = PAGES) -> list[Block]:
    return [block for page in pages for block in blocks_of(page) if block.language in SHELLS]


def commands_of(
    block: Block, programs: Iterable[str], folder: Path, variables: Mapping[str, str] = SET_BY_THE_READER
) -> list[list[str]]:
    """The commands with their arguments, in order, as bash would call them; none is called.

    Args:
        block: the block.
        programs: names that count as commands.
        folder: where bash runs.
        variables: its environment.

    Raises:
        ValueError: a syntax error, an unset variable, or a command that is not in `programs`.
    """
    record = folder / "commands"
    record.write_bytes(b"")
    stubs = "\n".join(f'{name}() {{ record {name} "$@"; }}' for name in programs)
    script = f"record() {{ printf '%s\\0' $# \"$@\" >> '{record}'; }}\n{stubs}\n{block.code}"
    done = subprocess.run(
        [shutil.which("bash") or "bash", "-eu", "-c", script],
        env={**variables, "PATH": os.devnull, "PWD": str(folder)},
        cwd=folder,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise ValueError(f"{block}: {done.stderr.strip()}")
    words, commands = iter(record.read_text(encoding="utf-8").split("\0")[:-1]), []
    for count in words:
        commands.append([next(words) for _ in range(int(count))])
    return commands
