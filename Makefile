# Homereel's commands. Everything they need is installed first, by packaging/setup.

# Where `make run` looks for videos, where it listens, and where it keeps its data. With
# HOST=127.0.0.1 only this machine can watch.
DROP ?= $(HOME)/Homereel/Drop
HOST ?= 0.0.0.0
PORT ?= 8096
DATA ?= $(or $(XDG_DATA_HOME),$(HOME)/.local/share)/homereel

TARGET := $(or $(CARGO_TARGET_DIR),target)
RELEASE := $(TARGET)/release

.DEFAULT_GOAL := help
.PHONY: help run desktop deb deb-check test bench assets lint clean setup setup-run setup-bench setup-deb
# The steps share folders and say what they do: one at a time, whatever -j says. Cargo is parallel.
.NOTPARALLEL:

help: ## Lists these commands
	@echo "make run [DROP=folder] [HOST=address] [PORT=number] [DATA=folder]   and these:"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1	\2/p' $(MAKEFILE_LIST)

run: assets ## Builds Homereel, starts it and watches the folder DROP
	cargo build --release --package homereel --package media-worker
	@mkdir -p "$(DROP)"
	@echo
	@echo "  watch at           http://localhost:$(PORT)/"
	@address=$$(hostname -I 2>/dev/null | cut -d' ' -f1); \
	    test "$(HOST)" != 0.0.0.0 || test -z "$$address" || echo "  in your network    http://$$address:$(PORT)/"
	@echo "  drop videos into   $(DROP)"
	@echo "  data is kept in    $(DATA)"
	@echo
	@exec "$(RELEASE)/homereel" serve --data-dir "$(DATA)" --listen "$(HOST):$(PORT)" \
	    --watch "$$(cd "$(DROP)" && pwd)"

desktop: setup-deb assets ## Builds the desktop app and starts it
	cargo build --release --package homereel --package media-worker --package desktop
	@exec "$(RELEASE)/homereel-desktop"

deb: setup-deb assets ## Makes the Debian package: server, worker and desktop app
	cargo build --release --package homereel --package media-worker --package desktop
	@packaging/deb/build "$(RELEASE)"

deb-check: deb ## Installs the package in a Debian that has nothing else; takes minutes and root
	@packaging/deb/check "$$(packaging/deb/build "$(RELEASE)" | tail -n 1)"

test: setup assets lint ## Checks everything and runs every test, those in a real browser too
	npm test --prefix web
	@# The end-to-end tests start the real programs, so these are built before any test runs.
	cargo build --workspace --bins
	cargo test --workspace --no-fail-fast

bench: setup-bench assets ## Measures the budgets against FFmpeg and nginx, in one run
	cargo build --release --package homereel --package media-worker
	cargo run --release --package tests --bin bench

assets: setup-run ## Checks and bundles the pages' scripts and styles into web/dist
	npm run check --prefix web
	npm run build --prefix web

lint: setup assets ## Formatting, lints and documentation, each warning an error
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- --deny warnings
	RUSTDOCFLAGS="--deny warnings" cargo doc --workspace --no-deps --document-private-items

clean: ## Removes everything that was built or installed below this folder
	cargo clean
	rm -rf web/dist web/node_modules tests/browser/node_modules

setup: # What `make test` needs.
	packaging/setup test

setup-bench: # What `make bench` needs.
	packaging/setup bench

setup-deb: # What the desktop app needs besides.
	packaging/setup deb

setup-run: # What `make run` needs; the rest is not installed on a machine that only plays films.
	packaging/setup run
