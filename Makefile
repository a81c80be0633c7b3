# `make` alone lists the targets. What they need from outside comes by tests/parts/setup.sh into a cache folder.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help setup wasm program images test lint fuzz fuzz-check soak kubernetes advisories demo demo-check bench bench-core clean

# CI's log is read as text, a stale Cargo.lock is a fault there, and one run shows every failure.
ifdef CI
export CARGO_TERM_COLOR ?= never
export CARGO_TERM_PROGRESS_WHEN ?= never
LOCKED := --locked
KEEP_GOING := --no-fail-fast
endif

SETUP := tests/parts/setup.sh
CARGO_WASM := tests/parts/cargo_wasm.sh
# The pinned cargo-deny, wherever the cache is.
CARGO_DENY := . tests/parts/lib.sh; "$$cache/bin/cargo-deny-$$CARGO_DENY"
# Programs of the harness are built with `--workspace`, as tests are: alone, some crates would have other features, and
# the largest of them would be compiled once more.
TARGET = $(or $(CARGO_TARGET_DIR),target)
BUILT = $(TARGET)/wasm32-unknown-unknown/release/registry_auth.wasm
# The program that suites start: with every check of a debug build, and of the crates that are compiled for tests anyway.
# Not `REGISTRY_AUTH_…`: the registries that are started read such variables.
TESTED = PROGRAM_REGISTRY_AUTH="$(abspath $(TARGET))/debug/registry-auth"
# How long `make fuzz` stays with a target, and with which; all, if none is named.
FUZZ_SECONDS ?= 300
FUZZ_TARGETS ?=
# What `make bench` measures, as `program managed`; all, and a file of numbers, if none is named.
BENCH_PARTS ?=
say = @printf '\n==> %s\n' '$(1)'

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

setup: ## Get all outside parts of tests and lints: Envoy, registries, clients (ten minutes at first, then nothing)
	@$(SETUP) all

wasm: ## Build the filter: target/registry_auth.wasm
	@$(SETUP) wasm
	$(call say,building the filter for wasm)
	@$(CARGO_WASM) build --release $(LOCKED) -p registry-auth-filter
	@mkdir -p target && tests/parts/optimize_wasm.sh "$(BUILT)" target/registry_auth.wasm
	@printf 'target/registry_auth.wasm: %s bytes, %s compressed\n' "$$(wc -c <target/registry_auth.wasm)" \
	  "$$(gzip -9 -c target/registry_auth.wasm | wc -c)"

program: ## Build the program beside the proxy: target/registry-auth
	$(call say,building registry-auth)
	@cargo build --profile program $(LOCKED) -p registry-auth-sidecar
	@mkdir -p target && cp -f "$(TARGET)/program/registry-auth" target/registry-auth.new
	@mv -f target/registry-auth.new target/registry-auth

# Without it `docker compose` compiles both in images; here it takes what is built on this machine.
images: wasm program ## Build the images of docker-compose.yml of what is built here, not compiled anew in them
	$(call say,building the images)
	@docker/image.sh target/registry-auth target/image
	@BUILT=made docker compose build

test: ## Run all tests: core and filter natively, the module on wasmtime and in Envoy with real registries and clients
	@$(SETUP) test
	@$(MAKE) --no-print-directory wasm
	$(call say,cargo test)
	@cargo build --workspace $(LOCKED) --bin registry-auth
	@$(TESTED) cargo test --workspace $(LOCKED) $(KEEP_GOING)

lint: ## Check format, clippy, licences, and where dependencies come from
	@$(SETUP) lint
	$(call say,cargo fmt)
	@cargo fmt --all --check
	$(call say,cargo clippy)
	@cargo clippy --workspace --all-targets --features registry-auth-fuzz/fuzzer $(LOCKED) -- -D warnings
	$(call say,cargo clippy of the filter for wasm)
	@$(CARGO_WASM) clippy --release $(LOCKED) -p registry-auth-filter -- -D warnings
	$(call say,cargo deny)
	@$(CARGO_DENY) check --hide-inclusion-graph bans licenses sources

