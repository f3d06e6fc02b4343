/* Inside common/ot: the algebra of attribute lists. Results live in `mem`, or are an argument. */
#ifndef WEFT_OT_ATTRS_PAIRS_H
#define WEFT_OT_ATTRS_PAIRS_H

#include "arena.h"
#include "ot_attrs.h"

/* `base`, then `over`. `keep_nulls`: over a retain; else over text, where null removes. */
MUST_CHECK int attrs_compose(struct arena *mem, struct slice base, struct slice over,
                             bool keep_nulls, struct slice *ret);
/* `list` without the keys that `taken` has. */
MUST_CHECK int attrs_without(struct arena *mem, struct slice list, struct slice taken,
                             struct slice *ret);
/* What a retain must set to undo `change` on text that has `base`. */
MUST_CHECK int attrs_invert(struct arena *mem, struct slice change, struct slice base,
                            struct slice *ret);

#endif
