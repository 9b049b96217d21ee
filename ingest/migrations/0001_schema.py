"""The schema in which files become tables, on the database's search path behind ``public``."""

from django.db import migrations


def put_on_search_path(apps, schema_editor):
    """Let ``SELECT * FROM data`` find its table in a plain psql; ``public`` stays first, so nothing hides our own."""
    connection = schema_editor.connection
    with connection.cursor() as cursor:
        cursor.execute("SELECT reset_val, current_database() FROM pg_settings WHERE name = 'search_path'")
        path, database = cursor.fetchone()
        if "datasets" not in [name.strip(' "') for name in path.split(",")]:
            cursor.execute(f"ALTER DATABASE {connection.ops.quote_name(database)} SET search_path = {path}, datasets")
            cursor.execute(f"SET search_path = {path}, datasets")  # later sessions have it, this one would not


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.RunSQL("CREATE SCHEMA IF NOT EXISTS datasets", migrations.RunSQL.noop),
        migrations.RunPython(put_on_search_path, migrations.RunPython.noop),
    ]
