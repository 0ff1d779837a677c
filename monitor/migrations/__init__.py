"""Changes of the room's tables, one file each, in the order of their numbers; Alembic runs them."""
