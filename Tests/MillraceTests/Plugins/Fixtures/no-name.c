#include "fixture.h"

PLUGIN(NULL, 0, NULL)
