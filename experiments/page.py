"""An experiment's page: its prose, `text.md`, with what its questions find in the tables. Needs no torch."""

import re
import string
from pathlib import Path

from .declaration import Experiment
from .results import Results
from .tables import COMMON


def render(folder: Path, experiment: Experiment) -> str:
    """The page's text.

    Raises:
        ValueError: there is no text.md, or it has a placeholder that no question answers.
    """
    path, questions = folder / "text.md", COMMON | experiment.questions
    if not path.is_file():
        raise ValueError(
            f"there is no {path}. Write it: prose with a placeholder, {{name}}, for each question."
        )
    text = path.read_text(encoding="utf-8")
    wanted = {re.split(r"[.\[]", name)[0] for _, name, _, _ in string.Formatter().parse(text) if name}
    if missing := sorted(wanted - set(questions)):
        raise ValueError(
            f"{path} has the placeholder {{{missing[0]}}}, which no question of experiment.py answers. Those are: "
            f"{', '.join(questions)}."
        )
    results = Results(folder, experiment)
    return text.format(**{name: questions[name](results) for name in wanted})


def draw(folder: Path, experiment: Experiment) -> list[str]:
    """Write the experiment's figures, a line for each; apart from the page, since their modules import torch."""
    figures = experiment.figures if any(folder.glob("*.csv")) else {}
    for file, figure in figures.items():
        figure(Results(folder, experiment), folder / file)
    return [f"{folder / file}: written" for file in figures]
