//! For roles without CREATEDB: every schema of the role's own is dropped and made again inside the database, in one
//! transaction; then the chain and the seeds run there. There is no way back once that transaction is committed.

use super::admin::{Admin, failed};
use super::build::Build;
use super::clone::size;
use super::clone_live::{Wanted, clone_live};
use super::commands::Runner;
use super::create::{PREVIOUS, free_name, now};
use super::properties::Properties;
use super::reset::{Outcome, StageLog, prune};
use super::tag::{Role, Tag};
use super::{Surroundings, Teller};
use crate::error::{Error, Result};
use crate::model::event::Stage;
use crate::model::plan::ResetPlan;
use crate::wire::postgres::{Session, quote_ident};

/// The schemas that are not the server's own nor an extension's.
const SCHEMAS: &str = "select n.nspname::text, pg_has_role(current_user, n.nspowner, 'usage'), r.rolname::text
    from pg_namespace n join pg_roles r on r.oid = n.nspowner
    where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
      and not exists (select from pg_depend d where d.objid = n.oid and d.deptype = 'e') order by 1";

/// Drops everything in `public` but what extensions brought; what is another role's makes the server refuse it.
const CLEAR_PUBLIC: &str = "do $devdb$ declare it record; begin
    for it in
        select format('drop %s if exists public.%I cascade', case c.relkind when 'v' then 'view'
                   when 'm' then 'materialized view' when 'S' then 'sequence' when 'f' then 'foreign table'
                   when 'c' then 'type' else 'table' end, c.relname) as statement
        from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'f', 'v', 'm', 'S', 'c')
          and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid
              and (d.deptype = 'e' or (c.relkind = 'S' and d.deptype in ('a', 'i'))))
    loop execute it.statement; end loop;
    for it in
        select format('drop %s if exists %s cascade', case p.prokind when 'p' then 'procedure' when 'a' then 'aggregate'
                   else 'function' end, p.oid::regprocedure) as statement
        from pg_proc p where p.pronamespace = 'public'::regnamespace
          and not exists (select from pg_depend d where d.objid = p.oid and d.deptype in ('e', 'i'))
    loop execute it.statement; end loop;
    for it in
        select format('drop type if exists public.%I cascade', t.typname) as statement
        from pg_type t where t.typnamespace = 'public'::regnamespace and t.typtype in ('e', 'd', 'r')
          and not exists (select from pg_depend d where d.objid = t.oid and d.deptype = 'e')
    loop execute it.statement; end loop;
    for it in
        select format('drop collation if exists public.%I cascade', l.collname) as statement
        from pg_collation l where l.collnamespace = 'public'::regnamespace
          and not exists (select from pg_depend d where d.objid = l.oid and d.deptype = 'e')
    loop execute it.statement; end loop;
end $devdb$";

pub(super) async fn run(
    admin: &Admin,
    plan: &ResetPlan,
    surroundings: &Surroundings,
    cancelled: impl Future<Output = ()>,
    tell: &mut Teller<'_>,
) -> Result<Outcome> {
    let target = plan.proof.database();
    let mut log = StageLog::default();
    tokio::pin!(cancelled);
    let mut kept = None;
    if plan.fallback.is_some() {
        let started = log.start(Stage::Keep, "", tell);
        let copy = copy(admin, target, cancelled.as_mut(), tell).await?;
        log.finish(Stage::Keep, format!("`{copy}` is a copy of the old one"), started, tell);
        kept = Some(copy);
    }
    let started = log.start(Stage::Create, "", tell);
    admin.terminate_own(target).await?;
    let session = Session::open(&plan.workplace.target, target, "devdb reset", std::time::Duration::from_secs(10))
        .await
        .map_err(|failure| {
            Error::environment(format!("cannot enter `{target}`")).detail("server says", failure.message)
        })?;
    let dropped = recreate(&session, plan).await?;
    session.close().await;
    log.finish(Stage::Create, format!("{dropped} made anew, in place"), started, tell);
    let runner = Runner { workplace: &plan.workplace, surroundings, database: target, witness: None };
    tokio::select! {
        biased;
        () = cancelled => Err(Error::cancelled().detail("state", "the schemas were dropped; run it again to fill them")),
        built = Build::new(plan, &runner, 0).run(&mut log, tell) => {
            built.map_err(|error| error.detail("state", match &kept {
                Some(copy) => format!("the schemas were dropped before; what they held is in `{copy}`"),
                None => "the schemas were dropped before; there is no way back in place".to_owned(),
            }))?;
            let kept = prune(admin, target, plan.keep, kept, tell).await?;
            Ok(Outcome { kept, started_from: None, stages: log.stages })
        }
    }
}

