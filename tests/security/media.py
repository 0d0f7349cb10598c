"""vLLM's own loader of media, asked over stdin: one list of URL and allowed hosts a line, one answer a line, in JSON.

It runs in the Python that has vLLM.
"""

import json
import sys

from vllm.multimodal.media import MediaConnector, MediaIO


class Bytes(MediaIO[bytes]):  # type: ignore[misc]
    """Media of any kind, as they come."""

    def load_bytes(self, data: bytes) -> bytes:
        return data

    def load_base64(self, media_type: str, data: str) -> bytes:
        return data.encode()

    def load_file(self, filepath: object) -> bytes:
        return b"file"


def answer(url: str, hosts: list[str]) -> dict[str, object]:
    try:
        found = MediaConnector(allowed_media_domains=hosts).load_from_url(url, Bytes(), fetch_timeout=5)
    except Exception as error:
        return {"refused": f"{type(error).__name__}: {error}"}
    return {"loaded": found.decode()}


def main() -> None:
    for line in sys.stdin:
        print(json.dumps(answer(*json.loads(line))), file=sys.__stdout__, flush=True)


if __name__ == "__main__":
    main()
