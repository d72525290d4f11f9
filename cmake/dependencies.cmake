# Everything that gaze builds on. What is missing stops the configuration with the name of Debian's package for it.

# A project that gaze is a part of links what gaze links.
set(CMAKE_FIND_PACKAGE_TARGETS_GLOBAL ON)

macro(need package debian_package)
  find_package(${package} ${ARGN} QUIET)
  if(NOT ${package}_FOUND)
    message(FATAL_ERROR "${package} is missing; on Debian: apt-get install ${debian_package}")
  endif()
endmacro()

function(need_header header debian_package)
  string(MAKE_C_IDENTIFIER "${header}_folder" folder)
  find_path(${folder} ${header})
  mark_as_advanced(${folder})
  if(NOT ${folder})
    message(FATAL_ERROR "<${header}> is missing; on Debian: apt-get install ${debian_package}")
  endif()
  list(APPEND header_only_folders ${${folder}})
  list(REMOVE_DUPLICATES header_only_folders)
  set(header_only_folders ${header_only_folders} PARENT_SCOPE)
endfunction()

set(BLA_VENDOR OpenBLAS)
need(BLAS libopenblas-dev)
need(Threads libc6-dev)
need(fmt libfmt-dev)
need(nlohmann_json nlohmann-json3-dev)
need(ZLIB zlib1g-dev)
need_header(xtensor/xtensor.hpp libxtensor-dev)
need_header(xtensor-blas/xblas.hpp libxtensor-blas-dev)
need_header(xsimd/xsimd.hpp libxsimd-dev)
need_header(Random123/philox.h librandom123-dev)

need_header(sentencepiece_trainer.h libsentencepiece-dev)
include(${CMAKE_CURRENT_LIST_DIR}/find_sentencepiece.cmake)
if(NOT TARGET gaze::sentencepiece)
  message(FATAL_ERROR "libsentencepiece is missing; on Debian: apt-get install libsentencepiece-dev")
endif()

if(GAZE_PROGRAM)
  need(CLI11 libcli11-dev)
  # Debian's cpp-httplib is compiled with these, as its pkg-config file says; it comes without one for CMake. From 0.18 on
  # its header calls OpenSSL by itself.
  need(OpenSSL libssl-dev)
  need_header(httplib.h libcpp-httplib-dev)
  find_library(httplib_library cpp-httplib)
  mark_as_advanced(httplib_library)
  if(NOT httplib_library)
    message(FATAL_ERROR "libcpp-httplib is missing; on Debian: apt-get install libcpp-httplib-dev")
  endif()
  add_library(gaze_httplib INTERFACE)
  target_link_libraries(gaze_httplib INTERFACE ${httplib_library} OpenSSL::SSL OpenSSL::Crypto Threads::Threads)
  target_compile_definitions(gaze_httplib INTERFACE
    CPPHTTPLIB_OPENSSL_SUPPORT CPPHTTPLIB_ZLIB_SUPPORT CPPHTTPLIB_BROTLI_SUPPORT)
endif()

if(GAZE_TESTS)
  need(Catch2 catch2)
  if(Catch2_VERSION VERSION_LESS 2.13)
    message(FATAL_ERROR "Catch2 ${Catch2_VERSION} is too old: the tests need 2.13 or newer")
  endif()
endif()
