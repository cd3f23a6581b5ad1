"""Every address of the house, on one page."""

from django.contrib import admin
from django.contrib.auth import views as auth
from django.urls import path, re_path, register_converter
from django.urls.converters import StringConverter
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from qms.accounts import views as accounts
from qms.inspections import api as inspections_api
from qms.inspections import enrol_views as enrol
from qms.inspections import golden_views as golden
from qms.inspections import views as inspections
from qms.labels import doorbell
from qms.labels import sync_views as labels_sync
from qms.labels import views as labels
from qms.plant import api as plant_api
from qms.plant import catalogue_views, place_views, product_views
from qms.plant import views as plant
from qms.quality import lot_views as lots
from qms.quality import raise_views, remedy_views
from qms.quality import views as quality
from qms.reports import agreement_page, thresholds_page
from qms.reports import views as reports
from qms.review import lists as review_lists
from qms.review import views as review
from qms.web import board
from qms.web import views as web


class Code(StringConverter):
    """Of a station, product or nonconformance: the letters that a code may have."""

    regex = r"[\w.+-]+"


register_converter(Code, "code")

urlpatterns = [
    # people
    path("", web.start, name="start"),
    path("start/counts/", web.counts, name="start-counts"),
    path("line/", board.board, name="line"),
    path("line/tiles/", board.tiles, name="line-tiles"),
    path("live/line", board.door, name="line-live"),
    path("sign-in/", web.SignIn.as_view(), name="sign-in"),
    path("sign-out/", auth.LogoutView.as_view(), name="sign-out"),
    path("inspections/", inspections.index, name="inspections"),
    path("inspections/export.csv", reports.export_csv, name="inspections-csv"),
    path("inspections/<uuid:pk>/", inspections.detail, name="inspection"),
    path("inspections/<uuid:pk>/golden/", golden.add_inspected, name="golden-from-inspection"),
    path("inspections/<uuid:pk>/annotators/", labels.send, name="label-send"),
    path("review/", review_lists.queue, name="review-queue"),
    path("review/next/", review.take_next, name="review-next"),
    path("review/history/", review_lists.history, name="review-history"),
    path("review/keys/", review_lists.own_keys, name="review-keys"),
    path("review/<int:pk>/", review.part, name="review"),
    path("review/<int:pk>/claim/", review.claim, name="review-claim"),
    path("review/<int:pk>/release/", review.release, name="review-release"),
    path("review/<int:pk>/beat/", review.beat, name="review-beat"),
    path("review/<int:pk>/decide/", review.decide, name="review-decide"),
    path("review/<int:pk>/undo/", review.undo, name="review-undo"),
    path("review/<int:pk>/second-opinion/", review.second_opinion, name="review-second-opinion"),
    path("review/<int:pk>/correction/", review.correction, name="review-correction"),
    path("labels/", labels.index, name="labels"),
    path("labels/mine/", labels.mine, name="labels-mine"),
    path("labels/retry/", labels.retry_all, name="labels-retry"),
    path("labels/<int:pk>/retry/", labels.retry, name="label-retry"),
    path("labels/annotations/<int:pk>/<slug:which>/", labels.picture, name="annotation-picture"),
    path("labels/sync/", labels_sync.sync, name="labels-sync"),
    path("labels/sync/checks/", labels_sync.checks, name="labels-checks"),
    path("labels/sync/look/", labels_sync.look, name="labels-look"),
    path("plant/products/<code:code>/enrol/", enrol.enrol, name="product-enrol"),
    path("plant/products/<code:code>/enrol/pictures/", enrol.add, name="enrol-add"),
    path("plant/products/<code:code>/enrol/remove/", enrol.remove, name="enrol-remove"),
    path("plant/products/<code:code>/enrol/start-over/", enrol.start_over, name="enrol-start-over"),
    path("plant/products/<code:code>/enrol/fit/", enrol.fit, name="enrol-fit"),
    path("plant/products/<code:code>/enrol/progress/", enrol.progress, name="enrol-progress"),
    path("plant/products/<code:code>/enrol/cancel/", enrol.cancel, name="enrol-cancel"),
    path("plant/products/<code:code>/enrol/activate/", enrol.activate, name="enrol-activate"),
    path("plant/enrolment-pictures/<int:pk>/", enrol.thumbnail, name="enrolment-picture"),
    path("plant/products/<code:code>/golden/", golden.index, name="golden-add"),
    path("plant/golden/<int:pk>/retire/", golden.retire, name="golden-retire"),
    path("plant/", plant.overview, name="plant"),
    path("plant/parts/", plant.parts, name="plant-parts"),
    path("plant/import/", catalogue_views.look, name="plant-import"),
    path("plant/import/bring-in/", catalogue_views.bring_in, name="plant-bring-in"),
    path("plant/catalogue.<str:form>", catalogue_views.export, name="plant-export"),
    path("plant/<str:kind>/add/", place_views.add, name="plant-add"),
    path("plant/<str:kind>/<int:pk>/edit/", place_views.edit, name="plant-edit"),
    path("plant/<str:kind>/<int:pk>/history/", plant.history, name="plant-history"),
    path("plant/<str:kind>/<int:pk>/remove/", plant.remove, name="plant-remove"),
    path("plant/stations/<code:code>/", plant.station, name="plant-station"),
    path("plant/stations/<code:code>/move/", plant.move, name="plant-move"),
    path("plant/products/<code:code>/", product_views.product, name="plant-product"),
    path(
        "plant/products/<code:code>/defect-types/",
        product_views.defect_types,
        name="plant-defect-types",
    ),
    path(
        "plant/products/<code:code>/questions/",
        product_views.question_sets,
        name="plant-questions",
    ),
    path(
        "plant/products/<code:code>/questions/publish/",
        product_views.publish_questions,
        name="plant-publish-questions",
    ),
    path("plant/products/<code:code>/recipes/", product_views.recipes, name="plant-recipes"),
    path(
        "plant/products/<code:code>/recipes/publish/",
        product_views.publish_recipe,
        name="plant-publish-recipe",
    ),
    path("thresholds/", thresholds_page.thresholds, name="thresholds"),
    path("thresholds/publish/", thresholds_page.publish, name="thresholds-publish"),
    path("agreement/", agreement_page.agreement, name="agreement"),
    path("agreement/studies/begin/", agreement_page.begin, name="study-begin"),
    path("agreement/studies/<int:pk>/", agreement_page.study, name="study"),
    path("agreement/studies/<int:pk>/end/", agreement_page.end, name="study-end"),
    path("quality/", quality.index, name="nonconformances"),
    path("quality/new/", raise_views.new, name="nonconformance-new"),
    path("quality/actions/<int:pk>/done/", remedy_views.finish, name="action-done"),
    path("quality/actions/<int:pk>/check/", remedy_views.check, name="action-check"),
    path("quality/actions/<int:pk>/cancel/", remedy_views.cancel, name="action-cancel"),
    path("quality/<code:number>/", quality.record, name="nonconformance"),
    path("quality/<code:number>/evidence/", quality.evidence_pack, name="nonconformance-evidence"),
    path("quality/<code:number>/contain/", quality.contain, name="nonconformance-contain"),
    path("quality/<code:number>/dispose/", quality.dispose, name="nonconformance-dispose"),
    path("quality/<code:number>/cause/", quality.describe, name="nonconformance-cause"),
    path("quality/<code:number>/agree/", remedy_views.agree, name="nonconformance-agree"),
    path("quality/<code:number>/close/", quality.close, name="nonconformance-close"),
    path("quality/<code:number>/withdraw/", quality.withdraw, name="nonconformance-withdraw"),
    path("quality/<code:number>/reopen/", quality.reopen, name="nonconformance-reopen"),
    path("lots/", lots.index, name="lots"),
    path("lots/<int:pk>/", lots.detail, name="lot"),
    path("lots/<int:pk>/hold/", lots.hold, name="lot-hold"),
    path("lots/<int:pk>/let-go/", lots.let_go, name="lot-let-go"),
    path("keys/", accounts.keys, name="keys"),
    path("keys/<int:pk>/revoke/", accounts.revoke, name="key-revoke"),
    path("dead-letters/", web.dead_letters, name="dead-letters"),
    path("dead-letters/<int:pk>/revive/", web.revive, name="revive"),
    path(
        "admin/login/",
        web.SignIn.as_view(redirect_authenticated_user=False),
        name="admin-sign-in",
    ),
    path("admin/", admin.site.urls),
    path("favicon.ico", web.favicon, name="favicon"),
    # machines
    path("api/inspections/", inspections_api.Inspections.as_view(), name="api-inspections"),
    path(
        "api/inspections/<uuid:pk>/",
        inspections_api.InspectionDetail.as_view(),
        name="api-inspection",
    ),
    re_path(
        r"^api/inspections/(?P<pk>[0-9a-f-]{36})/(?P<what>upright|thumbnail|heat|mask)/$",
        inspections_api.Picture.as_view(),
        name="api-picture",
    ),
    path("api/golden/<int:pk>/", inspections_api.Golden.as_view(), name="golden-picture"),
    path("api/products/", plant_api.Products.as_view(), name="api-products"),
    path("api/stations/", plant_api.Stations.as_view(), name="api-stations"),
    path("api/catalogue/", plant_api.Catalogue.as_view(), name="api-catalogue"),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path(
        "api/docs/",
        SpectacularSwaggerView.as_view(url_name="schema", http_method_names=["get", "head"]),
        name="api-docs",
    ),
    path("hooks/labelstudio/", doorbell.rung, name="studio-doorbell"),
    path("healthz", web.healthz, name="healthz"),
    path("readyz", web.readyz, name="readyz"),
    path("metrics", web.metrics, name="metrics"),
]
