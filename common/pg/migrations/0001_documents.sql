-- Documents as the archiver leaves them: heads, the complete history, snapshots.
--
-- Ids, titles and positions are bytea: ids are any bytes, and a title may hold what text refuses
-- (U+0000). Revisions are the last of their run; hashes are the chain's 16 bytes there.

create table weft.documents (
    id bytea primary key,
    lane smallint not null,
    head_rev bigint not null check (head_rev > 0),
    head_hash bytea not null check (length(head_hash) = 16),
    -- of the entry that ends in the head: what trim in Redis is told
    entry_first_rev bigint not null check (entry_first_rev between 1 and head_rev),
    -- projections of the log, for lists
    kind smallint not null,
    title bytea not null,
    created timestamptz not null default now(),
    updated timestamptz not null default now()
);

create table weft.segments (
    doc bytea not null references weft.documents on delete cascade,
    first_rev bigint not null check (first_rev > 0),
    last_rev bigint not null check (last_rev >= first_rev),
    hash bytea not null check (length(hash) = 16),
    bytes bytea not null,
    primary key (doc, first_rev)
);

create table weft.snapshots (
    doc bytea not null references weft.documents on delete cascade,
    rev bigint not null check (rev > 0),
    hash bytea not null check (length(hash) = 16),
    bytes bytea not null,
    primary key (doc, rev)
);

-- Both are compressed before they come: PostgreSQL need not try again.
alter table weft.segments alter column bytes set storage external;
alter table weft.snapshots alter column bytes set storage external;
