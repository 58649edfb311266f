"""Write the generated pages of `reference/`: python docs/generate_reference.py

`commands.md` from the argument parser, `variants.md` from the tables of variants. A test compares them.
"""

import argparse
from pathlib import Path

from nnunet_slice_attention.cli import build_parser
from nnunet_slice_attention.trainers.resolver import resolve_trainer
from nnunet_slice_attention.trainers.variants import BASES, SCHEDULES, VARIANTS

REFERENCE = Path(__file__).parent / "reference"

COMMANDS = """# Commands

`nnunet-slice-attention COMMAND`, with nnU-Net's flag names. Errors are one message on stderr with exit status 1
(2, with the usage, for wrong flags); `--debug` shows the traceback.

{index}
"""

VARIANTS_PAGE = """# All variants

Suffixes of trainer names, the networks that have them, and what they set. Their meaning: [Trainers](trainers.md).

{variants}

| schedule | epochs of 250 iterations |
|---|---|
{schedules}
"""


def commands() -> str:
    parser = build_parser()
    (subparsers,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    index = "\n".join(
        f"- [`{name}`](#{name}): {_first_lower(sub.description)}" for name, sub in subparsers.choices.items()
    )
    sections = [_section(name, sub) for name, sub in subparsers.choices.items()]
    return "\n".join([COMMANDS.format(index=index), *sections])


def _section(name: str, parser: argparse.ArgumentParser) -> str:
    rows = ["| flag | meaning |", "|---|---|"]
    own_groups = parser._action_groups[2:]  # after argparse's positional arguments and options
    titles = {action: group.title for group in own_groups for action in group._group_actions}
    for action in parser._actions:
        if action.dest in ("help", "debug"):
            continue
        value = action.metavar or ("" if action.nargs == 0 else action.dest.upper())
        if action.choices:
            value = "{" + ",".join(map(str, action.choices)) + "}"
        if isinstance(value, tuple):
            value = " ".join(value)
        dots = " ..." if action.nargs in ("+", "*") else ""
        flag = " ".join(filter(None, ["/".join(action.option_strings), f"{value}{dots}".strip()]))
        meaning = (action.help or "") % (vars(action) | {"prog": parser.prog})
        if action in titles:
            meaning = f"{titles[action]}: {meaning}"
        rows.append(
            f"| `{flag}` | {meaning}{'; required' if action.required else ''} |".replace("|  |", "| |")
        )
    table = "\n".join(rows) if len(rows) > 2 else "No flags."
    return f"## {name}\n\n{parser.description}\n\n{table}\n"


def _first_lower(text: str) -> str:
    return text[0].lower() + text[1:]


def variants() -> str:
    rows = ["| suffix | networks | sets |", "|---|---|---|"]
    for suffix, row in VARIANTS.items():
        networks = [base.removeprefix("nnUNetTrainer") for base in BASES if _exists(f"{base}_{suffix}")]
        listed = "all" if len(networks) == len(BASES) else ", ".join(networks)
        options = row.get("network_options", {}) | {k: v for k, v in row.items() if k != "network_options"}
        rows.append(f"| `_{suffix}` | {listed} | {', '.join(f'`{k} = {v!r}`' for k, v in options.items())} |")
    schedules = "\n".join(f"| `_{suffix}` | {row['epochs']} |" for suffix, row in SCHEDULES.items())
    return VARIANTS_PAGE.format(variants="\n".join(rows), schedules=schedules)


def _exists(name: str) -> bool:
    try:
        resolve_trainer(name)
    except ValueError:
        return False
    return True


PAGES = {"commands.md": commands, "variants.md": variants}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (REFERENCE / name).write_text(page(), encoding="utf-8")
