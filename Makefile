# The front door: `make` lists what there is.

CARGO ?= cargo
DIGITS := tests/data/digits

# The tests' Python: QDQ_PYTHON where it is given, else an environment of their own.
ifdef QDQ_PYTHON
PYTHON := $(QDQ_PYTHON)
ENVIRONMENT :=
else
PYTHON := $(CURDIR)/target/python/bin/python
ENVIRONMENT := target/python/.ready
endif
export QDQ_PYTHON := $(PYTHON)

.DEFAULT_GOAL := help
.PHONY: help bench bench-half bench-peers demo demo-accuracy check layers parts test test-all native bare half-seeds torch torch-seeds test-gpu test-gpu-folder miri tsan header share python models peers real consumers report report-picture findings fmt fmt-check lint deny aarch64 quotients doc reference dist clean

help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## /  make \1|/p' $(MAKEFILE_LIST) | while IFS='|' read -r name text; do \
		printf '%-18s %s\n' "$$name" "$$text"; done

demo: ## quantize the digits model on its real images and print float and INT8 accuracy (needs cargo only)
	$(CARGO) build --release
	@mkdir -p target/demo
	target/release/qdq quantize $(DIGITS)/model.onnx -d $(DIGITS)/calib.npz -o target/demo/digits.qdq.onnx \
		--cache target/demo/digits.cache --ranges target/demo/digits.json
	target/release/qdq compare $(DIGITS)/model.onnx target/demo/digits.qdq.onnx -d $(DIGITS)/test.npz \
		--labels $(DIGITS)/test_labels.npy

demo-accuracy: models ## print what equalization, learned rounding and bias correction gain over plain rounding
	$(CARGO) run --release --quiet --example accuracy -- digits=$(DIGITS) residual_cnn=target/models/residual_cnn \
		mobilenet=target/models/mobilenet vision_transformer=target/models/vision_transformer

test: python models ## run the whole suite: Rust tests, comparison with peers, TensorRT-RTX engines
	$(CARGO) test
	$(MAKE) --no-print-directory --jobs=2 --output-sync=target native torch peers consumers report
	$(MAKE) --no-print-directory aarch64

# Whole runs, searches over many ranges and the other languages take their time; `make test` has them.
SLOW := $(addprefix --skip ,api:: calibration:: cli:: recover:: runtime::)

check: python fmt-check lint ## what to run while working: layout, clippy, and the tests in Rust that answer soon
	$(CARGO) test --lib --bins --test suite -- $(SLOW)

layers: ## check that no module uses one that lies above it
	$(CARGO) test --test suite architecture::

parts: ## compile the library with each of its parts alone (Cargo features), and test what it then refuses
	scripts/parts.sh

test-all: fmt-check lint doc reference parts deny ## everything, with what is kept of measurements made anew (see tests/python/measured.py)
	QDQ_MEASURE=anew $(MAKE) --no-print-directory test
	$(MAKE) --no-print-directory bare

# The tool as `cargo test` builds it: `cargo build` would compile some crates again with fewer features.
peers: python models ## compare with ONNX Runtime's quantizer and build TensorRT-RTX engines on the CPU
	$(CARGO) test --no-run --quiet
	$(PYTHON) tests/python/test_checks.py
	$(PYTHON) tests/trt_rtx/findings.py --check
	$(PYTHON) tests/trt_rtx/subgraphs.py
	$(PYTHON) tests/trt_rtx/formats.py target/models --check
	$(PYTHON) tests/tensorrt/engines.py target/models
	$(PYTHON) tests/tensorrt/tool.py target/models
	$(PYTHON) tests/tensorrt/cost.py target/models
	$(PYTHON) tests/tensorrt/layers.py
	$(PYTHON) tests/tensorrt/half_network.py target/models
	$(PYTHON) tests/python/compare_with_peer.py target/models
	$(PYTHON) tests/python/half_precision.py target/models
	$(PYTHON) tests/python/memory.py target/models

