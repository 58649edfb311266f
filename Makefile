# Needs Python >= 3.10 and make. Everything goes into .venv, which `make clean` removes.
#
#   make quickstart   compare nnU-Net 2D with CSA-Net on a phantom; results in quickstart/
#   make test         lint, format and type checks, and all tests
#   make test-fast    lint, and tests without training: about a minute
#   make docs         the documentation site, in site/

PYTHON ?= python3

# All targets share one editable install, because two kinds of install in one environment would replace each other. It puts
# nothing into nnU-Net's tree, so examples/quickstart.py and the tests set nnUNet_extTrainer. A normal install is tested in
# tests/shim/test_discovery.py.
INSTALL := .venv/bin/python -m pip install --no-compile
# pip would compile one module after the other. Some are not meant for this Python, which pip ignores too.
COMPILE := .venv/bin/python -m compileall -q -j 0 .venv/lib >/dev/null || true

.PHONY: help quickstart test test-fast docs clean
.DELETE_ON_ERROR:

help:
	@sed -n '/^#   make/s/^#   //p' Makefile

quickstart: .venv/installed
	.venv/bin/python -u examples/quickstart.py

test: .venv/installed-for-tests
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

FAST := attention augmentation evaluation networks/test_contract.py networks/test_learning_from_slabs.py plans report test_cli.py test_image_files.py \
        test_import_rule.py test_model_name.py test_spreadsheet.py

test-fast: .venv/installed-for-tests
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/python -m pytest -q -n 2 -k "not compile and not trainer" $(FAST:%=tests/%)

docs: .venv/installed-for-docs
	.venv/bin/python docs/site.py build/site_source
	NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --strict

# An incomplete system venv module creates environments without pip, so pip stands for a working environment.
.venv/bin/pip:
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 10) and f"Python {v[0]}.{v[1]} is too old: make PYTHON=/path/to/python3.10 (or newer)")'
	@echo "== Creating .venv"
	$(PYTHON) -m venv .venv

.venv/installed: setup.py pyproject.toml | .venv/bin/pip
	@echo "== Installing nnU-Net, PyTorch and this package into .venv: several gigabytes, some minutes"
	$(INSTALL) -e .
	@$(COMPILE)
	@touch $@

.venv/installed-for-tests: setup.py pyproject.toml | .venv/bin/pip
	@echo "== Installing nnU-Net, PyTorch, this package and the test tools into .venv: several gigabytes, some minutes"
	$(INSTALL) -e ".[test]"
	@$(COMPILE)
	@touch $@

.venv/installed-for-docs: setup.py pyproject.toml | .venv/bin/pip
	@echo "== Installing this package and what makes the site into .venv"
	$(INSTALL) -e ".[docs]"
	@$(COMPILE)
	@touch $@

clean:
	rm -rf .venv quickstart build site dist *.egg-info .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
