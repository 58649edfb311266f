"""The command that compares the two trained models."""

from tests.tiny_models import OURS, STOCK


def compare_argv(tiny, output, *more: str) -> list[str]:
    return ["compare", "-d", str(tiny.id), "-m", STOCK, OURS, "-np", "1", "-o", str(output), *more]
