from django.db import migrations


def make_group(apps, schema_editor):
    apps.get_model("auth", "Group").objects.get_or_create(name="mrb")


class Migration(migrations.Migration):
    dependencies = [("accounts", "0004_signature")]
    operations = [migrations.RunPython(make_group, migrations.RunPython.noop)]
