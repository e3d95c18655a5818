#include "fixture.h"

int millrace_plugins(void);
int millrace_plugins(void) { return 0; }
