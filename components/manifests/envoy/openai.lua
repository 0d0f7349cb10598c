-- Given by filters.py: UNAVAILABLE_BEFORE, UNAVAILABLE_AFTER, RETRY_AFTER.
--
-- What the gateway reads of OpenAI's API in bodies: the request's model, and the answer's count of tokens.
--
-- A request: the model goes into a header, for the routes, and a stream is made to end with its count of tokens.
-- An answer passes as it comes. Of a stream each event goes out as soon as it is whole, without the event of the
-- count where the client did not ask for it: many clients read choices[0] of every event, and it has none.

local byte, find, gsub, match, sub = string.byte, string.find, string.gsub, string.match, string.sub
local QUOTE, BACKSLASH, OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, COMMA = 34, 92, 123, 125, 91, 44

local DEEPEST = 100 -- brackets inside each other in a request or a count
local LONGEST_MODEL = 8192 -- bytes of a model's name
local HELD = 1000000 -- bytes of an answer or an event that are held, below every limit of a buffer
local TAIL = 16384 -- bytes of a larger answer's end
local LARGE = 1048576 -- bytes of a body whose copy is given back at once

-- How vLLM says in a stream that it cannot go on. In quoted text there would be backslashes.
local FAILED = 'data: {"error":'

-- An event of the responses API that has tokens. Ahead of these come some that only say that there will be.
local DELTA = '"type"%s*:%s*"response%.[%w_.]+%.delta"'

local METADATA = "modelyard"
local SERVED_BY, FALLBACK_FROM, HOP = "x-modelyard-served-by", "x-modelyard-fallback-from", "x-modelyard-hop"
local UNANSWERED = { ["500"] = true, ["502"] = true, ["503"] = true, ["504"] = true }
local MODEL, STREAM, PROBLEM = "x-modelyard-model", "x-modelyard-stream", "x-modelyard-problem"

-- JSON. Each of these takes a text and a position, and gives the position behind what is there, or nil.

local function past_space(text, at)
  local _, last = find(text, "^[ \t\r\n]*", at)
  return last + 1
end

local function past_string(text, at)
  while true do
    at = find(text, '"', at + 1, true)
    if not at then return nil end
    local before = at - 1
    while byte(text, before) == BACKSLASH do before = before - 1 end
    if (at - before) % 2 == 1 then return at + 1 end
  end
end

local function past_brackets(text, at)
  local depth = 0
  repeat
    at = find(text, '["{}%[%]]', at)
    if not at then return nil end
    local char = byte(text, at)
    if char == QUOTE then
      at = past_string(text, at)
      if not at then return nil end
    elseif char == OPEN_BRACE or char == OPEN_BRACKET then
      depth = depth + 1
      if depth > DEEPEST then return nil end
      -- An array of numbers, such as an embedding, in one step.
      local _, last = find(text, "^[%d%s,.eE+-]*", at + 1)
      at = last + 1
    else
      depth = depth - 1
      at = at + 1
    end
  until depth == 0
  return at
end

local function past_value(text, at)
  local char = byte(text, at)
  if char == QUOTE then return past_string(text, at) end
  if char == OPEN_BRACE or char == OPEN_BRACKET then return past_brackets(text, at) end
  local _, last = find(text, "^[%w+.-]+", at)
  return last and last + 1
end

local ESCAPES = { b = "\b", f = "\f", n = "\n", r = "\r", t = "\t" }

local function utf8(code)
  local char = string.char
  if code < 0x80 then return char(code) end
  if code < 0x800 then return char(0xC0 + math.floor(code / 64), 0x80 + code % 64) end
  local tail = char(0x80 + math.floor(code / 64) % 64, 0x80 + code % 64)
  if code < 0x10000 then return char(0xE0 + math.floor(code / 4096)) .. tail end
  return char(0xF0 + math.floor(code / 262144), 0x80 + math.floor(code / 4096) % 64) .. tail
end

