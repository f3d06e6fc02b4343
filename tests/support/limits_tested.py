#!/usr/bin/env python3
"""Rows of the tables of limits (conf_limit.h) that no test holds to: prints one line for each.

A row names the counter that moves when the limit is reached. It is tested where a test asserts that:

    a unit test       asserts the counter's field (an obs_stats row gives it), on one line or the next
    tests/errors      provokes the error whose counter it is, or names the limit or its counter
"""
import glob
import re
import sys

TABLES = ["common/wire/wire_limits.h", "common/link/link_limits.h", "services/gateway/shell/gw_limits.h",
          "services/ot-worker/shell/worker_limits.h", "services/archiver/shell/archiver_limits.h"]


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read().replace("\\\n", " ")


def strings(text):
    """Adjacent C strings in a row's text as one each."""
    return ["".join(re.findall(r'"((?:[^"\\]|\\.)*)"', part)).replace('\\"', '"')
            for part in re.findall(r'(?:"(?:[^"\\]|\\.)*"\s*)+', text)]


def macros(text):
    """#define NAME(word) "…" word "…" as functions."""
    found = {}
    for name, argument, body in re.findall(r"#define (\w+)\((\w+)\) (\"weft_[^\n]*)", text):
        found[name] = (argument, body)
    return found


def rows(path):
    text = read(path)
    known = macros(text)
    for name, (argument, body) in known.items():
        text = re.sub(rf'\b{name}\(("[^"]*")\)', lambda m: body.replace(f' {argument} ', f' {m.group(1)} '), text)
    for row in re.split(r"\s[OF]\((?=INT|BYTES|MS)", text)[1:]:
        found = strings(row)
        yield found[0], next(one for one in found if one.startswith("weft_"))


def fields():
    """Counter as it stands on the page -> the C field that holds it."""
    found = {}
    for path in glob.glob("common/**/*.h", recursive=True) + glob.glob("services/**/*.h", recursive=True):
        for field, rest in re.findall(r"X\((?:COUNTER), (\w+),((?:[^()]|\([^()]*\))*)\)", read(path)):
            family, labels = (strings(rest) + ["", ""])[:2]
            found[f"{family}{{{labels}}}" if "=" in labels else family] = field
    return found


def main():
    units = "\n".join(read(path) for path in glob.glob("common/**/*_test.c", recursive=True) +
                      glob.glob("services/**/*_test.c", recursive=True))
    asserted = set(re.findall(r"\w+", "\n".join(re.findall(r"(?:ck_assert\w*|AWAIT|WAIT)\([^;]*;", units))))
    judge = {path: read(path) for path in glob.glob("tests/errors/*.mjs")}
    cases = set(re.findall(r"^  '?([a-z-]+)'?: \{", judge["tests/errors/cases.mjs"], re.M))
    by_counter = fields()
    count = 0
    for path in TABLES:
        for name, counter in rows(path):
            count += 1
            error = re.search(r'client_errors_total\{error="([a-z-]+)"', counter)
            if error and error.group(1) in cases or by_counter.get(counter) in asserted:
                continue
            if not any(f"'{name}'" in text or counter in text for text in judge.values()):
                print(f"{path}: {name}: no test asserts {by_counter.get(counter, counter)}")
    if count < 40:
        print(f"{sys.argv[0]}: only {count} rows could be read")


main()
