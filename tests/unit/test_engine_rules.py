"""Engine arguments, adapters and further arguments that contradict each other, and the sentence for it."""

from typing import Any

import pytest

from stacks.settings import SettingsError, load

QWEN = {"name": "qwen", "source": "file:///weights", "pool": "gpu"}
ENGINE = "modelyard:models[0].engine"
ADAPTERS = "modelyard:models[0].lora.adapters"


def stack(**changes: Any) -> dict[str, Any]:
    return {"pools": [{"name": "gpu", "gpusPerNode": 8}], "models": [QWEN], **changes}


def one_model(**changes: Any) -> dict[str, Any]:
    return stack(models=[{**QWEN, **changes}])


def engine(gpus: int = 1, **changes: Any) -> dict[str, Any]:
    return one_model(gpus=gpus, engine=changes)


def speculative(**changes: Any) -> dict[str, Any]:
    return engine(2, speculativeConfig={"numSpeculativeTokens": 3, **changes})


def adapters(*names: str, **changes: Any) -> dict[str, Any]:
    return one_model(lora={"adapters": [{"name": name, "source": f"hf://o/{name}"} for name in names], **changes})


def ranked(rank: int, **changes: Any) -> dict[str, Any]:
    return one_model(lora={"adapters": [{"name": "sql", "source": "hf://o/sql", "rank": rank}], **changes})


def routed(kind: str, *upstreams: dict[str, Any]) -> dict[str, Any]:
    return {**adapters("sql", "law"), "gateway": {"kind": kind}, "routes": [{"model": "chat", "upstreams": upstreams}]}


