# The commands of Modelyard. CI runs `make lint` and `make test`, and nothing else.

MODELYARD_HOME ?= /var/lib/modelyard
export MODELYARD_HOME

STACK ?= local
ARGS ?=
SBOM ?= $(MODELYARD_HOME)/sbom
UV := $(or $(shell command -v uv 2>/dev/null),$(MODELYARD_HOME)/uv/bin/uv)
PYTHON := .venv/bin/python
LOCAL := $(PYTHON) -m local
MODELYARD := .venv/bin/modelyard

.DEFAULT_GOAL := help
.PHONY: help demo test test-unit test-faults lint audit sbom format setup clouds previous-vllm local-up local-down local-status local-reset \
	dashboards kubectl preview up destroy refresh output modelyard policies schema config artifacts fit bench-setup bench-scale \
	bench-nodes bench-serving bench-gate bench-cli bench-weights bench-gateway bench-failover bench-routes \
	bench-first-token bench-rolling

help: ## Show the targets
	@grep -hE '^[a-z -]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "%-34s %s\n", $$1, $$2}'

demo: .venv ## Bring up the platform on the embedded cluster and run the reference experiment
	@$(LOCAL) demo $(ARGS)

test: setup clouds previous-vllm ## Run every test: unit, components, gateway contract, clouds, live cluster
	@$(PYTHON) -m pytest $(ARGS)

test-unit: .venv ## Run the quick tests, which need nothing built: unit and components
	@$(PYTHON) -m pytest tests/unit tests/components $(ARGS)

test-faults: setup ## Run only the tests that break something on purpose
	@$(PYTHON) -m pytest -m faults $(ARGS)

lint: .venv audit ## Check format, lint, types, and the dependencies for known vulnerabilities
	@$(PYTHON) -m ruff format --check --quiet .
	@$(PYTHON) -m ruff check --quiet .
	@$(PYTHON) -m mypy

# Without the internet nobody can be asked, which fails nothing. uv ends with 1 where it found something, else with 2, and
# says of what it could not ask "for url (...)".
audit: | $(UV) ## Look for known vulnerabilities of the locked Python packages; OSV=<URL> asks a mirror of osv.dev
	@said=$$(UV_HTTP_RETRIES=0 $(UV) audit --quiet --frozen --preview-features audit-command \
		$(addprefix --service-url=,$(OSV)) 2>&1) || { \
		code=$$?; echo "$$said" >&2; \
		case "$$code $$said" in \
			"2 "*" for url ("* | "2 "*"requires network access"*) \
				echo "not audited: OSV, the database of vulnerabilities, is not reached from here" >&2 ;; \
			*) exit $$code ;; \
		esac; }

