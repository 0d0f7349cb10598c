-- Given by filters.py: BYTES.
--
-- Notes the beginning of a request's body for the log, where the stack asks for it.

function envoy_on_request(handle)
  local kind = handle:headers():get("content-type") or ""
  if not string.find(kind .. ";", "^application/json%s*;") then return end
  local body = handle:body()
  if not body then return end
  local length = body:length()
  local text = body:getBytes(0, math.min(length, BYTES))
  -- No part of a character at its end: the log is UTF-8.
  if length > BYTES then text = string.gsub(text, "[\xC0-\xFF][\x80-\xBF]*$", "") end
  handle:streamInfo():dynamicMetadata():set("modelyard", "prompt", text)
end
