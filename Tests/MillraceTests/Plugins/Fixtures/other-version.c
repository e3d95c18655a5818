#include "fixture.h"

static const millrace_handler only = HANDLER("fixture.touch");
static const millrace_handler *const handlers[] = {&only};
PLUGIN("newer", 1, handlers, .abi_version = 2)
