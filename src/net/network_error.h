// What an error of a socket means for a caller, in plain words. For the files of this room.
#pragma once

#include <boost/system/error_code.hpp>

#include "base/result.h"

namespace bascule::net {

Error network_error(const boost::system::error_code& code);

}  // namespace bascule::net
