"""Settings: one file, everything that differs between places comes from the environment (see README)."""

from pathlib import Path
from typing import Any

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

from zipingest import console, env
from zipingest.beat import Every

BASE_DIR = Path(__file__).resolve().parent.parent

# --- Where we run -----------------------------------------------------------------------------------------
ZIPINGEST_ENV = env.choice("ZIPINGEST_ENV", "development", ("development", "production"))
PRODUCTION = ZIPINGEST_ENV == "production"
DATA_DIR = Path(env.text("ZIPINGEST_DATA_DIR", str(BASE_DIR / "var"))).resolve()
DEBUG = False
PORT = env.integer("PORT", 8000, minimum=1)
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "" if PRODUCTION else "127.0.0.1,localhost,[::1],testserver")
PUBLIC_URL = env.text("PUBLIC_URL", f"http://127.0.0.1:{PORT}").rstrip("/")
# Addresses of the proxies in front of us: only theirs is an X-Forwarded-For that counts.
TRUSTED_PROXIES = env.words("TRUSTED_PROXIES")

# --- Secrets ----------------------------------------------------------------------------------------------
# Generated into the data folder for development; in production an unset one is a failed system check.
_SECRETS_DIR = None if PRODUCTION else DATA_DIR / "secrets"
# Newest first: the others still open sessions and links that were signed with them.
SECRET_KEY, *SECRET_KEY_FALLBACKS = env.words("SECRET_KEYS") or [
    env.secret("SECRET_KEY", folder=_SECRETS_DIR)
]
# Peppers of the API key digests, newest first, as `version:secret`; old ones stay until their keys are gone.
API_KEY_PEPPERS = env.words("API_KEY_PEPPERS") or [
    f"1:{secret}" for secret in [env.secret("API_KEY_PEPPER", folder=_SECRETS_DIR)] if secret
]
# Keys of what is encrypted at rest, newest first; any text, stretched to the cipher's key.
ENCRYPTION_KEYS = env.words("ENCRYPTION_KEYS") or [
    secret for secret in [env.secret("ENCRYPTION_KEY", folder=_SECRETS_DIR)] if secret
]

# --- Applications -----------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "partners.apps.ConsoleConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_htmx",
    "django_otp",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "zipingest",
    "partners",
    "calls",
    "calls.dialer",
    "exports",
]

MIDDLEWARE = [
    "zipingest.api.middleware.RequestLog",
    "django.middleware.security.SecurityMiddleware",
    "zipingest.csp.ContentSecurityPolicy",
    "zipingest.forms.BoundedForms",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "zipingest.urls"
WSGI_APPLICATION = "zipingest.wsgi.application"
AUTH_USER_MODEL = "partners.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# The surfaces name their paths exactly; a redirect would turn a PUT into a GET.
APPEND_SLASH = True

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
                "partners.pages.navigation",
            ]
        },
    }
]

# --- Database ---------------------------------------------------------------------------------------------
DATABASE_URL = env.text("DATABASE_URL", f"sqlite:///{DATA_DIR / 'zipingest.sqlite3'}")
DATABASES: dict[str, Any] = {"default": {**dj_database_url.parse(DATABASE_URL)}}
_DATABASE = DATABASES["default"]
if _DATABASE["ENGINE"] == "django.db.backends.sqlite3":
    # Writers queue at BEGIN instead of failing at the first write; readers never wait for them (WAL).
    _DATABASE["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 30,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;",
    }
elif _DATABASE["ENGINE"] == "django.db.backends.postgresql":
    _DATABASE["ENGINE"] = "zipingest.postgresql"
    _DATABASE["CONN_MAX_AGE"] = env.integer("DATABASE_CONN_MAX_AGE", 60)
    _DATABASE["CONN_HEALTH_CHECKS"] = True
    # Nobody waits for ever for a server that does not answer (libpq); what the URL says of it comes first.
    _DATABASE["OPTIONS"] = {
        "connect_timeout": env.integer("DATABASE_CONNECT_SECONDS", 5, minimum=2),
        "tcp_user_timeout": 10_000,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        **_DATABASE.get("OPTIONS", {}),
    }
else:
    raise ImproperlyConfigured("DATABASE_URL must start with sqlite:/// or postgresql://")

