/**
 * What is done in Redis, each in one step: nothing comes between its commands, so a job is always in
 * one place, and counts are what they count. Times are those of Redis, whatever clocks its callers have.
 *
 * A job is a hash `job:ID` in one of three states:
 *
 *     queued    in the sorted set `line:MODEL`, by class and turn
 *     running   in `leases`, by when its worker has to be heard of
 *     ended     nowhere; hash and stream end after some time
 *
 * and besides in `deadlines`, where its caller waits for it in `callers`, where it can be looked up in
 * `listed:OWNER`. One that failed by a fault of the server is in `dead`, as what it was in `dead:ID`.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { Redis } from "ioredis";
import { DEAD_CODES, DEAD_MS } from "../dead_letters.ts";

/** What every script begins with. */
const SHARED = `
local function key(...) return KEYS[1] .. ':' .. table.concat({...}, ':') end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local CLASS, TURN = 1e15, 1e6
local DEAD = {${DEAD_CODES.map((code) => `${code} = true`).join(", ")}}

local function add(counts, field, by)
  if redis.call('HINCRBY', key(counts), field, by) <= 0 then redis.call('HDEL', key(counts), field) end
end

local function tell(id, text)
  local n = redis.call('HINCRBY', key('job', id), 'events', 1)
  local place = redis.call('XADD', key('events', id), 'MAXLEN', '~', 2048, '*', 'n', n, 'event', text)
  redis.call('PUBLISH', key('live', id), n .. ' ' .. place .. ' ' .. text)
end

local function enqueue(id)
  local model, owner, score = unpack(redis.call('HMGET', key('job', id), 'model', 'owner', 'score'))
  redis.call('HSET', key('job', id), 'state', 'queued')
  redis.call('ZADD', key('line', model), score, id)
  redis.call('LPUSH', key('wake', model), id)
  add('counts', 'waiting', 1)
  add('models', 'waiting ' .. model, 1)
  add('waiting', owner, 1)
end

local function leave(id)
  local state, model, owner, worker =
    unpack(redis.call('HMGET', key('job', id), 'state', 'model', 'owner', 'worker'))
  if state == 'queued' then
    redis.call('ZREM', key('line', model), id)
    redis.call('LPOP', key('wake', model))
    add('counts', 'waiting', -1)
    add('models', 'waiting ' .. model, -1)
    add('waiting', owner, -1)
  elseif state == 'running' then
    redis.call('ZREM', key('leases'), id)
    redis.call('DEL', key('holds', worker))
    add('counts', 'running', -1)
    add('models', 'running ' .. model, -1)
  end
  return state
end

local function expect(id, score, late)
  redis.call('ZADD', key('deadlines'), score, id)
  redis.call('HSET', key('job', id), 'late', late)
end

-- a job waits again, or for the first time: from now on what is left of its whole time holds
local function expectWhole(id)
  local ends, late = unpack(redis.call('HMGET', key('job', id), 'ends', 'wholeLate'))
  expect(id, ends, late)
end

-- how long runs of a model take, as a moving average
local function pace(id)
  local model, taken = unpack(redis.call('HMGET', key('job', id), 'model', 'taken'))
  local before = redis.call('HGET', key('paces'), model)
  local ms = now - taken
  redis.call('HSET', key('paces'), model, math.floor(before and before * 0.8 + ms * 0.2 or ms))
end

local function bury(id, text)
  local most = tonumber(redis.call('HGET', key('job', id), 'dead'))
  local code = string.match(text, '^{"type":"failed","failure":{"code":"([%w_]+)"')
  if most == 0 or not code or not DEAD[code] then return false end
  redis.call('DEL', key('dead', id))
  redis.call('HSET', key('dead', id), 'failed', text, 'at', now, unpack(redis.call('HGETALL', key('job', id))))
  redis.call('PEXPIRE', key('dead', id), ${DEAD_MS})
  redis.call('ZADD', key('dead'), now, id)
  redis.call('ZREMRANGEBYSCORE', key('dead'), '-inf', now - ${DEAD_MS})
  for _, old in ipairs(redis.call('ZRANGE', key('dead'), 0, -1 - most)) do
    redis.call('ZREM', key('dead'), old)
    redis.call('DEL', key('dead', old))
  end
  return true
end

local function finish(id, text)
  local job = key('job', id)
  local state = redis.call('HGET', job, 'state')
  if not state or state == 'ended' then return 0 end
  leave(id)
  if string.find(text, '{"type":"succeeded"', 1, true) == 1 then pace(id) end
  local isDead = bury(id, text)
  local owner, bytes, keep, chosen = unpack(redis.call('HMGET', job, 'owner', 'bytes', 'keep', 'chosen'))
  add('counts', 'bytes', 0 - bytes)
  add('bytes', owner, 0 - bytes)
  redis.call('HSET', job, 'state', 'ended')
  redis.call('ZREM', key('deadlines'), id)
  redis.call('ZREM', key('callers'), id)
  tell(id, text)
  redis.call('PEXPIRE', job, keep)
  redis.call('PEXPIRE', key('events', id), keep)
  if chosen == '1' then redis.call('SET', key('had', id), 1, 'PX', keep + 86400000) end
  if state == 'running' then redis.call('PUBLISH', key('ended'), id) end
  return isDead and 2 or 1
end

local function isHeld(id, worker, attempt)
  local state, by, at = unpack(redis.call('HMGET', key('job', id), 'state', 'worker', 'attempt'))
  return state == 'running' and by == worker and at == attempt
end
`;

