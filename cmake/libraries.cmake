# The libraries of docs/dependencies.md, each under one name, so that a room lists what it uses in one line.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(Boost 1.81 REQUIRED)
find_package(OpenSSL 3 REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(fmt 9 REQUIRED)
find_package(spdlog REQUIRED)
find_package(CLI11 REQUIRED)
find_package(GTest REQUIRED)
find_package(yaml-cpp 0.7 REQUIRED)
pkg_check_modules(LIBPQ REQUIRED IMPORTED_TARGET libpq)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3)
pkg_check_modules(CARES REQUIRED IMPORTED_TARGET libcares)
pkg_check_modules(PROMETHEUS REQUIRED IMPORTED_TARGET prometheus-cpp-core)
pkg_check_modules(LDNS REQUIRED IMPORTED_TARGET ldns)
# Without the -pthread that its .pc file adds: the precompiled headers are made without.
pkg_check_modules(RE2 REQUIRED re2)
add_library(bascule_re2 INTERFACE)
target_link_libraries(bascule_re2 INTERFACE ${RE2_LINK_LIBRARIES})

# Asio is compiled once (src/async/asio.cpp, src/net/tls.cpp), not in every translation unit.
add_library(bascule_asio INTERFACE)
target_compile_definitions(bascule_asio INTERFACE
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION
  BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_AWAITABLE_FRAME_RECYCLING)
target_link_libraries(bascule_asio INTERFACE Boost::headers Threads::Threads)
