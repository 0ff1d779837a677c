"""What Alembic runs: every missing migration, in the transaction that records it."""

from alembic import context

from monitor.tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
context.run_migrations()
