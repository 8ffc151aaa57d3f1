"""The steps of the candidate library's schema, which `pipeline.library.versions` applies through Alembic."""
