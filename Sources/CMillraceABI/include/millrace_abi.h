/*
 * The Millrace plugin ABI, version 1.
 *
 * A plugin is a shared library that exports `millrace_plugin`. The host (the supervisor) loads it once, asks for its
 * descriptor, and makes one instance of a handler for each worker thread of a job. Plain C types only, so that a
 * plugin needs no framework of the host's and can be written in any language.
 *
 * Threads. All calls for one instance come from the one thread of its worker. Of the host's functions, `schedule`
 * alone may be called from any thread; the others only on the worker's thread, while the token or the worker lives.
 *
 * Memory. Whoever allocates frees. Pointers that are handed over are valid for as long as their comment says.
 *
 * Growth. Structs that may grow begin with `size`, set by whoever makes them: the other side reads or writes a field
 * that came later only if `size` covers it. Fields are added at the end alone. What the first header of a version had is
 * always there and needs no such look; in version 1 `begin_batch`, `options_read`, `headers` and `hold_job` came later. `millrace_bytes`, `millrace_header` and
 * `millrace_failure` have no `size` and never grow.
 */
#ifndef MILLRACE_ABI_H
#define MILLRACE_ABI_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MILLRACE_ABI_VERSION 1u

/* Octets, not terminated. `data` may be NULL only if `length` is 0. */
typedef struct millrace_bytes {
    const uint8_t *data;
    size_t length;
} millrace_bytes;

/* The host's name for one worker thread. Opaque; lives until every instance made on it has been dropped. */
typedef struct millrace_worker millrace_worker;

/* The host's name for one delivery in hand. Opaque; valid from `begin` until `complete` for it returns. */
typedef struct millrace_token millrace_token;

/* What becomes of a delivery. */
typedef enum millrace_outcome_kind {
    MILLRACE_ACK = 0,     /* done */
    MILLRACE_RETRY = 1,   /* failed; the job's on_failure decides what follows */
    MILLRACE_REJECT = 2,  /* failed for good: to the dead-letter target */
    MILLRACE_REQUEUE = 3, /* put back now; not a failure */
    MILLRACE_SNOOZE = 4,  /* again after `delay_ns`; not a failure */
    MILLRACE_DISCARD = 5, /* drop it, call it done */
    MILLRACE_STOP = 6,    /* put it back and stop this job */
    MILLRACE_ALONE = 7    /* from `begin_batch` alone: its batch failed as a whole. What it published is dropped, and it
                             is begun again by itself, with `begin`. From `begin` it means RETRY. */
} millrace_outcome_kind;

typedef struct millrace_outcome {
    size_t size;
    uint32_t kind;         /* millrace_outcome_kind */
    uint64_t delay_ns;     /* for SNOOZE, else 0 */
    millrace_bytes reason; /* UTF-8, plugin's memory, valid during the call; may be empty */
} millrace_outcome;

/* One delivery. The struct itself is the host's and valid during `begin` alone: an async handler copies it. What its
 * pointers lead to is the host's too, and valid until `complete` for the token returns. */
typedef struct millrace_message {
    size_t size;
    millrace_bytes body;
    millrace_bytes exchange;    /* empty for the default exchange */
    millrace_bytes routing_key;
    uint32_t attempt;           /* 1 for the first, as far as the broker's hint and our header tell */
    uint8_t redelivered;        /* 0 or 1; a hint only */
} millrace_message;

typedef enum millrace_property {
    MILLRACE_CONTENT_TYPE = 1,
    MILLRACE_CONTENT_ENCODING = 2,
    MILLRACE_DELIVERY_MODE = 3,  /* integer */
    MILLRACE_PRIORITY = 4,       /* integer */
    MILLRACE_CORRELATION_ID = 5,
    MILLRACE_REPLY_TO = 6,
    MILLRACE_EXPIRATION = 7,
    MILLRACE_MESSAGE_ID = 8,
    MILLRACE_TIMESTAMP = 9,      /* integer, seconds since 1970 */
    MILLRACE_TYPE = 10,
    MILLRACE_USER_ID = 11,
    MILLRACE_APP_ID = 12
} millrace_property;

typedef enum millrace_value_kind {
    MILLRACE_NONE = 0, /* not there */
    MILLRACE_BOOL = 1,
    MILLRACE_INTEGER = 2,
    MILLRACE_DOUBLE = 3,
    MILLRACE_STRING = 4, /* UTF-8 */
    MILLRACE_BYTES = 5,
    MILLRACE_OTHER = 6   /* a table, an array: not to be had through this version */
} millrace_value_kind;

