#include "load_typing.h"

#include "ot_attrs.h"

/* Of 100 new activities; deletions and formats are shorter than runs of writing. */
#define PERCENT_DELETE 27
#define PERCENT_FORMAT 27
/* Of 100 changes of activity, how many go with a move of the cursor, and of these far away. */
#define PERCENT_MOVE 40
#define PERCENT_FAR 25
#define NEAR_UNITS 120

#define WRITE_OPS_MIN 8
#define WRITE_OPS_MAX 40
#define DELETE_OPS_MAX 12
#define FORMAT_OPS_MAX 4
#define FORMAT_UNITS_MAX 40

static const struct {
    const char *key;
    const char *values[4];
} formats[] = {
    {"bold", {"true", "null"}},
    {"italic", {"true", "null"}},
    {"link", {"\"https://weft.example/a\"", "\"https://weft.example/b\"", "null"}},
    {"header", {"1", "2", "null"}},
    {"color", {"\"#c00\"", "\"#070\"", "\"#00c\"", "null"}},
};

void typing_init(struct typing *t, uint64_t seed)
{
    *t = (struct typing){0};
    rng_init(&t->rng, seed);
    t->cursor = UINT64_MAX; /* anywhere, once there is a text */
}

void typing_foreign(struct typing *t, const struct ot_op *op)
{
    if (t->cursor != UINT64_MAX)
        t->cursor = ot_cursor_transform(op, t->cursor, true);
}

/* ---- what a writer does next ---------------------------------------------------------------- */

static void cursor_move(struct typing *t, uint64_t last)
{
    if (rng_percent(&t->rng, PERCENT_FAR)) {
        t->cursor = rng_below(&t->rng, last + 1);
        return;
    }
    uint64_t low = t->cursor > NEAR_UNITS ? t->cursor - NEAR_UNITS : 0;
    uint64_t high = t->cursor + NEAR_UNITS < last ? t->cursor + NEAR_UNITS : last;
    t->cursor = rng_between(&t->rng, low, high);
}

static void activity_choose(struct typing *t, uint64_t last)
{
    uint64_t dice = rng_below(&t->rng, 100);

    if (dice < PERCENT_DELETE) {
        t->activity = TYPING_DELETE;
        t->left = (unsigned)rng_between(&t->rng, 1, DELETE_OPS_MAX);
    } else if (dice < PERCENT_DELETE + PERCENT_FORMAT) {
        t->activity = TYPING_FORMAT;
        t->left = (unsigned)rng_between(&t->rng, 1, FORMAT_OPS_MAX);
    } else {
        t->activity = TYPING_WRITE;
        t->left = (unsigned)rng_between(&t->rng, WRITE_OPS_MIN, WRITE_OPS_MAX);
    }
    if (rng_percent(&t->rng, PERCENT_MOVE))
        cursor_move(t, last);
}

/* ---- writing -------------------------------------------------------------------------------- */

static unsigned word_length(struct rng *rng)
{
    /* The sum of two dice has the shape of word lengths: short ones are common, 1 and 12 rare. */
    return (unsigned)(rng_between(rng, 1, 6) + rng_between(rng, 0, 6));
}

/* UTF-8 of the next character, of one unit. *left: characters until the word ends. */
static struct slice next_character(struct rng *rng, unsigned *left)
{
    static const char letters[] = "eeeeeeettttaaaaooooiiiinnnnsssshhhrrrdddllucmfywgpbvkxqjz";
    static const char *const rare[] = {"\xc3\xa9",     "\xc3\xbc",     "\xc3\x9f",
                                       "\xe2\x80\x99", "\xe2\x82\xac", "\xe4\xb8\xad"};

    if (*left == 0) {
        *left = word_length(rng);
        uint64_t dice = rng_below(rng, 100);
        return slice_str(dice < 2 ? "\n" : dice < 6 ? "." : dice < 10 ? "," : " ");
    }
    --*left;
    if (rng_below(rng, 100) == 0)
        return slice_str(rare[rng_below(rng, sizeof rare / sizeof *rare)]);
    return slice_of(&letters[rng_below(rng, sizeof letters - 1)], 1);
}

