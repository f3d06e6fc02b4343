#include "link_frame.h"

static const uint8_t magic[4] = {'W', 'L', 'K', 1};

void link_frame_write(const struct link_head *head, uint8_t *out)
{
    MUST(head->address.size >= 1 && head->address.size <= LINK_ADDRESS_SIZE_MAX);
    memcpy(out, magic, sizeof magic);
    out[4] = (uint8_t)head->type;
    out[5] = (uint8_t)head->heard_kind;
    out[6] = (uint8_t)(head->address.size >> 8);
    out[7] = (uint8_t)head->address.size;
    store_be64(out + 8, head->from);
    store_be64(out + 16, head->to);
    store_be64(out + 24, head->epoch);
    store_be64(out + 32, head->seq);
    store_be64(out + 40, head->heard);
    store_be32(out + 48, head->count);
    store_be32(out + 52, (uint32_t)head->body.size);
    memcpy(out + LINK_HEAD_SIZE, head->address.data, head->address.size);
}

bool link_address_is_plain(struct slice address)
{
    if (address.size < 1 || address.size > LINK_ADDRESS_SIZE_MAX)
        return false;
    for (size_t i = 0; i < address.size; i++)
        if (address.data[i] <= ' ' || address.data[i] > '~')
            return false;
    return true;
}

static bool head_is_valid(const struct link_head *head)
{
    if (head->from == 0 || head->to == 0 || head->epoch == 0)
        return false;
    if ((head->heard_kind == LINK_HEARD_NOTHING) != (head->heard == 0))
        return false;
    if (head->type == LINK_BATCH)
        return head->seq > 0;
    return head->count <= 1;
}

bool link_frame_read(struct slice message, struct link_head *ret)
{
    const uint8_t *p = message.data;
    struct link_head head;

    if (message.size < LINK_HEAD_SIZE || memcmp(p, magic, sizeof magic) != 0)
        return false;
    if ((p[4] != LINK_BATCH && p[4] != LINK_HEARTBEAT) || p[5] > LINK_REFUSED)
        return false;
    size_t address_size = (size_t)p[6] << 8 | p[7];
    uint64_t size = (uint64_t)LINK_HEAD_SIZE + address_size + load_be32(p + 52);
    if (size != message.size)
        return false;
    head = (struct link_head){
        .type = p[4],
        .heard_kind = p[5],
        .from = load_be64(p + 8),
        .to = load_be64(p + 16),
        .epoch = load_be64(p + 24),
        .seq = load_be64(p + 32),
        .heard = load_be64(p + 40),
        .count = load_be32(p + 48),
        .address = slice_of(p + LINK_HEAD_SIZE, address_size),
        .body = slice_of(p + LINK_HEAD_SIZE + address_size, load_be32(p + 52)),
    };
    if (!link_address_is_plain(head.address) || !head_is_valid(&head))
        return false;
    *ret = head;
    return true;
}
