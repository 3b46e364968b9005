-- Everything of the database that a migration can make, one row an object: kind, schema, parent, name, and what is
-- said of it as an array of name, value, name, value; a value that is null is not said.
-- $1: whether privileges are wanted. The search path is empty, so that every name comes out qualified.
-- Columns that older catalogs lack are asked for through to_jsonb(row), which gives null for them.
with owned as materialized (
    -- What extensions brought.
    select classid, objid from pg_depend where deptype = 'e'
), spaces as materialized (
    select n.oid, n.nspname, n.nspacl from pg_namespace n
    where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
      and n.oid not in (select objid from owned where classid = 'pg_namespace'::regclass)
), relations as materialized (
    select c.*, s.nspname from pg_class c join spaces s on s.oid = c.relnamespace
    where c.oid not in (select objid from owned where classid = 'pg_class'::regclass)
), types as materialized (
    select t.*, s.nspname from pg_type t join spaces s on s.oid = t.typnamespace
    where t.oid not in (select objid from owned where classid = 'pg_type'::regclass)
)
select 'schema', '', null, n.nspname::text, array[
    'comment', nullif(obj_description(n.oid, 'pg_namespace'), 'standard public schema'),
    'privileges', case when $1 then (select string_agg(a::text, ', ' order by a::text) from unnest(n.nspacl) a) end]
from spaces n

union all
select 'extension', '', null, e.extname::text, array[
    'version', e.extversion, 'definition', 'schema ' || n.nspname]
from pg_extension e join pg_namespace n on n.oid = e.extnamespace
where e.extname <> 'plpgsql'

union all
select 'collation', s.nspname, null, c.collname::text, array[
    'definition', concat_ws(' ', 'provider', c.collprovider, 'locale',
        coalesce(to_jsonb(c) ->> 'colllocale', to_jsonb(c) ->> 'colliculocale', c.collcollate),
        case when not c.collisdeterministic then 'nondeterministic' end),
    'comment', obj_description(c.oid, 'pg_collation')]
from pg_collation c join spaces s on s.oid = c.collnamespace
where c.oid not in (select objid from owned where classid = 'pg_collation'::regclass)

union all
select 'enum', t.nspname, null, t.typname::text, array[
    'labels', (select string_agg(quote_literal(e.enumlabel), ', ' order by e.enumsortorder)
               from pg_enum e where e.enumtypid = t.oid),
    'comment', obj_description(t.oid, 'pg_type'),
    'privileges', case when $1 then (select string_agg(a::text, ', ' order by a::text) from unnest(t.typacl) a) end]
from types t where t.typtype = 'e'

union all
select 'domain', t.nspname, null, t.typname::text, array[
    'type', format_type(t.typbasetype, t.typtypmod),
    'not null', case when t.typnotnull then 'not null' end,
    'default', pg_get_expr(t.typdefaultbin, 0),
    'collation', case when t.typcollation <> b.typcollation then
        (select format('%I.%I', n.nspname, l.collname) from pg_collation l
         join pg_namespace n on n.oid = l.collnamespace where l.oid = t.typcollation) end,
    'comment', obj_description(t.oid, 'pg_type')]
from types t join pg_type b on b.oid = t.typbasetype where t.typtype = 'd'

union all
select 'composite type', r.nspname, null, r.relname::text, array[
    'definition', (select string_agg(format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)), ', '
                                     order by a.attnum)
                   from pg_attribute a where a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped),
    'comment', obj_description(r.reltype, 'pg_type')]
from relations r
where r.relkind = 'c' and r.reltype not in (select objid from owned where classid = 'pg_type'::regclass)

union all
select 'range type', t.nspname, null, t.typname::text, array[
    'definition', concat_ws(' ', 'subtype', format_type(r.rngsubtype, null),
        'opclass', (select o.opcname from pg_opclass o where o.oid = r.rngsubopc),
        'collation', (select l.collname from pg_collation l where l.oid = r.rngcollation),
        'canonical', nullif(r.rngcanonical::oid, 0)::regproc, 'diff', nullif(r.rngsubdiff::oid, 0)::regproc,
        'multirange', (select m.typname from pg_type m where m.oid = (to_jsonb(r) ->> 'rngmultitypid')::oid)),
    'comment', obj_description(t.oid, 'pg_type')]
