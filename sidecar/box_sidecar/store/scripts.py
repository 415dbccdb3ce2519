"""What the store does in one step (Lua). All names of one app have the same hash tag, and so lie in one slot.

A value is kept as ``number|person|sealed``; the first two only help the scripts, and are believed only where what is
sealed says the same.
"""

from __future__ import annotations

#: The server's time in microseconds, and the counter: numbers, or nothing that is believed. A number more than a day in
#: the future, or none at all, was written by nobody of us. The next one is a string: a Lua number would lose digits on
#: its way.
_NUMBERS = """
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local function number_at(key, most)
  local number = tonumber(redis.call('GET', key) or '0') or 0
  if number >= 0 and number <= most then return number end
  return 0
end
local function next_number(prefix)
  local last = number_at(prefix .. 'counter', now + 86400000000)
  local number = string.format('%.0f', math.max(last + 1, now))
  redis.call('SET', prefix .. 'counter', number)
  return number
end
"""

#: An epoch was the counter's once: one above it is nobody's.
_EPOCH = """
local function epoch_of(prefix, name)
  return number_at(prefix .. 'epoch:' .. name, math.max(now, number_at(prefix .. 'counter', now + 86400000000)))
end
"""

#: What is found by a name, and of whom. A person's set holds fields and, as ``name:…``, the names that lead to them. A
#: store that is short of memory may have dropped such a name: a log-out by it would have found nobody, so all that is
#: from before ends.
_LINK = """
local function add(key, member, ms)
  redis.call('SADD', key, member)
  if redis.call('PTTL', key) < tonumber(ms) then redis.call('PEXPIRE', key, ms) end
end
local function is_found(prefix, person, ms)
  local fields = prefix .. 'person:' .. person
  for _, name in ipairs(redis.call('SMEMBERS', fields)) do
    if string.sub(name, 1, 5) == 'name:' then
      if redis.call('SISMEMBER', prefix .. name, person) == 0 then
        redis.call('SET', prefix .. 'epoch:' .. person, next_number(prefix), 'PX', ms)
        redis.call('DEL', fields)
        return false
      end
      redis.call('PEXPIRE', prefix .. name, ms)
    end
  end
  return true
end
"""

#: value, lease; lease's mark, its ms, what of the value will not do, prefix, ms that names are kept, person or "",
#: names …: the value, its person's epoch and how long it is still there (ms), or the number of a lease that is ours
#: now, or nothing. What a log-out could not find is no value; what does not end is none, nor is such a lease.
BEGIN = (
    "#!lua\n"
    + _NUMBERS
    + _EPOCH
    + _LINK
    + """
local prefix = ARGV[4]
if redis.call('STRLEN', KEYS[1]) > 16384 then redis.call('DEL', KEYS[1]) end
local value, life = redis.call('GET', KEYS[1]), redis.call('PTTL', KEYS[1])
if life < 0 or life > tonumber(ARGV[5]) then value = false end
local person = value and string.match(value, '^%d+|(%x+)|') or ARGV[6]
if person ~= '' and not is_found(prefix, person, ARGV[5]) then value = false end
local field = string.sub(KEYS[1], #prefix + 7)
if value and value ~= ARGV[3] and redis.call('SISMEMBER', prefix .. 'person:' .. person, field) == 1 then
  local epoch = math.max(epoch_of(prefix, 'all'), epoch_of(prefix, person))
  return {value, string.format('%.0f', epoch), '', life}
end
if value ~= ARGV[3] then redis.call('DEL', KEYS[1]) end
local left = redis.call('PTTL', KEYS[2])
if left == -1 or left > tonumber(ARGV[2]) then redis.call('DEL', KEYS[2]) end
if not redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) then return {'', '0', '', 0} end
if ARGV[6] ~= '' then
  for i = 7, #ARGV do add(prefix .. 'name:' .. ARGV[i], ARGV[6], ARGV[5]) end
end
return {'', '0', next_number(prefix), 0}
"""
)

#: value, lease, all values of the person, those of everybody by their end; lease's mark, number, value, its life in ms,
#: what of the old one will not do, prefix, ms that names are kept, field, person, names …: ``kept``, ``late`` or
#: ``revoked``.
PUT = (
    "#!lua\n"
    + _NUMBERS
    + _EPOCH
    + _LINK
    + """
local mine, number, prefix = ARGV[1], tonumber(ARGV[2]), ARGV[6]
local holder = redis.call('GET', KEYS[2])
if holder == mine then redis.call('DEL', KEYS[2]) end
is_found(prefix, ARGV[9], ARGV[7])
if epoch_of(prefix, 'all') >= number or epoch_of(prefix, ARGV[9]) >= number then return 'revoked' end
for i = 10, #ARGV do
  if epoch_of(prefix, ARGV[i]) >= number then return 'revoked' end
end
if holder and holder ~= mine then return 'late' end
local present = redis.call('GET', KEYS[1])
if present and present ~= ARGV[5] and (tonumber(string.match(present, '^%d+') or '0') or 0) > number then
  return 'late'
end
redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
add(KEYS[3], ARGV[8], ARGV[7])
redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', string.format('%.0f', now))
redis.call('ZADD', KEYS[4], string.format('%.0f', now + ARGV[4] * 1000), ARGV[8])
redis.call('PEXPIRE', KEYS[4], ARGV[7])
for i = 10, #ARGV do
  add(KEYS[3], 'name:' .. ARGV[i], ARGV[7])
  add(prefix .. 'name:' .. ARGV[i], ARGV[9], ARGV[7])
end
return 'kept'
"""
)