RULES = {
    "parallelism that is not the GPUs": (
        engine(8, tensorParallelSize=2, pipelineParallelSize=2, dataParallelSize=3),
        f"{ENGINE}.tensorParallelSize: 2 times pipelineParallelSize 2 times dataParallelSize 3 is 12 GPUs, but the "
        "replica has 8: make the product equal to gpus, or leave tensorParallelSize out",
    ),
    "pipeline that does not divide the GPUs": (
        engine(4, pipelineParallelSize=3),
        f"{ENGINE}.pipelineParallelSize: 3 does not divide the replica's 4 GPUs: write a divisor of gpus",
    ),
    "pipeline and data that do not divide the GPUs": (
        engine(8, pipelineParallelSize=2, dataParallelSize=3),
        f"{ENGINE}.pipelineParallelSize: 2 times dataParallelSize 3 does not divide the replica's 8 GPUs: write a "
        "divisor of gpus",
    ),
    "data that does not divide the GPUs": (
        engine(4, dataParallelSize=3),
        f"{ENGINE}.dataParallelSize: 3 does not divide the replica's 4 GPUs: write a divisor of gpus",
    ),
    "experts on one GPU": (
        engine(1, enableExpertParallel=True),
        f"{ENGINE}.enableExpertParallel: true, but experts are spread over tensor and data parallel GPUs, and here one "
        "GPU has each layer: leave it out, or give the replica more GPUs",
    ),
    "steps shorter than a prompt": (
        engine(maxNumBatchedTokens=2048, maxModelLen=8192, enableChunkedPrefill=False),
        f"{ENGINE}.maxNumBatchedTokens: 2048 is below maxModelLen 8192, and with enableChunkedPrefill false a prompt "
        "goes through one step whole, so vLLM does not start: write 8192 or more, or leave enableChunkedPrefill out",
    ),
    "steps too small for their sequences": (
        engine(maxNumBatchedTokens=64, maxNumSeqs=128),
        f"{ENGINE}.maxNumBatchedTokens: 64 is too few for a step of maxNumSeqs 128 and vLLM does not start: write 128 "
        "or more, or a smaller maxNumSeqs",
    ),
    "steps too small for guesses": (
        one_model(
            engine={
                "maxNumBatchedTokens": 256,
                "maxNumSeqs": 128,
                "speculativeConfig": {"method": "ngram", "numSpeculativeTokens": 3},
            },
            lora={"adapters": [{"name": "sql", "source": "hf://o/sql"}]},
        ),
        f"{ENGINE}.maxNumBatchedTokens: 256 is too few for a step of maxNumSeqs 128 of 4 tokens, as guesses are "
        "counted too, and vLLM does not start: write 512 or more, or a smaller maxNumSeqs",
    ),
    "memory said twice": (
        engine(kvCacheMemoryBytes=1024, gpuMemoryUtilization=0.5),
        f"{ENGINE}.kvCacheMemoryBytes: 1024 together with gpuMemoryUtilization 0.5, which vLLM ignores then: leave one "
        "of them out",
    ),
    "second model that nobody asks": (
        speculative(method="ngram", model="hf://o/draft"),
        f"{ENGINE}.speculativeConfig.model: 'hf://o/draft' with method 'ngram', which guesses without a second model: "
        "leave it out, or write method: draft_model",
    ),
    "no second model": (
        speculative(method="eagle3"),
        f"{ENGINE}.speculativeConfig.model: nothing is given, but method 'eagle3' guesses by a second model: say where "
        "its weights are, or write method: ngram",
    ),
    "revision of no repository": (
        speculative(method="draft_model", model="file:///draft", revision="main"),
        f"{ENGINE}.speculativeConfig.revision: 'main', but only an hf:// second model has revisions: leave it out, or "
        "name one in model",
    ),
    "lookup by a model": (
        speculative(method="eagle", model="hf://o/draft", promptLookupMax=4),
        f"{ENGINE}.speculativeConfig.promptLookupMax: 4 with method 'eagle', which looks nothing up in the prompt: "
        "leave it out, or write method: ngram",
    ),
    "fewest words above most": (
        speculative(method="ngram", promptLookupMin=5, promptLookupMax=4),
        f"{ENGINE}.speculativeConfig.promptLookupMin: 5 is above promptLookupMax 4, and no number of tokens is both: "
        "correct one of them",
    ),
    "second model on other GPUs": (
        engine(
            4,
            speculativeConfig={
                "method": "eagle",
                "model": "hf://o/draft",
                "numSpeculativeTokens": 2,
                "draftTensorParallelSize": 2,
            },
        ),
        f"{ENGINE}.speculativeConfig.draftTensorParallelSize: 2, but vLLM runs the second model on one GPU or on as "
        "many as share the model's layers, 4: write one of these, or leave it out",
    ),
    "writer that embeds": (
        engine(runner="generate", convert="embed"),
        f"{ENGINE}.convert: 'embed' with runner 'generate', which writes text: write runner: pooling, or leave convert "
        "out",
    ),
    "tools of an embedding model": (
        engine(runner="pooling", toolCallParser="hermes"),
        f"{ENGINE}.toolCallParser: 'hermes' with runner 'pooling', and such a model writes no answer that it could be "
        "for: leave it out, or leave runner out",
    ),
    "reasoning of a reranker": (
        engine(convert="classify", reasoningParser="qwen3"),
        f"{ENGINE}.reasoningParser: 'qwen3' with convert 'classify', and such a model writes no answer that it could "
        "be for: leave it out, or leave convert out",
    ),
    "preset of an embedding model": (
        engine(runner="pooling", preset="qwen3"),
        f"{ENGINE}.preset: 'qwen3' with runner 'pooling', and such a model writes no answer that it could be for: "
        "leave it out, or leave runner out",
    ),
    "guesses of an embedding model": (
        engine(runner="pooling", speculativeConfig={"method": "ngram", "numSpeculativeTokens": 2}),
        f"{ENGINE}.speculativeConfig.method: 'ngram' with runner 'pooling', and such a model writes no answer that it "
        "could be for: leave it out, or leave runner out",
    ),
    "no adapter": (
        adapters(maxLoras=2),
        f"{ADAPTERS}: the list is empty, and vLLM turns LoRA on for adapters only: add one, or remove lora",
    ),
    "adapter twice": (
        adapters("sql", "sql"),
        f"{ADAPTERS}[1].name: 'sql' stands at models[0].lora.adapters[0] already, and names must differ: rename one of "
        "them",
    ),
    "adapter named as its model": (
        adapters("qwen"),
        f"{ADAPTERS}[0].name: 'qwen' is a name of the model itself, which would answer in the adapter's place, so vLLM "
        "does not start: give the adapter another name",
    ),
    "rank above the limit": (
        ranked(40, maxLoraRank=32),
        f"{ADAPTERS}[0].rank: 40 is above maxLoraRank 32, and vLLM does not start with such an adapter: write "
        "maxLoraRank: 64, or leave maxLoraRank out",
    ),
    "rank above all limits": (
        ranked(1024),
        f"{ADAPTERS}[0].rank: 1024, but vLLM serves no rank above 512: train the adapter with a lower one, or merge it "
        "into the model's weights",
    ),
    "adapter that changes in production": (
        {**adapters("sql"), "production": True},
        f"{ADAPTERS}[0].source: 'hf://o/sql' in production, where a restart would take whatever the repository then "
        "has, for vLLM knows no revision of an adapter: put it on a claim and write pvc://<claim>/<path in it>",
    ),
    "second model that changes in production": (
        {**speculative(method="eagle", model="hf://o/draft"), "production": True},
        f"{ENGINE}.speculativeConfig.revision: nothing is given in production, where a restart would take whatever the "
        "repository then has: write the commit that you have tried, 40 hexadecimal digits, as the repository's history "
        "shows it",
    ),
    "memory for adapters that are not there": (
        adapters("sql", maxLoras=4),
        "modelyard:models[0].lora.maxLoras: 4 is more than the 1 listed, and memory would be set aside for adapters "
        "that nobody can ask for: write 1 or fewer, or leave it out",
    ),
    "route to no adapter": (
        routed("envoy", {"model": "qwen", "adapter": "poems"}),
        "modelyard:routes[0].upstreams[0].adapter: 'poems' is no adapter of model 'qwen': write 'law' or 'sql', or add "
        "it to modelyard:models[0].lora.adapters",
    ),
    "adapter twice in a route": (
        routed("envoy", *({"model": "qwen", "adapter": "sql", "weight": 50} for _ in range(2))),
        "modelyard:routes[0].upstreams[1].model: 'qwen@sql' stands at routes[0].upstreams[0] already, and names must "
        "differ: rename one of them",
    ),
    "adapters that Higress cannot tell apart": (
        routed("higress", {"model": "qwen", "weight": 90}, {"model": "qwen", "adapter": "sql", "weight": 10}),
        "modelyard:routes[0].upstreams: model 'qwen' stands there 2 times, and Higress tells a model's adapters apart "
        "by route, so all requests would go to one of them: make a route for each, or use a gateway of kind envoy",
    ),
    "adapter named as another model": (
        stack(
            models=[
                {**QWEN, "lora": {"adapters": [{"name": "law", "source": "hf://o/law"}]}},
                {**QWEN, "name": "law", "source": "file:///law"},
            ]
        ),
        f"{ADAPTERS}[0].name: 'law' is the name of models[1] too, and without modelyard:routes each name has one "
        "route: rename one of them, or write routes",
    ),
    "argument that vLLM has not": (
        one_model(extraArgs=["--seed", "-1", "--max-model-length=4096"]),
        "modelyard:models[0].extraArgs[2]: '--max-model-length' is no argument of vLLM 0.32.0, which does not start "
        "with it: write --max-model-len",
    ),
    "argument like no other": (
        one_model(extraArgs=["--zzz"]),
        "modelyard:models[0].extraArgs[0]: '--zzz' is no argument of vLLM 0.32.0, which does not start with it: "
        "correct or remove it",
    ),
    "setting said again": (
        one_model(engine={"maxModelLen": 4096}, extraArgs=["--max_model_len=8192"]),
        "modelyard:models[0].extraArgs[0]: '--max-model-len' says again what modelyard:models[0].engine.maxModelLen "
        "says, and vLLM would take this one, of which nothing else here knows: write it as engine.maxModelLen only",
    ),
    "parallelism said again": (
        one_model(extraArgs=["-tp", "2"]),
        "modelyard:models[0].extraArgs[0]: '-tp' says again what modelyard:models[0].engine.tensorParallelSize says, "
        "and vLLM would take this one, of which nothing else here knows: write it as engine.tensorParallelSize only",
    ),
    "speculation said again": (
        one_model(
            engine={"speculativeConfig": {"method": "ngram", "numSpeculativeTokens": 2}},
            extraArgs=["--speculative-config.method", "mtp"],
        ),
        "modelyard:models[0].extraArgs[0]: '--speculative-config' says again what "
        "modelyard:models[0].engine.speculativeConfig says, and vLLM would take this one, of which nothing else here "
        "knows: write it as engine.speculativeConfig only",
    ),
    "port of its own": (
        one_model(extraArgs=["--port", "9000"]),
        "modelyard:models[0].extraArgs[0]: '--port' is not for a stack to choose, since the Services and probes find "
        "the server by it: remove it",
    ),
    "setting said again by the beginning of its name": (
        one_model(engine={"maxModelLen": 4096}, extraArgs=["--max-model-l", "8192"]),
        "modelyard:models[0].extraArgs[0]: '--max-model-l' says again what modelyard:models[0].engine.maxModelLen "
        "says, and vLLM would take this one, of which nothing else here knows: write it as engine.maxModelLen only",
    ),
    "token among the arguments": (
        one_model(extraArgs=["--hf-token=hf_x"]),
        "modelyard:models[0].extraArgs[0]: '--hf-token' is not for a stack to choose, since it is a secret, and "
        "arguments are plain in the manifest, while the pods have the token of "
        "`pulumi config set --secret modelyard:huggingFaceToken` or of weights.tokenSecret: remove it",
    ),
    "key by the beginning of its name": (
        one_model(extraArgs=["--api-k=sk-x"]),
        "modelyard:models[0].extraArgs[0]: '--api-k' is not for a stack to choose, since the gateway calls the pods "
        "without a key, and knows the callers itself: remove it",
    ),
    "server that answers nobody": (
        one_model(extraArgs=["--headless"]),
        "modelyard:models[0].extraArgs[0]: '--headless' is not for a stack to choose, since the nodes of a replica "
        "follow from gpus and the pool: remove it",
    ),
    "server that asks for TLS": (
        one_model(extraArgs=["--ssl-keyfile", "/tls/key"]),
        "modelyard:models[0].extraArgs[0]: '--ssl-keyfile' is not for a stack to choose, since the gateway and the "
        "probes ask the server by HTTP: remove it",
    ),
    "server for each engine": (
        one_model(extraArgs=["-dph"]),
        "modelyard:models[0].extraArgs[0]: '-dph' is not for a stack to choose, since a replica is one server with all "
        "its engines, which the Services lead to: remove it",
    ),
    "value of no argument": (
        one_model(extraArgs=["5"]),
        "modelyard:models[0].extraArgs[0]: '5' belongs to no argument, and vLLM does not start with it: write an "
        "argument's name ahead of it, such as --max-logprobs",
    ),
    "source of an adapter": (
        one_model(lora={"adapters": [{"name": "sql", "source": "o/sql"}]}),
        f"{ADAPTERS}[0].source: 'o/sql' is no place that weights beside the model's are read from: write "
        "hf://<organisation>/<repository>, file:///<path on the node> or pvc://<claim>/<path in it>, with no '..' in "
        "it",
    ),
    "name of an adapter": (
        one_model(lora={"adapters": [{"name": "my sql", "source": "hf://o/sql"}]}),
        f"{ADAPTERS}[0].name: 'my sql' is no name that every client can ask for: use letters, digits, '.', '_', '/' "
        "and '-', and begin with a letter or a digit",
    ),
    "parser that vLLM has not": (
        engine(toolCallParser="hermse"),
        f"{ENGINE}.toolCallParser: 'hermse' is no parser of vLLM 0.32.0, which does not start with it: write hermes",
    ),
    "parser that would be read as an argument": (
        engine(toolCallParser="-hermes"),
        f"{ENGINE}.toolCallParser: '-hermes' is no value that vLLM's command line takes: write one that begins with "
        "neither '-' nor a space, or leave it out",
    ),
    "method of no name": (
        engine(quantization=""),
        f"{ENGINE}.quantization: '' is no value that vLLM's command line takes: write one that begins with neither "
        "'-' nor a space, or leave it out",
    ),
    "template that is none": (
        engine(chatTemplate="templates/chat.jinja"),
        f"{ENGINE}.chatTemplate: 'templates/chat.jinja' is neither a path in the container nor a template in Jinja: "
        "write a path that begins with '/', or the template itself, which has a '{' in it and begins with neither '/' "
        "nor '-'",
    ),
}


