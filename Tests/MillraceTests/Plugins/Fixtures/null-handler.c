#include "fixture.h"

static const millrace_handler only = HANDLER("fixture.touch");
static const millrace_handler *const handlers[] = {&only, NULL};
PLUGIN("null", 2, handlers)
