#include "fixture.h"

static const millrace_handler only = HANDLER("fixture.touch");
static const millrace_handler *const handlers[] = {&only};
PLUGIN("other", 1, handlers)