/// Keeps a copy of the database as one that was replaced, and returns its name.
async fn copy(
    admin: &Admin,
    target: &str,
    cancelled: impl Future<Output = ()>,
    tell: &mut Teller<'_>,
) -> Result<String> {
    let name = free_name(admin, target, PREVIOUS).await?;
    let properties = Properties::read(admin, target).await?.unwrap_or_default();
    let (comment, branch) = (properties.comment.clone(), properties.branch.clone());
    let tag = Tag { comment, branch, ..Tag::new(Role::Previous, target, now(admin).await) };
    let bytes = size(admin, target).await;
    let wanted = Wanted { source: target, bytes, name: &name, tag: &tag, properties: &properties };
    clone_live(admin, &wanted, cancelled, tell).await?;
    Ok(name)
}

/// Returns the statements that make `public` again, with the owner, comment and grants that it has now.
async fn public(session: &Session) -> Result<String> {
    const QUERY: &str = "select 'create schema public'
          || coalesce(format('; comment on schema public is %L', obj_description(n.oid, 'pg_namespace')), '')
          || coalesce((select string_agg(format('; grant %s on schema public to %s%s', a.privilege_type,
               case when a.grantee = 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end,
               case when a.is_grantable then ' with grant option' else '' end), '')
             from aclexplode(n.nspacl) a where a.grantee <> n.nspowner), '')
          || format('; alter schema public owner to %I', pg_get_userbyid(n.nspowner))
        from pg_namespace n where n.nspname = 'public'";
    let rows = session.query_typed(QUERY, &[]).await.map_err(|error| failed("read the schema `public`", &error))?;
    Ok(rows.first().and_then(|row| row.try_get(0).ok()).unwrap_or_default())
}

async fn recreate(session: &Session, plan: &ResetPlan) -> Result<String> {
    let rows = session.query_typed(SCHEMAS, &[]).await.map_err(|error| failed("list the schemas", &error))?;
    let mut statements = vec!["begin; set local lock_timeout = '5s'".to_owned()];
    let mut names = Vec::new();
    for row in &rows {
        let (name, own, owner): (String, bool, String) = (
            row.try_get(0).unwrap_or_default(),
            row.try_get(1).unwrap_or_default(),
            row.try_get(2).unwrap_or_default(),
        );
        if !own && name == "public" {
            // Before PostgreSQL 15 it belongs to the server's first role in every database.
            statements.push(CLEAR_PUBLIC.to_owned());
            names.push("what is in `public`".to_owned());
            continue;
        }
        if !own {
            return Err(Error::environment(format!("schema `{name}` belongs to `{owner}`, so it cannot be dropped"))
                .hint(format!(
                    "have a superuser run: ALTER SCHEMA {} OWNER TO {}",
                    quote_ident(&name),
                    quote_ident(plan.workplace.target.user())
                ))
                .hint("or have the role made CREATEDB; then a reset builds aside"));
        }
        let quoted = quote_ident(&name);
        statements.push(format!("drop schema {quoted} cascade"));
        // Only `public` is there from the start; others are the chain's to make.
        if name == "public" {
            statements.push(public(session).await?);
        }
        names.push(format!("`{name}`"));
    }
    statements.push("commit".to_owned());
    if let Err(error) = session.batch_execute(&statements.join("; ")).await {
        session.batch_execute("rollback").await.map_err(|error| failed("roll back", &error))?;
        return Err(failed("drop and recreate the schemas", &error).detail("state", "nothing was changed"));
    }
    Ok(names.join(", "))
}
