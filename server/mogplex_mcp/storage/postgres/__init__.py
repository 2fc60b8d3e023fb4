"""State shared by several replicas, in a PostgreSQL database. Plain SQL: what speaks its protocol serves as well."""
