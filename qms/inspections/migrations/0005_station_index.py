from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("inspections", "0004_enrolments"),
        ("plant", "0004_parts_by_serial"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="inspection",
            index=models.Index(fields=["station", "-id"], name="inspection_station"),
        ),
    ]