/* A property or header. `bytes` is the host's memory, valid until the next `property` or `header` call for the same
 * token, or until `complete` for it returns, whichever comes first. */
typedef struct millrace_value {
    size_t size;            /* set by the caller */
    uint32_t kind;          /* millrace_value_kind */
    int64_t integer;        /* INTEGER, and 0 or 1 for BOOL */
    double real;            /* DOUBLE */
    millrace_bytes bytes;   /* STRING, BYTES */
} millrace_value;

typedef struct millrace_header {
    millrace_bytes key;   /* UTF-8, at most 255 octets */
    uint32_t kind;        /* BOOL, INTEGER, DOUBLE, STRING or BYTES */
    int64_t integer;
    double real;
    millrace_bytes bytes;
} millrace_header;

/* One message to publish. All memory is the plugin's; the host copies it before `publish` returns. */
typedef struct millrace_publication {
    size_t size;
    millrace_bytes exchange;    /* UTF-8, at most 255 octets; empty for the default exchange */
    millrace_bytes routing_key; /* UTF-8, at most 255 octets */
    millrace_bytes body;
    millrace_bytes content_type;   /* each empty if not set */
    millrace_bytes message_id;
    millrace_bytes correlation_id;
    millrace_bytes reply_to;
    millrace_bytes type;
    uint8_t transient;          /* 1: delivery-mode 1; 0: delivery-mode 2, survives a broker restart */
    uint8_t priority;           /* 0 if not set */
    const millrace_header *headers; /* may be NULL if header_count is 0 */
    size_t header_count;
} millrace_publication;

typedef enum millrace_log_level {
    MILLRACE_DEBUG = 0,
    MILLRACE_INFO = 1,
    MILLRACE_WARNING = 2,
    MILLRACE_ERROR = 3
} millrace_log_level;

/* Gets one header: the octets of its name, and its value as `header` gives it. */
typedef void (*millrace_header_visitor)(void *context, millrace_bytes key, const millrace_value *value);

/* What the host offers. Static memory, valid for the life of the process. */
typedef struct millrace_host {
    size_t size;
    uint32_t abi_version;

    /* Ends a delivery. Exactly once per token: a sync handler calls it before `begin` returns, an async one later,
     * on the worker's thread. The token is dead afterwards; a second call is an error that the host logs and ignores
     * only as long as the token's memory has not been given to another delivery. */
    void (*complete)(millrace_token *token, const millrace_outcome *outcome);

    /* Runs `function(argument)` on the worker's thread, once, in the order of the calls. From any thread, as long as a
     * delivery of that worker is in hand; after that it may be dropped. */
    void (*schedule)(millrace_worker *worker, void (*function)(void *argument), void *argument);

    /* Buffers a message until its delivery succeeds; a delivery that fails publishes nothing.
     * Returns 0, or 2 if an argument is invalid (too long a key, a broken kind, NULL with a length) or the delivery has
     * its outcome already. 1 is kept for a job that may not publish, which this host does not have. */
    int32_t (*publish)(millrace_token *token, const millrace_publication *publication);

    /* Reads a property (millrace_property). Sets `kind` NONE if it is not there, BYTES for a text that is not UTF-8. */
    void (*property)(millrace_token *token, uint32_t which, millrace_value *out);

    /* Reads a header by the octets of its key. Sets `kind` NONE if it is not there, BYTES for a text that is not UTF-8. */
    void (*header)(millrace_token *token, millrace_bytes key, millrace_value *out);

    /* Logs a line under the job's name. `token` may be NULL, and then has no message to name. */
    void (*log)(millrace_worker *worker, millrace_token *token, uint32_t level, millrace_bytes text);

    /* Adds `value` to the counter `name` (kind 0), or records it (kind 1). Names: [a-z0-9_]. */
    void (*metric)(millrace_worker *worker, millrace_bytes name, uint32_t kind, double value);

    /* 1 when the delivery should end early: the job's timeout has passed, it was given up at `kill_timeout`, the supervisor
     * stops and has waited for `shutdown_timeout`, or it was told to stop a second time. Else 0. */
    uint8_t (*is_cancelled)(millrace_token *token);

    /* The job's name, UTF-8, valid as long as the worker. */
    millrace_bytes (*job_name)(millrace_worker *worker);

    /* Tells what an instance has read of its options, there or not, so that the host can name those that nobody reads:
     * probably misspelt. Each path is a JSON pointer (RFC 6901) such as "/bucket" or "/limits/rows", UTF-8, the plugin's
     * memory; who has read a value has read all below it. Once, on the worker's thread, before `make` returns 0, and only
     * by a plugin that reads none later. Who never calls it is asked nothing. */
    void (*options_read)(millrace_worker *worker, const millrace_bytes *paths, size_t count);

    /* Calls `visit(context, key, value)` for each header of the delivery, in the message's order, before it returns; a name
     * that a publisher has sent twice comes twice. What `visit` is given is valid during that one call. */
    void (*headers)(millrace_token *token, millrace_header_visitor visit, void *context);

    /* Holds the job: for `time_ns`, a millisecond to a day, none of its workers begins a delivery; what they have in hand
     * goes on, and what is not begun goes back. It holds before the call returns: a delivery that is completed with
     * REQUEUE afterwards waits in its queue, and has used no attempt. A hold that lasts longer stays. `reason` is UTF-8, the
     * plugin's memory. Returns 0, or 2 if an argument is invalid. */
    int32_t (*hold_job)(millrace_worker *worker, uint64_t time_ns, millrace_bytes reason);
} millrace_host;

