/* libyaml, from the system (apt libyaml-dev): its event parser is the only part used. */
#include <yaml.h>