# Built as `cargo test` builds it, see above.
native: python ## test the C interface, the C++ layer and the examples, with sanitizers and Valgrind
	$(CARGO) build --quiet --lib --bins --examples --test suite
	$(PYTHON) tests/c/run.py
	$(PYTHON) tests/cpp/run.py
	$(PYTHON) tests/tensorrt/run.py
	$(PYTHON) tests/tensorrt/examples.py
	$(WITHOUT) $(PYTHON) tests/examples.py

# A command as on a machine that has gcc and g++ alone.
WITHOUT := scripts/hide.sh 'clang*' 'llvm*' 'lld*' 'valgrind*' cmake ctest cpack ninja --

# What would be compiled otherwise without a second compiler.
bare: python ## test the C++ layer and its examples as on a machine that has gcc and g++ alone
	$(CARGO) build --quiet --lib --bins --examples --test suite
	$(WITHOUT) $(PYTHON) tests/cpp/run.py --again
	$(WITHOUT) $(PYTHON) tests/tensorrt/examples.py --again

torch: python ## test the LibTorch layer, with Debian's libtorch-dev or that of QDQ_TORCH (skipped where there is neither)
	$(CARGO) build --quiet --lib --bins --examples --test suite
	$(PYTHON) tests/torch/run.py

torch-seeds: python ## train, calibrate and fine-tune digits with five seeds
	$(CARGO) build --quiet --lib --bins --examples --test suite
	$(PYTHON) tests/torch/run.py --only digits --seeds 5

test-gpu: ## build INT8 engines on this machine's NVIDIA GPU and run them (skipped where there is none)
	@if python3 tests/tensorrt/gpu.py check; then \
		$(MAKE) --no-print-directory test-gpu-folder && python3 tests/tensorrt/gpu.py run target/gpu; fi

test-gpu-folder: python models ## gather in target/gpu what `make test-gpu` runs, for a machine that builds nothing
	$(CARGO) build --quiet --lib --bins --examples --test suite
	$(PYTHON) tests/tensorrt/gpu.py prepare target/gpu target/models

real: python ## quantize models that people ship, in both runtimes (REAL names the folder of the real ones)
	$(CARGO) build --release
	$(PYTHON) tests/python/real_models.py --qdq target/release/qdq $(if $(REAL),--real $(REAL))
	$(PYTHON) tests/python/real_half.py --qdq target/release/qdq $(if $(REAL),--real $(REAL))

half-seeds: python models ## what half precision costs the test models beside Q/DQ, over 16 draws of weights and data
	$(CARGO) build --release
	$(PYTHON) tests/python/half_seeds.py target/models --qdq target/release/qdq

consumers: python ## install the CMake package and build C and C++ programs against it (ONLY='words of cases')
	$(PYTHON) tests/consumers/run.py $(ONLY)

# The page is read with Playwright and axe-core in an environment of their own, of 200 MB, which only a browser is worth.
report: python ## open reports in headless Chromium (skipped where there is none, or no package for it)
	$(CARGO) build --quiet --lib --bins --examples --test suite
	@if $(PYTHON) tests/python/report_page.py --has-browser; then \
		if $(MAKE) --no-print-directory target/tools/report/.ready; then \
			target/tools/report/bin/python tests/python/report_page.py; \
		else echo "skipped: pip has no Playwright or no axe-core here"; fi; fi

report-picture: python target/tools/report/.ready ## write docs/report.png anew
	target/tools/report/bin/python tests/python/report_page.py --picture docs/report.png

findings: python ## measure again which forms of Q/DQ TensorRT-RTX runs in INT8
	$(PYTHON) tests/trt_rtx/findings.py --write
	$(PYTHON) tests/trt_rtx/formats.py target/models --write

models: target/models/manifest.json ## write the test models and their data into target/models