/** Every script by name, with what it takes behind the root of all names. */
const SOURCES = {
  // id token job owner model keep times bound share places class bytes maxBytes ownerBytes lease chosen dead
  // -> 'taken' position | 'known' | 'full' places isOwn | 'heavy' | 'cancelled'
  submit: `
    local id, token, text, owner, model, keep = unpack(ARGV, 1, 6)
    local times, bound, share, places, class = unpack(ARGV, 7, 11)
    local bytes, most, mostOfOwner, lease, chosen, dead = unpack(ARGV, 12, 17)
    times = cjson.decode(times)
    local job = key('job', id)
    local known = redis.call('HGET', job, 'token')
    if known then return known == token and {'taken', 0} or {'known'} end
    if redis.call('EXISTS', key('cancelled', id)) == 1 then return {'cancelled'} end
    local waiting = tonumber(redis.call('HGET', key('counts'), 'waiting') or 0)
    local own = tonumber(redis.call('HGET', key('waiting'), owner) or 0)
    if own >= tonumber(places) then return {'full', places, 1} end
    if waiting >= tonumber(bound) and own >= tonumber(share) then return {'full', bound, 0} end
    bytes = tonumber(bytes)
    local held = tonumber(redis.call('HGET', key('counts'), 'bytes') or 0)
    local heldOfOwner = tonumber(redis.call('HGET', key('bytes'), owner) or 0)
    if bytes > 0 and (held + bytes > tonumber(most) or heldOfOwner + bytes > tonumber(mostOfOwner)) then
      return {'heavy'}
    end
    local turns = key('turns', model, class)
    local first = tonumber(redis.call('HGET', turns, '') or 0)
    local turn = math.max(first, tonumber(redis.call('HGET', turns, ':' .. owner) or 0)) + 1
    redis.call('HSET', turns, ':' .. owner, turn)
    local number = redis.call('INCR', key('number')) % TURN
    redis.call('HSET', job, 'token', token, 'text', text, 'owner', owner, 'model', model, 'keep', keep,
      'chosen', chosen, 'bytes', bytes, 'submitted', now, 'attempt', 0, 'sent', 0, 'dead', dead,
      'whole', times.whole, 'ends', now + times.whole, 'wholeLate', times.wholeLate,
      'run', times.run, 'runLate', times.runLate,
      'class', class, 'score', string.format('%.0f', class * CLASS + turn * TURN + number))
    expect(id, now + times.wait, times.waitLate)
    if tonumber(lease) > 0 then redis.call('ZADD', key('callers'), now + lease, id)
    else
      local listed = key('listed', owner)
      redis.call('ZADD', listed, now, id)
      redis.call('ZREMRANGEBYRANK', listed, 0, -1001)
      redis.call('PEXPIRE', listed, keep + times.whole)
    end
    add('counts', 'bytes', bytes)
    add('bytes', owner, bytes)
    enqueue(id)
    local position = redis.call('ZRANK', key('line', model), id)
    tell(id, '{"type":"queued","position":' .. position .. '}')
    return {'taken', position}`,

  // worker lease model... -> id text attempt left waited, or nothing
  take: `
    local worker, lease = ARGV[1], ARGV[2]
    local id = redis.call('GET', key('holds', worker))
    if not id then
      local lowest
      for i = 3, #ARGV do
        local found = redis.call('ZRANGE', key('line', ARGV[i]), 0, 0, 'WITHSCORES')
        if found[1] and (not lowest or tonumber(found[2]) < lowest) then
          id, lowest = found[1], tonumber(found[2])
        end
      end
      if not id then return end
      leave(id)
      local model, class = unpack(redis.call('HMGET', key('job', id), 'model', 'class'))
      local turns = key('turns', model, class)
      if redis.call('ZCARD', key('line', model)) == 0 then redis.call('DEL', turns)
      else redis.call('HSET', turns, '', math.floor((lowest - class * CLASS) / TURN)) end
      redis.call('HSET', key('job', id), 'state', 'running', 'worker', worker, 'taken', now)
      redis.call('HINCRBY', key('job', id), 'attempt', 1)
      redis.call('SET', key('holds', worker), id)
      add('counts', 'running', 1)
      add('models', 'running ' .. model, 1)
      local ends, run, late, whole =
        unpack(redis.call('HMGET', key('job', id), 'ends', 'run', 'runLate', 'wholeLate'))
      if now + run < tonumber(ends) then expect(id, now + run, late) else expect(id, ends, whole) end
    end
    redis.call('ZADD', key('leases'), now + lease, id)
    local text, attempt, submitted =
      unpack(redis.call('HMGET', key('job', id), 'text', 'attempt', 'submitted'))
    local left = tonumber(redis.call('ZSCORE', key('deadlines'), id)) - now
    return {id, text, attempt, left, now - submitted}`,

  // id worker attempt lease number live text -> 1, or 0 when the job is no longer this worker's
  tell: `
    local id, worker, attempt, lease, number, live, text = unpack(ARGV)
    if not isHeld(id, worker, attempt) then return 0 end
    redis.call('ZADD', key('leases'), now + lease, id)
    local sent = attempt * 1e6 + number
    if sent <= tonumber(redis.call('HGET', key('job', id), 'sent')) then return 1 end
    redis.call('HSET', key('job', id), 'sent', sent)
    if live == '1' then redis.call('PUBLISH', key('live', id), '0 - ' .. text) else tell(id, text) end
    return 1`,

  // id worker attempt lease -> 1, or 0 when the job is no longer this worker's
  renew: `
    local id, worker, attempt, lease = unpack(ARGV)
    if not isHeld(id, worker, attempt) then return 0 end
    redis.call('ZADD', key('leases'), now + lease, id)
    return 1`,

  // id worker attempt text -> 1 when that was its end, 2 when it is a dead letter besides
  finish: `
    local id, worker, attempt, text = unpack(ARGV)
    if not isHeld(id, worker, attempt) then return 0 end
    return finish(id, text)`,

  // id worker attempt -> 1 when the job waits again, before all others
  giveBack: `
    local id, worker, attempt = unpack(ARGV)
    if not isHeld(id, worker, attempt) then return 0 end
    leave(id)
    redis.call('HINCRBY', key('job', id), 'attempt', -1)
    redis.call('HSET', key('job', id), 'sent', 0)
    expectWhole(id)
    enqueue(id)
    tell(id, '{"type":"queued","position":0}')
    return 1`,

  // id text -> 1 when that was its end; a job that is not there does not come any more
  cancel: `
    local id, text = unpack(ARGV)
    if redis.call('EXISTS', key('job', id)) == 1 then return finish(id, text) end
    redis.call('SET', key('cancelled', id), 1, 'PX', 600000)
    return 0`,

  // lease id... : their callers are still there
  callers: `
    for i = 2, #ARGV do redis.call('ZADD', key('callers'), 'XX', now + ARGV[1], ARGV[i]) end`,

  // id -> text state position left, or 'gone', or nothing
  find: `
    local job = key('job', ARGV[1])
    local text, state, model = unpack(redis.call('HMGET', job, 'text', 'state', 'model'))
    if not text then return redis.call('EXISTS', key('had', ARGV[1])) == 1 and {'gone'} or nil end
    local position = redis.call('ZRANK', key('line', model), ARGV[1]) or 0
    local left = state == 'ended' and 0 or tonumber(redis.call('HGET', job, 'ends')) - now
    return {text, state, position, left}`,

  // owner -> ids that can be looked up, the newest first
  list: `
    local found = {}
    for _, id in ipairs(redis.call('ZREVRANGE', key('listed', ARGV[1]), 0, -1)) do
      if redis.call('EXISTS', key('job', id)) == 1 then found[#found + 1] = id
      else redis.call('ZREM', key('listed', ARGV[1]), id) end
    end
    return found`,

  // -> {text, last event, when} of each dead letter, the newest first
  dead: `
    local found = {}
    for _, id in ipairs(redis.call('ZREVRANGE', key('dead'), 0, -1)) do
      local letter = redis.call('HMGET', key('dead', id), 'text', 'failed', 'at')
      if letter[1] then found[#found + 1] = letter else redis.call('ZREM', key('dead'), id) end
    end
    return found`,

  // id -> the text of its job, which is no dead letter any more; or nothing
  drop: `
    local text = redis.call('HGET', key('dead', ARGV[1]), 'text')
    redis.call('DEL', key('dead', ARGV[1]))
    redis.call('ZREM', key('dead'), ARGV[1])
    return text`,

  // id keep : a dead letter waits again, before all others -> 1 | 'known' when its id is under way | nothing
  retry: `
    local id, keep = unpack(ARGV)
    local fields = redis.call('HGETALL', key('dead', id))
    if #fields == 0 then return end
    local state = redis.call('HGET', key('job', id), 'state')
    if state == 'queued' or state == 'running' then return 'known' end
    redis.call('DEL', key('dead', id), key('job', id), key('events', id), key('had', id))
    redis.call('ZREM', key('dead'), id)
    local job = key('job', id)
    redis.call('HSET', job, unpack(fields))
    redis.call('HDEL', job, 'failed', 'at', 'worker', 'events')
    local whole, owner, bytes = unpack(redis.call('HMGET', job, 'whole', 'owner', 'bytes'))
    redis.call('HSET', job, 'submitted', now, 'ends', now + whole, 'attempt', 0, 'sent', 0,
      'score', 0, 'class', 0, 'keep', keep)
    expectWhole(id)
    add('counts', 'bytes', bytes)
    add('bytes', owner, bytes)
    redis.call('ZADD', key('listed', owner), now, id)
    redis.call('PEXPIRE', key('listed', owner), keep + whole)
    enqueue(id)
    tell(id, '{"type":"queued","position":0}')
    return 1`,

  // grace lost alone : ends what has taken too long, or nobody waits for; gives away what was lost
  sweep: `
    local grace, lost, alone = unpack(ARGV)
    if not redis.call('SET', key('sweeping'), 1, 'PX', 400, 'NX') then return 0 end
    local last = tonumber(redis.call('GET', key('swept')) or now)
    redis.call('SET', key('swept'), now)
    local function due(set) return redis.call('ZRANGEBYSCORE', key(set), '-inf', now, 'LIMIT', 0, 200) end
    for _, id in ipairs(due('deadlines')) do
      local late = redis.call('HGET', key('job', id), 'late')
      if late then finish(id, late) else redis.call('ZREM', key('deadlines'), id) end
    end
    -- nobody has been here for long, so nobody could say that it lives
    if now - last > 5000 then redis.call('SET', key('grace'), 1, 'PX', grace) end
    if redis.call('EXISTS', key('grace')) == 1 then return 1 end
    for _, id in ipairs(due('callers')) do finish(id, alone) end
    for _, id in ipairs(due('leases')) do
      if tonumber(redis.call('HGET', key('job', id), 'attempt')) >= 2 then finish(id, lost)
      else
        leave(id)
        expectWhole(id)
        enqueue(id)
      end
    end
    return 1`,

  // member text ttl : it is there; without a member -> the texts of those that are
  announce: `
    if ARGV[1] ~= '' then
      redis.call('ZADD', KEYS[1], now + ARGV[3], ARGV[1])
      redis.call('HSET', KEYS[1] .. ':texts', ARGV[1], ARGV[2])
    end
    for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now)) do
      redis.call('ZREM', KEYS[1], id)
      redis.call('HDEL', KEYS[1] .. ':texts', id)
    end
    if ARGV[1] == '' then return redis.call('HVALS', KEYS[1] .. ':texts') end`,

  // member : it is there no more
  leave: `
    redis.call('ZREM', KEYS[1], ARGV[1])
    redis.call('HDEL', KEYS[1] .. ':texts', ARGV[1])`,

  // owner perMinute -> 0, or the milliseconds after which the owner can ask
  rate: `
    local most, bucket = tonumber(ARGV[2]), key('rate', ARGV[1])
    local tokens, at = unpack(redis.call('HMGET', bucket, 'tokens', 'at'))
    tokens = math.min(most, (tonumber(tokens) or most) + (now - (tonumber(at) or now)) * most / 60000)
    local waits = 0
    if tokens >= 1 then tokens = tokens - 1 else waits = math.ceil((1 - tokens) * 60000 / most) end
    redis.call('HSET', bucket, 'tokens', tokens, 'at', now)
    redis.call('PEXPIRE', bucket, 120000)
    return waits`,
} as const;

/** Name of a script. */
export type ScriptName = keyof typeof SOURCES;

const SCRIPTS = Object.fromEntries(
  Object.entries(SOURCES).map(([name, source]) => {
    const text = SHARED + source;
    return [name, { text, sha: createHash("sha1").update(text).digest("hex") }];
  }),
) as Readonly<Record<ScriptName, { readonly text: string; readonly sha: string }>>;

/**
 * Runs a script.
 *
 * @param root What all names begin with.
 */
export async function runScript(
  redis: Redis,
  name: ScriptName,
  root: string,
  ...args: readonly (string | number)[]
): Promise<unknown> {
  const { text, sha } = SCRIPTS[name];
  try {
    return await redis.evalsha(sha, 1, root, ...args);
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith("NOSCRIPT")) throw error;
    return await redis.eval(text, 1, root, ...args);
  }
}
