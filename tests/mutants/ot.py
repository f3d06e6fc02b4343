"""Mutants of the algebra: one rule of docs/algebra.md broken at a time (scripts/mutate ot).

Each: name, file, what stands there (once), what stands there instead."""

MUTANTS = [
    # transform
    ("tie-side", "ot_transform.c", "(a_first || !reader_inserts(&b))", "(!a_first || !reader_inserts(&b))"),
    ("attribute-priority", "ot_transform.c", "ours.kind == OT_RETAIN && a_first", "ours.kind == OT_RETAIN && !a_first"),
    ("deleted-twice", "ot_transform.c", "if (theirs.kind == OT_DELETE)",
     "if (theirs.kind == OT_DELETE && ours.kind == OT_RETAIN)"),
    ("delete-forgets-length", "ot_transform.c", "    ours.length = n;\n", ""),
    ("cursor-side", "ot_transform.c", "point < index || !sticks_left", "point < index || sticks_left"),
    ("cursor-in-deleted", "ot_transform.c", "after -= comp->length < left ? comp->length : left;",
     "after -= comp->length;"),
    # compose
    ("gap-order", "ot_compose.c", "if (reader_inserts(&b)) {",
     "if (reader_inserts(&b) && a.rest.kind != OT_DELETE) {"),
    ("deletes-what-was-inserted", "ot_compose.c", "if (piece.kind == OT_RETAIN)", "if (piece.kind != OT_DELETE)"),
    ("nulls-stay-on-text", "ot_compose.c", "piece.kind == OT_RETAIN, &piece.attrs", "true, &piece.attrs"),
    ("nulls-lost-on-retains", "ot_compose.c", "piece.kind == OT_RETAIN, &piece.attrs", "false, &piece.attrs"),
    # associativity
    ("insert-behind-deletes", "ot_compose.c", """        if (reader_inserts(&b)) {
            builder_put(&out, &b.rest);
            reader_next(&b);
        } else if (a.rest.kind == OT_DELETE) {
            builder_put(&out, &a.rest);
            reader_next(&a);
        } else {""", """        if (a.rest.kind == OT_DELETE) {
            builder_put(&out, &a.rest);
            reader_next(&a);
        } else if (reader_inserts(&b)) {
            builder_put(&out, &b.rest);
            reader_next(&b);
        } else {"""),
    ("rest-of-the-first-lost", "ot_compose.c", "    builder_put_rest(&out, &b);\n    builder_put_rest(&out, &a);",
     "    builder_put_rest(&out, &b);"),
    ("first-null-forgotten", "ot_compose.c", "piece.attrs, attrs, piece.kind == OT_RETAIN,",
     "piece.attrs, attrs, piece.kind == OT_RETAIN && piece.attrs.size,"),
    # normal form
    ("trailing-retain-kept", "ot_op.c", "    if (last) {\n        b->units_in -=", "    if (false) {\n        b->units_in -="),
    ("merge-ignores-attributes", "ot_op.c", "last->kind == kind && slice_equal(last->attrs, attrs)",
     "last->kind == kind"),
    ("units-after-wrong", "ot_op.c", "b->units_out += out;", "b->units_out += in;"),
    ("content-lost-in-merge", "ot_op.c", "    content->size = size;\n}", "}"),
    # the binary form
    ("reads-what-should-be-merged", "ot_codec.c", "return a->kind == b->kind && a->kind != OT_EMBED",
     "return false && a->kind == b->kind && a->kind != OT_EMBED"),
    ("embeds-merge", "ot_codec.c", "a->kind == b->kind && a->kind != OT_EMBED &&", "a->kind == b->kind &&"),
    ("reads-trailing-retain", "ot_codec.c", "return last->kind == OT_RETAIN && last->attrs.size == 0;", "return false && last;"),
    ("varint-two-forms", "ot_codec.c", "end - at < 3 || at[1] == 0", "end - at < 3"),
    ("delete-with-attributes", "ot_codec.c", "(header & 7) == (OT_DELETE | OT_CODEC_HAS_ATTRS)", "false"),
    ("any-version", "ot_codec.c", "d->start[0] != OT_FORM_VERSION", "false"),
    ("null-on-insert", "ot_codec.c", "comp->kind == OT_RETAIN, &wrong", "true, &wrong"),
    ("length-in-bytes", "ot_codec.c", "        comp->length = (uint32_t)units;\n", ""),
    ("units-unbounded", "ot_codec.c", "if (units_in > OT_UNITS_MAX)", "if (false)"),
    ("components-unbounded", "ot_codec.c", "if (at < d->end)\n", "if (false)\n"),
    # characters
    ("surrogate-check", "ot_utf.c", " || (lead == 0xed && at[1] >= 0xa0)", ""),
    ("overlong", "ot_utf.c", "if (lead < 0xc2)", "if (lead < 0xc0)"),
    ("beyond-the-last-plane", "ot_utf.c", " || (lead == 0xf4 && at[1] >= 0x90)", ""),
    ("wide-surrogate-check", "utf_simd.c", "TOO_SHORT | OVERLONG_3 | SURROGATE,", "TOO_SHORT | OVERLONG_3,"),
    ("wide-ends-within", "utf_simd.c", "faults = _mm256_or_si256(faults, block_faults(block, last));\n    units",
     "units"),
    ("cuts-a-pair", "ot_utf.c", "        if (count > units)\n            return false;\n",
     "        if (count > units)\n            count = units;\n"),
    ("key-order", "ot_utf.h", "if (a >= 0xee && b >= 0xee && (a >= 0xf0) != (b >= 0xf0))", "if (false)"),
    # attributes and canonical JSON
    ("first-value-wins", "ot_attrs.c", "        if (order < 0)\n            output_put(&out, a.pair);\n        else if (keep_nulls",
     "        if (order <= 0)\n            output_put(&out, a.pair);\n        else if (keep_nulls"),
    ("invert-forgets-null", "ot_attrs.c", "if (order < 0 && !is_null(a.value))", "if (false)"),
    ("key-twice", "ot_attrs.c", "ot_utf_compare(last, key) >= 0", "ot_utf_compare(last, key) > 0"),
    ("depth-unbounded", "ot_json.c", "if (!take(s, '[') || depth == 0)", "if (!take(s, '['))"),
    # the rope
    ("finger-stays", "ot_rope.c", "    rope_finger_forget(rope);\n    arena_init", "    arena_init"),
    ("pair-cut-in-document", "ot_rope.c", "return leaf->size != leaf->units && !leaf_find(leaf, offset, false, &spot);",
     "return false;"),
    ("newline-unprotected", "ot_rope.c", "comp->kind != OT_RETAIN && index == rope->units",
     "comp->kind == OT_DELETE && index == rope->units"),
    ("encoded-cut-at-leaves", "rope_encode.c", "return !run->embed && ", "return false && "),
    ("encoded-embeds-merge", "rope_encode.c", "return !run->embed && !next->embed && ", "return !next->embed == !run->embed && "),
    ("encoded-past-the-embed", "rope_encode.c", "return !run->embed && !next->embed && ", "return !run->embed && "),
    ("encoded-format-goes-on", "rope_encode.c", " && run->attrs == next->attrs", ""),
    # the rope's inner nodes
    ("seek-left-of-border", "rope_tree.c", "left + right > inner->units[at]", "left > inner->units[at]"),
    ("seek-forgets-what-is-before", "rope_tree.c", "            left -= inner->units[at++];", "            left -= inner->units[at++] - (level > 0 && at == 3);"),
    ("split-units-stay", "rope_tree.c", "    inner->units[at] -= units;\n", ""),
    ("split-child-in-the-wrong-half", "rope_tree.c", "if (at < ROPE_FANOUT / 2)\n", "if (at <= ROPE_FANOUT / 2)\n"),
    ("split-loses-order", "rope_tree.c", "inner_insert(inner, at + 1, child, units);\n        return;", "inner_insert(inner, at, child, units);\n        return;"),
    ("split-units-not-moved", "rope_tree.c", "child_add(rope, path, level + 1, right, inner_units(right));", "child_add(rope, path, level + 1, right, units);"),
    ("root-forgets-units", "rope_tree.c", "inner_insert(root, 0, rope->root, (uint32_t)rope->units);", "inner_insert(root, 0, rope->root, 0);"),
    ("root-stays", "rope_tree.c", "        if (root->count > 1)\n            return;", "        return;"),
    ("empty-inner-stays", "rope_tree.c", "        if (inner->count > 0)\n            break;\n        inner_free(rope, inner);", "        break;"),
    ("join-units-lost", "rope_tree.c", "    parent->units[at] += parent->units[at + 1];\n", ""),
    ("join-child-twice", "rope_tree.c", "    inner_remove(parent, at + 1);\n    return true;", "    return true;"),
    ("join-too-full", "rope_tree.c", "left->count + right->count > ROPE_FANOUT_MERGE", "left->count + right->count > 2 * ROPE_FANOUT"),
    ("join-keeps-the-finger", "rope_tree.c", "            break;\n        rope_finger_forget(rope);", "            break;"),
    ("never-joined", "rope_tree.c", "<= ROPE_LEAF_MERGE;", "< 0;"),
    ("inner-never-joined", "rope_tree.c", "left->count + right->count > ROPE_FANOUT_MERGE ||", "true ||"),
    ("counted-to-the-parent-only", "rope_private.h", "for (int level = 0; level < rope->height; level++)\n        path->up[level].node->units", "for (int level = 0; level < 1 && level < rope->height; level++)\n        path->up[level].node->units"),
    ("dropped-leaf-counted", "ot_rope.c", "            leaf_discount(rope, path.leaf);\n", ""),
    # snapshots of the rope
    ("snapshot-typed-over", "ot_rope.c", "if ((!rope->snapshot_count && typing_apply(rope, op))", "if ((typing_apply(rope, op))"),
    ("snapshot-not-owned", "ot_rope.c", "r = rope->snapshot_count ? op_own(rope, op) : 0;", "r = 0;"),
    ("snapshot-end-not-owned", "rope_share.c", "i < inner->count && start <= to && !r", "i < inner->count && start < to && !r"),
    ("snapshot-start-not-owned", "rope_share.c", "if (end >= from &&", "if (end > from &&"),
    ("snapshot-deletes-copy-all", "ot_rope.c", "end, comp->kind == OT_DELETE);", "end, false);"),
    ("snapshot-border-not-owned", "rope_share.c", "start > from && end < to;", "start >= from && end <= to;"),
    ("snapshot-formats-as-deletes", "ot_rope.c", "end, comp->kind == OT_DELETE);", "end, true);"),
    ("snapshot-joined", "rope_tree.c", "return !rope->snapshot_count ||", "return true ||"),
    ("snapshot-embed-freed", "rope_share.c", "            leaf_embed_at(leaf, start)->refs++;\n", "            ;\n"),
    ("snapshot-list-freed", "rope_share.c", "        ot_attrs_ref(leaf->runs[at].attrs);\n", ""),
    ("snapshot-child-freed", "rope_share.c", "            ((struct rope_leaf *)inner->children[i])->refs++;", "            ;"),
    ("snapshot-copy-leaks", "rope_share.c", "    rope->memory += sizeof *leaf + leaf->capacity;\n    leaf->refs--;", "    rope->memory += sizeof *leaf + leaf->capacity;"),
    # the history
    ("stale-run", "history_runs.c", " || run_start(run) + history_span(run->level) > h->end", ""),
    ("stale-answer", "history_log.c", "    history_answers_forget(h);\n    return 0;", "    return 0;"),
    ("fold-mirrored", "history_fold.c", "ot_compose(mem, &ops[i], &ops[i + 1]", "ot_compose(mem, &ops[i + 1], &ops[i]"),
]

# What is to kill them, quickest first; the sources are those of common/ot and what they need of base.
TESTS = ["laws", "codec", "json", "history", "utf", "rope", "snapshot"]
# What is about the file is tried before.
FIRST = {"rope": ["rope", "snapshot"], "history": ["history"], "utf": ["utf"]}
# Enough to kill, and quick.
ENVIRONMENT = {"laws": {"WEFT_CASES": "10000"}}
