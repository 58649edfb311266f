"""All trainers named in the README and the docs exist, including those in shell loops."""

import re
from pathlib import Path

import pytest

from nnunet_slice_attention.trainers.resolver import resolve_trainer

ROOT = Path(__file__).parents[2]
INVENTED = "add-a-network.md"  # its trainer exists only after following the page
WRONG_ON_PURPOSE = {"nnUNetTrainerCSANet_8head"}
PAGES = [ROOT / "README.md", *(p for p in sorted((ROOT / "docs").rglob("*.md")) if p.name != INVENTED)]
LOOP = re.compile(r"for (\w+) in ([^;]+); do (.+); done")


def unrolled(text: str) -> str:
    def one(loop: re.Match) -> str:
        variable, words, body = loop.groups()
        return "\n".join(body.replace(f"${{{variable}}}", word) for word in words.split())

    return LOOP.sub(one, text)


def trainer_names(text: str) -> set[str]:
    return (
        set(re.findall(r"nnUNetTrainer[A-Z][a-zA-Z0-9]*(?:_[a-zA-Z0-9]+)*", unrolled(text)))
        - WRONG_ON_PURPOSE
    )


def test_loops_are_unrolled():
    assert trainer_names("for v in A B; do run -tr nnUNetTrainer${v}_1epoch; done") == {
        "nnUNetTrainerA_1epoch",
        "nnUNetTrainerB_1epoch",
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_all_trainers_on_the_page_exist(page):
    for name in trainer_names(page.read_text(encoding="utf-8")):
        assert resolve_trainer(name).__name__ == name


def test_the_ablation_page_names_trainers():
    assert len(trainer_names((ROOT / "docs/how-to/ablate.md").read_text(encoding="utf-8"))) > 25
