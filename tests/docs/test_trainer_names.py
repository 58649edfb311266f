"""All trainers named in the README and the docs exist; those of commands: test_shell_blocks."""

import re
from pathlib import Path

import pytest

from nnunet_slice_attention.trainers.find_trainer import find_trainer
from nnunet_slice_attention.trainers.resolver import resolve_trainer

ROOT = Path(__file__).parents[2]
INVENTED = "add-a-network.md"  # its trainer exists only after following the page
WRONG = "nnUNetTrainerCSANet_8head"  # on purpose
PAGES = [ROOT / "README.md", *(p for p in sorted((ROOT / "docs").rglob("*.md")) if p.name != INVENTED)]


def trainer_names(text: str) -> set[str]:
    return set(re.findall(r"(?<![.\w])nnUNetTrainer[A-Z][a-zA-Z0-9]*(?:_[a-zA-Z0-9]+)*", text)) - {WRONG}


def find(name: str) -> type:
    try:
        return resolve_trainer(name)
    except AttributeError:  # nnU-Net's own
        return find_trainer(name)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_all_trainers_on_the_page_exist(page):
    for name in trainer_names(page.read_text(encoding="utf-8")):
        assert find(name).__name__ == name
