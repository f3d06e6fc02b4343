-- Turns the last byte of each payload of the log KEYS[1]; the right log is kept as KEYS[2].
local entries = redis.call("XRANGE", KEYS[1], "-", "+")
redis.call("RENAME", KEYS[1], KEYS[2])
for _, entry in ipairs(entries) do
    for i = 1, #entry[2], 2 do
        if entry[2][i] == "p" then
            local p = entry[2][i + 1]
            entry[2][i + 1] = p:sub(1, -2) .. string.char((p:byte(-1) + 1) % 256)
        end
    end
    redis.call("XADD", KEYS[1], entry[1], unpack(entry[2]))
end
return #entries
