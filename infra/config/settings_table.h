/* settings table: every setting of every role and command.
 *
 * A row: SETTING(TYPE, name, default, default of `dev`, least, most, unit or choices, letter,
 * marks, roles, meaning) TYPE     TEXT, LIST (texts with commas between), CHOICE, INT, BOOL,
 * DURATION, MEMORY default  as a person would write it; NULL for `dev`: the same bounds   of INT as
 * they are, of DURATION in ns, of MEMORY in bytes; 0, 0: none letter   of a short flag, or 0 marks
 * or of SETTING_SECRET, SETTING_RELOADABLE, or 0 roles    whose settings it is: or of ROLE_* A
 * setting NAME is the flag --name (with - for _), the variable EXOSPHERE_NAME, and `name:` in the
 * file; a secret has no flag but --name-file. */
/* clang-format off */
#define ROLE_STATE (ROLE_API | ROLE_SCHEDULER | ROLE_DEV | ROLE_ADMIN) /* those that hold credentials of the store */
#define ROLE_QUEUE (ROLE_API | ROLE_SCHEDULER | ROLE_WORKER | ROLE_DEV | ROLE_ADMIN)
#define ROLE_DAEMON (ROLE_API | ROLE_SCHEDULER | ROLE_WORKER | ROLE_DEV)

/* Speaking and being spoken to. */
SETTING(TEXT,     listen,            "127.0.0.1:8080", NULL, 0, 0, "address:port", 0, 0, ROLE_API | ROLE_DEV, "where the REST API listens; an address other than loopback needs api_token")
SETTING(TEXT,     health_listen,     "127.0.0.1:0", NULL, 0, 0, "address:port", 0, 0, ROLE_API | ROLE_SCHEDULER | ROLE_WORKER, "where /healthz, /readyz and /metrics are; port 0 takes a free one and logs it")
SETTING(TEXT,     api_token,         "", NULL, 0, 0, "", 0, SETTING_SECRET, ROLE_API | ROLE_DEV, "the bearer token that clients must send; none: no authentication, loopback only")
SETTING(TEXT,     server,            "http://127.0.0.1:8080", NULL, 0, 0, "URL", 's', 0, ROLE_CLIENT, "where the REST API is")
SETTING(TEXT,     api_url,           "http://127.0.0.1:8080", NULL, 0, 0, "URL", 0, 0, ROLE_WORKER, "where the REST API is")
SETTING(TEXT,     token,             "", NULL, 0, 0, "", 0, SETTING_SECRET, ROLE_CLIENT, "the bearer token to send to the API")
SETTING(TEXT,     project,           "default", NULL, 0, 0, "name", 0, 0, ROLE_CLIENT, "the project of clusters whose name holds none")
SETTING(CHOICE,   output,            "table", NULL, 0, 0, "table|json|yaml", 'o', 0, ROLE_CLIENT, "form of what is printed")
SETTING(MEMORY,   body_bytes_max,    "4Mi", NULL, 1024, 1 << 30, "bytes", 0, 0, ROLE_API | ROLE_DEV, "limit of a request's body")
SETTING(INT,      connections_max,   "1000", NULL, 1, 1000000, "connections", 0, 0, ROLE_API | ROLE_DEV, "open HTTP connections at once; more wait")

/* Back-ends. */
SETTING(CHOICE,   log,               "kafka", "sqlite", 0, 0, "kafka|sqlite", 0, 0, ROLE_QUEUE, "back-end of the queue")
SETTING(CHOICE,   store,             "postgres", "sqlite", 0, 0, "postgres|sqlite", 0, 0, ROLE_STATE, "back-end of the state")
SETTING(CHOICE,   cache,             "redis", "memory", 0, 0, "redis|memory", 0, 0, ROLE_STATE, "back-end of views and of what watchers are told")
SETTING(LIST,     kafka_brokers,     "127.0.0.1:9092", NULL, 0, 0, "host:port", 0, 0, ROLE_QUEUE, "brokers to begin with")
SETTING(TEXT,     kafka_properties,  "", NULL, 0, 0, "key=value lines", 0, SETTING_SECRET, ROLE_QUEUE, "further properties of librdkafka, such as those of TLS and SASL")
SETTING(INT,      kafka_replication, "1", NULL, 1, 100, "copies", 0, 0, ROLE_QUEUE, "replication of topics that are made at start")
SETTING(TEXT,     postgres_url,      "postgresql://127.0.0.1:5432/exosphere", NULL, 0, 0, "URL", 0, SETTING_SECRET, ROLE_STATE, "how Postgres is reached")
SETTING(TEXT,     redis_url,         "redis://127.0.0.1:6379/0", NULL, 0, 0, "URL", 0, SETTING_SECRET, ROLE_STATE, "how Redis is reached")
SETTING(TEXT,     s3_endpoint,       "", NULL, 0, 0, "URL", 0, 0, ROLE_STATE, "the S3-compatible store for blobs above 8 MiB, such as https://s3.eu-central-1.amazonaws.com; none: they are refused, with store=sqlite kept in DATA/blobs")
SETTING(TEXT,     s3_bucket,         "", NULL, 0, 0, "name", 0, 0, ROLE_STATE, "its bucket, which must exist")
SETTING(TEXT,     s3_prefix,         "", NULL, 0, 0, "text", 0, 0, ROLE_STATE, "what every key in the bucket begins with")
SETTING(TEXT,     s3_region,         "us-east-1", NULL, 0, 0, "name", 0, 0, ROLE_STATE, "the region that requests are signed for")
SETTING(TEXT,     s3_access_key,     "", NULL, 0, 0, "", 0, SETTING_SECRET, ROLE_STATE, "who asks the S3-compatible store")
SETTING(TEXT,     s3_secret_key,     "", NULL, 0, 0, "", 0, SETTING_SECRET, ROLE_STATE, "what signs the requests to it")
SETTING(TEXT,     data,              "/var/lib/exosphere", ".exosphere", 0, 0, "directory", 0, 0, ROLE_DAEMON | ROLE_ADMIN, "where SQLite's file, spools and unpacked images are kept; commands on the back-ends take what `dev` keeps there where no back-end is said")
SETTING(BOOL,     ephemeral,         "false", NULL, 0, 0, "", 0, 0, ROLE_DEV, "keep nothing after the end: the queue and the state are in memory")
SETTING(INT,      shards,            "64", "4", 1, 4096, "shards", 0, 0, ROLE_STATE | ROLE_WORKER, "into how many parts executions are spread; fixed by the first `migrate`")

