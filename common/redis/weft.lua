#!lua name=weft2
-- What Weft decides inside Redis: each function is one atomic step (I2, I7). docs/storage.md has
-- the keys and answers; common/redis is the only caller.
--
-- Change anything here and raise the number in the name (all functions carry it): a rolling
-- upgrade runs old and new processes beside each other, and each calls its own library.
--
-- A position is 24 bytes, opaque here: big-endian revision, then 16 bytes of chain hash. Revisions
-- travel as decimal strings and are never turned into Lua numbers (those end at 2^53).
--
-- An entry is in the stream under the ID <first revision>-0 with the fields p (payload) and h (the
-- position behind it). A stream is always a chain that ends in the head: append is the only writer
-- and sets both.

local DUE_MS = 2000        -- from the dirty mark until archiving falls due
local CLAIM_MAX = 1000     -- one call must not block the server for long
local READ_BATCH = 32      -- entries fetched at a time while counting bytes
local MEMBERS_MAX = 1024   -- a bug that mints member ids must not grow the list for ever

local function now_ms()
    local t = redis.call('TIME')
    return t[1] * 1000 + math.floor(t[2] / 1000)
end

-- KEYS head log dirty; ARGV expect new first_rev id payload
-- {'ok'} | {'refused', head} | {'missing'}
local function append(keys, args)
    local head = redis.call('GET', keys[1])
    if not head then
        return {'missing'}
    end
    if head ~= args[1] then
        return {'refused', head}
    end
    -- First, because it alone can fail (an ID at or below the top): then nothing was written.
    redis.call('XADD', keys[2], args[3] .. '-0', 'p', args[5], 'h', args[2])
    redis.call('SET', keys[1], args[2])
    redis.call('ZADD', keys[3], 'NX', now_ms() + DUE_MS, args[4])
    return {'ok'}
end

