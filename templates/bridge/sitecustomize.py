"""devdb's bridge into the project's own Python commands.

Python imports `sitecustomize` at start-up from the first folder of PYTHONPATH that has one. This one waits for the
database libraries to be imported and then

- points connections that go to the target database at the database that devdb is building,
- reports what happens, as one JSON object a line, to the socket (or on stderr, inside a container) that
  DEVDB_BRIDGE names.

It changes no file, and a fault of its own never stops the program that it rides on.
"""

import importlib.abc
import importlib.util
import json
import os
import socket
import sys
import threading
import time

_HERE = os.path.dirname(os.path.abspath(__file__))
_LOOPBACK = {"localhost", "127.0.0.1", "::1", "[::1]", "0.0.0.0"}


def _chain_load():
    """Runs the sitecustomize that this one stands in front of, if there is one."""
    for folder in sys.path:
        path = os.path.join(folder or ".", "sitecustomize.py")
        if os.path.abspath(folder or ".") == _HERE or not os.path.isfile(path):
            continue
        spec = importlib.util.spec_from_file_location("_devdb_chained_sitecustomize", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return


class _Reporter:
    """Sends events to devdb; each process of a fork has a connection of its own."""

    def __init__(self, where):
        self._kind, _, self._address = where.partition(":")
        self._lock = threading.Lock()
        self._pid = None
        self._socket = None
        self._seen = set()

    def send(self, event, **fields):
        try:
            line = json.dumps(dict(event=event, **fields), default=str) + "\n"
            with self._lock:
                self._write(line)
        except Exception:
            pass

    def send_once(self, event, **fields):
        key = (os.getpid(), event, json.dumps(fields, sort_keys=True, default=str))
        if key not in self._seen:
            self._seen.add(key)
            self.send(event, **fields)

    def _write(self, line):
        if self._kind == "stderr":
            os.write(2, ("\n" + self._address + line).encode("utf-8", "replace"))
            return
        if self._socket is None or self._pid != os.getpid():
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self._socket.connect(self._address)
            self._pid = os.getpid()
        self._socket.sendall(line.encode("utf-8", "replace"))


def _joined(value):
    """Returns hosts or ports as libpq writes them; asyncpg takes lists."""
    if isinstance(value, (list, tuple)):
        return ",".join(str(one) for one in value)
    return str(value or "")


class _Redirect:
    """Decides which connections go elsewhere."""

    def __init__(self, config, reporter):
        self._from = config["from"]
        self._to = config["to"]
        self._endpoints = config.get("endpoints")
        self._reporter = reporter

    def database(self, host, port, name, user=None):
        """Returns the name to use instead, or None to leave the connection as it is."""
        name = name or os.environ.get("PGDATABASE") or user or os.environ.get("PGUSER") or ""
        host = _joined(host) or os.environ.get("PGHOST") or ""
        port = _joined(port) or os.environ.get("PGPORT") or "5432"
        if name == self._to and (self._to != self._from or self._is_target(host, port)):
            self._reporter.send_once("reached", how="direct")
            return None
        if name == self._from and self._is_target(host, port):
            self._reporter.send_once("reached", how="redirected")
            return self._to
        self._reporter.send_once("elsewhere", host=host, port=port, database=name)
        return None

    def _is_target(self, host, port):
        if self._endpoints is None:
            return True
        hosts, ports = host.split(","), port.split(",")
        for known_host, known_port in self._endpoints:
            for index, one in enumerate(hosts):
                one_port = ports[index] if index < len(ports) else ports[-1]
                local = (not one or one.startswith("/") or one in _LOOPBACK)
                known_local = known_host.startswith("/") or known_host in _LOOPBACK
                if one_port == str(known_port) and (one == known_host or (local and known_local)):
                    return True
        return False


def _describe(error):
    """Returns what a driver's exception says, without the values that were bound."""
    original = getattr(error, "orig", None) or error
    cause = getattr(original, "__cause__", None)
    state = (
        getattr(original, "sqlstate", None)
        or getattr(original, "pgcode", None)
        or getattr(cause, "sqlstate", None)
    )
    diagnostics = getattr(original, "diag", None) or cause
    fields = {"sqlstate": state}
    message = getattr(diagnostics, "message_primary", None) or getattr(diagnostics, "message", None)
    fields["message"] = str(message or original).strip().split("\n")[0]
    fields["detail"] = getattr(diagnostics, "message_detail", None) or getattr(diagnostics, "detail", None)
    fields["hint"] = getattr(diagnostics, "message_hint", None) or getattr(diagnostics, "hint", None)
    return {key: value for key, value in fields.items() if value}


def _hook_sqlalchemy(_module, redirect, reporter):
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    def do_connect(dialect, _record, cargs, cparams):
        if getattr(dialect, "name", "") != "postgresql" or cargs:
            return None
        key = "database" if "database" in cparams else "dbname"
        name = redirect.database(cparams.get("host"), cparams.get("port"), cparams.get(key), cparams.get("user"))
        if name is not None:
            cparams[key] = name
        return None

    def handle_error(context):
        original = context.original_exception
        if original is not None:
            reporter.send("error", statement=context.statement or "", **_describe(original))

    event.listen(Engine, "do_connect", do_connect)
    event.listen(Engine, "handle_error", handle_error)


class _WrongDatabase(Exception):
    pass


def _guard(context, reporter):
    """Nothing may run in another database than the one that devdb means, whatever env.py connected to."""
    if context.as_sql or context.connection is None:
        return
    if context.dialect.name != "postgresql":
        name, right = "a %s database" % context.dialect.name, False
    else:
        from sqlalchemy import text

        witness = _CONFIG.get("witness") or {}
        query = "select current_database(), (select count(*) from pg_stat_activity where pid = :pid and application_name = :name)"
        values = {"pid": witness.get("pid") or 0, "name": witness.get("name") or ""}
        name, seen = context.connection.execute(text(query), values).first()
        # A session of devdb's own, which only the right server has.
        right = name == _CONFIG["to"] and (not witness or seen > 0)
    if not right:
        reporter.send("guard", database=str(name))
        raise _WrongDatabase("env.py connected to `%s`, which devdb does not mean; nothing was run" % name)


def _hook_alembic(module, _redirect, reporter):
    original = module.EnvironmentContext.configure

    def applied(ctx=None, step=None, heads=None, run_args=None, **_more):
        script = getattr(step, "up_revision", None)
        ids = getattr(step, "up_revision_ids", None) or ()
        reporter.send(
            "applied",
            revision=getattr(step, "up_revision_id", None) or ",".join(ids),
            message=getattr(script, "doc", "") or "",
            upgrade=bool(getattr(step, "is_upgrade", True)),
            stamp=bool(getattr(step, "is_stamp", False)),
        )

    def announced(steps_of):
        def steps(rev, context):
            _guard(context, reporter)
            found = list(steps_of(rev, context))
            reporter.send("plan", total=len(found))
            for index, step in enumerate(found, 1):
                script = getattr(step, "revision", None)
                reporter.send(
                    "revision",
                    revision=str(getattr(script, "revision", "") or ""),
                    message=str(getattr(script, "doc", "") or ""),
                    index=index,
                    total=len(found),
                )
                yield step

        return steps

    def configure(self, *args, **kwargs):
        callbacks = kwargs.get("on_version_apply") or ()
        callbacks = tuple(callbacks) if hasattr(callbacks, "__iter__") else (callbacks,)
        kwargs["on_version_apply"] = callbacks + (applied,)
        result = original(self, *args, **kwargs)
        try:
            context = self.get_context()
            # Before 1.12 types were not compared unless that was asked for; a default is no wish.
            context.opts["_devdb_given"] = set(kwargs)
            if getattr(context, "_migrations_fn", None) is not None:
                context._migrations_fn = announced(context._migrations_fn)
        except Exception:
            pass
        return result

    module.EnvironmentContext.configure = configure


def _hook_autogenerate(module, _redirect, reporter):
    original = module.RevisionContext.run_autogenerate

    def run_autogenerate(self, rev, migration_context):
        result = original(self, rev, migration_context)
        try:
            found = [
                diff
                for script in self.generated_revisions
                for operations in script.upgrade_ops_list
                for diff in _flat(operations.as_diffs())
            ]
            for diff in found:
                reporter.send("difference", message=_difference(diff))
            reporter.send("compared")
            for text in _renames(found) + _unseen(migration_context):
                reporter.send("unseen", message=text)
        except Exception as error:
            reporter.send("bridge-error", message=repr(error))
        return result

    module.RevisionContext.run_autogenerate = run_autogenerate


def _flat(diffs):
    """Changes of one column come as a list of their own."""
    for diff in diffs:
        if isinstance(diff, list):
            yield from _flat(diff)
        else:
            yield diff


def _name(schema, *parts):
    return ".".join(str(part) for part in (schema,) + parts if part)


def _table(table):
    return _name(table.schema, table.name)


def _difference(diff):
    """Returns one entry of `compare_metadata` as a sentence."""
    kind = diff[0]
    missing, surplus = "is in the models, in no migration", "is made by the migrations, and in no model"
    end = missing if kind.startswith("add_") else surplus
    if kind in ("add_table", "remove_table"):
        return "table `%s` %s" % (_table(diff[1]), end)
    if kind in ("add_column", "remove_column"):
        return "column `%s` %s" % (_name(diff[1], diff[2], diff[3].name), end)
    if kind in ("add_index", "remove_index"):
        columns = ", ".join(str(getattr(part, "name", part)) for part in diff[1].expressions)
        return "index `%s` on `%s` (%s) %s" % (diff[1].name, _table(diff[1].table), columns, end)
    if kind in ("add_constraint", "remove_constraint", "add_fk", "remove_fk"):
        constraint = diff[1]
        what = type(constraint).__name__.replace("Constraint", "").replace("ForeignKey", "foreign key").lower()
        columns = ", ".join(column.name for column in constraint.columns)
        name = " `%s`" % constraint.name if constraint.name else ""
        return "%s constraint%s on `%s` (%s) %s" % (what, name, _table(constraint.table), columns, end)
    if kind.startswith("modify_") and len(diff) == 7:
        what = {"modify_type": "type", "modify_default": "default", "modify_comment": "comment"}.get(kind, "")
        before, after = diff[5], diff[6]
        if kind == "modify_nullable":
            before, after = ("nullable" if value else "not null" for value in (before, after))
        else:
            before, after = (_shown(value) for value in (before, after))
        text = "column `%s`: %s %s by the migrations, %s in the models"
        return " ".join((text % (_name(diff[1], diff[2], diff[3]), what, before, after)).split())
    return "%s: %s" % (kind, ", ".join(str(part) for part in diff[1:]))


def _shown(value):
    argument = getattr(value, "arg", value)
    return str(getattr(argument, "text", argument))


def _renames(diffs):
    """Returns pairs of a dropped and an added thing that look like one thing renamed."""
    found = []
    added = [diff for diff in diffs if diff[0] == "add_column"]
    for diff in (diff for diff in diffs if diff[0] == "remove_column"):
        for other in added:
            if diff[1:3] == other[1:3] and str(diff[3].type) == str(other[3].type):
                table = _name(diff[1], diff[2])
                text = "`%s` to `%s` in `%s` may be a rename: as generated, the column is dropped with its data"
                found.append(text % (diff[3].name, other[3].name, table))
    new = [diff[1] for diff in diffs if diff[0] == "add_table"]
    for old in (diff[1] for diff in diffs if diff[0] == "remove_table"):
        for table in new:
            if set(old.columns.keys()) == set(table.columns.keys()):
                text = "table `%s` to `%s` may be a rename: as generated, the table is dropped with its data"
                found.append(text % (_table(old), _table(table)))
    return found


def _unseen(context):
    """Returns what the models and the database differ in and autogenerate does not compare."""
    from sqlalchemy import CheckConstraint, Enum, inspect, text

    metadatas = context.opts.get("target_metadata")
    metadatas = metadatas if isinstance(metadatas, (list, tuple)) else [metadatas]
    inspector = inspect(context.connection)
    found, enums = [], {}
    for table in (table for metadata in metadatas if metadata is not None for table in metadata.tables.values()):
        if not inspector.has_table(table.name, schema=table.schema):
            continue
        there = {column["name"]: column for column in inspector.get_columns(table.name, schema=table.schema)}
        for column in table.columns:
            if isinstance(column.type, Enum) and column.type.native_enum and column.type.name:
                enums[column.type.name] = list(column.type.enums)
            known = there.get(column.name)
            if known is not None and not context.opts.get("compare_server_default"):
                found.extend(_default(table, column, known))
        known = {check["name"]: check for check in inspector.get_check_constraints(table.name, schema=table.schema)}
        checks = [c for c in table.constraints if isinstance(c, CheckConstraint) and not getattr(c, "_type_bound", False)]
        for check in checks:
            if (check.name and check.name not in known) or (not check.name and not known):
                text_of = check.name or check.sqltext
                found.append("CHECK `%s` on `%s` is in the models, in no migration" % (text_of, _table(table)))
        if not checks:
            made = "CHECK `%s` on `%s` is made by the migrations, and in no model"
            found.extend(made % (name, _table(table)) for name in sorted(known))
    labels = "select enumlabel from pg_enum e join pg_type t on t.oid = e.enumtypid where typname = :name order by enumsortorder"
    for name, values in sorted(enums.items()):
        rows = [row[0] for row in context.connection.execute(text(labels), {"name": name})]
        for value in (value for value in values if rows and value not in rows):
            found.append("enum `%s`: the models have '%s', and no migration adds it" % (name, value))
        for value in (value for value in rows if value not in values):
            found.append("enum `%s`: the migrations have '%s', and the models have not" % (name, value))
    return found


def _default(table, column, known):
    generated = column.primary_key or known.get("identity") or known.get("computed")
    generated = generated or getattr(column, "identity", None) or getattr(column, "computed", None)
    default = known.get("default")
    if generated or "nextval(" in (default or ""):
        return []
    name = _name(table.schema, table.name, column.name)
    if column.server_default is not None and default is None:
        return ["server default of `%s` is in the models, in no migration" % name]
    if column.server_default is None and default is not None:
        return ["server default %s of `%s` is made by the migrations, and in no model" % (default, name)]
    return []
def _hook_alembic_command(module, _redirect, _reporter):
    """Where devdb wants to choose the revisions one by one, `steps.py` lets it."""
    folder = os.environ.get("DEVDB_STEPS")
    if folder:
        spec = importlib.util.spec_from_file_location("_devdb_steps", os.path.join(folder, "steps.py"))
        steps = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(steps)
        steps.install(module, folder)


def _hook_psycopg2(module, redirect, _reporter):
    original = module.connect

    def connect(dsn=None, connection_factory=None, cursor_factory=None, **kwargs):
        try:
            from psycopg2.extensions import parse_dsn

            known = dict(parse_dsn(dsn)) if dsn else {}
            known.update({key: value for key, value in kwargs.items() if value is not None})
            name = known.get("dbname") or known.get("database")
            name = redirect.database(known.get("host"), known.get("port"), name, known.get("user"))
            if name is not None:
                kwargs.pop("database", None)
                kwargs["dbname"] = name
        except Exception:
            pass
        return original(dsn, connection_factory=connection_factory, cursor_factory=cursor_factory, **kwargs)

    module.connect = connect


def _hook_psycopg(module, redirect, _reporter):
    def wrap(cls):
        original = cls.connect.__func__

        def prepared(conninfo, kwargs):
            try:
                from psycopg.conninfo import conninfo_to_dict

                known = conninfo_to_dict(conninfo)
                known.update({key: value for key, value in kwargs.items() if value is not None})
                name = redirect.database(
                    known.get("host"), known.get("port"), known.get("dbname"), known.get("user")
                )
                if name is not None:
                    kwargs["dbname"] = name
            except Exception:
                pass
            return kwargs

        def connect(cls, conninfo="", **kwargs):
            return original(cls, conninfo, **prepared(conninfo, kwargs))

        cls.connect = classmethod(connect)

    wrap(module.Connection)
    wrap(module.AsyncConnection)
    module.connect = module.Connection.connect


def _hook_asyncpg(module, redirect, _reporter):
    from urllib.parse import unquote, urlparse, parse_qs

    connection = module.connection
    original = connection.connect

    def prepared(dsn, kwargs):
        try:
            url = urlparse(dsn or "")
            query = {key: values[-1] for key, values in parse_qs(url.query).items()}
            host = kwargs.get("host") or query.get("host") or url.hostname
            port = kwargs.get("port") or query.get("port") or url.port
            name = kwargs.get("database") or query.get("database") or unquote(url.path.lstrip("/"))
            user = kwargs.get("user") or (unquote(url.username) if url.username else None)
            name = redirect.database(host, port, name, user)
            if name is not None:
                kwargs["database"] = name
        except Exception:
            pass
        return kwargs

    def connect(dsn=None, **kwargs):
        return original(dsn, **prepared(dsn, kwargs))

    connection.connect = connect
    module.connect = connect


_HOOKS = {
    "sqlalchemy": _hook_sqlalchemy,
    "alembic.runtime.environment": _hook_alembic,
    "alembic.autogenerate.api": _hook_autogenerate,
    "alembic.command": _hook_alembic_command,
    "psycopg2": _hook_psycopg2,
    "psycopg": _hook_psycopg,
    "asyncpg": _hook_asyncpg,
}


class _Loader(importlib.abc.Loader):
    def __init__(self, loader, after):
        self._loader = loader
        self._after = after

    def create_module(self, spec):
        return self._loader.create_module(spec)

    def exec_module(self, module):
        self._loader.exec_module(module)
        try:
            self._after(module)
        except Exception as error:
            _REPORTER.send("bridge-error", module=module.__name__, message=repr(error))

    def __getattr__(self, name):
        return getattr(self._loader, name)


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self):
        self._busy = threading.local()

    def find_spec(self, name, path=None, target=None):
        hook = _HOOKS.get(name)
        if hook is None or getattr(self._busy, "name", None) == name:
            return None
        self._busy.name = name
        try:
            for finder in sys.meta_path:
                if finder is self or not hasattr(finder, "find_spec"):
                    continue
                spec = finder.find_spec(name, path, target)
                if spec is not None and spec.loader is not None:
                    spec.loader = _Loader(spec.loader, lambda module: hook(module, _REDIRECT, _REPORTER))
                    return spec
            return None
        finally:
            self._busy.name = None


try:
    _CONFIG = json.loads(os.environ["DEVDB_BRIDGE"])
    _REPORTER = _Reporter(_CONFIG["events"])
    _REDIRECT = _Redirect(_CONFIG, _REPORTER)
    sys.meta_path.insert(0, _Finder())
    _REPORTER.send("python", version="%d.%d.%d" % sys.version_info[:3], executable=sys.executable, at=time.time())
except Exception:
    pass

_chain_load()
