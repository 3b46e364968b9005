"""Takes a database back with revision files that are not in the project's version folders.

Arguments: the configuration, its section, the revision to end at, then the version folders. Nothing is written.
"""
import os
import sys

from alembic import command
from alembic.config import Config

ini, section, target, *folders = sys.argv[1:]
config = Config(ini, ini_section=section)
# The same separator under its old and its new name.
for key in ("version_path_separator", "path_separator"):
    config.set_main_option(key, "os")
config.set_main_option("version_locations", os.pathsep.join(folders).replace("%", "%%"))
command.downgrade(config, target)
