"""Lets devdb run a chain revision by revision inside one command of the project.

The bridge loads this after `alembic.command`, where DEVDB_STEPS names its folder. The first `alembic.command.upgrade` of
the process, whoever calls it, then asks devdb over the socket in that folder which revisions to run, one line of JSON a
question, until the socket is closed. So the configuration, the interpreter and `env.py` are the project's own, and
Python is started once.
"""

import json
import os
import socket
import sys
import traceback

_PASS = (lambda: None).__code__.co_code


def install(command, folder):
    with open(os.path.join(folder, "steps.json"), encoding="utf-8") as file:
        wanted = json.load(file)
    original = command.upgrade
    asked = []

    # Alembic's command line lists functions by their module and calls them by their parameters' names.
    def upgrade(config, revision, sql=False, tag=None):
        if sql or asked:
            return original(config, revision, sql=sql, tag=tag)
        asked.append(True)
        return _Chain(config, wanted).serve(os.path.join(folder, "steps"))

    upgrade.__module__ = command.__name__
    upgrade.__doc__ = original.__doc__
    command.upgrade = upgrade


def _module(name):
    """Returns the module of that name beside this one."""
    import importlib.util

    path = os.path.join(os.environ["DEVDB_STEPS"], name + ".py")
    spec = importlib.util.spec_from_file_location("_devdb_" + name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class _WrongDatabase(Exception):
    pass


class _Chain:
    def __init__(self, config, wanted):
        from alembic.script import ScriptDirectory

        self._database = wanted["database"]
        self._strict = wanted.get("strict", False)
        self._config = config
        if wanted.get("versions"):
            config.set_main_option("version_locations", wanted["versions"].replace("%", "%%"))
            config.set_main_option("path_separator", "newline")
            config.set_main_option("version_path_separator", "os")
        self._script = ScriptDirectory.from_config(config)

    def serve(self, address):
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.connect(address)
        with connection, connection.makefile("r", encoding="utf-8") as questions:
            for line in questions:
                question = json.loads(line)
                if question["do"] == "models":
                    answer = self._models(question["relations"])
                else:
                    answer = self._answer(question["do"], question["revisions"])
                connection.sendall((json.dumps(answer, default=str) + "\n").encode("utf-8", "replace"))

    def _answer(self, what, revisions):
        try:
            self._run(what == "up", revisions)
        except (Exception, SystemExit) as error:
            if self._strict:
                raise
            return self._failure(error, revisions)
        return dict(ok=True, **(self._downgrade(revisions[-1]) if revisions else {}))

    def _models(self, pairs):
        """Runs `env.py` for what it tells Alembic of the models; no revision runs."""
        models = _module("models")
        found = {}

        def look(_rev, context):
            self._check(context)
            options = context.opts
            metadata = options.get("target_metadata")
            if metadata is None:
                found.update(ok=True, none=True)
                return []
            relations = models.relations_of(pairs)
            found.update(ok=True, **models.describe(metadata, context.dialect, options, relations))
            return []

        try:
            self._environment(look, "heads")
        except (Exception, SystemExit) as error:
            sys.stderr.write("".join(traceback.format_exception(type(error), error, error.__traceback__)))
            return models.failure(error)
        return found or dict(ok=False, kind="", message="`env.py` did not run Alembic", place="")

    def _environment(self, steps, to):
        from alembic.runtime.environment import EnvironmentContext

        with EnvironmentContext(
            self._config, self._script, fn=steps, as_sql=False, starting_rev=None, destination_rev=to, tag=None
        ):
            self._script.run_env()

    def _run(self, up, revisions):
        from alembic.runtime.migration import MigrationStep

        engines = []

        def steps(_rev, context):
            self._check(context)
            engines.append(context.connection.engine)
            make = MigrationStep.upgrade_from_script if up else MigrationStep.downgrade_from_script
            return [make(self._script.revision_map, self._script.get_revision(id)) for id in revisions]

        self._environment(steps, revisions[-1] if revisions else "heads")
        # A copy of the database is made now, for which whatever a pool keeps is ended.
        for engine in engines:
            try:
                engine.pool = engine.pool.recreate()
            except Exception:
                pass

    def _check(self, context):
        """Nothing may run in another database than the one that was made for it."""
        from sqlalchemy import text

        name = context.connection.execute(text("select current_database()")).scalar()
        if name != self._database:
            raise _WrongDatabase("env.py connected to the database `%s`" % name)

    def _downgrade(self, id):
        function = getattr(self._script.get_revision(id).module, "downgrade", None)
        code = getattr(function, "__code__", None)
        empty = function is None or (code is not None and code.co_code == _PASS)
        return {"empty": empty, "line": getattr(code, "co_firstlineno", 0)}

    def _failure(self, error, revisions):
        original = getattr(error, "orig", None) or error
        cause = getattr(original, "__cause__", None)
        state = getattr(original, "sqlstate", None) or getattr(original, "pgcode", None) or getattr(cause, "sqlstate", None)
        frames = traceback.extract_tb(error.__traceback__)
        files = {self._path(id): id for id in revisions}
        own = [frame for frame in frames if frame.filename in files]
        last = frames[-1] if frames else None
        said = str(original).strip().split("\n")[0]
        sys.stderr.write("".join(traceback.format_exception(type(error), error, error.__traceback__)))
        return {
            "ok": False,
            "kind": type(error).__name__,
            "message": said,
            "sqlstate": state or "",
            "statement": str(getattr(error, "statement", None) or ""),
            "line": own[-1].lineno if own else 0,
            "revision": files[own[-1].filename] if own else "",
            "place": "%s:%s" % (last.filename, last.lineno) if last else "",
            # The revision itself says so, by a `raise` of its own.
            "deliberate": bool(own) and own[-1] is last and (last.line or "").startswith("raise"),
        }

    def _path(self, id):
        try:
            return self._script.get_revision(id).path
        except Exception:
            return ""
