#include "fixture.h"

static const millrace_handler only = HANDLER("fixture.touch", .make = NULL);
static const millrace_handler *const handlers[] = {&only};
PLUGIN("makeless", 1, handlers)
