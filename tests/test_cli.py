"""The command line: which function a command calls with which arguments, and error messages."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from nnunet_slice_attention import phantom_dataset
from nnunet_slice_attention.cli import build_parser, main
from nnunet_slice_attention.plans import compact as compact_plans


@pytest.fixture
def calls(monkeypatch):
    """Arguments of the functions that the commands call, which do nothing here."""
    calls = []

    def record(*arguments):
        calls.append(arguments)
        return Path("written")

    monkeypatch.setattr(phantom_dataset, "write_phantom", record)
    monkeypatch.setattr(compact_plans, "write_compact_plans", record)
    return calls


def test_help_does_not_wait_for_torch():
    program = (
        "import sys\n"
        "from nnunet_slice_attention.cli import build_parser\n"
        "build_parser().format_help()\n"
        "assert not {'torch', 'nnunetv2', 'numpy'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("command", ["doctor", "predict", "export"])
def test_the_default_trainer_is_the_one_with_which_the_readme_begins(command):
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    trainer = re.search(r"^nnUNetv2_train .*-tr (\w+)", readme, re.MULTILINE)[1]
    parser = build_parser()._subparsers._group_actions[0].choices[command]
    (flag,) = (action for action in parser._actions if action.dest == "tr")
    assert flag.help % vars(flag) == f"default: {trainer}"


def list_flags():
    subcommands = build_parser()._subparsers._group_actions[0].choices
    for command, parser in subcommands.items():
        required = [action for action in parser._actions if action.required]
        for action in parser._actions:
            if action.nargs == "+":
                others = [
                    word
                    for other in required
                    if other is not action
                    for word in (other.option_strings[0], "9")
                ]
                yield pytest.param(command, others, action, id=f"{command} {action.option_strings[0]}")


FOLDS = [flag for flag in list_flags() if flag.values[2].option_strings[0] == "-f"]


@pytest.mark.parametrize(("command", "others", "action"), FOLDS)
def test_a_fold_that_is_given_twice_counts_once(command, others, action):
    args = build_parser().parse_args([command, *others, "-f", "0", "0", "1", "-f", "1"])
    assert args.f == [(action.type or str)(fold) for fold in "01"]


@pytest.mark.parametrize(("command", "others", "action"), list(list_flags()))
def test_a_flag_that_takes_several_values_may_be_given_several_times(command, others, action):
    flag = action.option_strings[0]
    given = [",".join([number] * len(action.metavar.split(","))) for number in "123"]  # I,J,K takes 1,1,1
    args = build_parser().parse_args([command, *others, flag, *given[:2], flag, given[2]])
    assert getattr(args, action.dest) == [(action.type or str)(word) for word in given]


def test_an_output_that_nobody_reads_any_more_is_no_message():
    program = [sys.executable, "-m", "nnunet_slice_attention", "trainers-path"]
    running = subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    running.stdout.close()
    assert (running.stderr.read(), running.wait()) == ("", 1)


def test_another_broken_pipe_is_an_error(monkeypatch, capsys):
    def broken(*_, **__):
        raise BrokenPipeError("of a worker")

    monkeypatch.setattr(phantom_dataset, "write_phantom", broken)
    assert main(["phantom", "-o", "somewhere"]) == 1
    assert "of a worker" in capsys.readouterr().err


def test_an_interrupt_from_the_keyboard_is_one_message_and_a_shells_status(monkeypatch, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(phantom_dataset, "write_phantom", interrupted)
    assert main(["phantom", "-o", "somewhere"]) == 130
    assert capsys.readouterr().err == "nnunet-slice-attention phantom: interrupted.\n"


def test_python_m_is_the_same_command():
    command = [sys.executable, "-m", "nnunet_slice_attention", "trainers-path"]
    assert "shim" in subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_trainers_path_is_a_folder_with_one_module_and_nothing_else(capsys):
    assert main(["trainers-path"]) == 0
    folder = Path(capsys.readouterr().out.strip())
    assert {path.name for path in folder.glob("*.py")} == {"__init__.py", "slice_attention_trainers.py"}


def test_plan_compact_uses_nnunets_plans_by_default(calls, capsys):
    assert main(["plan-compact", "-d", "27"]) == 0
    assert calls == [
        ("27", "nnUNetPlans", "nnUNetCompactPlans", {"2d": None, "3d_fullres": None}, 128, 256, None)
    ]
    assert (
        "nnUNetv2_train 27 2d 0 -tr nnUNetTrainerSliceAttention -p nnUNetCompactPlans"
        in capsys.readouterr().out
    )


def test_plan_compact_passes_its_flags(calls):
    assert (
        main(
            "plan-compact -d Dataset027_X -p nnUNetResEncUNetMPlans -o Small --patch 96 --batch-size 4 "
            "--batch-size-3d 2 --features 128 --convs 1".split()
        )
        == 0
    )
    assert calls == [
        ("Dataset027_X", "nnUNetResEncUNetMPlans", "Small", {"2d": 4, "3d_fullres": 2}, 96, 128, 1)
    ]


def test_phantom_is_written_to_nnunet_raw_by_default(calls, monkeypatch):
    monkeypatch.setenv("nnUNet_raw", "somewhere")
    assert main(["phantom"]) == 0
    assert main("phantom -o there -d 7 --name P --cases 2 --test-cases 1 --seed 3".split()) == 0
    assert main("phantom --shape 5 64 60 --spacing 4 1 1".split()) == 0
    assert calls[0] == ("somewhere", 999, "SlicePhantom", 40, 8, (12, 96, 96), (5.0, 0.8, 0.8), 0)
    assert calls[1] == ("there", 7, "P", 2, 1, (12, 96, 96), (5.0, 0.8, 0.8), 3)
    assert calls[2][5:7] == ((5, 64, 60), (4.0, 1.0, 1.0))


def test_the_error_for_phantom_without_a_folder_says_how_to_give_one(monkeypatch, capsys):
    monkeypatch.delenv("nnUNet_raw", raising=False)
    assert main(["phantom"]) == 1
    error = capsys.readouterr().err
    assert "-o RAW_FOLDER" in error and "export nnUNet_raw=" in error and "Traceback" not in error


def test_a_user_error_is_one_message_and_with_debug_a_traceback(tmp_path, capsys):
    command = ["phantom", "-o", str(tmp_path), "--cases", "0"]
    assert main(command) == 1
    assert capsys.readouterr().err.startswith(
        "nnunet-slice-attention phantom: cases must be at least 1, got 0"
    )
    with pytest.raises(ValueError, match="cases must be at least 1"):
        main([*command, "--debug"])


@pytest.mark.parametrize(
    "error", [KeyError("configurations"), PermissionError(13, "Permission denied", "out")]
)
def test_tracebacks_are_shown_only_with_debug(error, monkeypatch, capsys):
    def fail(*arguments):
        raise error

    monkeypatch.setattr(phantom_dataset, "write_phantom", fail)
    assert main(["phantom", "-o", "out"]) == 1
    message = capsys.readouterr().err
    assert message.startswith("nnunet-slice-attention phantom: ") and str(error) in message
    assert "Traceback" not in message and ("--debug" in message) == isinstance(error, KeyError)
    with pytest.raises(type(error)):
        main(["phantom", "-o", "out", "--debug"])


def test_the_error_of_plan_compact_gives_the_planning_command(tmp_path, monkeypatch, capsys):
    for kind in ("raw", "preprocessed", "results"):
        monkeypatch.setenv(f"nnUNet_{kind}", str(tmp_path))
    (tmp_path / "Dataset027_X").mkdir()
    assert main(["plan-compact", "-d", "27"]) == 1
    assert "nnUNetv2_plan_and_preprocess -d 27" in capsys.readouterr().err


def test_an_unknown_command_is_a_usage_error(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["trian"])
    assert "trainers-path" in capsys.readouterr().err