target/models/manifest.json: tests/python/make_models.py tests/python/builder.py \
		$(wildcard tests/python/models/*.py) | $(ENVIRONMENT)
	$(PYTHON) tests/python/make_models.py $(@D)

python: $(ENVIRONMENT) ## create the tests' Python environment in target/python

target/python/.ready: tests/python/requirements.txt scripts/setup_python.sh
	scripts/setup_python.sh $(@D) $<

# Programs that come as Python packages, each list in an environment of its own.
target/tools/%/.ready: scripts/tools/%.txt scripts/setup_python.sh
	scripts/setup_python.sh $(@D) $<

bench: ## measure kernels and searches beside the machine's limits and write benches/RESULTS.md (QDQ_ISA chooses)
	$(CARGO) bench --bench kernels --bench searches
	python3 benches/report.py target benches/RESULTS.md

bench-half: models ## measure calibrations with and without what half precision needs, in turn
	$(PYTHON) benches/half.py target/models

# The peers' Python, and networks of usual shapes.
target/peers-python/.ready: benches/peers/requirements.txt
	python3 -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

target/peers/images.npz: benches/peers/models.py | $(ENVIRONMENT)
	$(PYTHON) benches/peers/models.py $(@D)

# PYTORCH_QUANTIZATION names the folder tools/pytorch-quantization of NVIDIA's TensorRT repository, whose searches then run
# beside qdq's.
bench-peers: python target/peers-python/.ready target/peers/images.npz ## calibrate beside ONNX Runtime and Model Optimizer (some 6 GB of Python, half an hour)
	$(CARGO) build --release
	$(PYTHON) benches/peers/run.py target/peers --qdq target/release/qdq --modelopt target/peers-python/bin/python \
		$(if $(PYTORCH_QUANTIZATION),--pytorch-quantization $(PYTORCH_QUANTIZATION))
	python3 benches/report.py target benches/RESULTS.md

miri: ## run the handles of the C interface and the scalar kernels in Miri (needs a nightly toolchain with miri)
	MIRIFLAGS=-Zmiri-disable-isolation CARGO_TARGET_DIR=target/miri \
		$(CARGO) +nightly miri test --lib -- ffi:: kernel::tests

tsan: ## run two threads of C under ThreadSanitizer (needs a nightly toolchain with rust-src)
	RUSTFLAGS=-Zsanitizer=thread CARGO_TARGET_DIR=target/tsan \
		$(CARGO) +nightly build --lib -Zbuild-std --target x86_64-unknown-linux-gnu
	python3 tests/c/tsan.py target/tsan/x86_64-unknown-linux-gnu/debug

header: ## write include/qdq/qdq.h anew from src/ffi
	QDQ_UPDATE_HEADER=1 $(CARGO) test --test suite the_header

share: ## write anew what is installed and generated: man pages and completions in share/, licences of the dependencies
	QDQ_UPDATE_SHARE=1 $(CARGO) test --bin qdq man_pages
	python3 scripts/licences.py

fmt: ## lay out the sources: Rust, C and C++
	$(CARGO) fmt --all
	@$(MAKE) --no-print-directory target/tools/format/.ready || true
	scripts/format.sh --write

fmt-check: ## check the layout of the sources (C and C++ where pip has the clang-format of scripts/tools/format.txt)
	$(CARGO) fmt --all --check
	@$(MAKE) --no-print-directory target/tools/format/.ready || true
	scripts/format.sh

lint: ## clippy, warnings denied
	$(CARGO) clippy --workspace --all-targets -- -D warnings

deny: ## check licences, sources and known vulnerabilities of the dependencies (skipped without cargo-deny)
	@command -v cargo-deny >/dev/null || $(MAKE) --no-print-directory target/tools/deny/.ready || true
	scripts/deny.sh

aarch64: ## check the kernels of NEON and run their tests under qemu (skipped without the Rust target)
	scripts/aarch64.sh

quotients: ## compare every quotient of 16-bit numbers with its division (a quarter of an hour or more)
	$(CARGO) test --release --lib every_quotient -- --ignored

doc: ## build the documentation, warnings denied
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --no-deps

reference: ## build the reference of C and C++ in target/reference, warnings denied (skipped without Doxygen)
	python3 scripts/reference.py target/reference

dist: ## make the .tar.gz and the .deb of a release, for glibc 2.28 and newer (TARGET=aarch64-unknown-linux-gnu)
	@$(MAKE) --no-print-directory target/tools/dist/.ready || true
	scripts/dist.sh $(TARGET)

clean: ## remove everything that was built
	$(CARGO) clean
