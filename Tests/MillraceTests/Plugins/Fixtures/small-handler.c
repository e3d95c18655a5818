#include "fixture.h"

static const millrace_handler only = HANDLER("fixture.touch", .size = 16);
static const millrace_handler *const handlers[] = {&only};
PLUGIN("small", 1, handlers)
