// `notify.test`, an item of the preflight: whether people would hear of a failover.
//
// When a person runs the preflight, a test message goes out over every configured notifier. In the
// background nobody is disturbed: there it is only asked whether each could be reached. The item is
// blocked while one of them cannot, by name. One that is slow delays no other.
#pragma once

#include "ports/kinds.h"

namespace bascule::notify {

ActionKind test_kind();

}  // namespace bascule::notify
