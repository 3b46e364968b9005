"""first
"""
from x import y
revision: str = u"a" "b"
down_revision = None
branch_labels = ("x",)
depends_on = ["c"]

def upgrade():
    op.execute("select 1")

import z
if True:
    revision = "c"
down_revision: tuple = "ab",
