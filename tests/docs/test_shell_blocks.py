"""Every shell block of the documentation is run by a test, or its commands are parsed by their own parsers, or it is
marked with the reason why not: `<!-- not run: REASON -->` on the line above."""

import re
from functools import cache
from pathlib import Path

import nnunetv2
import pytest

import nnunet_slice_attention
from tests.docs.real_parsers import PROGRAMS, check
from tests.docs.shell_blocks import PAGES, ROOT, Block, blocks_of, commands_of, shell_blocks

RUN_BY = {"docs/getting-started/prostate.md": "test_prostate_tutorial.py"}
BLOCKS = [block for block in shell_blocks() if block.page not in RUN_BY]
VARIABLE = re.compile(r"\b(?:nnUNet|SLICE_ATTENTION)_[A-Za-z0-9]+\b")


def check_commands(block: Block, folder: Path) -> list[list[str]]:
    """The commands of a block; raises ValueError if one of them would not be accepted."""
    if block.language == "console":
        raise ValueError(f"{block}: write commands only, in a bash block, so that they can be copied")
    commands = commands_of(block, PROGRAMS, folder)
    for command in commands:
        check(command)
    for name in VARIABLE.findall(block.code):
        if name not in variables():
            raise ValueError(f"{block}: nothing reads the variable {name}")
    return commands


@cache
def variables() -> set[str]:
    """Names in the code of nnU-Net, of the package and of its tests that may be environment variables."""
    folders = [*nnunet_slice_attention.__path__, *nnunetv2.__path__, ROOT / "tests" / "crossval"]
    files = (path for folder in folders for path in Path(folder).rglob("*.py"))
    return {name for path in files for name in VARIABLE.findall(path.read_text(encoding="utf-8"))}


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.reason is None], ids=str)
def test_the_commands_are_accepted(block, nnunet_folders, tmp_path):
    check_commands(block, tmp_path)


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.reason is not None], ids=str)
def test_a_mark_has_a_reason_and_is_needed(block, nnunet_folders, tmp_path):
    assert len(block.reason.split()) > 1, f"{block}: say why the block is not run"
    with pytest.raises(ValueError):
        check_commands(block, tmp_path)
        pytest.fail(f"{block}: its commands can be checked. Remove the mark.")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_no_block_is_overlooked(page):
    text, blocks = page.read_text(encoding="utf-8"), blocks_of(page)
    assert len(re.findall(r"^[ >]*(?:```|~~~)", text, re.MULTILINE)) == 2 * len(blocks)
    assert len(re.findall(r"^ *<!-- not run", text, re.MULTILINE)) == sum(
        block.reason is not None for block in blocks
    )
    for block in blocks:
        if not block.language:  # of another language it is no shell block, without one it may be
            first_words = {
                line.strip().removeprefix("$ ").partition(" ")[0] for line in block.code.splitlines()
            }
            assert not first_words & PROGRAMS.keys(), f"{block}: its language is bash"


def test_what_is_run_is_run():
    for page, test in RUN_BY.items():
        assert (ROOT / page).is_file()
        assert f'"{Path(page).name}"' in (Path(__file__).parent / test).read_text(encoding="utf-8")


def test_the_ablation_page_names_many_trainers(tmp_path):
    blocks = shell_blocks([ROOT / "docs" / "how-to" / "ablate.md"])
    commands = [command for block in blocks for command in commands_of(block, PROGRAMS, tmp_path)]
    assert len({command[command.index("-tr") + 1] for command in commands}) > 20


MISTAKES = {
    "nnunet-slice-attention predict -i a -o b -d 1 --atention": "unrecognized arguments: --atention",
    "nnunet-slice-attention predict -i a -o b -d 1 --attent": "unrecognized arguments: --attent",
    "nnunet-slice-attention forecast": "invalid choice: 'forecast'",
    "nnUNetv2_train 27 2d 0 -tr nnUNetTrainerCSANet_NoCSB": "nnUNetTrainerCSANet_NoCSB",
    "nnUNetv2_train 27 2d": "required: fold",
    "nnUNetv2_plan_and_preprocess -d 27 --verify": "unrecognized arguments: --verify",
    "nnUNetv2_learn 27 2d 0": "nnUNetv2_learn: command not found",
    "nnunet-slice-attention find-best -d 1 -m nnUNetTrainer__nnUNetPlans": "is not TRAINER__PLANS__CONFIGURATION",
    "nnunet-slice-attention find-best -d 1 -m nnUNetTrainer__nnUNetPlans__25d": "no configuration 25d",
    "for t in CSANet CSBNet; do nnUNetv2_train 27 2d 0 -tr nnUNetTrainer$t; done": "nnUNetTrainerCSBNet",
    "export nnUNet_compil=f": "nothing reads the variable nnUNet_compil",
    'echo "$HOME': "unexpected EOF",
    "nnUNetv2_train $dataset 2d 0": "dataset: unbound variable",
    "python docs/reference.py": "docs/reference.py does not exist",
    "python examples/quickstart.py --epoch 5epochs": "unrecognized arguments: --epoch",
    "python -m experiments walk phantom": "invalid choice: 'walk'",
    "pytest tests/nothing": "tests/nothing does not exist",
    "make quickstop": "No rule to make target 'quickstop'",
    "pip install '.[imaginary]'": "no extra imaginary",
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_found(mistake, nnunet_folders, tmp_path):
    with pytest.raises(ValueError, match=re.escape(MISTAKES[mistake])):
        check_commands(Block("page.md", 1, "bash", mistake, None), tmp_path)
