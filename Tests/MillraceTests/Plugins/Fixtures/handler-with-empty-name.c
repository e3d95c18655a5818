#include "fixture.h"

static const millrace_handler only = HANDLER("");
static const millrace_handler *const handlers[] = {&only};
PLUGIN("nameless", 1, handlers)
