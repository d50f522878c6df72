// The notifier `log`: one JSON object per line appended to a file, for machines that tail it and
// for the demo. The file may be rotated or removed at any time; it is never rotated here.
#pragma once

#include "ports/kinds.h"

namespace bascule {

NotifierKind log_notifier();

}  // namespace bascule
