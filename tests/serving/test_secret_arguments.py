import pytest

from serving.secret_arguments import SeveralSecretsError, moved


@pytest.mark.parametrize(
    ("argv", "words", "variables"),
    [
        ([], [], {}),
        (["serve", "m", "--port", "1"], ["serve", "m", "--port", "1"], {}),
        (["serve", "m", "--api-key", "k", "--port", "1"], ["serve", "m", "--port", "1"], {"VLLM_API_KEY": "k"}),
        (["--api-key=k=1", "--seed", "0"], ["--seed", "0"], {"VLLM_API_KEY": "k=1"}),
        (["--api_key", "k"], [], {"VLLM_API_KEY": "k"}),
        (["--api-k", "k"], [], {"VLLM_API_KEY": "k"}),
        (["--hf-token", "t", "--api-key", "k"], [], {"HF_TOKEN": "t", "VLLM_API_KEY": "k"}),
        (["--api-key", "k", "--api-key", "l"], [], {"VLLM_API_KEY": "l"}),
        # The token that is kept in the container's own files.
        (["--hf-token", "--seed", "0"], ["--hf-token", "--seed", "0"], {}),
        (
            ["serve", "--lora-modules", '{"name": "--api-key"}'],
            ["serve", "--lora-modules", '{"name": "--api-key"}'],
            {},
        ),
    ],
)
def test_secrets_become_variables(argv: list[str], words: list[str], variables: dict[str, str]) -> None:
    assert moved(argv) == (words, variables)


def test_several_keys_are_refused() -> None:
    with pytest.raises(SeveralSecretsError) as refused:
        moved(["--api-key", "first", "second"])
    assert str(refused.value) == (
        "--api-key: 2 values cannot be kept off the command line, which every process of the node can read: write one "
        "of them into the variable VLLM_API_KEY"
    )