# --- Broker, cache, limits --------------------------------------------------------------------------------
REDIS_URL = env.text("REDIS_URL")
if REDIS_URL:
    CACHES: dict[str, Any] = {
        "default": {
            "BACKEND": "zipingest.cache.RedisOrOwnMemory",
            "LOCATION": REDIS_URL,
            "OPTIONS": {"socket_timeout": 2, "socket_connect_timeout": 2},
        }
    }
    CACHES["shared"] = CACHES["default"]
else:
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
            "OPTIONS": {"MAX_ENTRIES": 100_000},
        },
        # What processes tell each other (zipingest.signs); files, as the broker's messages are.
        "shared": {
            "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
            "LOCATION": DATA_DIR / "shared",
        },
    }
    # Embedded, one gunicorn process holds all counters, so its memory is the shared cache it asks for.
    SILENCED_SYSTEM_CHECKS = ["django_ratelimit.E003", "django_ratelimit.W001"]

_BROKER_DIR = DATA_DIR / "broker"
CELERY_BROKER_URL = REDIS_URL or "filesystem://localhost"
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = (
    {"visibility_timeout": 3600, "socket_timeout": 5, "socket_connect_timeout": 5}
    if REDIS_URL
    else {
        "data_folder_in": str(_BROKER_DIR / "queue"),
        "data_folder_out": str(_BROKER_DIR / "queue"),
        "control_folder": str(_BROKER_DIR / "control"),
        "store_processed": False,
        "polling_interval": 0.1,
    }
)
# A message is a nudge: nobody reads results, and a lost one is found again by the sweep.
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_PUBLISH_RETRY = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# What is not named here (sweep, tidy) is short and goes to the default queue.
CELERY_TASK_ROUTES = {
    "partners.tasks.deliver_callback": {"queue": "callbacks"},
    # Packing takes minutes: it has a worker of its own, so that nothing short waits behind it.
    "exports.tasks.pack_export": {"queue": "exports"},
    "calls.dialer.tasks.dial": {"queue": "dialer"},
    "calls.dialer.tasks.watch": {"queue": "dialer"},
}
CELERY_TASK_DEFAULT_QUEUE = "fetch"
CELERY_BEAT_SCHEDULE_FILENAME = str(DATA_DIR / "celerybeat-schedule")

# --- Work -------------------------------------------------------------------------------------------------
WORK_LEASE_SECONDS = env.integer("WORK_LEASE_SECONDS", 60, minimum=1)
SWEEP_SECONDS = env.integer("SWEEP_SECONDS", 30, minimum=1)
CELERY_BEAT_SCHEDULE = {
    "sweep": {"task": "zipingest.tasks.sweep", "schedule": Every(SWEEP_SECONDS)},
    "tidy": {"task": "calls.tasks.tidy", "schedule": Every(3600)},
    "tidy-exports": {"task": "exports.tasks.tidy_exports", "schedule": Every(600)},
    "tidy-dialer": {"task": "calls.dialer.tasks.tidy", "schedule": Every(3600)},
}

# --- Fetching and audio -----------------------------------------------------------------------------------
FETCH_MAX_BYTES = env.integer("FETCH_MAX_BYTES", 500 * 1024 * 1024, minimum=1)
FETCH_DEADLINE_SECONDS = env.integer("FETCH_DEADLINE_SECONDS", 600, minimum=1)
# Seconds to wait before the 2nd, 3rd, … attempt: six attempts over about five and a half hours.
FETCH_RETRY_STEPS = env.integers("FETCH_RETRY_STEPS", "30,120,600,3600,14400")
# Half of a worker's threads: a partner whose server hangs must leave room for the others.
FETCH_RUNNING_PER_PARTNER = env.integer("FETCH_RUNNING_PER_PARTNER", 4, minimum=1)
FETCH_RUNNING_PER_HOST = env.integer("FETCH_RUNNING_PER_HOST", 4, minimum=1)
# One partner's files never hold all of them.
AUDIO_HELPERS = env.integer("AUDIO_HELPERS", 3, minimum=1)
AUDIO_MEMORY_BYTES = env.integer("AUDIO_MEMORY_BYTES", 1024 * 1024 * 1024, minimum=1)
AUDIO_CPU_SECONDS = env.integer("AUDIO_CPU_SECONDS", 600, minimum=1)
AUDIO_WALL_SECONDS = env.integer("AUDIO_WALL_SECONDS", 1200, minimum=1)
AUDIO_MAX_SECONDS = env.integer("AUDIO_MAX_SECONDS", 12 * 3600, minimum=1)
# 0 keeps the sample rate of the source.
AUDIO_SAMPLE_RATE = env.integer("AUDIO_SAMPLE_RATE", 8000)
AUDIO_KEEP_ORIGINAL = env.boolean("AUDIO_KEEP_ORIGINAL", default=True)

