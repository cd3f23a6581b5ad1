from django.contrib import admin

from qms.plant import models

admin.site.register([models.Site, models.Line, models.Station, models.Product, models.DefectType])
