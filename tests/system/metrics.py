#!/usr/bin/env python3
"""Judges pages of metrics for test-metrics. A page is a file named SERVICE-NUMBER.

  scrape ADMIN DIR            writes the pages of the services whose addresses are in the files of ADMIN
  scrape-while PID ADMIN DIR  into DIR-0, DIR-1, ... as long as the process runs
  documented DIR DOC          the names on the pages are those that DOC lists, both ways
  moved DIR...                before, amid and after a load: every family moved that a load moves
  unmoved DOC                 what neither a load nor a fault moves has a unit test
  queries DIR FILE...         every query of a dashboard (JSON) or of rules asks for what is there
  expressions FILE...         the queries as rules, for promtool to parse
  sum DIR SELECTOR            adds the series of all pages that the selector matches
"""
import json
import os
import re
import subprocess
import sys
import time
import urllib.request

# Of Prometheus itself, or put there by its configuration (deploy/prometheus/prometheus.yml).
GIVEN_LABELS = {"job", "instance", "service", "le", "__name__", "alertname"}
GIVEN_NAMES = {"up", "ALERTS"}

# What a load without trouble leaves alone, tests/errors/faults.test.mjs makes move by faults of all
# kinds: what it names. Here is what no real process can be made to do at will, why, and the unit test
# that counts it.
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
FAULTS = os.path.join(ROOT, "tests/errors/faults.test.mjs")
UNMOVED = {
    "weft_gateway_gaps_total":
        ("an end of a link must drop what is queued, without a reset", "test_gap"),
    "weft_gateway_encode_failures_total":
        ("memory must run out within a frame", "test_encode_entry"),
    "weft_worker_appends_refused_total":
        ("two workers must append to one document within a round trip of Redis",
         "of_two_workers_one_append_wins_and_the_other_follows"),
    "weft_worker_tails_let_go_total":
        ("documents just handed over must fill the memory",
         "for_want_of_memory_the_tail_is_let_go"),
    "weft_worker_items_dropped_total":
        ("a link must be reset between two lines of one turn", None),
    "weft_archiver_lost_total":
        ("two archivers must commit one document at once",
         "another_archiver_that_was_first_is_noticed_under_the_lock"),
    "weft_archiver_unknown_total":
        ("PostgreSQL must die within a COMMIT", "a_commit_whose_answer_was_lost_is_read_again"),
    "weft_link_resets_total":
        ("a link must lose a message while both its ends live",
         "a_batch_that_comes_twice_is_dropped_and_one_that_is_missed_resets"),
    "weft_link_stale_total":
        ("a batch must come behind a reset of its link",
         "a_batch_that_comes_twice_is_dropped_and_one_that_is_missed_resets"),
    "weft_postgres_locks_expired_total":
        ("an archiver must sleep for long while it holds a lock", "a_lock_is_not_held_for_ever"),
}

SERIES = re.compile(r"^([a-z_][a-z0-9_]*)(?:\{(.*)\})? (\S+)$")
LABEL = re.compile(r'([a-z_]+)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"')


def scrape(admin, directory):
    os.makedirs(directory, exist_ok=True)
    for name in os.listdir(admin):
        with open(os.path.join(admin, name), encoding="utf-8") as file:
            url = f"http://{file.read().strip()}/metrics"
        with urllib.request.urlopen(url, timeout=5) as page, \
                open(os.path.join(directory, name), "wb") as out:
            out.write(page.read())
    return []


def scrape_while(pid, admin, directory):
    """Gauges are of a moment: many are looked at."""
    count = 0
    while os.path.exists(f"/proc/{pid}/cmdline") and open(f"/proc/{pid}/cmdline", "rb").read():
        scrape(admin, f"{directory}-{count}")
        count += 1
        time.sleep(0.1)
    return [] if count > 3 else [f"it ended after {count} scrapes"]


def read(directory):
    """[(name, labels, value)] of all pages, and {family: kind}."""
    series, kinds = [], {}
    for page in sorted(os.listdir(directory)):
        with open(os.path.join(directory, page), encoding="utf-8") as lines:
            for line in lines:
                if line.startswith("# TYPE "):
                    kinds[line.split()[2]] = line.split()[3]
                elif not line.startswith("#") and line.strip():
                    name, labels, value = SERIES.match(line.rstrip("\n")).groups()
                    found = {key: text for key, _, text in LABEL.findall(labels or "")}
                    series.append((name, dict(found, page=page), float(value)))
    return series, kinds


def family_of(name, kinds):
    if name not in kinds:
        name = re.sub(r"_(bucket|sum|count)$", "", name)
    return name


def documented(directory, document):
    _, kinds = read(directory)
    with open(document, encoding="utf-8") as text:
        told = set(re.findall(r"^\| `([a-z_]+)` \|", text.read(), re.M))
    return [f"{name} is not in {document}" for name in sorted(set(kinds) - told)] + [
        f"{name} is in {document} and on no page" for name in sorted(told - set(kinds))]


