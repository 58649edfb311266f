"""2.5D slice-attention networks for nnU-Net v2, selected by a trainer's name instead of a fork.

Python API: `create_network`, `load_predictor`, `load_bundle`, `compare`. Imported lazily: PyTorch takes seconds.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .bundle.load import load_bundle
    from .comparison.api import compare
    from .inference.trained_model import load_predictor
    from .networks import create_network

__version__ = "0.2.0.dev0"
__all__ = ["__version__", "compare", "create_network", "load_bundle", "load_predictor"]

_MODULES = {
    "compare": ".comparison.api",
    "create_network": ".networks",
    "load_bundle": ".bundle.load",
    "load_predictor": ".inference.trained_model",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name], __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