fuzz: ## Give each parser of outside input five minutes of libFuzzer (FUZZ_SECONDS=300, FUZZ_TARGETS="scope glob")
	@$(SETUP) fuzz
	$(call say,fuzzing each target for $(FUZZ_SECONDS) s)
	@core/fuzz/run.sh $(FUZZ_SECONDS) $(FUZZ_TARGETS)

fuzz-check: ## The same for five seconds each, as CI does
	@$(MAKE) --no-print-directory fuzz FUZZ_SECONDS=5

soak: ## What takes long: a thousand changes under load, ten times the random cases, fuzzing, a real Kubernetes API
	@$(SETUP) soak
	@$(MAKE) --no-print-directory wasm
	$(call say,cargo test with ten times the rounds)
	@cargo build --workspace $(LOCKED) --bin registry-auth
	@$(TESTED) SOAK_TIMES=10 cargo test --workspace $(LOCKED) --no-fail-fast
	@$(MAKE) --no-print-directory kubernetes
	@$(MAKE) --no-print-directory fuzz FUZZ_SECONDS=60

kubernetes: ## Have a real Kubernetes API judge what is rendered for Istio and Envoy Gateway
	@$(SETUP) soak
	$(call say,building what starts and asks all parts)
	@cargo build --workspace $(LOCKED) --bin registry-auth --bin kubernetes
	$(call say,asking a Kubernetes API)
	@$(TESTED) "$(TARGET)/debug/kubernetes"

advisories: ## Look up the dependencies in the RustSec database (fetched from its git repository)
	@$(SETUP) lint
	$(call say,cargo deny check advisories)
	@$(CARGO_DENY) fetch db || { \
	  echo 'make advisories: the database cannot be reached, so nothing was checked' >&2; exit 2; }
	@$(CARGO_DENY) check --disable-fetch advisories

demo: ## Try it: Envoy with the filter, a registry and a client, on this machine; ends with ctrl-c
	@$(SETUP) demo
	@$(MAKE) --no-print-directory wasm
	$(call say,building what starts and asks all parts)
	@cargo build --workspace $(LOCKED) --bin demo
	$(call say,starting the demo)
	@"$(TARGET)/debug/demo"

demo-check: ## Run the demo by itself and check what it shows
	@$(SETUP) demo
	@$(MAKE) --no-print-directory wasm
	$(call say,building what starts and asks all parts)
	@cargo build --workspace $(LOCKED) --bin demo
	$(call say,checking the demo)
	@"$(TARGET)/debug/demo" --check

bench: ## Measure speed, memory and size: a table, and target/bench.json (many minutes, on a machine left alone)
	@$(SETUP) bench
	@$(MAKE) --no-print-directory wasm
	$(call say,building the module that decides nothing)
	@$(CARGO_WASM) build --release $(LOCKED) -p registry-auth-noop
	@cp "$(dir $(BUILT))registry_auth_noop.wasm" target/noop.wasm
	$(call say,building registry-auth with what is for benches alone and what it is compared with)
	@cargo build --profile program $(LOCKED) -p registry-auth-sidecar -p registry-auth-lookups \
	  --features registry-auth-sidecar/bench
	@cp -f "$(TARGET)/program/registry-auth" target/registry-auth-bench.new
	@mv -f target/registry-auth-bench.new target/registry-auth-bench
	@cp -f "$(TARGET)/program/registry-auth-lookups" target/lookups.new
	@mv -f target/lookups.new target/lookups
	$(call say,building what starts and asks all parts)
	@cargo build --workspace $(LOCKED) --bin bench
	$(call say,measuring)
	@"$(TARGET)/debug/bench" $(BENCH_PARTS)

bench-core: ## Count the instructions of core's steps, beside those of the run before (valgrind)
	@$(SETUP) bench-core
	$(call say,building the steps; then counting)
	@. tests/parts/lib.sh; GUNGRAUN_RUNNER="$$cache/bin/gungraun-runner-$$GUNGRAUN" \
	  cargo bench -q $(LOCKED) -p registry-auth-core --bench instructions

clean: ## Delete what was built here (the cache of outside parts stays)
	$(call say,deleting target)
	@cargo clean
	@. tests/parts/lib.sh; printf 'outside parts stay in %s\n' "$$cache"
