"""Every setting of the project, in one file, read from the environment."""

import hmac
import re
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

import django_stubs_ext
from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from qms import embedded, env, labelstudio

django_stubs_ext.monkeypatch()  # admin.ModelAdmin[Event] and the like, at run time too

BASE_DIR = Path(__file__).resolve().parent.parent
VAR = Path(env.text("ANDON_VAR", str(BASE_DIR / "var"))).resolve()
VERSION = re.findall(r"^## (\S+)", (BASE_DIR / "CHANGELOG.md").read_text("utf-8"), re.M)[0]

# --- the server ---
DEBUG = env.flag("DEBUG", default=False)
HOST = env.text("HOST", "127.0.0.1")
PORT = env.number("PORT", 8000)
DEMO = env.flag("DEMO", default=True)
BOARD_LISTENERS = env.number("BOARD_LISTENERS", 200)  # browsers that one web process pushes to
GPU_WORKERS = env.number("GPU_WORKERS", 1)
MIN_FREE_MB = env.number("MIN_FREE_MB", 500)
LOOPBACK = HOST in ("127.0.0.1", "localhost", "::1")


def _secret_key() -> str:
    """From the environment; on one machine, a random one that is kept under var/."""
    if given := env.secret("SECRET_KEY"):
        return given
    if not LOOPBACK:
        raise ImproperlyConfigured("Set SECRET_KEY (or SECRET_KEY_FILE): HOST is open to others.")
    return env.kept(VAR / "secret-key")


SECRET_KEY = _secret_key()
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1],testserver")
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS")
BEHIND_TLS = env.flag("BEHIND_TLS", default=False)
if BEHIND_TLS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_SSL_REDIRECT = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = BEHIND_TLS
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:", "blob:"],
        "object-src": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
        "base-uri": [SELF],
    }
}

# --- the rooms ---
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "csp",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "pgtrigger",
    "pghistory",
    "qms.events",
    "qms.accounts",
    "qms.plant",
    "qms.registry",
    "qms.inspections",
    "qms.review",
    "qms.quality",
    "qms.labels",
    "qms.reports",
    "qms.web",
]
AUTH_USER_MODEL = "accounts.User"
ROOT_URLCONF = "qms.urls"
WSGI_APPLICATION = "qms.wsgi.application"
EVENT_FLOW = "qms.flow.FLOW"
EVENT_SWEEP = "qms.flow.SWEEP"
# What 'manage.py verify_events' holds against the events, beside the chain itself.
TRAIL_CHECKS = [
    "qms.accounts.trail.faults",
    "qms.registry.trail.faults",
    "qms.inspections.trail.faults",
    "qms.review.trail.faults",
    "qms.quality.trail.faults",
    "qms.labels.trail.faults",
]
PGHISTORY_APPEND_ONLY = True  # the history of people, keys and reference data is a fact
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "qms.web.requests.RequestLog",
    "qms.web.refusals.RefusalsAsAnswers",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "qms.web.context.house",
            ]
        },
    }
]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "start"
LOGOUT_REDIRECT_URL = "sign-in"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

# --- the memory ---
DATABASE_URL = env.secret("DATABASE_URL") or embedded.database_url(VAR)


def _database(url: str) -> dict[str, object]:
    """postgresql://user:password@host:port/name?host=/socket/folder, as Django wants it."""
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    if parts.scheme not in ("postgresql", "postgres"):
        raise ImproperlyConfigured("DATABASE_URL must start with postgresql://")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.lstrip("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", "") or parts.hostname or "",
        "PORT": options.pop("port", "") or parts.port or "",
        "OPTIONS": {**options, "connect_timeout": 3, "application_name": "andon"},
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }


DATABASES = {"default": _database(DATABASE_URL)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = env.text("TIME_ZONE", "UTC")

# --- pictures and files ---
STORAGE = env.text("STORAGE", "local")  # local | s3
MAX_PICTURE_MB = env.number("MAX_PICTURE_MB", 32)
FILE_UPLOAD_MAX_MEMORY_SIZE = MAX_PICTURE_MB * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 20_000  # a table of defect types is stored as a whole
MEDIA_ROOT = VAR / "files"
ARTEFACTS = VAR / "artefacts"
_PICTURES: dict[str, object] = {"BACKEND": "qms.storage.DurableFiles"}
if STORAGE == "s3":
    _PICTURES = {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": env.text("S3_BUCKET", "andon"),
            "endpoint_url": env.text("S3_ENDPOINT") or None,
            "region_name": env.text("S3_REGION") or None,
            "access_key": env.secret("S3_ACCESS_KEY") or None,
            "secret_key": env.secret("S3_SECRET_KEY") or None,
            "addressing_style": "path",
            "signature_version": "s3v4",
            "file_overwrite": True,
        },
    }