from types t join pg_range r on r.rngtypid = t.oid

union all
select 'sequence', r.nspname, null, r.relname::text, array[
    'type', format_type(q.seqtypid, null),
    'definition', concat_ws(' ', 'start', q.seqstart, 'increment', q.seqincrement, 'minvalue', q.seqmin,
        'maxvalue', q.seqmax, 'cache', q.seqcache, case when q.seqcycle then 'cycle' end),
    'owned by', (select format('%s.%s', o.relname, a.attname) from pg_depend d
                 join pg_class o on o.oid = d.refobjid
                 join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid::int2
                 where d.classid = 'pg_class'::regclass and d.objid = r.oid and d.refclassid = 'pg_class'::regclass
                   and d.deptype in ('a', 'i') and d.refobjsubid > 0 limit 1),
    'unlogged', case when r.relpersistence = 'u' then 'unlogged' end,
    'comment', obj_description(r.oid, 'pg_class'),
    'privileges', case when $1 then (select string_agg(a::text, ', ' order by a::text) from unnest(r.relacl) a) end]
from relations r join pg_sequence q on q.seqrelid = r.oid

union all
select 'table', r.nspname, null, r.relname::text, array[
    'kind', case r.relkind when 'r' then 'table' when 'p' then 'partitioned table' else 'foreign table' end,
    'partition by', case when r.relkind = 'p' then pg_get_partkeydef(r.oid) end,
    'partition of', case when r.relispartition then
        (select i.inhparent::regclass::text || ' ' || pg_get_expr(r.relpartbound, r.oid)
         from pg_inherits i where i.inhrelid = r.oid limit 1) end,
    'inherits', case when not r.relispartition then
        (select string_agg(i.inhparent::regclass::text, ', ' order by i.inhseqno)
         from pg_inherits i where i.inhrelid = r.oid) end,
    'row security', case when r.relforcerowsecurity and r.relrowsecurity then 'forced'
        when r.relrowsecurity then 'enabled' when r.relforcerowsecurity then 'forced, disabled' end,
    'replica identity', case r.relreplident when 'f' then 'full' when 'i' then (select 'index ' || quote_ident(i.relname)
            from pg_index x join pg_class i on i.oid = x.indexrelid where x.indrelid = r.oid and x.indisreplident)
        when 'n' then
        case when r.relkind <> 'f' then 'nothing' end end,
    'unlogged', case when r.relpersistence = 'u' then 'unlogged' end,
    'options', nullif(concat_ws(', ', array_to_string(r.reloptions, ', '),
        (select concat_ws(' ', 'server', v.srvname, array_to_string(f.ftoptions, ', '))
         from pg_foreign_table f join pg_foreign_server v on v.oid = f.ftserver where f.ftrelid = r.oid)), ''),
    'comment', (select description from pg_description
                where classoid = 'pg_class'::regclass and objoid = r.oid and objsubid = 0),
    'privileges', case when $1 then (select string_agg(a::text, ', ' order by a::text) from unnest(r.relacl) a) end]
from relations r where r.relkind in ('r', 'p', 'f')

union all
-- A default names no column, so its table need not be opened to write it.
select 'column', r.nspname, r.relname::text, a.attname::text, array[
    'type', format_type(a.atttypid, a.atttypmod),
    'not null', case when a.attnotnull then 'not null' end,
    'default', case when a.attgenerated = '' then pg_get_expr(d.adbin, 0) end,
    'generated', case a.attgenerated when '' then null when 's' then 'stored: ' else 'virtual: ' end
        || pg_get_expr(d.adbin, d.adrelid),
    'identity', case a.attidentity when 'a' then 'always' when 'd' then 'by default' end,
    'collation', case when a.attcollation <> t.typcollation then
        (select format('%I.%I', n.nspname, l.collname) from pg_collation l
         join pg_namespace n on n.oid = l.collnamespace where l.oid = a.attcollation) end,
    'options', array_to_string(a.attoptions, ', '),
    'comment', c.description,
    'privileges', case when $1 then (select string_agg(x::text, ', ' order by x::text) from unnest(a.attacl) x) end,
    '#', a.attnum::text]
