"""Mutants of the SDK: one rule of its algebra or of its client broken at a time (scripts/mutate sdk).

Each: name, file in sdk/js/src, what stands there (once), what stands there instead."""

# By folder and file of what is broken: tests that need no server; the first that fails ends the run.
TESTS = {
    "ot/": ["test/ot/vectors.test.ts", "test/ot/editor.test.ts", "test/ot/document.test.ts", "test/ot/laws.test.ts"],
    "core/split.ts": ["test/split.test.ts"],
    "core/late.ts": ["test/late.test.ts"],
    "core/conn.ts": ["test/conn.test.ts"],
    "core/presence.ts": ["test/presence.test.ts"],
    "core/tabserver.ts": ["test/tabs.test.ts"],
    "core/": ["test/core.test.ts"],
}

MUTANTS = [
    # the algebra
    ("tie-side", "ot/transform.ts", "(aFirst || compB.kind < INSERT)", "(!aFirst || compB.kind < INSERT)"),
    ("attribute-priority", "ot/transform.ts", "compB.attrs !== null && aFirst", "compB.attrs !== null && !aFirst"),
    ("cursor-side", "ot/transform.ts", "point < index || !sticksLeft", "point < index || sticksLeft"),
    ("cursor-in-deleted", "ot/transform.ts", "Math.min(comp.length, index - point)", "comp.length"),
    ("gap-order", "ot/compose.ts", "if (compB.kind >= INSERT) {", "if (compB.kind >= INSERT && compA.kind !== DELETE) {"),
    ("deletes-what-was-inserted", "ot/compose.ts", "if (piece.kind === RETAIN) out.delete", "out.delete"),
    ("nulls-stay-on-text", "ot/compose.ts", "over.attrs, piece.kind === RETAIN)", "over.attrs, true)"),
    ("trailing-retain-kept", "ot/builder.ts", "this.kind === RETAIN && this.attrs === null", "this.kind === RETAIN && this.length === 0"),
    ("merge-ignores-attributes", "ot/builder.ts", "kind !== EMBED && sameAttrs(this.attrs, attrs)", "kind !== EMBED"),
    ("embeds-merge", "ot/builder.ts", "kind !== EMBED && sameAttrs", "sameAttrs"),
    ("newline-deleted", "ot/newline.ts", "op.comps.at(-1)?.kind !== RETAIN", "op.comps.at(-1)?.kind === INSERT"),
    ("half-kept", "ot/widen.ts", "this.correction.delete(1);", "out.push(comp);"),
    # what is unsent
    ("foreign-second", "core/replica.ts", "transform(own, foreign, false), transform(foreign, own, true)",
     "transform(own, foreign, true), transform(foreign, own, false)"),
    ("buffer-before-flight", "core/replica.ts", "    if (flying) [op, flying] = pass(op, flying);\n    if (waits) [op, waits] = pass(op, waits);",
     "    if (waits) [op, waits] = pass(op, waits);\n    if (flying) [op, flying] = pass(op, flying);"),
    ("two-in-flight", "core/replica.ts", "return !this.flight && !!this.position", "return !!this.position"),
    ("draft-lost", "core/replica.ts", "    if (this.flight?.op || this.buffer)\n", "    if (this.flight?.op)\n"),
    ("own-not-compared", "core/replica.ts", "if (!sameBytes(record.body, expected))", "if (false)"),
    ("sent-before-stored", "core/doc.ts", "this.submitDue && !this.waits && this.storedVersion >= this.flightVersion",
     "this.submitDue && !this.waits"),
    # The hash finds a gap too, so both comparisons go.
    ("gap-taken", "core/doc.ts",
     "this.collecting || entry.firstRev !== position.rev + 1 ||\n        !sameBytes(entry.hashBefore, position.hash))",
     "this.collecting)"),
    ("not-sent-again", "core/doc.ts", "if (asked) this.submitDue = replica.flight !== null;", "if (asked) this.submitDue = false;"),
    ("rest-lost", "core/split.ts", "return [piece, rest.finish()];", "return [piece, null];"),
    ("pair-cut", "core/split.ts", "return isLowHalf(comp.content, low) ? low - 1 : low;", "return low;"),
    # tabs, and pages that go away
    ("tab-twice", "core/tabserver.ts", "if (seq <= (replica.local.tabs.get(hex(author)) ?? 0)) return \"done\";", ""),
    ("tab-not-transformed", "core/tabserver.ts", "replica.edit(over(since, decode(submit.body)), { author, seq });",
     "replica.edit(decode(submit.body), { author, seq });"),
    ("late-twice", "core/late.ts", "const more = late.items.slice(first + behind);", "const more = late.items;"),
    ("late-taken-again", "core/late.ts", "const first = written ? late.taken : 0;", "const first = 0;"),
    ("late-of-another", "core/late.ts", "(written || sameBytes(id, late.after)) && behind >= 0", "behind >= 0"),
    ("last-use-heard", "core/conn.ts", "this.ending.add(id);", "void id;"),
    ("cursor-of-then", "core/presence.ts", "    for (const { op, author } of since) at = moveCursor(op, at, !sameBytes(author, frame.author));\n", ""),
]