# --- Outbound and callbacks -------------------------------------------------------------------------------
ALLOW_LOOPBACK = env.boolean("ZIPINGEST_ALLOW_LOOPBACK", default=False)
OUTBOUND_PORTS = env.integers("OUTBOUND_PORTS", "80,443")
# A PEM file of further certificate authorities' roots, for partners with a private one.
OUTBOUND_CA_FILE = env.text("OUTBOUND_CA_FILE")
# Pairs host:port that configured sources (never a URL of a request) may have on private addresses, in plain
# http and on any port.
OUTBOUND_TRUSTED = [pair.lower() for pair in env.words("OUTBOUND_TRUSTED")]
OUTBOUND_CONNECT_SECONDS = env.integer("OUTBOUND_CONNECT_SECONDS", 10, minimum=1)
OUTBOUND_READ_SECONDS = env.integer("OUTBOUND_READ_SECONDS", 30, minimum=1)
OUTBOUND_DNS_SECONDS = env.integer("OUTBOUND_DNS_SECONDS", 5, minimum=1)
CALLBACK_TIMEOUT_SECONDS = env.integer("CALLBACK_TIMEOUT_SECONDS", 15, minimum=1)
CALLBACK_RETRY_STEPS = env.integers("CALLBACK_RETRY_STEPS", "30,120,600")
CALLBACKS_RUNNING_PER_PARTNER = env.integer("CALLBACKS_RUNNING_PER_PARTNER", 4, minimum=1)
CALLBACKS_RUNNING_PER_HOST = env.integer("CALLBACKS_RUNNING_PER_HOST", 4, minimum=1)
WEBHOOK_ROTATION_SECONDS = 24 * 3600

# --- Live calls -------------------------------------------------------------------------------------------
# Who carries new calls; empty: somebody else does, and they are only registered here.
TELEPHONY_PROVIDER = env.choice(
    "TELEPHONY_PROVIDER", "" if PRODUCTION else "simulator", ("", "simulator", "asterisk")
)
# A recording paused for so long is told of: in the log, in the metrics, and by mail to the account's leaders.
PAUSE_ALERT_SECONDS = env.integer("PAUSE_ALERT_SECONDS", 600, minimum=1)
CELERY_BEAT_SCHEDULE["watch-pauses"] = {"task": "calls.tasks.watch_pauses", "schedule": Every(SWEEP_SECONDS)}

# How long whoever answers a simulated call talks, about.
SIMULATOR_TALK_SECONDS = env.integer("SIMULATOR_TALK_SECONDS", 3, minimum=1)

# Asterisk's REST interface, like http://pbx.local:8088/ari; its host:port belongs in OUTBOUND_TRUSTED where
# it is private, not https, or on another port than OUTBOUND_PORTS.
ARI_URL = env.text("ARI_URL").rstrip("/")
ARI_USER = env.text("ARI_USER")
ARI_PASSWORD = env.secret("ARI_PASSWORD", folder=None)
# The Stasis application that calls are put into; whoever follows their events is connected under this name.
ARI_APP = env.text("ARI_APP", "zipingest")
# Whom to dial, like PJSIP/{number}@trunk; {number} is E.164 with its plus, {digits} without.
ARI_ENDPOINT = env.text("ARI_ENDPOINT")
ARI_RING_SECONDS = env.integer("ARI_RING_SECONDS", 30, minimum=1)
ARI_TIMEOUT_SECONDS = env.integer("ARI_TIMEOUT_SECONDS", 5, minimum=1)
# After so long without an event Asterisk is pinged, after twice as long its connection is given up.
ARI_PING_SECONDS = env.integer("ARI_PING_SECONDS", 15, minimum=1)

