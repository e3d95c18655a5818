#include "fixture.h"

static void begin_batch(void *instance, const millrace_message *const *messages, millrace_token *const *tokens,
                        size_t count) {
    for (size_t index = 0; index < count; index++) fixture_begin(instance, messages[index], tokens[index]);
}

static const millrace_handler all = HANDLER("fixture.all", .flags = MILLRACE_HANDLER_BATCH, .begin_batch = begin_batch);
/* As built against the header of before there were batches. */
static const millrace_handler old = HANDLER("fixture.old", .size = offsetof(millrace_handler, begin_batch));
static const millrace_handler *const handlers[] = {&all, &old};
PLUGIN("batch", 2, handlers)