static void write_one(struct typing *t, struct ot_builder *b)
{
    ot_builder_retain(b, t->cursor, (struct slice){0});
    ot_builder_insert(b, next_character(&t->rng, &t->word), 1, (struct slice){0});
    t->cursor++;
}

/* ---- deleting ------------------------------------------------------------------------------- */

/* Chosen so that what was written meanwhile goes in the mean. */
static uint64_t selection(struct rng *rng, uint64_t units)
{
    uint64_t spare = units > TYPING_UNITS_GOOD ? units - TYPING_UNITS_GOOD : 0;

    if (spare == 0 || !rng_percent(rng, 30))
        return 1;
    return rng_between(rng, 2, spare < 200 ? spare + 2 : 200);
}

/* False: there is nothing before the cursor, or the document is short enough. */
static bool delete_some(struct typing *t, uint64_t units, struct ot_builder *b)
{
    uint64_t count = selection(&t->rng, units);

    if (count > t->cursor)
        count = t->cursor;
    if (units <= TYPING_UNITS_MIN || count > units - TYPING_UNITS_MIN)
        return false;
    if (count == 0)
        return false;
    t->cursor -= count;
    ot_builder_retain(b, t->cursor, (struct slice){0});
    ot_builder_delete(b, count);
    return true;
}

/* ---- formatting ----------------------------------------------------------------------------- */

static struct slice attributes(struct rng *rng, bool on, struct arena *mem)
{
    size_t at = rng_below(rng, sizeof formats / sizeof *formats), count = 0;
    struct bytes list = BYTES_INIT;

    while (count < 4 && formats[at].values[count])
        count++;
    /* The last one takes the format away. */
    const char *value = formats[at].values[rng_below(rng, on ? count - 1 : count)];
    ot_attrs_append(&list, slice_str(formats[at].key), slice_str(value));
    void *kept = list.failed ? NULL : arena_copy(mem, list.data, list.size);
    struct slice ret = slice_of(kept, kept ? list.size : 0);
    bytes_fini(&list);
    return ret;
}

static bool format_some(struct typing *t, uint64_t last, struct arena *mem, struct ot_builder *b)
{
    uint64_t count = rng_between(&t->rng, 1, FORMAT_UNITS_MAX);
    uint64_t from = t->cursor > count ? t->cursor - count : 0;
    struct slice attrs = attributes(&t->rng, false, mem);

    if (from + count > last)
        count = last - from;
    if (count == 0 || attrs.size == 0)
        return false;
    ot_builder_retain(b, from, (struct slice){0});
    ot_builder_retain(b, count, attrs);
    return true;
}

/* ---- the next op ---------------------------------------------------------------------------- */

int typing_next(struct typing *t, uint64_t units, struct arena *mem, struct ot_op *ret)
{
    struct ot_builder b;
    uint64_t last = units - 1; /* behind the newline that stays there is nothing */

    MUST(units > 0);
    if (t->cursor == UINT64_MAX)
        t->cursor = rng_below(&t->rng, last + 1);
    if (t->cursor > last)
        t->cursor = last;
    if (t->left == 0)
        activity_choose(t, last);
    t->left--;
    ot_builder_init(&b, mem);
    if (t->activity == TYPING_DELETE && delete_some(t, units, &b))
        return ot_builder_finish(&b, ret);
    if (t->activity == TYPING_FORMAT && format_some(t, last, mem, &b))
        return ot_builder_finish(&b, ret);
    write_one(t, &b);
    return ot_builder_finish(&b, ret);
}

int typing_content(struct rng *rng, uint64_t units, struct arena *mem, struct ot_op *ret)
{
    struct slice attrs = {0};
    struct ot_builder b;
    uint64_t length = 0;
    unsigned left = word_length(rng), styled = 0;

    ot_builder_init(&b, mem);
    while (length + 1 < units || left > 0) {
        if (styled == 0) {
            styled = (unsigned)rng_between(rng, 5, 200);
            attrs = rng_percent(rng, 20) ? attributes(rng, true, mem) : (struct slice){0};
        }
        styled--;
        ot_builder_insert(&b, next_character(rng, &left), 1, attrs);
        length++;
    }
    ot_builder_insert(&b, slice_str("\n"), 1, (struct slice){0});
    return ot_builder_finish(&b, ret);
}
