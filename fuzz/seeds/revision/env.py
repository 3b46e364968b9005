context.configure(url=u, version_table="v", **{"version_table_schema": "s"})
u = "postgresql://a@b/c"
