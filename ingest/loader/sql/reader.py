"""SQL: the role by which pages read tables. It may only SELECT, and only from the tables that files become.

Each database has one of its own, named after it, since roles belong to the whole server. Nobody logs in as it: the
product's own user takes it for one transaction.
"""

from psycopg2.sql import SQL, Composed, Identifier, Literal

from ingest.loader.outcome.target import SCHEMA, SHADOW_SCHEMA

_NAME = SQL("('reader_of_' || current_database())::name")
_OWN_TABLES = SQL(
    "(select c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace"
    " where n.nspname in ({}, {}) and c.relkind in ('r', 'p') and pg_has_role(c.relowner, 'USAGE')"
    " and not has_table_privilege(reader, c.oid, 'SELECT'))"
).format(Literal(SCHEMA), Literal(SHADOW_SCHEMA))

TAKE = SQL(
    "select set_config('role', rolname, true) from pg_roles where rolname = {} and pg_has_role(oid, 'SET')"
).format(_NAME)
"""Takes the role until the transaction ends; a database without it is read as before."""

STATE = SQL(
    "select {name}::text, current_user::text, exists (select from pg_roles r where r.rolname = {name}"
    " and pg_has_role(r.oid, 'SET') and has_schema_privilege(r.oid, {schema}, 'USAGE'))"
).format(name=_NAME, schema=Literal(SCHEMA))
"""The role's name, our own, and whether the role can be taken and sees the tables."""


def make() -> Composed:
    """Makes the role unless it is there, and gives it what it lacks; asks the catalogue only where it lacks nothing.

    Two databases of a server may do this at once: roles and their members are the server's. Raises
    InsufficientPrivilege where the product's user may not create roles.
    """
    return SQL(
        "do $make$ declare reader name := {name}; own oid; begin"
        " if not exists (select from pg_roles where rolname = reader) then"
        "  begin execute format('create role %I nologin', reader);"
        "  exception when duplicate_object or unique_violation then null; end;"
        " end if;"
        " if not pg_has_role(reader, 'SET') then"
        "  execute format('grant %I to current_user with inherit false, set true', reader);"
        " end if;"
        " create schema if not exists {shadows};"
        " if not has_schema_privilege(reader, {schema_name}, 'USAGE')"
        "  or not has_schema_privilege(reader, {shadows_name}, 'USAGE') then"
        "  execute format('grant usage on schema {schema}, {shadows} to %I', reader);"
        " end if;"
        " if (select count(*) from pg_default_acl d join pg_namespace n on n.oid = d.defaclnamespace"
        "  cross join aclexplode(d.defaclacl) a where n.nspname in ({schema_name}, {shadows_name})"
        "  and d.defaclrole = current_user::regrole and a.grantee = reader::text::regrole"
        "  and a.privilege_type = 'SELECT') < 2 then"
        "  execute format('alter default privileges in schema {schema}, {shadows} grant select on tables to %I',"
        "   reader);"
        " end if;"
        " for own in select * from {tables} tables loop"
        "  execute format('grant select on %s to %I', own::regclass, reader);"
        " end loop; end $make$"
    ).format(
        name=_NAME,
        schema=Identifier(SCHEMA),
        shadows=Identifier(SHADOW_SCHEMA),
        schema_name=Literal(SCHEMA),
        shadows_name=Literal(SHADOW_SCHEMA),
        tables=_OWN_TABLES,
    )
