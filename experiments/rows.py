"""What is read from finished jobs, and the tables it is added to."""

import csv
import io
import json
import math
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from nnunet_slice_attention.evaluation.nnunet_summary import read_cases
from nnunet_slice_attention.files import read_note, write_text

from .declaration import RESULTS, Experiment, Rows
from .jobs import measurement_folder, prediction_folder
from .made_with import FILE, KEPT
from .run import Run

# Columns that tell rows apart; of these a table has those of its header. All others are values.
OF_RUN = ("name", "trainer", "model", "dataset", "fold", "seed", "epochs", "iterations", "commit")
OF_ROW = ("patient", "case", "structure", "epoch")


def collect(name: str, experiment: Experiment, labels: Callable[[str], str] = str) -> list[str]:
    """Add to the experiment's tables what its jobs have left in the results folder; a line for each table."""
    folder, found, notes = RESULTS / name, {}, {}
    for group in experiment.runs:
        for run in experiment.runs_of(group, folder):
            for table, collector in group.into.items():
                found.setdefault(table, []).extend(of_run(run) | row for row in collector(run))
