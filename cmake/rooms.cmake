# The rooms of ARCHITECTURE.md. One static library per room; scripts/check_rooms.py refuses an include that
# the table in cmake/rooms.txt does not allow, before anything of any room is compiled.

# Debian's, not one that somebody put first in PATH.
set(Python3_EXECUTABLE /usr/bin/python3)
find_package(Python3 REQUIRED COMPONENTS Interpreter)

set(BASCULE_ROOMS_CHECKED ${CMAKE_BINARY_DIR}/rooms.checked)
file(GLOB_RECURSE BASCULE_SOURCES CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/*.h ${CMAKE_SOURCE_DIR}/src/*.cpp)
add_custom_command(
  OUTPUT ${BASCULE_ROOMS_CHECKED}
  COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/scripts/check_rooms.py ${CMAKE_SOURCE_DIR}
  COMMAND ${CMAKE_COMMAND} -E touch ${BASCULE_ROOMS_CHECKED}
  DEPENDS ${BASCULE_SOURCES} ${CMAKE_SOURCE_DIR}/cmake/rooms.txt ${CMAKE_SOURCE_DIR}/scripts/check_rooms.py
  COMMENT "Checking that each room includes only what its row allows"
  VERBATIM)
add_custom_target(check_rooms DEPENDS ${BASCULE_ROOMS_CHECKED})

# bascule_room(NAME [PATH dir] LINKS targets...): the static library bascule_NAME from src/PATH, and the unit
# tests that lie beside the sources as bascule_NAME_test. Files may be added without touching CMake.
function(bascule_room name)
  cmake_parse_arguments(ROOM "NO_PCH" "PATH" "LINKS;TEST_LINKS" ${ARGN})
  if(NOT ROOM_PATH)
    set(ROOM_PATH ${name})
  endif()
  set(root ${CMAKE_SOURCE_DIR}/src/${ROOM_PATH})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${root}/*.cpp)
  file(GLOB_RECURSE tests CONFIGURE_DEPENDS ${root}/*_test.cpp)
  list(REMOVE_ITEM sources "" ${tests} ${root}/main.cpp)
  if(sources)
    add_library(bascule_${name} STATIC ${sources})
    target_include_directories(bascule_${name} PUBLIC ${CMAKE_SOURCE_DIR}/src)
    target_link_libraries(bascule_${name} PUBLIC ${ROOM_LINKS})
    add_dependencies(bascule_${name} check_rooms)
  else()
    add_library(bascule_${name} INTERFACE)
    target_include_directories(bascule_${name} INTERFACE ${CMAKE_SOURCE_DIR}/src)
    target_link_libraries(bascule_${name} INTERFACE ${ROOM_LINKS})
    add_dependencies(bascule_${name} check_rooms)
  endif()
  if(tests)
    add_executable(bascule_${name}_test ${tests})
    target_link_libraries(bascule_${name}_test PRIVATE bascule_${name} ${ROOM_TEST_LINKS} GTest::gtest_main)
    bascule_discover_tests(bascule_${name}_test ${name})
  endif()
endfunction()

include(GoogleTest)
# Every test case becomes one ctest entry, named ROOM.Suite.Case, with a deadline of its own.
function(bascule_discover_tests target prefix)
  gtest_discover_tests(${target} TEST_PREFIX "${prefix}." DISCOVERY_MODE PRE_TEST
    DISCOVERY_TIMEOUT 60 PROPERTIES TIMEOUT 120 LABELS ${prefix})
endfunction()

# Headers that nearly every file reads are parsed once per flag set: `values` (JSON, text, the standard library) for
# the rooms that must not see Asio, `asio` for those below them. Nothing may rely on either: each file includes what
# it uses.
function(bascule_use_pch target which)
  set(pch bascule_pch_${which})
  if(NOT TARGET ${pch})
    file(WRITE ${CMAKE_BINARY_DIR}/pch_${which}.cpp "")
    add_library(${pch} OBJECT ${CMAKE_BINARY_DIR}/pch_${which}.cpp)
    target_link_libraries(${pch} PUBLIC fmt::fmt nlohmann_json::nlohmann_json)
    if(which STREQUAL "asio")
      target_link_libraries(${pch} PUBLIC bascule_asio)
    endif()
    target_precompile_headers(${pch} PRIVATE ${CMAKE_SOURCE_DIR}/cmake/pch_${which}.h)
  endif()
  target_precompile_headers(${target} REUSE_FROM ${pch})
endfunction()

# The same for a room's library and its unit tests.
function(bascule_rooms_use_pch which)
  foreach(room ${ARGN})
    foreach(target bascule_${room} bascule_${room}_test)
      if(TARGET ${target})
        get_target_property(type ${target} TYPE)
        if(NOT type STREQUAL "INTERFACE_LIBRARY")
          bascule_use_pch(${target} ${which})
        endif()
      endif()
    endforeach()
  endforeach()
endfunction()