from relations r
join pg_attribute a on a.attrelid = r.oid
join pg_type t on t.oid = a.atttypid
left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
left join pg_description c on c.classoid = 'pg_class'::regclass and c.objoid = r.oid and c.objsubid = a.attnum
where r.relkind in ('r', 'p', 'f') and a.attnum > 0 and not a.attisdropped

union all
-- NOT NULL is said of the column; what partitions inherit is said of their parent.
select 'constraint', r.nspname, r.relname::text, c.conname::text, array[
    'definition', pg_get_constraintdef(c.oid),
    'comment', (select description from pg_description
                where classoid = 'pg_constraint'::regclass and objoid = c.oid and objsubid = 0)]
from pg_constraint c join relations r on r.oid = c.conrelid
where c.contype in ('p', 'u', 'f', 'c', 'x') and c.conparentid = 0

union all
select 'constraint', t.nspname, t.typname::text, c.conname::text, array[
    'definition', pg_get_constraintdef(c.oid), 'comment', obj_description(c.oid, 'pg_constraint')]
from pg_constraint c join types t on t.oid = c.contypid
where c.contype = 'c'

union all
-- Indexes behind a constraint are said with it.
select 'index', r.nspname, r.relname::text, i.relname::text, array[
    'definition', pg_get_indexdef(x.indexrelid),
    'partition of', (select h.inhparent::regclass::text from pg_inherits h
        where i.relispartition and h.inhrelid = i.oid limit 1),
    'invalid', case when not x.indisvalid and i.relkind = 'i' then 'invalid' end,
    'comment', (select description from pg_description
                where classoid = 'pg_class'::regclass and objoid = i.oid and objsubid = 0)]
from pg_index x join relations r on r.oid = x.indrelid join pg_class i on i.oid = x.indexrelid
left join pg_constraint k on k.conindid = x.indexrelid and k.contype in ('p', 'u', 'x')
where k.oid is null and r.relkind <> 't'

union all
select 'statistics', s.nspname, null, x.stxname::text, array[
    'definition', pg_get_statisticsobjdef(x.oid), 'comment', obj_description(x.oid, 'pg_statistic_ext')]
from pg_statistic_ext x join spaces s on s.oid = x.stxnamespace

union all
select case r.relkind when 'v' then 'view' else 'materialized view' end, r.nspname, null, r.relname::text, array[
    'definition', rtrim(pg_get_viewdef(r.oid), ';'), 'options', array_to_string(r.reloptions, ', '),
    'column defaults', (select string_agg(format(E'%I %s\x1f', a.attname, pg_get_expr(d.adbin, 0)), '' order by a.attnum)
        from pg_attrdef d join pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum where d.adrelid = r.oid),
    'column comments', (select string_agg(format(E'%I %L\x1f', a.attname, c.description), '' order by a.attnum)
        from pg_description c join pg_attribute a on a.attrelid = c.objoid and a.attnum = c.objsubid
        where c.classoid = 'pg_class'::regclass and c.objoid = r.oid and c.objsubid > 0),
    'comment', obj_description(r.oid, 'pg_class'),
    'privileges', case when $1 then (select string_agg(a::text, ', ' order by a::text) from unnest(r.relacl) a) end]
from relations r where r.relkind in ('v', 'm')

union all
select 'rule', r.nspname, r.relname::text, w.rulename::text, array[
    'definition', pg_get_ruledef(w.oid),
    'enabled', case w.ev_enabled when 'O' then null when 'D' then 'disabled' when 'R' then 'replica' else 'always' end]
