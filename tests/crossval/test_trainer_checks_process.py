"""What the process that builds the trainers is told."""

from pathlib import Path

from nnunet_slice_attention.crossval.from_2d_start import StartFrom2D
from nnunet_slice_attention.crossval.trainer_checks_process import CheckRequest


def test_it_gets_what_was_asked():
    asked = CheckRequest(
        "5",
        ["a", "b"],
        ["0", "all"],
        images=Path("images"),
        write_split=False,
        begun={"a": [Path("fold_0/checkpoint_final.pth")]},
        starting=["b"],
        pretrained_weights=Path("weights.pth"),
        from_2d=[StartFrom2D("b, fold 0", "b", "results", "0", ["c"])],
        num_gpus=2,
    )
    assert CheckRequest.from_json(asked.to_json()) == asked
    default = CheckRequest("5", ["a"], ["0"])
    assert CheckRequest.from_json(default.to_json()).images is None
    assert not CheckRequest.from_json(default.to_json()).begun
