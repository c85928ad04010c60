# `make` is what a change must pass; `make help` lists the rest.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := all
.PHONY: all fmt-check vet lint needs deps test run fuzz bench bench-deps bench-pushes microbench guard release help

ARGS     ?= demo
FUZZTIME ?= 10s
# Go makes each input that reaches new code smaller, for up to a minute unless told
# otherwise, and tries no other meanwhile: FuzzGrants stood still for most of its time.
SMALLER  := -fuzzminimizetime 100x
# Programs that the tests need, each with the Debian package that has it if that
# is called otherwise.
PROGRAMS := gcc curl node:nodejs npm buildah podman runc /usr/lib/podman/netavark:netavark /usr/lib/podman/aardvark-dns:aardvark-dns redis-server redis-sentinel chromium zip zsh fish rpm tinyproxy:tinyproxy-bin
SDKS     := testdata/sdk
NPM      := $(SDKS)/npm testdata/browser
DEPLOY   := testdata/deploy
TOOLS    := deploy/tools
INSTALL  := $(if $(filter-out 0,$(shell id -u)),sudo) sh -c 'apt-get -q update && apt-get -qy install "$$@"' install
PROMTOOL := .tools/bin/promtool
# What is measured beside wxproxy, and by what. Debian's packages start a service
# when they are installed, unless policy-rc.d forbids it.
PEERS    := nginx haproxy wrk redis-server taskset:util-linux
QUIETLY  := $(if $(filter-out 0,$(shell id -u)),sudo) sh -c 'p=/usr/sbin/policy-rc.d; \
	test -e $$p || { trap "rm -f $$p" EXIT; printf "\#!/bin/sh\nexit 101\n" >$$p; chmod +x $$p; }; \
	apt-get -q update && apt-get -qy install --no-install-recommends "$$@"' install
# Systems for which everything has to compile, tests included.
SYSTEMS  := linux darwin windows freebsd
LINTER   := .tools/bin/golangci-lint-v2.15.0

all: fmt-check vet lint test fuzz ## check everything: formatting, vet, lint, tests, 10 s of each fuzz target

fmt-check: ## list files that gofmt would change
	@test -z "$$(gofmt -l . | tee /dev/stderr)"
vet: ## run go vet for every system, tests included
	@for os in $(SYSTEMS); do echo "GOOS=$$os go vet ./..."; GOOS=$$os go vet ./...; done
lint: $(LINTER) ## run golangci-lint, built on first use (some minutes)
	$(LINTER) run ./...
$(LINTER):
	GOBIN=$(CURDIR)/.tools/bin go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(subst .tools/bin/golangci-lint-,,$@)
	mv .tools/bin/golangci-lint $@

needs: ## say what deps would install
	@PROGRAMS="$(PROGRAMS) nginx" MODULES=". $(SDKS)/go $(DEPLOY) $(TOOLS)" NPM="$(NPM)" .ci/needs
deps: needs $(if $(shell command -v promtool),,$(PROMTOOL)) ## install what the tests need, and say so before: modules of Go and npm, and programs that are missing
	go mod download
	@missing=; for p in $(PROGRAMS); do type "$${p%:*}" >/dev/null 2>&1 || missing+=" $${p#*:}"; done; \
	test -z "$$missing" || $(INSTALL) $$missing
	@type nginx >/dev/null 2>&1 || $(QUIETLY) nginx
	cd $(SDKS)/go && go mod download
	cd $(DEPLOY) && go mod download
	cd $(TOOLS) && go mod download
	@for d in $(NPM); do test $$d/node_modules/.package-lock.json -nt $$d/package-lock.json || npm --prefix $$d ci --no-audit --no-fund; done
$(PROMTOOL): | needs # alone: its package starts a Prometheus
	$(INSTALL)
	mkdir -p $(@D)
	cd .tools && apt-get -q download prometheus && \
	dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x -C bin --strip-components=3 ./usr/bin/promtool && rm prometheus_*.deb
test: deps ## run all tests with the race detector
	go test -race -timeout 15m $(TESTFLAGS) ./...
run: ## run wxproxy: make run ARGS="serve -config my.local.toml"; without ARGS, the demo
	go run . $(ARGS)
fuzz: ## run every fuzz target for FUZZTIME
	@go test -list '^Fuzz' ./... | awk '/^Fuzz/ {t[n++] = $$1} /^ok/ {for (i = 0; i < n; i++) print $$2, t[i]; n = 0}' | \
	while read -r pkg target; do echo "$$pkg $$target"; go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $(SMALLER) $$pkg </dev/null; done

bench-deps: ## install nginx, HAProxy, wrk and Redis if missing, without starting them
	@missing=; for p in $(PEERS); do type "$${p%:*}" >/dev/null 2>&1 || missing+=" $${p#*:}"; done; \
	test -z "$$missing" || $(QUIETLY) $$missing
bench: bench-deps ## compare with nginx and HAProxy (15 min); QUICK=1 (1 min); ONLY=bodies one part; SIZING=1 what to plan for (6 min, QUICK=1 2 min); WXPROXY="old=/path new=/path"
	@go build -o .tools/bin/bench ./bench
	@.tools/bin/bench $(if $(filter-out 0,$(QUICK)),-quick) $(if $(filter-out 0,$(SIZING)),-sizing) $(if $(ONLY),-only $(ONLY)) -wxproxy "$(WXPROXY)" $(BENCHFLAGS)
bench: $(if $(filter-out 0,$(QUICK) $(SIZING))$(ONLY),,bench-pushes)
bench-pushes: bench-deps ## measure WeChat's pushes beside a receiver written by hand (2 min), into bench/PUSHES.md
	@go build -o .tools/bin/bench-pushes ./bench/pushes
	@taskset -c 1 .tools/bin/bench-pushes -wxproxy "$(WXPROXY)" -results bench/PUSHES.md
microbench: ## run all of Go's benchmarks and report allocations
	go test -run '^$$' -bench . -benchmem ./...
guard: ## fail if requests allocate more than they have to
	go test -run '^$$' -bench '^BenchmarkHotPath$$' -benchtime 5000x ./proxy
release: ## make the archives, packages and bills of materials of a release in dist/, the same bytes for the same commit and Go
	deploy/release.sh
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