from pg_rewrite w join relations r on r.oid = w.ev_class where w.rulename <> '_RETURN'

union all
select case p.prokind when 'p' then 'procedure' when 'a' then 'aggregate' else 'function' end, s.nspname, null,
    format('%s(%s)', p.proname, case p.prokind when 'a' then pg_get_function_identity_arguments(p.oid)
        -- The names of arguments identify nothing; what comes out does, of a procedure.
        when 'p' then coalesce((
            select string_agg(case p.proargmodes[n] when 'o' then 'OUT ' when 'b' then 'INOUT ' when 'v' then 'VARIADIC '
                else '' end || format_type(p.proallargtypes[n], null), ', ' order by n)
            from generate_subscripts(p.proallargtypes, 1) n), oidvectortypes(p.proargtypes))
        else oidvectortypes(p.proargtypes) end), array[
    'definition', case when p.prokind <> 'a' then pg_get_functiondef(p.oid) else
        (select concat_ws(' ', 'returns', pg_get_function_result(p.oid), 'sfunc', g.aggtransfn,
             'stype', format_type(g.aggtranstype, null), 'initcond', quote_nullable(g.agginitval),
             'finalfunc', nullif(g.aggfinalfn::oid, 0)::regproc, 'combinefunc', nullif(g.aggcombinefn::oid, 0)::regproc,
             'kind', g.aggkind, 'sortop', nullif(g.aggsortop, 0)::regoperator,
             'msfunc', nullif(g.aggmtransfn::oid, 0)::regproc, 'minvfunc', nullif(g.aggminvtransfn::oid, 0)::regproc)
         from pg_aggregate g where g.aggfnoid = p.oid) end,
    'comment', obj_description(p.oid, 'pg_proc'),
    'privileges', case when $1 then (select string_agg(a::text, ', ' order by a::text) from unnest(p.proacl) a) end]
from pg_proc p join spaces s on s.oid = p.pronamespace
where p.oid not in (select objid from owned where classid = 'pg_proc'::regclass)
  -- The constructors of range types come with their types.
  and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'i')

union all
select 'trigger', r.nspname, r.relname::text, t.tgname::text, array[
    'definition', pg_get_triggerdef(t.oid),
    'enabled', case t.tgenabled when 'O' then null when 'D' then 'disabled' when 'R' then 'replica' else 'always' end,
    'comment', obj_description(t.oid, 'pg_trigger')]
from pg_trigger t join relations r on r.oid = t.tgrelid
where not t.tgisinternal and coalesce(to_jsonb(t) ->> 'tgparentid', '0') = '0'

union all
select 'policy', r.nspname, r.relname::text, p.polname::text, array[
    'definition', concat_ws(' ', case when p.polpermissive then 'as permissive' else 'as restrictive' end, 'for',
        case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete'
            else 'all' end,
        'to', (select string_agg(coalesce(quote_ident(o.rolname), 'public'), ', ' order by o.rolname)
               from unnest(p.polroles) x(role) left join pg_roles o on o.oid = x.role),
        'using (' || pg_get_expr(p.polqual, p.polrelid) || ')',
        'with check (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')'),
    'comment', obj_description(p.oid, 'pg_policy')]
from pg_policy p join relations r on r.oid = p.polrelid

union all
select 'event trigger', '', null, e.evtname::text, array[
    'definition', concat_ws(' ', 'on', e.evtevent, 'when tag in ('
        || (select string_agg(quote_literal(t), ', ' order by t) from unnest(e.evttags) t) || ')',
        'execute function', e.evtfoid::regproc || '()'),
    'enabled', case e.evtenabled when 'O' then null when 'D' then 'disabled' when 'R' then 'replica' else 'always' end,
    'comment', obj_description(e.oid, 'pg_event_trigger')]
from pg_event_trigger e
where e.oid not in (select objid from owned where classid = 'pg_event_trigger'::regclass)