# --- Dialling ---------------------------------------------------------------------------------------------
# Calls at once, where an account or a number has no cap of its own.
DIALER_RUNNING_PER_ACCOUNT = env.integer("DIALER_RUNNING_PER_ACCOUNT", 20, minimum=1)
DIALER_RUNNING_PER_NUMBER = env.integer("DIALER_RUNNING_PER_NUMBER", 5, minimum=1)
# Workers that begin calls, and that ask after them, at once.
DIALER_BEGINNING_PER_BATCH = env.integer("DIALER_BEGINNING_PER_BATCH", 4, minimum=1)
DIALER_WATCHED_PER_ACCOUNT = env.integer("DIALER_WATCHED_PER_ACCOUNT", 4, minimum=1)

# --- Mail -------------------------------------------------------------------------------------------------
# Without a server, development prints mails and production sends none: what they say is logged in any case.
EMAIL_HOST = env.text("EMAIL_HOST")
EMAIL_PORT = env.integer("EMAIL_PORT", 25, minimum=1)
EMAIL_HOST_USER = env.text("EMAIL_HOST_USER")
EMAIL_HOST_PASSWORD = env.text("EMAIL_HOST_PASSWORD")
EMAIL_USE_TLS = env.boolean("EMAIL_USE_TLS", default=False)
EMAIL_USE_SSL = env.boolean("EMAIL_USE_SSL", default=False)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "zipingest@localhost")
_MAIL = "smtp" if EMAIL_HOST else "dummy" if PRODUCTION else "console"
EMAIL_BACKEND = f"django.core.mail.backends.{_MAIL}.EmailBackend"
# Whether pages offer to send one.
SENDS_MAIL = _MAIL != "dummy"
CELERY_BEAT_SCHEDULE["tell-failures"] = {"task": "calls.tasks.tell_failures", "schedule": Every(60)}

# --- Exports ----------------------------------------------------------------------------------------------
EXPORTS_RUNNING_PER_SUB_TENANT = env.integer("EXPORTS_RUNNING_PER_SUB_TENANT", 2, minimum=1)
# So long a ZIP can be downloaded, also where its recordings expire sooner.
EXPORT_KEPT_DAYS = env.integer("EXPORT_KEPT_DAYS", 30, minimum=1)
# Seconds to the next try while the store is away.
EXPORT_RETRY_STEPS = env.integers("EXPORT_RETRY_STEPS", "10,60,300")

# --- Storage ----------------------------------------------------------------------------------------------
STORAGE_URL = env.text("STORAGE_URL", (DATA_DIR / "blobs").as_uri())
# Where the nginx in front of us serves the storage folder, as in /protected/; empty: we send files ourselves.
X_ACCEL_PREFIX = env.text("X_ACCEL_PREFIX")

