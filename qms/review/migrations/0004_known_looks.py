"""Fill what older rows do not say; apart from the changes of the table, which wait for it.

An audit was drawn by the plain share of its verdict's recipe: estimates weigh by its inverse.
"""

from django.db import migrations

FILL = """
UPDATE review_review AS r
   SET product_id = i.product_id,
       station_id = i.station_id,
       kind = CASE WHEN r.reason = 'AUDIT' THEN 'AUDIT' ELSE 'VERIFY' END,
       rules = (r.status = 'DECIDED'),
       probability = CASE WHEN r.reason = 'AUDIT' THEN NULLIF(p.audit_share, 0) END
  FROM inspections_inspection AS i,
       inspections_verdict AS v LEFT JOIN plant_recipe AS p ON p.id = v.recipe_id
 WHERE i.id = r.inspection_id AND v.id = r.verdict_id
"""


class Migration(migrations.Migration):
    dependencies = [("review", "0003_many_looks")]
    operations = [migrations.RunSQL(FILL, migrations.RunSQL.noop)]
