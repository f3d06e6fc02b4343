#!/usr/bin/env python3
"""Judges pages of metrics for test-metrics. A page is a file named SERVICE-NUMBER.

  scrape ADMIN DIR            writes the pages of the services whose addresses are in the files of ADMIN
  scrape-while PID ADMIN DIR  into DIR-0, DIR-1, ... as long as the process runs
  documented DIR DOC          the names on the pages are those that DOC lists, both ways
  moved DIR...                before, amid and after a load: every family moved that a load moves
  queries DIR FILE...         every query of a dashboard (JSON) or of rules asks for what is there
  expressions FILE...         the queries as rules, for promtool to parse
  sum DIR SELECTOR            adds the series of all pages that the selector matches
"""
import json
import os
import re
import sys
import time
import urllib.request

# Of Prometheus itself, or put there by its configuration (deploy/prometheus/prometheus.yml).
GIVEN_LABELS = {"job", "instance", "service", "le", "__name__", "alertname"}
GIVEN_NAMES = {"up", "ALERTS"}

# What a load without trouble leaves alone: failures, repairs, limits and what never changes.
STILL = re.compile(
    r"weft_gateway_(closed|resubmits|gaps|presence_dropped|lagging|retries|moved|worker_lost"
    r"|client_errors|http|dropped|ws_errors|input_full|pings|encode_failures|view_changes)_total"
    r"|weft_(gateway|worker)_view"
    r"|weft_worker_(refused|repeats|appends_refused|appends_unknown|reappended|evictions|resyncs"
    r"|quarantines|handoffs|tails_let_go|view_changes|slowed|put_off|contacts_unanswered|items_dropped)_total"
    r"|weft_worker_(quarantined|handed_documents)"
    r"|weft_archiver_(failed|snapshots|lost|unknown|rebases|damaged|remarked)_total"
    r"|weft_archiver_jobs_limit|weft_account_limit_bytes"
    r"|weft_link_(resets|stale|refused|wrong_target|contacts)_total|weft_link_(silent_)?peers"
    r"|weft_link_queued_bytes"  # of a moment: empty at the end of nearly every turn
    r"|weft_(gateway|gateway_socket|worker|archiver|link)_limits_total"
    r"|weft_storage_(breaker_state|breaker_opened_total|breaker_refused_total|ready|read_pages_total)"
    r"|weft_redis_(connects|losses|waits|waits_short|library_loads)_total"
    r"|weft_postgres_(connects|losses|locks_expired)_total|weft_postgres_connections"
    r"|weft_socket_(writes_blocked|sends_full)_total"
    r"|process_(max_fds|start_time_seconds)")

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
    restless = {family_of(key[0], kinds) for key in values[1]
                if len({v.get(key) for v in values}) > 1}
    return [f"{name} did not move" for name in sorted(set(kinds) - restless)
            if not STILL.fullmatch(name)]


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


def queries_of(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    if path.endswith(".json"):
        return [target["expr"] for panel in json.loads(text)["panels"]
                for target in panel["targets"]]
    return re.findall(r"^\s*expr: (.*)$", text, re.M)


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


COMMANDS = {"scrape": scrape, "scrape-while": scrape_while, "documented": documented, "moved": moved, "queries": queries,
            "expressions": expressions, "sum": total}
if len(sys.argv) < 3 or sys.argv[1] not in COMMANDS:
    sys.exit(__doc__)
wrong = COMMANDS[sys.argv[1]](*sys.argv[2:])
for line in wrong:
    print(line, file=sys.stderr)
sys.exit(1 if wrong else 0)
