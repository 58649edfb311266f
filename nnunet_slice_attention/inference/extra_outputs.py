"""Extra outputs of a prediction: boxes, attention weights, and attention maps of points."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from nnunetv2.imageio.base_reader_writer import BaseReaderWriter
from tqdm import tqdm

from ..files import no_room
from ..messages import last_line
from .attention_checks import check_has_attention_maps, check_has_attention_weights
from .attention_files import is_current, table_of
from .boxes import boxes_of, write_boxes
from .cases import Case
from .file_grid import Voxel
from .point_maps import check_points, write_maps
from .predictor import SlabPredictor
from .slice_weights import remove_weights, write_weights


class _ExtraOutput(NamedTuple):
    name: str
    is_done: Callable[[Case], bool]
    write: Callable[[Case], None]


@dataclass(frozen=True, kw_only=True)
class ExtraOutputs:
    """What is asked for in addition to the segmentations.

    Attributes:
        attention: the attention weight of each neighbouring slice, see `write_weights`.
        boxes: boxes of connected components, see `write_boxes`; needs probabilities.
        attention_points: voxels (i, j, k) of each image's file; where CSA-Net looks from them, see `write_maps`.
    """

    attention: bool = False
    boxes: bool = False
    attention_points: Sequence[Voxel] = ()

    def check(self, predictor: SlabPredictor, with_probabilities: bool) -> None:
        """Raise ValueError for what cannot be written with this model."""
        if self.boxes and not with_probabilities:
            raise ValueError("--boxes needs probabilities, for the boxes' scores. Add --save_probabilities.")
        if self.attention:
            check_has_attention_weights(predictor)
        if self.attention_points:
            check_has_attention_maps(predictor)

    def check_images(self, cases: Sequence[Case], reader: BaseReaderWriter) -> None:
        """Raise ValueError for a point outside of an image."""
        if self.attention_points:
            check_points(cases, self.attention_points, reader)

    def write(
        self, predictor: SlabPredictor, cases: Sequence[Case], reader: BaseReaderWriter
    ) -> dict[Case, str]:
        """Write what the predicted cases do not have yet; maps are written again. Returns what failed, by case.

        When the disk is full, the remaining cases fail without being tried.
        """
        problems: dict[Case, str] = {}
        for extra in self._asked_for(predictor, reader):
            left = [case for case in cases if not extra.is_done(case)]
            why = ""
            for case in tqdm(left, extra.name, unit="case", disable=not predictor.allow_tqdm):
                try:
                    if not why:
                        extra.write(case)
                        continue
                except Exception as error:  # one case must not stop the others
                    reason = last_line(error)
                    why = reason if no_room(error, case.output.parent) else ""
                problem = f"predicted, but without {extra.name}: {reason}"
                problems[case] = "; ".join(filter(None, [problems.get(case), problem]))
        return problems

    def _asked_for(self, predictor: SlabPredictor, reader: BaseReaderWriter) -> Iterator[_ExtraOutput]:
        def has(file: Callable[[Path], Path]) -> Callable[[Case], bool]:
            return lambda case: is_current(file(case.output), case.output)

        if self.boxes:
            dataset_json = predictor.dataset_json
            yield _ExtraOutput(
                "boxes",
                has(boxes_of),
                lambda case: write_boxes(case, reader, dataset_json),
            )
        if self.attention:
            yield _ExtraOutput(
                "attention weights", has(table_of), lambda case: write_weights(predictor, case)
            )
        if self.attention_points:
            points = list(dict.fromkeys(self.attention_points))
            yield _ExtraOutput(
                "attention maps", lambda case: False, lambda case: write_maps(predictor, case, points)
            )


def remove_extra_outputs(prediction: Path) -> None:
    """Those of an earlier prediction of the same case."""
    remove_weights(prediction)
    boxes_of(prediction).unlink(missing_ok=True)
