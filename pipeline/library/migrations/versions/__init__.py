"""The steps of the schema, each a revision of Alembic; the newest is the last of the chain."""
