-- wrk's part: posts a form (or JSON, for the endpoint itself) and counts the answers that are 200 and hold the word.
-- wrk ... -s form.lua URL -- form|json WORD

local threads = {}
local prefix, number = "", 0

function setup(thread)
  table.insert(threads, thread)
end

function init(args)
  good, bad = 0, 0
  kind, word = args[1], args[2]
  math.randomseed(os.time() + math.floor(os.clock() * 1e6))
  for _ = 1, 6 do prefix = prefix .. string.format("%04x", math.random(0, 65535)) end
  wrk.method = "POST"
  wrk.headers["Content-Type"] = kind == "form" and "application/x-www-form-urlencoded" or "application/json"
  wrk.headers["Accept"] = kind == "form" and "text/html" or "application/json"
end

-- Each submission has an id of its own, as each page of ours gives one.
function request()
  if kind ~= "form" then
    return wrk.format(nil, nil, nil, '{"Inputs":{"input1":{"ColumnNames":["Title","Category","Text"],"Values":[["Contoso Bank","Banking","takes deposits and lends money to people and small companies"]]}},"GlobalParameters":{}}')
  end
  number = number + 1
  return wrk.format(nil, nil, nil, "_once=" .. prefix .. string.format("%08x", number) ..
    "&title=Contoso+Bank&category=Banking&text=takes+deposits+and+lends+money+to+people+and+small+companies")
end

function response(status, headers, body)
  if status == 200 and body:find(word, 1, true) then good = good + 1 else bad = bad + 1 end
end

function done(summary, latency, requests)
  local all_good, all_bad = 0, 0
  for _, thread in ipairs(threads) do
    all_good, all_bad = all_good + thread:get("good"), all_bad + thread:get("bad")
  end
  local lost = summary.errors.connect + summary.errors.write + summary.errors.timeout
  print(string.format("RESULT %d %d %.0f %.0f %.0f", all_good, all_bad + lost, summary.duration,
    latency:percentile(50), latency:percentile(99)))
end