sbom: .venv | $(UV) ## Write bills of materials in CycloneDX into SBOM=...: Python, Go, vLLM, and what STACK=... pulls
	@mkdir -p $(SBOM)
	@$(UV) export --quiet --frozen --no-default-groups --group local --all-extras --format cyclonedx1.5 \
		--preview-features sbom-export --output-file $(SBOM)/python.cdx.json >/dev/null
	@$(PYTHON) -m local.sbom $(SBOM) $(STACK)
	@ls $(SBOM)/*.cdx.json

format: .venv ## Format the code
	@$(PYTHON) -m ruff format .
	@$(PYTHON) -m ruff check --fix .

setup: .venv ## Build what the embedded cluster needs, where it is not there yet
	@$(LOCAL) setup

clouds: $(MODELYARD_HOME)/clouds/.synced ## Install the clouds' SDKs for tests of node pools

previous-vllm: $(MODELYARD_HOME)/previous-vllm/.synced ## Install the version of vLLM before ours, for tests of its parser

local-up: setup ## Start the embedded cluster, or what does not run of it
	@$(LOCAL) up

local-down: .venv ## Stop the embedded cluster; its state stays
	@$(LOCAL) down

local-status: .venv ## Show what runs of the embedded cluster
	@$(LOCAL) status

local-reset: .venv ## Stop the embedded cluster and delete its state
	@$(LOCAL) reset

dashboards: local-up ## Start a Prometheus in the embedded cluster, and show the dashboards on a page until Ctrl+C
	@$(LOCAL) dashboards $(ARGS)

kubectl: .venv ## Run kubectl ARGS=... against the embedded cluster
	@$(LOCAL) kubectl $(ARGS)

preview up destroy refresh: .venv ## Run pulumi on STACK=... with ARGS=...
	@$(LOCAL) pulumi $(STACK) $@ $(ARGS)

output: .venv ## Print the output NAME=... of STACK=...
	@$(LOCAL) pulumi $(STACK) stack output $(NAME)

modelyard: .venv ## Run the command modelyard with ARGS=...
	@$(MODELYARD) $(ARGS)

policies: .venv ## Preview STACK=... with the policy pack
	@$(LOCAL) pulumi $(STACK) preview --policy-pack=policies \
		$(addprefix --policy-pack-config=,$(wildcard policies/configuration/$(STACK).json)) $(ARGS)

schema: .venv ## Write stacks/schema.json anew
	@$(PYTHON) -m stacks.schema

config: .venv ## Print the configuration of STACK=... with all that it builds upon
	@$(PYTHON) -m stacks.whole $(STACK)

artifacts: .venv ## List what STACK=... has the cluster pull, for a mirror; ARGS=--json for programs
	@$(MODELYARD) artifacts --stack=$(STACK) $(ARGS)

fit: .venv ## Say whether the models of STACK=... fit their GPUs; ARGS=--json for programs
	@$(MODELYARD) fit --stack=$(STACK) $(ARGS)

bench-setup: .venv ## Measure the first and the second `make demo`, and the memory of the whole
	@$(PYTHON) -m bench.setup $(ARGS)

bench-scale: setup ## Measure the program by the number of models, beside a flat one
	@$(PYTHON) -m bench.scale $(ARGS)

bench-cli: .venv ## Measure the start of the command modelyard beside its peers, and a preview
	@$(PYTHON) -m bench.cli $(ARGS)

bench-gate: .venv ## Measure what the middleware in vLLM's server costs a request
	@$(PYTHON) -m bench.gate

bench-weights: .venv ## Measure downloads of weights beside Hugging Face's library, from a hub on loopback
	@$(PYTHON) -m bench.weights $(ARGS)

bench-gateway: .venv $(MODELYARD_HOME)/bench-gateway/.synced ## Measure what gateways add to a request: ours, plain Envoy, LiteLLM, vllm-router
	@$(PYTHON) -m bench.gateway $(ARGS)

bench-failover: .venv $(MODELYARD_HOME)/bench-gateway/.synced ## Measure what clients see when a model is lost: ours beside LiteLLM
	@$(PYTHON) -m bench.failover $(ARGS)

bench-routes: .venv ## Measure the gateway by the number of models; ARGS=--cluster changes routes by `pulumi up`
	@$(PYTHON) -m bench.routes $(ARGS)

bench-first-token: .venv ## Measure one more model on the embedded cluster until its first token, beside bare vLLM
	@$(PYTHON) -m bench.first_token $(ARGS)

bench-rolling: .venv ## Measure what clients lose in rolling restarts and an upgrade, beside plain `vllm serve`
	@$(PYTHON) -m bench.rolling $(ARGS)

bench-serving: .venv ## Measure the entrypoint beside bare vLLM; on a GPU with ARGS="small --python python3"
	@$(PYTHON) -m bench.serving all $(or $(ARGS),tiny --python $(MODELYARD_HOME)/vllm/bin/python)

bench-nodes: setup ## Measure 500 models on 1,000 simulated nodes of 8 GPUs, some of which leave
	@$(PYTHON) -m bench.nodes $(ARGS)

# The environment is made anew when the lock changes, and only then.
.venv: .venv/.synced
.venv/.synced: uv.lock pyproject.toml | $(UV)
	@$(UV) sync --quiet --frozen --python 3.11
	@touch $@

# An environment of its own: Pulumi wants the provider of every SDK that is beside a program, whether it is used or not.
$(MODELYARD_HOME)/clouds/.synced: uv.lock pyproject.toml | $(UV)
	@UV_PROJECT_ENVIRONMENT=$(MODELYARD_HOME)/clouds $(UV) sync --quiet --frozen --no-default-groups --all-extras --python 3.11
	@touch $@

# Only its command line is looked at, beside what the present version is installed with: without the compiled parts.
$(MODELYARD_HOME)/previous-vllm/.synced: tests/serving/previous-vllm.txt | .venv/.synced
	@rm -rf $(@D)
	@$(UV) pip install --quiet --no-cache --no-deps --python $(PYTHON) --target $(@D) --requirements $<
	@find $(@D) -name '*.so*' -delete
	@touch $@

# What the gateway is measured beside, with dependencies that this program must not have.
$(MODELYARD_HOME)/bench-gateway/.synced: bench/gateway_peers.txt | $(UV)
	@rm -rf $(@D)
	@$(UV) venv --quiet --python 3.11 $(@D)
	@$(UV) pip install --quiet --python $(@D)/bin/python --requirements $<
	@touch $@

# Debian's python3 has no venv of its own until python3-venv is there.
$(MODELYARD_HOME)/uv/bin/uv:
	@mkdir -p $(MODELYARD_HOME) 2>/dev/null && test -w $(MODELYARD_HOME) || { \
		echo "$(MODELYARD_HOME) cannot be written: run this as root, or set MODELYARD_HOME to a folder of yours" >&2; \
		exit 1; }
	@python3 -m venv $(MODELYARD_HOME)/uv >/dev/null 2>&1 || { \
		rm -rf $(MODELYARD_HOME)/uv; \
		apt-get update -qq && apt-get install -y -qq python3-venv >/dev/null && python3 -m venv $(MODELYARD_HOME)/uv; }
	@$(MODELYARD_HOME)/uv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement local/uv.txt