-- What a JSON string means, without its quotes.
local function unescaped(text)
  if not find(text, "\\", 1, true) then return text end
  local parts, from = {}, 1
  while true do
    local at = find(text, "\\", from, true)
    if not at then break end
    parts[#parts + 1] = sub(text, from, at - 1)
    local hex = match(text, "^u(%x%x%x%x)", at + 1)
    if hex then
      local code = tonumber(hex, 16)
      from = at + 6
      local low = code >= 0xD800 and code < 0xDC00 and match(text, "^\\u([dD][c-fC-F]%x%x)", from)
      if low then
        code = 0x10000 + (code - 0xD800) * 1024 + tonumber(low, 16) - 0xDC00
        from = from + 6
      end
      parts[#parts + 1] = utf8(code)
    else
      local char = sub(text, at + 1, at + 1)
      parts[#parts + 1] = ESCAPES[char] or char
      from = at + 2
    end
  end
  parts[#parts + 1] = sub(text, from)
  return table.concat(parts)
end

-- Where the values of the wanted members of an object are: {name = {first, last}}, and the position behind the
-- object. A member that is there twice is an error: who reads it next may take the other one.
local function members(text, at, wanted)
  local found = {}
  if byte(text, at) ~= OPEN_BRACE then return nil end
  at = past_space(text, at + 1)
  if byte(text, at) == CLOSE_BRACE then return found, at + 1 end
  while true do
    if byte(text, at) ~= QUOTE then return nil end
    local stop = past_string(text, at)
    if not stop then return nil end
    local name = unescaped(sub(text, at + 1, stop - 2))
    local _, colon = find(text, "^[ \t\r\n]*:[ \t\r\n]*", stop)
    if not colon then return nil end
    stop = past_value(text, colon + 1)
    if not stop then return nil end
    if wanted[name] then
      if found[name] then return nil, nil, name end
      found[name] = { colon + 1, stop - 1 }
    end
    at = past_space(text, stop)
    local char = byte(text, at)
    if char == CLOSE_BRACE then return found, at + 1 end
    if char ~= COMMA then return nil end
    at = past_space(text, at + 1)
  end
end

local function value(text, span)
  return span and sub(text, span[1], span[2])
end

local function is_json(headers)
  return find((headers:get("content-type") or "") .. ";", "^application/json%s*;")
end

-- Requests.

local OF_REQUEST = { model = true, stream = true, stream_options = true }
local OF_OPTIONS = { include_usage = true }
local OFF = { ["0"] = true, f = true, ["false"] = true, n = true, no = true, off = true }

-- Whether a member is true. vLLM reads it by https://docs.pydantic.dev/latest/api/standard_library_types/#booleans,
-- which takes numbers and words, too. What is not false there is true, or the model refuses the request.
local function is_on(text, span)
  local given = value(text, span)
  if not given or given == "null" or given == "false" then return false end
  if byte(given) == QUOTE then return not OFF[string.lower(unescaped(sub(given, 2, -2)))] end
  return tonumber(given) ~= 0
end

-- The body with a count of tokens at its stream's end, or nil where the client asks for one itself. What has no object
-- for its options, the model refuses.
local function counted(text, found)
  local options = found.stream_options
  if not options or value(text, options) == "null" then
    local member = '"stream_options":{"include_usage":true}'
    if options then return sub(text, 1, options[1] - 1) .. '{"include_usage":true}' .. sub(text, options[2] + 1) end
    local brace = find(text, "{", 1, true)
    return sub(text, 1, brace) .. member .. "," .. sub(text, brace + 1)
  end
  local inner, _, twice = members(text, options[1], OF_OPTIONS)
  if not inner then return nil, twice and "twice" end
  local asked = inner.include_usage
  if is_on(text, asked) then return nil end
  if asked then return sub(text, 1, asked[1] - 1) .. "true" .. sub(text, asked[2] + 1) end
  local separator = find(text, "^%s*}", options[1] + 1) and "" or ","
  return sub(text, 1, options[1]) .. '"include_usage":true' .. separator .. sub(text, options[1] + 1)
end

-- The model that a request names, its members, and what is wrong with it.
local function read(text)
  local start = past_space(text, 1)
  if start > #text or byte(text, start) == OPEN_BRACKET or sub(text, start, start + 3) == "null" then
    return nil, nil, "missing"
  end
  local found, stop, twice = members(text, start, OF_REQUEST)
  if twice then return nil, nil, twice == "model" and "missing" or "twice" end
  if not found or past_space(text, stop) <= #text then return nil, nil, "no JSON" end
  local span = found.model
  if not span or value(text, span) == "null" then return nil, nil, "missing" end
  if byte(text, span[1]) ~= QUOTE or span[2] - span[1] > LONGEST_MODEL then return nil, nil, "no string" end
  -- A header would end at a NUL, and what stands ahead of it may be a model that there is.
  local model = gsub(unescaped(sub(text, span[1] + 1, span[2] - 1)), "%z", "\239\191\189")
  if model == "" then return nil, nil, "missing" end
  return model, found
end

function envoy_on_request(handle)
  local headers = handle:headers()
  if headers:get(":method") ~= "POST" then return end
  if not is_json(headers) then return end
  local body = handle:body()
  local length = body and body:length() or 0
  local text = length > 0 and body:getBytes(0, length) or ""
  local model, found, problem = read(text)
  headers = handle:headers() -- the one from before the body is of no more use
  local streamed, changed, announced = not problem and is_on(text, found.stream), nil, false
  if streamed then
    local path = headers:get(":path")
    announced = find(path, "/v1/responses", 1, true) == 1
    if find(path, "/v1/chat/completions", 1, true) == 1 or find(path, "/v1/completions", 1, true) == 1 then
      changed, problem = counted(text, found)
    end
  end
  if problem then
    headers:replace(PROBLEM, problem)
    return
  end
  headers:replace(MODEL, model)
  if streamed then
    headers:replace(STREAM, "true")
    if changed then body:setBytes(changed) end
    local noted = { begun = handle:timestamp(), hidden = changed ~= nil, announced = announced }
    handle:streamInfo():dynamicMetadata():set(METADATA, "stream", noted)
  end
  if length > LARGE then
    text = nil
    collectgarbage()
  end
end

-- Answers.

local OF_ANSWER = { choices = true, response = true, usage = true }

local function number(text, name)
  return tonumber(match(text, '"' .. name .. '"%s*:%s*(%d+)'))
end

local function usage_in(text)
  local input = number(text, "prompt_tokens") or number(text, "input_tokens")
  if not input then return nil end
  return {
    input = input,
    output = number(text, "completion_tokens") or number(text, "output_tokens") or 0,
    cached = number(text, "cached_tokens"),
  }
end

-- The count of tokens in an answer or an event, and whether it is there for nothing else.
local function usage_of(text, at)
  local found = members(text, at, OF_ANSWER)
  if not found then return nil end
  if found.response then
    local inner = members(text, found.response[1], OF_ANSWER)
    return inner and inner.usage and usage_in(value(text, inner.usage))
  end
  local usage = found.usage and usage_in(value(text, found.usage))
  return usage, usage and found.choices and find(value(text, found.choices), "^%[%s*%]$")
end

local function note(handle, usage)
  if not usage then return end
  handle:streamInfo():dynamicMetadata():set(METADATA, "usage", usage)
end

-- Held until it is whole, so that one that breaks off becomes an error.
local function small_answer(handle)
  local body = handle:body()
  local text = body and body:getBytes(0, body:length()) or ""
  if find(text, '"usage"', 1, true) then note(handle, (usage_of(text, past_space(text, 1)))) end
end

-- Only the end is kept, which has the count.
local function large_answer(handle)
  local tail = ""
  for chunk in handle:bodyChunks() do
    local length = chunk:length()
    local new = chunk:getBytes(math.max(0, length - TAIL), math.min(length, TAIL))
    tail = sub(tail .. new, -TAIL)
  end
  local last = match(tail, '.*"usage"%s*:%s*(%b{})')
  note(handle, last and usage_in(last))
end

-- The position of the last byte of the first event that ends at or behind a position. Of a line's end of two bytes
-- the second may be the first byte of the next event, which means nothing there.
local function event_end(text, at, has_cr)
  local _, stop = find(text, "\n\n", at, true)
  if has_cr then
    for _, blank in ipairs({ "\n\r", "\r\r" }) do
      local _, other = find(text, blank, at, true)
      if other and not (stop and stop < other) then stop = other end
    end
  end
  return stop
end

local function stream(handle, begun, hidden, announced)
  local pending, has_cr, last = "", false, nil
  for chunk in handle:bodyChunks() do
    local length = chunk:length()
    if length > 0 then
      local bytes = chunk:getBytes(0, length)
      has_cr = has_cr or find(bytes, "\r", 1, true) ~= nil
      local text, search = pending .. bytes, #pending
      if begun and (not announced or find(text, DELTA)) then
        handle:streamInfo():dynamicMetadata():set(METADATA, "first_token", math.max(0, handle:timestamp() - begun))
        begun = nil
      end
      local usage_at = find(text, '"usage"', 1, true)
      local failed_at = find(text, FAILED, 1, true)
      if failed_at and find(text, '"code"%s*:%s*5%d%d', failed_at) then
        handle:streamInfo():dynamicMetadata():set(METADATA, "failed", true)
      end
      if #pending > 0 or has_cr or usage_at or sub(bytes, -2) ~= "\n\n" then
        local kept, from = {}, 1
        local stop = event_end(text, search > 0 and search or 1, has_cr)
        while stop do
          local drop = false
          if usage_at and usage_at < stop then
            if usage_at < from then usage_at = find(text, '"usage"', from, true) end
            if usage_at and usage_at < stop then
              local json = gsub(sub(text, from, stop), "[\r\n]+data: ?", "\n")
              local usage, alone = usage_of(json, find(json, "{", 1, true) or 1)
              note(handle, usage)
              drop = hidden and alone
              usage_at = find(text, '"usage"', stop + 1, true)
            end
          end
          if not drop then kept[#kept + 1] = sub(text, from, stop) end
          from = stop + 1
          stop = event_end(text, from, has_cr)
        end
        pending = sub(text, from)
        if #pending > HELD then
          kept[#kept + 1] = pending
          pending = ""
        end
        chunk:setBytes(table.concat(kept))
      end
    end
    last = chunk
  end
  if #pending > 0 then last:setBytes(last:getBytes(0, last:length()) .. pending) end
end

-- No model could answer, and the last one's own words are of no use to the client. 501 says that it has no such
-- endpoint, and waiting will not help.
local function unavailable(handle, headers)
  local model = headers:get(FALLBACK_FROM) or ""
  headers:remove(SERVED_BY)
  headers:remove(FALLBACK_FROM)
  headers:remove("content-encoding")
  headers:replace(":status", "503")
  headers:replace("content-type", "application/json")
  headers:replace("retry-after", RETRY_AFTER)
  model = gsub(sub(model, 1, 256), '[%c"\\]', function(char) return string.format("\\u%04x", byte(char)) end)
  handle:body(true):setBytes(UNAVAILABLE_BEFORE .. model .. UNAVAILABLE_AFTER)
end

function envoy_on_response(handle)
  local headers = handle:headers()
  local fallback = headers:get(HOP)
  if fallback then headers:remove(HOP) end
  if UNANSWERED[headers:get(":status")] then
    -- Without it, the error is the gateway's own.
    if headers:get(SERVED_BY) then unavailable(handle, headers) end
    return
  end
  if fallback then
    handle:streamInfo():dynamicMetadata():set(METADATA, "fallback", true)
  else
    headers:remove(FALLBACK_FROM)
  end
  if headers:get("content-encoding") then return end
  if is_json(headers) then
    local length = tonumber(headers:get("content-length"))
    if length and length < HELD then return small_answer(handle) end
    return large_answer(handle)
  end
  if not find(headers:get("content-type") or "", "^text/event%-stream") then return end
  local noted = handle:streamInfo():dynamicMetadata():get(METADATA)
  noted = noted and noted.stream or {}
  if noted.hidden then headers:remove("content-length") end
  stream(handle, noted.begun, noted.hidden, noted.announced)
end
