"""-pretrained_weights that do not fit one of the models are found before the first training."""

import pytest
import torch
from nnunetv2.run.run_training import get_trainer_from_args

from nnunet_slice_attention.crossval.model_job import Settings
from nnunet_slice_attention.crossval.train_compare_predict import cross_validate
from nnunet_slice_attention.crossval.trainer_checks import check_trainers
from nnunet_slice_attention.crossval.trainer_checks_process import CheckRequest
from tests.crossval.tiny_crossval import OURS, STOCK, tiny_crossval

FIRST_2D = STOCK._replace(trainer="Tiny_nnUNetTrainerVAUNet_2DFirst")
FROM_2D = STOCK._replace(trainer="Tiny_nnUNetTrainerVAUNet_From2D")


@pytest.fixture
def check(nnunet_folders, tiny, tmp_path, monkeypatch):
    """Check a model with given weights, or with those of a network of `source`, changed by `change`."""
    monkeypatch.setenv("nnUNet_results", str(tmp_path / "results"))

    def run(model, source, change=lambda weights: None):
        names = (str(tiny.id), source.configuration, 0, source.trainer, source.plans)
        trainer = get_trainer_from_args(*names, device=torch.device("cpu"))
        trainer.initialize()
        weights = trainer.network.state_dict()
        change(weights)
        file = tmp_path / "weights.pth"
        torch.save({"network_weights": weights}, file)
        models, splits = [str(STOCK), str(model)], tmp_path / "splits_final.json"
        given = {"starting": [str(model)], "pretrained_weights": file}
        check_trainers(CheckRequest(str(tiny.id), models, ["0"], **given), splits)

    return run


def widen(weights):
    name = next(iter(weights))
    weights[name] = torch.zeros(7, *weights[name].shape[1:])


@pytest.mark.parametrize("model", [OURS, STOCK], ids=str)
def test_weights_of_the_same_network_are_accepted_whatever_their_number_of_classes(model, check):
    check(model, model, lambda weights: [weights.pop(key) for key in list(weights) if ".seg_layers." in key])


@pytest.mark.parametrize(
    ("model", "source", "change", "message"),
    [
        (OURS, STOCK, lambda weights: None, r"lacks weights of Tiny_nnUNetTrainerSAUNet: .* and \d+ more\. Give"),
        (STOCK, STOCK, widen, r"of another shape than Tiny_nnUNetTrainer: encoder.*\(7, .*\), expected \(4, 1, 3"),
        (FIRST_2D, FIRST_2D, lambda weights: None, "also has weights that .*_2DFirst adds .* suffix _FromScratch"),
        (FROM_2D, STOCK, lambda weights: None, "_From2D both set the initial weights. Omit -pretrained_weights"),
    ],
)  # fmt: skip
def test_weights_that_do_not_fit_are_an_error(model, source, change, message, check):
    with pytest.raises(ValueError, match=message):
        check(model, source, change)


def test_a_file_that_is_no_checkpoint_is_an_error(tiny, nnunet_folders, tmp_path):
    (tmp_path / "notes.txt").write_text("weights")
    given = {"starting": [str(STOCK)], "pretrained_weights": tmp_path / "notes.txt"}
    with pytest.raises(
        ValueError, match=r"notes\.txt is no checkpoint of nnU-Net \(.*\)\. Give a checkpoint_final"
    ):
        check_trainers(
            CheckRequest(str(tiny.id), [str(STOCK)], ["0"], **given), tmp_path / "splits_final.json"
        )


def test_what_training_begins_with_is_checked_only_for_models_that_start(tiny, tmp_path, monkeypatch):
    class Checked(Exception):
        pass

    def checked(request):
        raise Checked(request)

    monkeypatch.setattr(
        "nnunet_slice_attention.crossval.check_before_training.check_trainers_in_process", checked
    )
    starting = [(OURS, "1"), (FROM_2D, "1")]
    monkeypatch.setattr(
        "nnunet_slice_attention.crossval.training_job.TrainingJob.state",
        lambda job: "start" if (job.model, job.fold) in starting else "continue",
    )
    settings = Settings(device="cpu", pretrained_weights=tmp_path / "w.pth")
    models = [OURS, STOCK, FROM_2D]
    crossval = tiny_crossval(tiny, tmp_path, models=models, folds=["0", "1"], settings=settings)
    with pytest.raises(Checked) as found:
        cross_validate(crossval, lambda jobs: [])
    (asked,) = found.value.args
    assert asked.starting == sorted(map(str, (OURS, FROM_2D)))
    assert asked.pretrained_weights == tmp_path / "w.pth"
    (start,) = asked.from_2d
    assert (start.model, start.fold, start.others) == (str(FROM_2D), "1", [OURS.trainer, STOCK.trainer])