STORAGES = {
    "default": _PICTURES,
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"},
}
STATIC_URL = "/static/"
STATIC_ROOT = VAR / "static"
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = DEBUG

# --- the post office and its doorbell ---
LEASE = timedelta(seconds=env.number("LEASE_SECONDS", 60))
BROKER_URL = env.secret("BROKER_URL") or embedded.broker_url(VAR)
WORKER_WARM_UP = "qms.inspections.judge.warm_up"
CELERY_BROKER_URL = BROKER_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_SOFT_TIME_LIMIT = 300
CELERY_TASK_TIME_LIMIT = 360
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_PROC_ALIVE_TIMEOUT = 300  # the child loads a model before it says that it is up
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 10
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
if BROKER_URL.startswith(("redis", "rediss")):
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "visibility_timeout": 600,
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 1,
        "socket_timeout": 10,
        "socket_connect_timeout": 2,
        "socket_keepalive": not BROKER_URL.startswith("redis+socket"),
    }
else:
    CELERY_TASK_DEFAULT_QUEUE_TYPE = "quorum"
    CELERY_WORKER_DETECT_QUORUM_QUEUES = True
    CELERY_BROKER_TRANSPORT_OPTIONS = {"confirm_publish": True}

# --- the API ---
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "qms.accounts.api.KeyAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["qms.accounts.api.NeedsScope"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "EXCEPTION_HANDLER": "qms.web.refusals.as_answer",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "TEST_REQUEST_DEFAULT_FORMAT": "multipart",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Andon",
    "DESCRIPTION": "Send pictures of parts, read verdicts.",
    "VERSION": VERSION,
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
}

# --- the labelling desk ---
STUDIO_CLIENT = "labeling.studio.Studio"  # takes an address and a token
LABELSTUDIO = env.flag("LABELSTUDIO", default=False)  # start one here, beside Andon
LABELSTUDIO_PORT = env.number("LABELSTUDIO_PORT", labelstudio.PORT)
# As Andon reaches it; without a word, the one that was last started here.
STUDIO_URL = env.text("STUDIO_URL") or labelstudio.known_url(VAR) or "http://localhost:8080"
STUDIO_PUBLIC_URL = env.text("STUDIO_PUBLIC_URL", STUDIO_URL)  # as browsers reach it
# None: there is no desk, what is wanted waits.
STUDIO_TOKEN = env.secret("STUDIO_TOKEN") or labelstudio.known_token(VAR)
STUDIO_FILES = env.text("STUDIO_FILES", STORAGE)  # local | s3: how it finds the pictures
STUDIO_PICTURES = env.text("STUDIO_PICTURES")  # local: the folder of pictures, as it sees it
STUDIO_ROUND_SECONDS = env.number("STUDIO_ROUND_SECONDS", 120)
_NAME = "localhost" if HOST in ("127.0.0.1", "::1", "0.0.0.0", "::") else HOST  # noqa: S104
PUBLIC_URL = env.text("PUBLIC_URL", f"http://{_NAME}:{PORT}")  # as people and Label Studio reach us
STUDIO_BELL_URL = env.text("STUDIO_BELL_URL")  # as Label Studio reaches us, if not by PUBLIC_URL


def _doorbell_secret() -> str:
    """The same in each process and after each start, without anybody having to set it."""
    given = env.secret("STUDIO_SECRET")
    return given or hmac.new(SECRET_KEY.encode(), b"studio doorbell", "sha256").hexdigest()


STUDIO_SECRET = _doorbell_secret()

# --- the log ---
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "qms.web.requests.formatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": env.text("LOG_LEVEL", "INFO")},
    "loggers": {
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},  # or each look at Label Studio is a line
    },
}