# --- HTTP -------------------------------------------------------------------------------------------------
PARTNER_RATE_LIMIT = 120
FAILED_AUTHENTICATIONS_PER_MINUTE = env.integer("FAILED_AUTHENTICATIONS_PER_MINUTE", 60, minimum=1)
MEMBER_RATE_LIMIT = 120
SIGN_IN_TRIES_PER_MINUTE = env.integer("SIGN_IN_TRIES_PER_MINUTE", 5, minimum=1)
# How long a person stays signed in with a bearer token.
ACCESS_TOKEN_DAYS = env.integer("ACCESS_TOKEN_DAYS", 30, minimum=1)
AUTHENTICATION_BACKENDS = ["partners.backends.PeopleBackend"]
# Whether our own staff shows a code of an authenticator app before the console opens.
SECOND_FACTOR = env.boolean("SECOND_FACTOR", default=PRODUCTION)
LOGIN_URL = LOGOUT_REDIRECT_URL = "login"
LOGIN_REDIRECT_URL = "library"
# Whoever shows one of them as a bearer token may read /metrics; without any, only clients on this machine.
METRICS_TOKENS = env.words("METRICS_TOKEN")
# Each surface has a body limit of its own (calls/api); Django's must not answer before it does.
DATA_UPLOAD_MAX_MEMORY_SIZE = None
# A form of our pages, which nobody sends files with (zipingest.forms).
FORM_MAX_BYTES = 1024 * 1024
STATIC_URL = "static/"
# Beside the code that it belongs to where it is relative, so that each release on a machine has its own.
STATIC_ROOT = (BASE_DIR / env.text("STATIC_ROOT", str(DATA_DIR / "static"))).resolve()
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# By prefix of the path. Ours has no inline script or style; the console and the API's documentation come with
# some (Alpine.js evaluates attributes).
_NOTHING_ELSE = "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
_THEIRS = "img-src 'self' data:; media-src 'self'; font-src 'self' data:; connect-src 'self'"
_INLINE = "default-src 'none'; style-src 'self' 'unsafe-inline'; script-src 'self' 'unsafe-inline'"
CONTENT_SECURITY_POLICIES = {
    "/": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; "
        f"connect-src 'self'; {_NOTHING_ELSE}"
    ),
    "/admin/": f"{_INLINE} 'unsafe-eval'; {_THEIRS}; {_NOTHING_ELSE}",
    "/api/docs": f"{_INLINE}; {_THEIRS}; {_NOTHING_ELSE}",
}
# The pages of an account: their title, their route's name, the right that they take, and whether its reach
# over the own calls is enough (partners.pages).
PAGES = [
    ("Library", "library", "recordings:read", "own"),
    ("Live calls", "live", "calls:read", "own"),
    ("Batches", "batches", "calls:read", "all"),
    ("Exports", "exports", "exports", "own"),
    ("Dispositions", "dispositions", "dispositions:write", "own"),
    ("People", "people", "account", "own"),
    ("Retention", "retention", "account", "own"),
]
# A working day; whoever comes back tomorrow signs in again.
SESSION_COOKIE_AGE = env.integer("SESSION_HOURS", 12, minimum=1) * 3600
CELERY_BEAT_SCHEDULE["tidy-sessions"] = {"task": "partners.tasks.tidy_sessions", "schedule": Every(3600)}
# The other cookie is for scripts of this host, which send it back as X-CSRFToken.
SESSION_COOKIE_HTTPONLY = True
# Not Strict: a link in a mail leads to a page of whoever is signed in.
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
if PRODUCTION:
    SECURE_SSL_REDIRECT = env.boolean("SECURE_SSL_REDIRECT", default=True)
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
    SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
    SECURE_HSTS_SECONDS = env.integer("SECURE_HSTS_SECONDS", 365 * 24 * 3600)
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    # Browsers take such a name from this very host over https only, so no neighbour can plant one.
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS")

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "zipingest.api.errors.exception_handler",
    "UNAUTHENTICATED_USER": None,
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Zipingest API",
    "VERSION": "v1",
    "OAS_VERSION": "3.1.0",
    "DESCRIPTION": "Push recorded calls in, get them out again. Errors keep the envelope of their surface.",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "PREPROCESSING_HOOKS": ["calls.api.network.openapi.with_versions"],
    # Other fields are called status too, or state.
    "ENUM_NAME_OVERRIDES": {
        "LiveStatusEnum": ["in_progress", "ended"],
        "CallStatusStateEnum": ["queued", "fetching", "processing", "completed", "failed"],
    },
}

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"structured": {"()": "zipingest.logs.formatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
    "root": {"handlers": ["stderr"], "level": env.choice("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING"))},
    "loggers": {
        # Ours says the same with a request id, and without query strings.
        "django.request": {"level": "CRITICAL"},
        "django.server": {"level": "WARNING"},
        "celery": {"level": "WARNING"},
        # At WARNING it quotes URLs whole, and ours are signed.
        "urllib3": {"level": "ERROR"},
        "botocore": {"level": "WARNING"},
        # It logs what it refuses with the full host; the fetch attempt already records the reason.
        "requests_hardened": {"level": "ERROR"},
        # It logs tracebacks of whatever a server did wrong; what it means is in the fetch attempt.
        "paramiko": {"level": "CRITICAL"},
    },
}

# --- Console ----------------------------------------------------------------------------------------------
FORMAT_MODULE_PATH = "partners.admin.formats"
UNFOLD = console.UNFOLD
