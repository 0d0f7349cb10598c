"""vLLM's own loader of media, which answers in the Python that has vLLM: to a URL, and the hosts that are allowed."""

from vllm.multimodal.media import MediaConnector, MediaIO

from tests.serving.vllm_process import answer_questions


class Bytes(MediaIO[bytes]):  # type: ignore[misc]
    """Media of any kind, as they come."""

    def load_bytes(self, data: bytes) -> bytes:
        return data

    def load_base64(self, media_type: str, data: str) -> bytes:
        return data.encode()

    def load_file(self, filepath: object) -> bytes:
        return b"file"


def answer(question: tuple[str, list[str]]) -> dict[str, object]:
    url, hosts = question
    try:
        found = MediaConnector(allowed_media_domains=hosts).load_from_url(url, Bytes(), fetch_timeout=5)
    except Exception as error:
        return {"refused": f"{type(error).__name__}: {error}"}
    return {"loaded": found.decode()}


if __name__ == "__main__":
    answer_questions(answer)
