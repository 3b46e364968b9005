"""%message%

Revision ID: %id%
Revises:
Create Date: %date%

%count% revisions in one: what they made together, as PostgreSQL itself describes it. The originals lie in
%aside%. A database at %id% has all of this; one that is behind
has to be upgraded with the originals first.
"""

import sqlalchemy as sa
from alembic import op

revision = "%id%"
down_revision = None
branch_labels = %labels%
depends_on = None


def run(statement: str) -> None:
    # A DDL construct takes every character as it stands, but for the percent sign.
    op.execute(sa.DDL(statement.replace("%", "%%")))


def upgrade() -> None:
    # Functions may be made before the tables that they name.
    run("SET check_function_bodies = off")
%upgrade%
    run("RESET check_function_bodies")


def downgrade() -> None:
%downgrade%
