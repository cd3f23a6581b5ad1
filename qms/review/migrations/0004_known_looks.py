"""Fill what older rows do not say; apart from the changes of the table, which wait for it."""

from django.db import migrations

FILL = """
UPDATE review_review AS r
   SET product_id = i.product_id,
       station_id = i.station_id,
       kind = CASE WHEN r.reason = 'AUDIT' THEN 'AUDIT' ELSE 'VERIFY' END,
       rules = (r.status = 'DECIDED')
  FROM inspections_inspection AS i
 WHERE i.id = r.inspection_id
"""


class Migration(migrations.Migration):
    dependencies = [("review", "0003_many_looks")]
    operations = [migrations.RunSQL(FILL, migrations.RunSQL.noop)]
