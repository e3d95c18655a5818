#include "fixture.h"

static const millrace_handler one = HANDLER("fixture.touch");
static const millrace_handler two = HANDLER("fixture.touch");
static const millrace_handler *const handlers[] = {&one, &two};
PLUGIN("twice", 2, handlers)