def moved(*directories):
    pages = [read(directory) for directory in directories]
    kinds = pages[1][1]
    values = [{(name, tuple(sorted(labels.items()))): value for name, labels, value in series}
              for series, _ in pages]
    still = by_fault() | set(UNMOVED)
    restless = {family_of(key[0], kinds) for key in values[1]
                if len({v.get(key) for v in values}) > 1}
    return [f"{name} did not move" for name in sorted(set(kinds) - restless)
            if name not in still]


def by_fault():
    """The names that the test of faults sees move."""
    with open(FAULTS, encoding="utf-8") as text:
        return set(re.findall(r"'((?:weft|process)_[a-z0-9_]+)", text.read()))


def unmoved(document):
    """Each name of a page that faults do not move either has a reason and a unit test that is there."""
    with open(document, encoding="utf-8") as text:
        told = set(re.findall(r"^\| `([a-z_]+)` \|", text.read(), re.M))
    wrong = [f"{name} moves by a fault and is said not to" for name in sorted(by_fault() & set(UNMOVED))]
    wrong += [f"{name} is not in {document}" for name in sorted((by_fault() | set(UNMOVED)) - told)]
    units = subprocess.run(["grep", "-rhoE", r"START_TEST\([a-z0-9_]+\)", "--include=*_test.c", "common", "services"],
                           cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return wrong + [f"{name}: no unit test {test}" for name, (_, test) in UNMOVED.items()
                    if test and f"START_TEST({test})" not in units]


def matches(labels, matchers):
    for key, op, wanted in matchers:
        if key in GIVEN_LABELS - {"le"}:
            continue
        equal = (labels.get(key, "") == wanted if op in ("=", "!=")
                 else re.fullmatch(wanted, labels.get(key, "")) is not None)
        if equal != (op in ("=", "=~")):
            return False
    return True


def selectors(query):
    """[(name, matchers)]; a selector by __name__ counts for each of its names."""
    plain = re.sub(r"\{[^}]*\}", lambda m: m.group(0).replace(" ", ""), query)
    for name, braces in re.findall(r"\b(weft_[a-z0-9_]+|process_[a-z_]+|up)\b(\{[^}]*\})?", plain):
        if re.search(r'"[^"]*\b' + name + r'\b[^"]*"', plain):
            yield name, []
        else:
            yield name, LABEL.findall(braces)


def query_check(query, series):
    labels_there = set(GIVEN_LABELS)
    if not any(True for _ in selectors(query)):
        yield "it asks for nothing of ours"
    for name, matchers in selectors(query):
        if name in GIVEN_NAMES:
            continue
        found = [labels for other, labels, _ in series
                 if other == name and matches(labels, matchers)]
        if not found:
            yield f"{name}{matchers or ''} is nowhere"
        for labels in found:
            labels_there |= set(labels)
    for names in re.findall(r"\bby \(([^)]*)\)", query):
        for label in re.split(r",\s*", names):
            if label not in labels_there - {"page"}:
                yield f"by ({label}): no series has that label"


def in_dashboard(part):
    """Of panels, wherever they stand (a row holds panels too), of annotations and of variables."""
    if isinstance(part, list):
        return [query for one in part for query in in_dashboard(one)]
    if not isinstance(part, dict):
        return []
    if part.get("type") in ("query", "adhoc") and "datasource" in part:  # a variable
        query = part.get("query", "")
        return [query["query"] if isinstance(query, dict) else query]
    own = [part["expr"]] if isinstance(part.get("expr"), str) else []
    return own + in_dashboard(list(part.values()))


def queries_of(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    if path.endswith(".json"):
        return in_dashboard(json.loads(text))
    # A query over several lines (`expr: |`) is read as "|", which asks for nothing and is told.
    return re.findall(r"^\s*(?:- )?expr: (.*)$", text, re.M)


def queries(directory, *paths):
    series, _ = read(directory)
    wrong = []
    for path in paths:
        found = queries_of(path)
        if not found:
            wrong.append(f"{path}: no query found")
        for query in found:
            wrong += [f"{path}: {query}: {why}" for why in query_check(query, series)]
    return wrong


def expressions(*paths):
    """The dashboards' queries as recording rules: promtool then parses them."""
    print("groups:\n  - name: queries\n    rules:")
    for path in paths:
        for number, query in enumerate(queries_of(path)):
            text = json.dumps(query.replace("$__rate_interval", "1m"))
            print(f"      - {{record: 'query:{number}', expr: {text}}}")
    return []


def total(directory, selector):
    series, _ = read(directory)
    (name, matchers), = selectors(selector)
    print(int(sum(value for other, labels, value in series
                  if other == name and matches(labels, matchers))))
    return []


COMMANDS = {"scrape": scrape, "scrape-while": scrape_while, "documented": documented, "moved": moved, "unmoved": unmoved, "queries": queries,
            "expressions": expressions, "sum": total}
if len(sys.argv) < 3 or sys.argv[1] not in COMMANDS:
    sys.exit(__doc__)
wrong = COMMANDS[sys.argv[1]](*sys.argv[2:])
for line in wrong:
    print(line, file=sys.stderr)
sys.exit(1 if wrong else 0)
