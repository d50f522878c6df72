# The front door: every way to build, test, show and check Bascule. `make` lists them.
# Each target installs the Debian packages it needs by itself and can be run from a clean clone.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.NOTPARALLEL:

JOBS ?= $(shell nproc)
STEP := @scripts/step
PYTHON := /usr/bin/python3
CTEST_OPTIONS := -j2 --output-on-failure --timeout 120 --no-tests=error $(if $(TESTS),-R '$(TESTS)')

FIX_PACKAGES := see the message above; docs/dependencies.md says what each package is for
FIX_CONFIGURE := after a change of compiler or packages: make clean, then again
FIX_COMPILE := the first `error:` above is the cause; what is built stays built, run make again
SYMBOLIZER := ASAN_SYMBOLIZER_PATH=/usr/bin/llvm-symbolizer-19
TSAN_SYMBOLIZER := external_symbolizer_path=/usr/bin/llvm-symbolizer-19

FIX_TEST = one test with its output: make test TESTS='PART_OF_ITS_NAME'

# $(call configure_and_compile,PRESET,TARGETS)
define configure_and_compile
	$(STEP) 'configure $(1)' '$(FIX_CONFIGURE)' \
	  cmake --preset $(1) -DPython3_EXECUTABLE=$(PYTHON) --log-level=NOTICE
	$(STEP) 'compile $(1)' '$(FIX_COMPILE)' cmake --build --preset $(1) -j $(JOBS) $(2)
endef

.PHONY: help
help: ## list these targets
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/\1|\2/p' $(firstword $(MAKEFILE_LIST)) | \
	  while IFS='|' read -r name what; do printf '  make %-10s %s\n' "$$name" "$$what"; done

# Installs what the named sets need, e.g. packages-build+test.
.PHONY: packages-%
packages-%:
	$(STEP) 'packages for $(subst +, and ,$*)' '$(FIX_PACKAGES)' \
	  scripts/install-packages $(subst +, ,$*)

.PHONY: build
build: packages-build ## build build/release/bascule (optimised, assertions on)
	$(call configure_and_compile,release,--target bascule)

.PHONY: test
test: packages-build+test ## build everything, then run all tests; TESTS=REGEX runs some
	$(call configure_and_compile,release)
	$(STEP) 'test' "$(FIX_TEST)" ctest --test-dir build/release $(CTEST_OPTIONS)

.PHONY: man
man: build ## manual pages in build/man, from the same texts as --help
	@mkdir -p build/man && build/release/bascule man --out build/man

.PHONY: demo
demo: packages-build+demo build ## a real failover in two minutes; KEEP=1 leaves it running
	$(STEP) 'demo' 'the lines above name the log of the part that failed' \
	  env BASCULE="$$PWD/build/release/bascule" KEEP='$(KEEP)' demo/demo

.PHONY: demo-stop
demo-stop: ## stop what make demo KEEP=1 left running
	@demo/demo stop

.PHONY: scenario
scenario: packages-build ## run the golden scenarios; REWRITE=1 writes what happens now, then: git diff
	$(call configure_and_compile,release)
	$(STEP) 'scenarios' 'if the change is intended: make scenario REWRITE=1, then read git diff' \
	  env $(if $(REWRITE),BASCULE_REWRITE=1) \
	  ctest --test-dir build/release -L scenario $(CTEST_OPTIONS)
	@if [ -n '$(REWRITE)' ]; then git --no-pager diff --stat -- tests/scenarios; fi

.PHONY: bench
bench: packages-build+test build ## measure what an operator asks of a daemon; BENCH='scrape stream status'
	$(STEP) 'bench' 'bench/README.md says what each figure is' \
	  env BASCULE="$$PWD/build/release/bascule" bench/operator_surface.py $(BENCH)

.PHONY: lint
lint: packages-build+lint ## all checks without running: rooms, format, house rules, clang-tidy; ALL=1
	$(STEP) 'lint' 'each line above names its file; make format mends the format' \
	  env ALL='$(ALL)' BASE='$(BASE)' JOBS='$(JOBS)' scripts/lint

.PHONY: format
format: packages-lint ## format all C++ sources in place
	$(STEP) 'format' '$(FIX_PACKAGES)' scripts/format

.PHONY: asan
asan: packages-build+test+sanitizers ## build and test under the address and undefined-behaviour sanitizers
	$(call configure_and_compile,asan)
	$(STEP) 'test asan' "$(FIX_TEST)" env UBSAN_OPTIONS=print_stacktrace=1 $(SYMBOLIZER) \
	  ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1 \
	  ctest --test-dir build/asan $(CTEST_OPTIONS)

.PHONY: tsan
tsan: packages-build+test+sanitizers ## build and test under the thread sanitizer
	$(call configure_and_compile,tsan)
	$(STEP) 'test tsan' "$(FIX_TEST)" env $(SYMBOLIZER) \
	  TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:$(TSAN_SYMBOLIZER) \
	  ctest --test-dir build/tsan $(CTEST_OPTIONS)

.PHONY: clean
clean: ## remove everything that was built (ccache keeps its own copies)
	rm -rf build
