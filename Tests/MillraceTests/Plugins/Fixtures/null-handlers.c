#include "fixture.h"

PLUGIN("null", 3, NULL)
