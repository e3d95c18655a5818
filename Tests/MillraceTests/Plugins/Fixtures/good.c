#include "fixture.h"

static const millrace_handler touch = HANDLER("fixture.touch");
static const millrace_handler sum = HANDLER("fixture.sum", .flags = MILLRACE_HANDLER_ASYNC);
static const millrace_handler *const handlers[] = {&touch, &sum};
PLUGIN("fixture", 2, handlers)