/* Takes the text of a failure: UTF-8, plugin's memory, valid during the call. */
typedef struct millrace_failure {
    void *context;
    void (*report)(void *context, millrace_bytes text);
} millrace_failure;

#define MILLRACE_HANDLER_ASYNC 1u /* may return from `begin` before it completes */
#define MILLRACE_HANDLER_BATCH 2u /* has `begin_batch`; in this version not together with ASYNC */

typedef struct millrace_handler {
    size_t size;
    const char *name; /* "plugin.handler", as jobs.yaml says it; never NULL or empty, valid for ever */
    uint32_t flags;   /* MILLRACE_HANDLER_… */
    void *context;    /* the plugin's own, not looked at by the host */

    /* Makes an instance for one worker, on its thread. `self` is this handler. `options` is the job's `with:` block as a JSON object, UTF-8,
     * valid during the call. Returns 0 and sets `*instance` (may stay NULL), or non-zero after reporting why. */
    int32_t (*make)(const struct millrace_handler *self, const millrace_host *host, millrace_worker *worker,
                    millrace_bytes options, void **instance, const millrace_failure *failure);

    /* Begins one delivery. */
    void (*begin)(void *instance, const millrace_message *message, millrace_token *token);

    /* Asks a delivery in hand to end early; it must still be completed. On the worker's thread; NULL if a handler has
     * no way to (it can still ask is_cancelled). Never called after `complete` for the token. */
    void (*cancel)(void *instance, millrace_token *token);

    /* Ends the instance, on its worker's thread, when no delivery is in hand. */
    void (*drop)(void *instance);

    /* Only with MILLRACE_HANDLER_BATCH, else NULL. Begins `count` deliveries at once, from 1 to the job's batch size,
     * in the order in which they came; `begin` is then called for MILLRACE_ALONE only. The arrays and the messages in
     * them are valid during the call. Each token is completed by itself, in any order, before the call returns.
     *
     * A batch that fails as a whole, so that nobody can say which delivery is at fault, completes each with
     * MILLRACE_ALONE: the host begins them one by one, and the guilty one alone fails. Who can tell completes each with
     * what became of it. */
    void (*begin_batch)(void *instance, const millrace_message *const *messages, millrace_token *const *tokens,
                        size_t count);
} millrace_handler;

/* What a plugin is. The plugin's memory, valid for ever. */
typedef struct millrace_plugin_descriptor {
    size_t size;
    uint32_t abi_version;      /* MILLRACE_ABI_VERSION of the header it was built with */
    const char *name;          /* for messages to people; never NULL */
    const char *built_with;    /* for instance "Swift 6.3.1"; may be NULL */
    size_t handler_count;
    const millrace_handler *const *handlers; /* handler_count pointers, none NULL */
} millrace_plugin_descriptor;

/* The one symbol a plugin exports: `const millrace_plugin_descriptor *millrace_plugin(void);`
 * Called once per load, on any thread; must return the same pointer each time. */
typedef const millrace_plugin_descriptor *(*millrace_plugin_function)(void);

#ifdef __cplusplus
}
#endif
#endif