#: lease; its mark, and its ms or 0 to let go of it.
LEASE = """#!lua
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] == '0' then return redis.call('DEL', KEYS[1]) end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
"""

#: stream, what this message found; prefix, ms that it is kept, messages that are, the message, ms for names that lead
#: to nobody, names …: number, those that it is about, and field and value of each that there was: how many of both, and
#: the first of them; ``FOUND`` tells the others. A message that is sent again, since nobody knows whether it came,
#: finds what it found. A full store takes it all the same.
REVOKE = (
    "#!lua flags=allow-oom\n"
    + _NUMBERS
    + """
local prefix, number = ARGV[1], next_number(ARGV[1])
local people, about = {}, {}
for i = 6, #ARGV do
  people[ARGV[i]] = true
  for _, person in ipairs(redis.call('SMEMBERS', prefix .. 'name:' .. ARGV[i])) do people[person] = true end
end
local function take(field)
  local key = prefix .. 'value:' .. field
  local value = redis.call('GET', key)
  if not value then return end
  local left = redis.call('PTTL', key)
  redis.call('RPUSH', KEYS[2], field, value)
  if redis.call('PTTL', KEYS[2]) < left then redis.call('PEXPIRE', KEYS[2], left) end
  redis.call('DEL', key)
end
for name in pairs(people) do
  table.insert(about, name)
  local fields = prefix .. 'person:' .. name
  local leads = name == 'all' or redis.call('EXISTS', fields, prefix .. 'name:' .. name) > 0
  redis.call('SET', prefix .. 'epoch:' .. name, number, 'PX', leads and ARGV[2] or ARGV[5])
  for _, field in ipairs(redis.call('SMEMBERS', fields)) do
    take(field)
    if string.sub(field, 1, 5) ~= 'name:' then redis.call('SREM', fields, field) end
  end
end
if people['all'] then
  for _, field in ipairs(redis.call('ZRANGE', prefix .. 'everybody', 0, -1)) do take(field) end
  redis.call('DEL', prefix .. 'everybody')
end
about = table.concat(about, ',')
redis.call('XADD', KEYS[1], 'MAXLEN', ARGV[3], '*', 'number', number, 'about', about, 'sealed', ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return {number, about, redis.call('LLEN', KEYS[2]), redis.call('LRANGE', KEYS[2], 0, 399)}
"""
)

#: What a message found; from which on: 400 of it.
FOUND = """#!lua flags=no-writes
return redis.call('LRANGE', KEYS[1], ARGV[1], ARGV[1] + 399)
"""

#: stream; prefix, ms, messages, the message or "", name and number of each …: epochs, and a message, that a store has
#: lost. The counter is not below them.
RESTORE = (
    "#!lua flags=allow-oom\n"
    + _NUMBERS
    + """
local about, last, most = {}, 0, now + 86400000000
for i = 5, #ARGV, 2 do
  local key, number = ARGV[1] .. 'epoch:' .. ARGV[i], tonumber(ARGV[i + 1])
  if number_at(key, most) < number then redis.call('SET', key, ARGV[i + 1], 'PX', ARGV[2]) end
  table.insert(about, ARGV[i])
  last = math.max(last, number)
end
if number_at(ARGV[1] .. 'counter', most) < last then
  redis.call('SET', ARGV[1] .. 'counter', string.format('%.0f', last))
end
if ARGV[4] ~= '' then
  local details = {'number', ARGV[6], 'about', table.concat(about, ','), 'sealed', ARGV[4]}
  redis.call('XADD', KEYS[1], 'MAXLEN', ARGV[3], '*', unpack(details))
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return 1
"""
)

#: stream; the last message that was read, or "" to begin at the end: whether that one is still there, the last that
#: there is, and those after it, no more than 1,000.
LOOK = """#!lua flags=no-writes
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
last = last[1] and last[1][1] or ''
if ARGV[1] == '' then return {1, last, {}} end
local new = redis.call('XRANGE', KEYS[1], '(' .. ARGV[1], '+', 'COUNT', 1000)
return {#redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1]), last, new}
"""

#: charges of all, charges of one person; window in µs, limit of all, limit of the person or 0, a name for this charge:
#: whose limit is reached (0, "all" or "person") and µs until it is not.
CHARGE = """#!lua
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local window = tonumber(ARGV[1])
local function left(key, limit)
  redis.call('ZREMRANGEBYSCORE', key, '-inf', string.format('%.0f', now - window))
  local count = redis.call('ZCARD', key)
  if count < limit then return nil end
  local free = redis.call('ZRANGE', key, count - limit, count - limit, 'WITHSCORES')
  return string.format('%.0f', math.max(0, tonumber(free[2]) + window - now))
end
local limits = {{KEYS[1], tonumber(ARGV[2]), 'all'}}
if ARGV[3] ~= '0' then table.insert(limits, 1, {KEYS[2], tonumber(ARGV[3]), 'person'}) end
for _, limit in ipairs(limits) do
  local wait = left(limit[1], limit[2])
  if wait then return {limit[3], wait} end
end
for _, limit in ipairs(limits) do
  redis.call('ZADD', limit[1], string.format('%.0f', now), ARGV[4])
  redis.call('PEXPIRE', limit[1], math.ceil(window / 1000))
end
return {'', '0'}
"""

ALL = (BEGIN, PUT, LEASE, REVOKE, FOUND, RESTORE, LOOK, CHARGE)
