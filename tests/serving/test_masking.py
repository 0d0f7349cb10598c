"""What no log may show."""

import pytest

from serving.masking import masked, secrets


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["--api-key", "k1", "k2", "--port", "1"], ["--api-key", "***", "***", "--port", "1"]),
        (["--api-key=k1", "word"], ["--api-key=***", "word"]),
        (["--api_key", "k1"], ["--api_key", "***"]),
        (["--hf-token", "hf_x"], ["--hf-token", "***"]),
        (["--hf-token=hf=x"], ["--hf-token=***"]),
        (["--store.password", "p"], ["--store.password", "***"]),
        (["--max-num-batched-tokens", "512"], ["--max-num-batched-tokens", "512"]),
        (["--tokenizer", "t"], ["--tokenizer", "t"]),
        (["--ssl-keyfile", "/tls/key.pem"], ["--ssl-keyfile", "/tls/key.pem"]),
        (["--x", '{"a": [{"api_key": "k"}], "n": 1}'], ["--x", '{"a": [{"api_key": "***"}], "n": 1}']),
        (['--x={"apiKey":"k","secretKey":{"a":1}}'], ['--x={"apiKey": "***", "secretKey": "***"}']),
        (["--x", '[{"password": "p"}]'], ["--x", '[{"password": "***"}]']),
        (["--x", '{"num_speculative_tokens":3,"key":""}'], ["--x", '{"num_speculative_tokens":3,"key":""}']),
        (["--x", '{"api_key": "k"'], ["--x", '{"api_key": "k"']),
    ],
)
def test_secrets_are_masked(words: list[str], shown: list[str]) -> None:
    assert masked(words) == shown


@pytest.mark.parametrize(
    ("argv", "environment", "found"),
    [
        (["serve", "m", "--api-key", "first-key", "second-key", "--port", "1"], {}, (b"second-key", b"first-key")),
        (["--hf-token=hf_abcdef", "m"], {}, (b"hf_abcdef",)),
        ([], {"HF_TOKEN": "hf_abcdef", "AWS_SECRET_ACCESS_KEY": "=a=b=c=d", "HOME": "/home/someone"},
         (b"hf_abcdef", b"=a=b=c=d")),
        (["--x", '{"deep": [{"apiKey": "of-the-store"}], "tokens": ["no-secret"]}'], {}, (b"of-the-store",)),
        (['--x={"token": {"for": ["first-token"]}}'], {}, (b"first-token",)),
        (["--api-key", "short"], {"VLLM_API_KEY": ""}, ()),
        ([], {"HF_TOKEN": "hf_abcdef\r\n", "TLS_KEY": "-----BEGIN KEY-----\nof-the-store\n"},
         (b"-----BEGIN KEY-----", b"of-the-store", b"hf_abcdef")),
    ],
)  # fmt: skip
def test_secrets_are_what_secret_arguments_and_variables_hold(
    argv: list[str], environment: dict[str, str], found: tuple[bytes, ...]
) -> None:
    assert secrets(argv, environment) == found