-- KEYS head log; ARGV from_rev count bytes
-- {head | nil, {{first_rev, position, payload}, ...}}: entries that begin at or after from_rev, at
-- least one if there is any, then no more than count or than fit into bytes of payload.
local function read(keys, args)
    local entries, bytes = {}, 0
    local count, bytes_max = tonumber(args[2]), tonumber(args[3])
    local from = args[1] .. '-0'
    while #entries < count do
        local want = math.min(READ_BATCH, count - #entries)
        local batch = redis.call('XRANGE', keys[2], from, '+', 'COUNT', want)
        for _, e in ipairs(batch) do
            local payload, position = e[2][2] or '', e[2][4] or '' -- by hand: no position
            bytes = bytes + #payload
            if #entries > 0 and bytes > bytes_max then
                return {redis.call('GET', keys[1]), entries}
            end
            entries[#entries + 1] = {string.match(e[1], '^%d+'), position, payload}
            from = '(' .. e[1]
        end
        if #batch < want then
            break
        end
    end
    return {redis.call('GET', keys[1]), entries}
end

-- KEYS dirty; ARGV lease_ms limit
-- {id, ...}: what is due by the server's clock; each falls due again after the lease, so the claim
-- of a dead archiver expires by itself.
local function claim(keys, args)
    local now, limit = now_ms(), math.min(tonumber(args[2]), CLAIM_MAX)
    local ids = redis.call('ZRANGEBYSCORE', keys[1], '-inf', now, 'LIMIT', 0, limit)
    for _, id in ipairs(ids) do
        redis.call('ZADD', keys[1], 'XX', now + tonumber(args[1]), id)
    end
    return ids
end

-- KEYS head log dirty; ARGV id first_rev position
-- {'trimmed' | 'empty' | 'nothing', entries removed, entries left}
-- 'empty': there was nothing to remove and position is the head. 'nothing': position is neither in
-- the stream nor, with the stream empty, the head; nothing was changed.
local function trim(keys, args)
    local head = redis.call('GET', keys[1])
    local left = redis.call('XLEN', keys[2])
    if left == 0 then
        if head ~= args[3] then
            return {'nothing', 0, 0}
        end
        redis.call('ZREM', keys[3], args[1])
        return {'empty', 0, 0}
    end
    local id = args[2] .. '-0'
    local found = redis.call('XRANGE', keys[2], id, id)[1]
    if not head or not found or found[2][4] ~= args[3] then
        return {'nothing', 0, left}
    end
    -- MINID keeps IDs from the given one on: <first_rev>-1 removes <first_rev>-0 and all before.
    local removed = redis.call('XTRIM', keys[2], 'MINID', '=', args[2] .. '-1')
    left = left - removed
    if left == 0 then
        redis.call('ZREM', keys[3], args[1])
    else
        -- The mark still carries the end of the claim: what came meanwhile is due earlier.
        redis.call('ZADD', keys[3], 'LT', now_ms() + DUE_MS, args[1])
    end
    return {'trimmed', removed, left}
end

-- KEYS head; ARGV position
-- {head, 1 if this call set it, else 0}
local function adopt(keys, args)
    if redis.call('SET', keys[1], args[1], 'NX') then
        return {args[1], 1}
    end
    return {redis.call('GET', keys[1]), 0}
end

-- KEYS head log dirty; ARGV expect new id
-- {'ok'} | {'refused', head} | {'missing'}
local function rebase(keys, args)
    local head = redis.call('GET', keys[1])
    if not head then
        return {'missing'}
    end
    if head ~= args[1] then
        return {'refused', head}
    end
    redis.call('SET', keys[1], args[2])
    -- The whole key, not its entries: a stream remembers its greatest ID, and the new head may be
    -- below it.
    redis.call('UNLINK', keys[2])
    redis.call('ZREM', keys[3], args[3])
    return {'ok'}
end

-- KEYS log dirty; ARGV id
-- {'marked' | 'unmarked' | 'right'}: makes "dirty" equal "stream not empty" again.
local function remark(keys, args)
    local filled = redis.call('XLEN', keys[1]) > 0
    local marked = redis.call('ZSCORE', keys[2], args[1])
    if filled and not marked then
        redis.call('ZADD', keys[2], 'NX', now_ms() + DUE_MS, args[1])
        return {'marked'}
    end
    if marked and not filled then
        redis.call('ZREM', keys[2], args[1])
        return {'unmarked'}
    end
    return {'right'}
end

-- KEYS log dirty; ARGV id
-- {entries in the stream, 1 if it is marked, else 0}: both as of one moment
local function look(keys, args)
    return {redis.call('XLEN', keys[1]), redis.call('ZSCORE', keys[2], args[1]) and 1 or 0}
end

-- KEYS members; ARGV id address boot state timeout_ms view_known
-- {view, now_ms, {{id, address, boot, state, silent_ms}, ...}} in the order of ids.
-- The key is a hash: 'view' -> number, 'm:<id>' -> '<stamp ms> <state> <boot> <address>'.
-- timeout_ms 0 drops nobody (a caller that has just reconnected declares nobody dead). view_known
-- is the greatest number that the caller has seen: should the list be lost, numbers still only rise.
local function beat(keys, args)
    local key, self = keys[1], 'm:' .. args[1]
    local now, timeout = now_ms(), tonumber(args[5])
    local view, changed, members, own = 0, false, {}, nil
    local all = redis.call('HGETALL', key)
    for i = 1, #all, 2 do
        local field, value = all[i], all[i + 1]
        if field == 'view' then
            view = tonumber(value)
        elseif field == self then
            own = string.match(value, '^%d+ (.*)$')
        else
            local stamp, state, boot, address = string.match(value, '^(%d+) (%S+) (%S+) (%S*)$')
            local silent = stamp and math.max(0, now - tonumber(stamp))
            if not stamp or (timeout > 0 and silent > timeout) then
                redis.call('HDEL', key, field)
                changed = true
            else
                members[#members + 1] = {string.sub(field, 3), address, boot, state, silent}
            end
        end
    end
    if args[4] == 'gone' then
        changed = redis.call('HDEL', key, self) == 1 or changed
    else
        if not own and #members >= MEMBERS_MAX then
            return redis.error_reply('ERR too many members')
        end
        local value = args[4] .. ' ' .. args[3] .. ' ' .. args[2]
        changed = changed or own ~= value
        redis.call('HSET', key, self, string.format('%d %s', now, value))
        members[#members + 1] = {args[1], args[2], args[3], args[4], 0}
    end
    local known = tonumber(args[6])
    if changed or view < known then
        view = math.max(view, known) + 1
        redis.call('HSET', key, 'view', string.format('%d', view))
    end
    table.sort(members, function(a, b) return a[1] < b[1] end)
    return {view, now, members}
end

-- allow-oom: these free memory, or the cluster falls apart without them.
redis.register_function('weft2_append', append)
redis.register_function{function_name = 'weft2_read', callback = read, flags = {'no-writes'}}
redis.register_function{function_name = 'weft2_claim', callback = claim, flags = {'allow-oom'}}
redis.register_function{function_name = 'weft2_trim', callback = trim, flags = {'allow-oom'}}
redis.register_function('weft2_adopt', adopt)
redis.register_function{function_name = 'weft2_rebase', callback = rebase, flags = {'allow-oom'}}
redis.register_function{function_name = 'weft2_remark', callback = remark, flags = {'allow-oom'}}
redis.register_function{function_name = 'weft2_look', callback = look, flags = {'no-writes'}}
redis.register_function{function_name = 'weft2_beat', callback = beat, flags = {'allow-oom'}}
