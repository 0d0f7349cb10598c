"""The gateway's Lua program in a LuaJIT of the test's own, where bodies can be cut at any byte.

The handle does what Envoy's does: https://www.envoyproxy.io/docs/envoy/v1.40.0/configuration/http/http_filters/lua_filter
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lupa.luajit21 import LuaRuntime

from components.manifests.envoy.filters import OPENAI

DRIVER = """
local headers, chunks, metadata, clock, out = ...
local function buffer(bytes)
  return {
    bytes = bytes,
    length = function(self) return #self.bytes end,
    getBytes = function(self, at, length) return string.sub(self.bytes, at + 1, at + length) end,
    setBytes = function(self, new) self.bytes = new end,
  }
end
local map = {
  get = function(_, key) return headers[key] end,
  replace = function(_, key, value) headers[key] = value end,
  remove = function(_, key) headers[key] = nil end,
}
local whole, last
local handle = {
  headers = function() return map end,
  timestamp = function() clock = clock + 7 return clock end,
  streamInfo = function()
    return {
      dynamicMetadata = function()
        return {
          get = function(_, space) return metadata[space] end,
          set = function(_, space, key, value)
            metadata[space] = metadata[space] or {}
            metadata[space][key] = value
          end,
        }
      end,
    }
  end,
  body = function()
    local parts = {}
    for i = 1, #chunks do parts[i] = chunks[i] end
    whole = buffer(table.concat(parts))
    return whole
  end,
  bodyChunks = function()
    local at, current = 0, nil
    return function()
      if current and at < #chunks then out[at] = current.bytes end
      if at == #chunks then return nil end
      at = at + 1
      current = buffer(chunks[at])
      last = current
      return current
    end
  end,
}
return handle, function() return whole and whole.bytes, last and last.bytes end
"""


@dataclass
class Result:
    """What became of a body."""

    pieces: list[bytes]
    headers: dict[str, str]
    metadata: dict[str, Any]

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)


@dataclass
class Program:
    """The program, loaded once."""

    source: str = OPENAI
    runtime: Any = field(default_factory=lambda: LuaRuntime(encoding=None))

    def __post_init__(self) -> None:
        self.runtime.execute(self.source.encode())
        self._driver = self.runtime.eval(b"function(...) " + DRIVER.encode() + b" end")

    def request(
        self, body: bytes, path: str = "/v1/chat/completions", kind: str = "application/json; charset=utf-8"
    ) -> Result:
        return self._run("envoy_on_request", [body], {":method": "POST", ":path": path, "content-type": kind}, {})

    def answer(self, chunks: Iterable[bytes], headers: Mapping[str, str], stream: Mapping[str, Any] = {}) -> Result:
        return self._run("envoy_on_response", list(chunks), {":status": "200", **headers}, stream)

    def used_bytes(self) -> int:
        """Memory of the program after a collection."""
        self.runtime.execute(b"collectgarbage()")
        return int(self.runtime.eval(b"collectgarbage('count')") * 1024)

    def _run(self, function: str, chunks: list[bytes], headers: dict[str, str], stream: Mapping[str, Any]) -> Result:
        lua = self.runtime
        table = lua.table_from({key.encode(): value.encode() for key, value in headers.items()})
        metadata = lua.table()
        if stream:
            inner = lua.table_from({key.encode(): value for key, value in stream.items()})
            metadata[b"modelyard"] = lua.table_from({b"stream": inner})
        out = lua.table()
        handle, rest = self._driver(table, lua.table_from(chunks), metadata, 0, out)
        lua.globals()[function.encode()](handle)
        whole, last = rest()
        pieces = [out[at] for at in range(1, len(chunks))] if whole is None else []
        pieces.append(whole if whole is not None else last or b"")
        noted = metadata[b"modelyard"]
        return Result(
            pieces, {key.decode(): value.decode() for key, value in table.items()}, _plain(noted) if noted else {}
        )


JSON = {"content-type": "application/json"}
EVENTS = {"content-type": "text/event-stream; charset=utf-8"}


def _plain(table: Any) -> dict[str, Any]:
    return {
        key.decode(): _plain(value)
        if hasattr(value, "items")
        else value.decode()
        if isinstance(value, bytes)
        else value
        for key, value in table.items()
    }
