#include "fixture.h"

static int32_t make(const millrace_handler *self, const millrace_host *host, millrace_worker *worker,
                    millrace_bytes options, void **instance, const millrace_failure *failure) {
    static const millrace_bytes read[] = {{(const uint8_t *)"/bucket", 7}, {(const uint8_t *)"/limits/rows", 12}};
    int32_t result = fixture_make(self, host, worker, options, instance, failure);
    host->options_read(worker, read, 2);
    return result;
}

static int32_t refuse(const millrace_handler *self, const millrace_host *host, millrace_worker *worker,
                      millrace_bytes options, void **instance, const millrace_failure *failure) {
    static const char reason[] = "no bucket";
    (void)self, (void)host, (void)worker, (void)options, (void)instance;
    failure->report(failure->context, (millrace_bytes){(const uint8_t *)reason, sizeof reason - 1});
    return 1;
}

static const millrace_handler reads = HANDLER("options.reads", .make = make);
static const millrace_handler silent = HANDLER("options.silent");
static const millrace_handler refuses = HANDLER("options.refuses", .make = refuse);
static const millrace_handler *const handlers[] = {&reads, &silent, &refuses};
PLUGIN("options", 3, handlers)
