"""Says what the project's models are, as the statements that would create them.

Loaded by `steps.py` inside a command that runs Alembic, where `env.py` has named its metadata; or run as a program, with
`module:attribute` of a metadata or a declarative base. Nothing is executed: SQLAlchemy compiles the statements, and
devdb runs them in a scratch database of its own.
"""

import json
import os
import sys
import traceback


def describe(metadata, dialect=None, options=None, relations=()):
    """Returns the statements, and what of the database the models do not speak of."""
    options = options or {}
    found = _flattened(metadata)
    filters = _Filters(options)
    statements, seen = [], set()
    excluded = []
    schemas = set()
    for one in found:
        tables = []
        for table in one.sorted_tables:
            if not filters.object(table, table.name, "table", False, _stub(table.schema, table.name, relations)):
                excluded.append(["table", table.schema, table.name, ""])
                continue
            tables.append(table)
            schemas.add(table.schema)
            excluded.extend(_parts(table, filters))
        for text in _create(one, tables, dialect):
            if text not in seen:
                seen.add(text)
                statements.append(text)
    given = options.get("_devdb_given")
    types = options.get("compare_type") is not False or (given is not None and "compare_type" not in given)
    known = {(table.schema, table.name) for one in found for table in one.tables.values()}
    every = bool(options.get("include_schemas"))
    for schema, name in relations:
        shown = None if schema == "public" else schema
        if (shown, name) in known or (schema, name) in known:
            continue
        parents = {"schema_name": shown, "schema_qualified_table_name": name if shown is None else shown + "." + name}
        stub = _stub(shown, name, relations)
        inside = every or shown is None or shown in schemas
        if not (
            inside
            and (not every or filters.name(shown, "schema", {}))
            and filters.name(name, "table", parents)
            and filters.object(stub, name, "table", True, None)
        ):
            excluded.append(["table", schema, name, ""])
    return {
        "statements": statements,
        "excluded": [[kind, schema or "", table, name] for kind, schema, table, name in excluded],
        "tables": len(known),
        "schemas": sorted(schema for schema in schemas if schema),
        "compare_type": types,
        "compare_default": bool(options.get("compare_server_default")),
        "notes": filters.notes,
    }


def _flattened(metadata):
    """`target_metadata` is one metadata, or a list of them; a declarative base carries its own."""
    if metadata is None:
        return []
    if isinstance(metadata, (list, tuple, set)):
        return [one for part in metadata for one in _flattened(part)]
    inner = getattr(metadata, "metadata", None)
    return [metadata] if hasattr(metadata, "sorted_tables") else _flattened(inner)


def _create(metadata, tables, dialect):
    """Compiles what `create_all` would execute."""
    from sqlalchemy import create_mock_engine
    from sqlalchemy.dialects import postgresql

    # Bound values would double every percent sign of a literal.
    plain = postgresql.dialect(paramstyle="named")
    # What a dialect learns from its server decides how it writes statements.
    if isinstance(dialect, tuple):
        plain.server_version_info = dialect
        plain.supports_virtual_generated_columns = dialect >= (18,)
    for name, value in vars(dialect).items() if hasattr(dialect, "__dict__") else ():
        if "supports_" in name or name == "server_version_info":
            setattr(plain, name, value)
    texts = []

    def take(element, *_values, **_more):
        texts.append(str(element.compile(dialect=plain)).strip() if hasattr(element, "compile") else str(element).strip())

    engine = create_mock_engine("postgresql://", take)
    engine._dialect = plain
    metadata.create_all(engine, tables=tables, checkfirst=False)
    return [text for text in texts if text]


def _parts(table, filters):
    """Yields columns, indexes and constraints that `include_object` leaves out."""
    for column in table.columns:
        if not filters.object(column, column.name, "column", False, None):
            yield ["column", table.schema, table.name, column.name]
    for index in table.indexes:
        if not filters.object(index, index.name, "index", False, None):
            yield ["index", table.schema, table.name, str(index.name or "")]
    kinds = {"UniqueConstraint": "unique_constraint", "ForeignKeyConstraint": "foreign_key_constraint"}
    for constraint in table.constraints:
        kind = kinds.get(type(constraint).__name__)
        if kind and not filters.object(constraint, constraint.name, kind, False, None):
            yield ["constraint", table.schema, table.name, str(constraint.name or "")]


def _stub(schema, name, relations):
    from sqlalchemy import Column, MetaData, Table
    from sqlalchemy.types import NullType

    columns = relations.get((schema or "public", name), ()) if isinstance(relations, dict) else ()
    return Table(name, MetaData(), *[Column(column, NullType()) for column in columns], schema=schema)


class _Filters:
    """`include_object` and `include_name`, as `env.py` gave them to Alembic."""

    def __init__(self, options):
        self._object = options.get("include_object")
        self._name = options.get("include_name")
        self.notes = []

    def object(self, item, name, kind, reflected, other):
        return self._ask(self._object, item, name, kind, reflected, other)

    def name(self, name, kind, parents):
        return self._ask(self._name, name, kind, parents)

    def _ask(self, function, *arguments):
        if function is None:
            return True
        try:
            return bool(function(*arguments))
        except Exception as error:
            note = "`%s` failed: %r" % (getattr(function, "__name__", "a filter"), error)
            if note not in self.notes:
                self.notes.append(note)
            return True


def _is_own(path):
    """Python's own files, packages and devdb's modules are not the project's."""
    if path.startswith("<") or "site-packages" in path or os.path.basename(os.path.dirname(path)).startswith("devdb-"):
        return False
    return not path.startswith(os.path.dirname(os.__file__) + os.sep)


def failure(error):
    """Returns what an exception says, and the last line of the project that it came from."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if _is_own(frame.filename)]
    last = own[-1] if own else (frames[-1] if frames else None)
    return {
        "ok": False,
        "kind": type(error).__name__,
        # Settings classes name what is absent below their first line.
        "message": "; ".join(line.strip() for line in str(error).strip().split("\n")[:6] if line.strip()),
        "place": "%s:%s" % (os.path.relpath(last.filename), last.lineno) if last else "",
        "source": (last.line or "") if last else "",
    }


def _main(name, relations, version):
    import importlib

    module, _, attribute = name.partition(":")
    sys.path.insert(0, os.getcwd())
    found = importlib.import_module(module)
    for part in (attribute or "Base").split("."):
        found = getattr(found, part)
    if not _flattened(found):
        raise TypeError("`%s` is no MetaData and no declarative base" % name)
    return dict(ok=True, **describe(found, version, relations=relations))


def relations_of(pairs):
    """Returns the tables by name, each with its columns."""
    return {(schema, name): columns for schema, name, columns in pairs}


if __name__ == "__main__":
    _folder = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(_folder, "models.json"), encoding="utf-8") as _file:
        _wanted = json.load(_file)
    try:
        _answer = _main(_wanted["metadata"], relations_of(_wanted["relations"]), (_wanted["version"],))
    except (Exception, SystemExit) as _error:
        traceback.print_exc()
        _answer = failure(_error)
    with open(os.path.join(_folder, "answer.json"), "w", encoding="utf-8") as _file:
        json.dump(_answer, _file, default=str)
