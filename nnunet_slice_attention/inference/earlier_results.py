"""Results of earlier calls in the output folder, each kept until the network has predicted its case again."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from nnunetv2.imageio.base_reader_writer import BaseReaderWriter

from .cases import Case, is_finished, remove_results
from .extra_outputs import remove_extra_outputs
from .prediction_record import recorded, with_cases, write_record


class EarlierResults:
    """Those of the cases to predict.

    They stay if the call is interrupted, or their case fails, before there is anything to replace them with; and in the
    record they stay those of the earlier call.

    Args:
        folder: of the predictions.
        cases: to predict. Without a segmentation, what is left of a case is removed at once.
        settings: of this call.
        checksums: of each case's images.
        refused: cases that cannot be predicted as they are; a call that continues is to predict them.

    Attributes:
        kept: cases whose segmentation is still that of an earlier call.
    """

    def __init__(
        self,
        folder: Path,
        cases: Iterable[Case],
        settings: Mapping,
        checksums: Mapping[Case, str],
        refused: Iterable[Case] = (),
    ):
        self.folder, self.settings, self.checksums = folder, settings, checksums
        self._refused = [case.output.name for case in refused if case.output.is_file()]
        self.kept: set[Case] = set()
        for case in cases:
            if case.output.is_file():
                self.kept.add(case)
            else:
                self._remove(case)

    def record_with(self, begun: Iterable[Case]) -> dict:
        """The folder's record once these cases are of this call; those that are kept are still to be replaced."""
        images = {case.output.name: self.checksums[case] for case in begun}
        to_replace = [*self._refused, *(case.output.name for case in self.kept)]
        return with_cases(recorded(self.folder), self.settings, images, to_replace)

    def replace(self, case: Case) -> None:
        """Remove what is kept of a case, immediately before its new results are written."""
        if case in self.kept:
            self._remove(case)  # first: a call that ends here must not leave them recorded as new
            write_record(self.folder, self.record_with([case]))

    def discard(self, case: Case, reader_writer: BaseReaderWriter) -> None:
        """Remove what is left of a case that failed, unless it is a whole segmentation of an earlier call."""
        if case not in self.kept or not is_finished(case, reader_writer):
            self._remove(case)

    def _remove(self, case: Case) -> None:
        remove_results(case)
        remove_extra_outputs(case.output)
        self.kept.discard(case)
