#include "fixture.h"

PLUGIN("small", 0, NULL, .size = 24)
