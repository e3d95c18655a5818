#include "fixture.h"

PLUGIN("empty", 0, NULL)
