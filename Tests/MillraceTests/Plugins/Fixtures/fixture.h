/* What the broken plugins have in common: a handler that acks, and a descriptor that is right. */
#include <millrace_abi.h>

static const millrace_host *host_table;

static inline int32_t fixture_make(const millrace_handler *self, const millrace_host *host, millrace_worker *worker,
                                   millrace_bytes options, void **instance, const millrace_failure *failure) {
    (void)self, (void)worker, (void)options, (void)failure;
    host_table = host;
    *instance = NULL;
    return 0;
}

static inline void fixture_begin(void *instance, const millrace_message *message, millrace_token *token) {
    millrace_outcome outcome = {.size = sizeof outcome, .kind = MILLRACE_ACK};
    (void)instance, (void)message;
    host_table->complete(token, &outcome);
}

static inline void fixture_drop(void *instance) { (void)instance; }

#define HANDLER(NAME, ...) \
    {.size = sizeof(millrace_handler), .name = NAME, .make = fixture_make, .begin = fixture_begin, \
     .drop = fixture_drop, ##__VA_ARGS__}

#define PLUGIN(NAME, COUNT, HANDLERS, ...) \
    static const millrace_plugin_descriptor descriptor = {.size = sizeof descriptor, \
                                                          .abi_version = MILLRACE_ABI_VERSION, \
                                                          .name = NAME, \
                                                          .handler_count = COUNT, \
                                                          .handlers = HANDLERS, \
                                                          ##__VA_ARGS__}; \
    const millrace_plugin_descriptor *millrace_plugin(void); \
    const millrace_plugin_descriptor *millrace_plugin(void) { return &descriptor; }