/* How much is taken in. */
SETTING(INT,      executions_max,    "100000", NULL, 0, 100000000, "executions", 0, 0, ROLE_SCHEDULER | ROLE_DEV, "live executions that one scheduler holds, shared evenly by its shards; beyond, jobs wait in exo.jobs; 0: no bound")
SETTING(INT,      backlog_max,       "1000000", NULL, 0, 1000000000000, "jobs", 0, 0, ROLE_API | ROLE_DEV, "jobs that may wait in exo.jobs; beyond, the API answers 429; 0: no bound")

/* How long things are kept. */
SETTING(CHOICE,   retention_inputs,  "backup", "consumed", 0, 0, "backup|consumed", 0, 0, ROLE_SCHEDULER | ROLE_DEV, "what of exo.jobs and exo.status is kept: all since the newest restorable backup began (`exosphere restore-point`), or nothing that was consumed")
SETTING(DURATION, retention_journal, "720h", NULL, 0, 876000 * EXO_HOUR, "duration", 0, 0, ROLE_SCHEDULER | ROLE_DEV, "how long the journal of changes is kept; 0s: for ever")
SETTING(DURATION, retention_executions, "720h", NULL, 0, 876000 * EXO_HOUR, "duration", 0, 0, ROLE_SCHEDULER | ROLE_DEV, "how long executions are kept after their end; 0s: for ever")
SETTING(DURATION, retention_dead_letters, "720h", NULL, 0, 876000 * EXO_HOUR, "duration", 0, 0, ROLE_SCHEDULER | ROLE_DEV, "how long dead letters are kept; 0s: for ever")
SETTING(LIST,     retention_projects, "", NULL, 0, 0, "project=duration", 0, 0, ROLE_SCHEDULER | ROLE_DEV, "projects whose executions are kept for another time, such as audit=8760h")

/* Workers. */
SETTING(TEXT,     worker_name,       "", NULL, 0, 0, "name", 0, 0, ROLE_WORKER | ROLE_DEV, "names this worker for ever; default: the host's name")
SETTING(LIST,     classes,           "default", NULL, 0, 0, "names", 0, 0, ROLE_WORKER | ROLE_DEV, "classes of satellites that are run here")
SETTING(INT,      slots,             "0", NULL, 0, 10000, "containers", 0, 0, ROLE_WORKER | ROLE_DEV, "containers at once; 0: two a processor")
SETTING(CHOICE,   sandbox,           "crun", NULL, 0, 0, "crun|null", 0, 0, ROLE_WORKER | ROLE_DEV, "what runs an attempt; null ends at once, for measurements")
SETTING(TEXT,     image_dir,         "", NULL, 0, 0, "directory", 0, 0, ROLE_WORKER | ROLE_DEV, "where images named oci: and docker-archive: lie; default: DATA/images")
SETTING(TEXT,     runtime_dir,       "", NULL, 0, 0, "directory", 0, 0, ROLE_WORKER | ROLE_DEV, "where attempts live while they run, this worker's alone; default: DATA/run")
SETTING(TEXT,     secrets_dir,       "", NULL, 0, 0, "directory", 0, 0, ROLE_WORKER | ROLE_DEV, "files that satellites may ask for as secrets: PROJECT/NAME; default: none")
SETTING(LIST,     volumes,           "", NULL, 0, 0, "name=path", 0, 0, ROLE_WORKER | ROLE_DEV, "directories that satellites may mount, read-only")
SETTING(TEXT,     memory,            "", NULL, 0, 0, "bytes", 0, 0, ROLE_WORKER | ROLE_DEV, "memory for all containers together, such as 4Gi; default: three quarters of the machine")
SETTING(TEXT,     cpu,               "", NULL, 0, 0, "cores", 0, 0, ROLE_WORKER | ROLE_DEV, "processors for all containers together, such as 1500m; default: all")
SETTING(TEXT,     registry_auth,     "", NULL, 0, 0, "file", 0, 0, ROLE_WORKER | ROLE_DEV, "credentials for registries, as `skopeo login` writes them; default: none")
SETTING(LIST,     plain_registries,  "", NULL, 0, 0, "host[:port]", 0, 0, ROLE_WORKER | ROLE_DEV, "registries that are spoken to without TLS")
SETTING(DURATION, drain,             "30s", "3s", 0, 24 * EXO_HOUR, "duration", 0, 0, ROLE_WORKER | ROLE_DEV, "how long attempts may go on after SIGTERM before they are handed back")

/* Telling. */
SETTING(CHOICE,   log_level,         "info", NULL, 0, 0, "debug|info|warn|error", 0, SETTING_RELOADABLE, ROLE_ANY, "the least level of lines on stderr")
SETTING(CHOICE,   log_format,        "auto", NULL, 0, 0, "json|text|auto", 0, 0, ROLE_ANY, "form of lines on stderr; auto: text on a terminal")
#undef ROLE_STATE
#undef ROLE_QUEUE
#undef ROLE_DAEMON
/* clang-format on */
