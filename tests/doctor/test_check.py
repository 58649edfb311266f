"""The text of `doctor` begins with the verdict, and each failed check has a next step."""

import pytest

from nnunet_slice_attention.doctor.check import Check, as_text


def test_a_failed_check_must_have_a_next_step():
    with pytest.raises(ValueError, match="Give next_step"):
        Check("x", False, "broken")


def test_the_text_begins_with_the_verdict():
    text = as_text([Check("a", True, "fine"), Check("long name", False, "bad", "fix it")])
    verdict, _, *details = text.splitlines()
    assert verdict == "1 of 2 checks failed: long name."
    assert details[0] == "[ ok  ] a          fine" and "-> fix it" in details[-1]
