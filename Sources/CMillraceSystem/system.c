#include "millrace_system.h"