@pytest.mark.parametrize(("raw", "sentence"), RULES.values(), ids=RULES.keys())
def test_every_rule_says_what_is_wrong(raw: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(raw)
    assert caught.value.problems == [sentence]


WORKING = {
    "sizes that multiply to the GPUs": engine(8, tensorParallelSize=2, pipelineParallelSize=2, dataParallelSize=2),
    "sizes that leave the rest to tensor parallelism": engine(8, pipelineParallelSize=2, dataParallelSize=2),
    "experts over data parallel GPUs": engine(8, dataParallelSize=8, enableExpertParallel=True),
    "steps shorter than a prompt that is taken in pieces": engine(maxNumBatchedTokens=2048, maxModelLen=8192),
    "guesses from the prompt": speculative(method="ngram", promptLookupMin=2, promptLookupMax=4),
    "guesses of a second model": speculative(
        method="eagle3", model="hf://o/draft", revision="v1", draftTensorParallelSize=2
    ),
    "an embedding model": engine(runner="pooling", convert="embed", preset="auto"),
    "ranks within the limit": ranked(40, maxLoraRank=64),
    "ranks without a limit": ranked(320),
    "a canary of an adapter": routed(
        "envoy", {"model": "qwen", "weight": 90}, {"model": "qwen", "adapter": "sql", "weight": 10}
    ),
    "pinned weights in production": {
        **one_model(
            lora={"adapters": [{"name": "sql", "source": "pvc://lora/sql"}]},
            engine={
                "speculativeConfig": {
                    "method": "eagle",
                    "model": "hf://o/draft",
                    "revision": "0123456789abcdef0123456789abcdef01234567",
                    "numSpeculativeTokens": 2,
                }
            },
        ),
        "production": True,
    },
    "an adapter alone behind Higress": routed("higress", {"model": "qwen", "adapter": "sql"}),
    "arguments that no setting is for": one_model(extraArgs=["--max-logprobs", "5", "-O3", "-dcp", "1"]),
    "the beginning of an argument's name": one_model(extraArgs=["--max-logp", "5"]),
    "an argument whose setting is left out": one_model(extraArgs=["--kv-cache-dtype", "fp8"]),
    "arguments of another version": stack(
        serving={"image": "docker.io/vllm/vllm-openai:v0.40.0"}, models=[{**QWEN, "extraArgs": ["--of-tomorrow"]}]
    ),
    "arguments of another accelerator": {
        **one_model(extraArgs=["--of-gaudi"], engine={"reasoningParser": "of_gaudi"}),
        "pools": [{"name": "gpu", "accelerator": "gaudi"}],
    },
    "a parser of one's own": one_model(
        engine={"toolCallParser": "mine"}, extraArgs=["--tool-parser-plugin", "/opt/mine.py"]
    ),
    "a path of a template": engine(chatTemplate="/templates/chat.jinja"),
    "a template": engine(chatTemplate="{% for message in messages %}\n{{ message.content }}{% endfor %}"),
    "a template that begins with a text": engine(chatTemplate="<s>{{ messages[0].content }}"),
}


@pytest.mark.parametrize("raw", WORKING.values(), ids=WORKING.keys())
def test_what_works_is_taken(raw: dict[str, Any]) -> None:
    assert load(raw).models[0].name == "qwen"


@pytest.mark.parametrize(
    "given", ["https://images.example.com", "*.example.com", "Images.example.com", "a:80", "", "-a"]
)
def test_hosts_of_media_are_names_that_vllm_compares(given: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load(engine(allowedMediaDomains=[given]))
    assert str(refused.value) == (
        f"{ENGINE}.allowedMediaDomains[0]: {given!r} is no host that vLLM compares with that of a URL: write a whole "
        "name in lower case without scheme, port and path, such as images.example.com, or '*' alone for every host"
    )
