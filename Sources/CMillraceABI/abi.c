#include "millrace_abi.h"
