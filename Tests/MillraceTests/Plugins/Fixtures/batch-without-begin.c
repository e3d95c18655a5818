#include "fixture.h"

static const millrace_handler only = HANDLER("fixture.all", .flags = MILLRACE_HANDLER_BATCH);
static const millrace_handler *const handlers[] = {&only};
PLUGIN("batch", 1, handlers)
