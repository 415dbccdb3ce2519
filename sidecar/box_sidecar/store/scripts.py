"""What the store does in one step (Lua). All names of one app have the same hash tag, and so lie in one slot.

A value is kept as ``number|person|sealed``; the first two only help the scripts, and are believed only where what is
sealed says the same.
"""

from __future__ import annotations

#: The next number of the counter at a key, as a string: a Lua number would lose digits on its way.
_NEXT = """
local function next_number(key)
  local time = redis.call('TIME')
  local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
  local last = tonumber(redis.call('GET', key) or '0') or 0
  local number = string.format('%.0f', math.max(last + 1, now))
  redis.call('SET', key, number)
  return number
end
"""

_EPOCH = """
local function epoch_of(prefix, name)
  return tonumber(redis.call('GET', prefix .. 'epoch:' .. name) or '0') or 0
end
"""

_LINK = """
local function add(key, member, ms)
  redis.call('SADD', key, member)
  if redis.call('PTTL', key) < tonumber(ms) then redis.call('PEXPIRE', key, ms) end
end
"""

#: value, lease, counter; lease's mark, its ms, what of the value will not do, prefix, ms that names are kept, person or
#: "", names …: the value and its person's epoch, or the number of a lease that is ours now, or nothing.
BEGIN = (
    "#!lua\n"
    + _NEXT
    + _EPOCH
    + _LINK
    + """
if redis.call('STRLEN', KEYS[1]) > 16384 then redis.call('DEL', KEYS[1]) end
local value = redis.call('GET', KEYS[1])
if value and value ~= ARGV[3] then
  local person = string.match(value, '^%d+|(%x+)|') or ''
  local epoch = math.max(epoch_of(ARGV[4], 'all'), epoch_of(ARGV[4], person))
  return {value, string.format('%.0f', epoch), ''}
end
if not redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) then return {'', '0', ''} end
if ARGV[6] ~= '' then
  for i = 7, #ARGV do add(ARGV[4] .. 'name:' .. ARGV[i], ARGV[6], ARGV[5]) end
end
return {'', '0', next_number(KEYS[3])}
"""
)

#: value, lease, all values of the person; lease's mark, number, value, its life in ms, what of the old one will not do,
#: prefix, ms that names are kept, field, person, names …: ``kept``, ``late`` or ``revoked``.
PUT = (
    "#!lua\n"
    + _EPOCH
    + _LINK
    + """
local mine, number, prefix = ARGV[1], tonumber(ARGV[2]), ARGV[6]
local holder = redis.call('GET', KEYS[2])
if holder == mine then redis.call('DEL', KEYS[2]) end
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
add(KEYS[3], ARGV[8], ARGV[4])
for i = 10, #ARGV do add(prefix .. 'name:' .. ARGV[i], ARGV[9], ARGV[7]) end
return 'kept'
"""
)

#: lease; its mark, and its ms or 0 to let go of it.
LEASE = """#!lua
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] == '0' then return redis.call('DEL', KEYS[1]) end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
"""

#: stream, counter; prefix, ms that it is kept, messages that are, the message, names …: number, those that it is about,
#: and field and value of each that there was. A full store takes it all the same.
REVOKE = (
    "#!lua flags=allow-oom\n"
    + _NEXT
    + """
local prefix, number = ARGV[1], next_number(KEYS[2])
local people, about, found = {}, {}, {}
for i = 5, #ARGV do
  people[ARGV[i]] = true
  for _, person in ipairs(redis.call('SMEMBERS', prefix .. 'name:' .. ARGV[i])) do people[person] = true end
end
for name in pairs(people) do
  table.insert(about, name)
  redis.call('SET', prefix .. 'epoch:' .. name, number, 'PX', ARGV[2])
  local fields = prefix .. 'person:' .. name
  for _, field in ipairs(redis.call('SMEMBERS', fields)) do
    local value = redis.call('GET', prefix .. 'value:' .. field)
    if value then table.insert(found, field); table.insert(found, value) end
    redis.call('DEL', prefix .. 'value:' .. field)
  end
  redis.call('DEL', fields)
end
about = table.concat(about, ',')
redis.call('XADD', KEYS[1], 'MAXLEN', ARGV[3], '*', 'number', number, 'about', about, 'sealed', ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return {number, about, found}
"""
)

#: stream; prefix, ms, messages, number, the message or "", names …: epochs, and a message, that a store has lost.
RESTORE = """#!lua flags=allow-oom
for i = 6, #ARGV do
  local key = ARGV[1] .. 'epoch:' .. ARGV[i]
  if (tonumber(redis.call('GET', key) or '0') or 0) < tonumber(ARGV[4]) then
    redis.call('SET', key, ARGV[4], 'PX', ARGV[2])
  end
end
if ARGV[5] ~= '' then
  local about = table.concat({unpack(ARGV, 6)}, ',')
  redis.call('XADD', KEYS[1], 'MAXLEN', ARGV[3], '*', 'number', ARGV[4], 'about', about, 'sealed', ARGV[5])
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return 1
"""

#: stream; the last message that was read, or "" to begin at the end: whether that one is still there, the last that
#: there is, and those after it.
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

ALL = (BEGIN, PUT, LEASE, REVOKE, RESTORE, LOOK, CHARGE)
