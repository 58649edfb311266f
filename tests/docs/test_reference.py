"""Generated pages are up to date."""

import runpy
from pathlib import Path

import pytest

from nnunet_slice_attention.cli import COMMANDS
from nnunet_slice_attention.trainers.variants import VARIANTS

DOCS = Path(__file__).parents[2] / "docs"
GENERATED = runpy.run_path(str(DOCS / "generate_reference.py"))["PAGES"]


@pytest.mark.parametrize("name", sorted(GENERATED))
def test_a_generated_page_is_up_to_date(name):
    written = (DOCS / "reference" / name).read_text(encoding="utf-8")
    assert written == GENERATED[name](), "run: python docs/generate_reference.py"


def test_all_commands_and_variants_are_listed():
    commands, variants = (GENERATED[name]() for name in ("commands.md", "variants.md"))
    for command in COMMANDS:
        assert f"\n## {command.__name__.rsplit('.', 1)[-1].replace('_', '-')}\n" in commands
    for suffix in VARIANTS:
        assert f"| `_{suffix}` | " in variants
    assert "| `_NoCSA` | CSANet | `cross_slice = False` |" in variants
