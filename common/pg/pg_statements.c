#include "pg_internal.h"

/* Each is prepared once per connection, after the check has found the schema. */
const struct pg_statement_row pg_statements[PG_STATEMENT_COUNT] = {
    [PG_STATEMENT_HEAD] =
        {"weft_head",
         "select entry_first_rev, head_rev, head_hash from weft.documents where id = $1::bytea", 1},

    [PG_STATEMENT_KNOWN] = {"weft_known",
                            "select id from weft.documents where id = any($1::bytea[]) order by id",
                            1},

    [PG_STATEMENT_SNAPSHOT] =
        {"weft_snapshot",
         "select rev, hash, bytes from weft.snapshots where doc = $1::bytea and rev > $2::int8"
         " order by rev limit 1",
         2},

    /* One statement, so one moment: a commit between two would tear head and segments apart. */
    [PG_STATEMENT_LOAD] =
        {"weft_load",
         "with s as (select rev, hash, bytes from weft.snapshots"
         "           where doc = $1::bytea and rev <= $2::int8 order by rev desc limit 1)"
         " select 0, entry_first_rev, head_rev, head_hash, null::bytea from weft.documents"
         "  where id = $1"
         " union all select 1, 0, rev, hash, bytes from s"
         " union all select 2, first_rev, last_rev, hash, bytes from weft.segments"
         "  where doc = $1 and first_rev > coalesce((select rev from s), 0) and first_rev <= $2"
         " order by 1, 2",
         2},

    /* Segments join without gaps, so the primary key finds the one that covers $2, and the one
       before it tells the hash where the first begins (null: at the document's start). length() of
       bytes that are stored apart does not fetch them. */
    [PG_STATEMENT_HISTORY] =
        {"weft_history",
         "select first_rev, last_rev, hash, bytes,"
         "  case when n = 1 then (select p.hash from weft.segments as p where p.doc = $1"
         "    and p.first_rev < s.first_rev and p.last_rev = s.first_rev - 1"
         "    order by p.first_rev desc limit 1) end"
         " from"
         " (select first_rev, last_rev, hash, bytes,"
         "    row_number() over (order by first_rev) as n,"
         "    sum(length(bytes)) over (order by first_rev) as total"
         "  from weft.segments where doc = $1::bytea and first_rev <= $3::int8"
         "    and last_rev >= $2::int8 and first_rev >= coalesce((select max(first_rev)"
         "      from weft.segments where doc = $1 and first_rev <= $2), 0)) as s"
         " where n = 1 or total <= $4::int8 order by first_rev",
         4},

    [PG_STATEMENT_DOCS] = {"weft_docs",
                           "select id, lane::int4, head_rev, head_hash, kind::int4, title,"
                           "  (extract(epoch from updated) * 1000)::int8"
                           " from weft.documents where id > $1::bytea and id >= $2::bytea"
                           "  and ($3::bytea is null or id < $3) order by id limit $4::int8",
                           4},

    [PG_STATEMENT_LOCK] = {"weft_lock", "select pg_advisory_xact_lock($1::int8)", 1},

    /* The head moves only from $3, $4; what depends on it is inserted only if it moved. Without a
       row the document is new, which a head at revision 0 alone may claim. */
    [PG_STATEMENT_COMMIT] =
        {"weft_commit",
         "with moved as"
         " (insert into weft.documents as d"
         "   (id, lane, head_rev, head_hash, entry_first_rev, kind, title)"
         "  select $1::bytea, $2::int4, $5::int8, $6::bytea, $7::int8, $8::int4, $9::bytea"
         "   where $3::int8 = 0 or exists (select 1 from weft.documents where id = $1)"
         "  on conflict (id) do update set head_rev = excluded.head_rev,"
         "   head_hash = excluded.head_hash, entry_first_rev = excluded.entry_first_rev,"
         "   kind = excluded.kind, title = excluded.title, updated = now()"
         "   where d.head_rev = $3 and d.head_hash = $4::bytea"
         "  returning id),"
         " segment as (insert into weft.segments (doc, first_rev, last_rev, hash, bytes)"
         "  select id, $3 + 1, $5, $6, $10::bytea from moved),"
         " snapshot as (insert into weft.snapshots (doc, rev, hash, bytes)"
         "  select id, $5, $6, $11::bytea from moved where $11 is not null)"
         " select count(*) from moved",
         11},
};
