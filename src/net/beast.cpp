// Boost.Beast is compiled here, once (BOOST_BEAST_SEPARATE_COMPILATION). Only its HTTP parser is
// used, in http_client.cpp and http_server.cpp.
#include <boost/beast/src.hpp>
