#include "fixture.h"

const millrace_plugin_descriptor *millrace_plugin(void);
const millrace_plugin_descriptor *millrace_plugin(void) { return NULL; }
