#include "fixture.h"

static void begin_batch(void *instance, const millrace_message *const *messages, millrace_token *const *tokens,
                        size_t count) {
    (void)instance, (void)messages, (void)tokens, (void)count;
}

static const millrace_handler only =
    HANDLER("fixture.all", .flags = MILLRACE_HANDLER_BATCH | MILLRACE_HANDLER_ASYNC, .begin_batch = begin_batch);
static const millrace_handler *const handlers[] = {&only};
PLUGIN("batch", 1, handlers)
