/* event table: every event that is logged, its level and how often it may be said.
 *
 * A row: EVENT(CONSTANT, "name", LEVEL, lines a second at most, "meaning for the reader of the log")
 * Add a row, then log_line(EVENT_CONSTANT, ...). Sorted by name. */
/* clang-format off */
EVENT(DEPENDENCY_BACK,    "dependency.back",    INFO,   10, "a service that was away answers again")
EVENT(DEPENDENCY_WAITING, "dependency.waiting", WARN,    1, "a service does not answer; tried again at most 5 s apart")
EVENT(HTTP_LISTENING,     "http.listening",     INFO,   10, "an address takes requests")
EVENT(ROLE_FAILED,        "role.failed",        ERROR,  10, "the role ends because of this error")
EVENT(ROLE_READY,         "role.ready",         INFO,   10, "all the role needs is there: /readyz says 200")
EVENT(ROLE_STARTED,       "role.started",       INFO,   10, "the process begins")
EVENT(ROLE_STOPPED,       "role.stopped",       INFO,   10, "the process ends")
EVENT(ROLE_STOPPING,      "role.stopping",      INFO,   10, "a signal asked the role to end; it finishes what it has")
EVENT(SETTING_RELOADED,   "setting.reloaded",   INFO,   10, "a setting changed while running (SIGHUP)")
EVENT(WORKER_DRAINING,       "worker.draining",       INFO,  10, "the worker takes no more tasks and ends when it is empty")
EVENT(WORKER_HEARTBEAT_LOST, "worker.heartbeat_lost", WARN,   1, "a heartbeat or loan could not be handed to the log")
EVENT(WORKER_LEFT,           "worker.left",           INFO,  10, "the worker is empty and says good-bye")
EVENT(WORKER_NAME_TAKEN,     "worker.name_taken",     ERROR,  1, "another process speaks under this worker's name: end one of them")
EVENT(WORKER_RECORD_REFUSED, "worker.record_refused", WARN,  10, "a record of the log cannot be read and is skipped")
EVENT(WORKER_RECOVERED,      "worker.recovered",      INFO,  10, "what an earlier life of the worker left was found and is told")
/* clang-format on */
