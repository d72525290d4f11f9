# Everything that gaze builds on. What is missing stops the configuration with the name of Debian's package for it.

# A project that gaze is a part of links what gaze links.
set(CMAKE_FIND_PACKAGE_TARGETS_GLOBAL ON)

function(stop_if_older what version oldest debian_package)
  if(version VERSION_LESS oldest)
    message(FATAL_ERROR "${what} ${version} is too old: gaze needs ${oldest} or newer; on Debian 12 or newer: "
      "apt-get install ${debian_package}")
  endif()
endfunction()

# need(PACKAGE DEBIAN_PACKAGE [OLDEST_VERSION])
macro(need package debian_package)
  find_package(${package} QUIET)
  if(NOT ${package}_FOUND)
    message(FATAL_ERROR "${package} is missing; on Debian: apt-get install ${debian_package}")
  endif()
  if(${ARGC} GREATER 2)
    stop_if_older(${package} "${${package}_VERSION}" ${ARGV2} ${debian_package})
  endif()
endmacro()

# need_header(HEADER DEBIAN_PACKAGE [OLDEST_VERSION HEADER_OF_VERSION]): the latter defines NAME_VERSION_MAJOR and
# _MINOR, or NAME_VERSION as a text. Sets ID_version, where ID is the header's name as an identifier of C.
function(need_header header debian_package)
  string(MAKE_C_IDENTIFIER "${header}" id)
  set(folder ${id}_folder)
  find_path(${folder} ${header})
  mark_as_advanced(${folder})
  if(NOT ${folder})
    message(FATAL_ERROR "<${header}> is missing; on Debian: apt-get install ${debian_package}")
  endif()
  list(APPEND header_only_folders ${${folder}})
  list(REMOVE_DUPLICATES header_only_folders)
  set(header_only_folders ${header_only_folders} PARENT_SCOPE)
  if(ARGC GREATER 2)
    file(STRINGS ${${folder}}/${ARGV3} lines REGEX "^#define [A-Z0-9]+(_BLAS)?_VERSION(_MAJOR|_MINOR)? ")
    string(REGEX MATCHALL "[ .\"][0-9]+" numbers "${lines}")
    list(TRANSFORM numbers REPLACE "[^0-9]" "")
    list(JOIN numbers . version)
    stop_if_older("<${header}>" "${version}" ${ARGV2} ${debian_package})
    set(${id}_version ${version} PARENT_SCOPE)
  endif()
endfunction()

set(BLA_VENDOR OpenBLAS)
need(BLAS libopenblas-dev)
need(Threads libc6-dev)
need(fmt libfmt-dev 9)
# The distribution's library is for its own C++ library.
string(FIND "${CMAKE_CXX_FLAGS}" -stdlib=libc++ with_libcxx)
if(with_libcxx EQUAL -1)
  set(fmt_header_only OFF)
else()
  set(fmt_header_only ON)
endif()
option(GAZE_FMT_HEADER_ONLY "Compile fmt from its headers and link no library of it" ${fmt_header_only})
if(GAZE_FMT_HEADER_ONLY)
  set(gaze_fmt_target fmt::fmt-header-only)
else()
  set(gaze_fmt_target fmt::fmt)
endif()
need(nlohmann_json nlohmann-json3-dev 3.11)
need_header(xtensor/xtensor.hpp libxtensor-dev 0.24 xtensor/xtensor_config.hpp)
need_header(xtensor-blas/xblas.hpp libxtensor-blas-dev 0.20 xtensor-blas/xblas_config.hpp)
need_header(xsimd/xsimd.hpp libxsimd-dev 8.1 xsimd/config/xsimd_config.hpp)
need_header(Random123/philox.h librandom123-dev)

if(CMAKE_CXX_COMPILER_ID STREQUAL Clang AND CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 19 AND
   xtensor_xtensor_hpp_version VERSION_LESS 0.25)
  message(FATAL_ERROR "clang ${CMAKE_CXX_COMPILER_VERSION} cannot compile xtensor ${xtensor_xtensor_hpp_version}: take xtensor 0.25 "
    "or newer (Debian 13 has it), an older clang, or GCC")
endif()

# Another BLAS under OpenBLAS's name would fail the program when it begins.
set(CMAKE_REQUIRED_LIBRARIES BLAS::BLAS Threads::Threads)
check_cxx_source_compiles("
  extern \"C\" { void cblas_sgemm(); int openblas_get_num_threads(); void openblas_set_num_threads(int); }
  int main() { cblas_sgemm(); openblas_set_num_threads(openblas_get_num_threads()); }" GAZE_OPENBLAS_IS_WHOLE)
unset(CMAKE_REQUIRED_LIBRARIES)
if(NOT GAZE_OPENBLAS_IS_WHOLE)
  unset(GAZE_OPENBLAS_IS_WHOLE CACHE)
  message(FATAL_ERROR "${BLAS_LIBRARIES} is not an OpenBLAS with cblas_sgemm and openblas_set_num_threads; on Debian: "
    "apt-get install libopenblas-dev")
endif()

if(GAZE_TRAIN)
  need_header(sentencepiece_trainer.h libsentencepiece-dev)
  need_header(utf8proc.h libutf8proc-dev 2.8 utf8proc.h)
  include(${CMAKE_CURRENT_LIST_DIR}/find_text_libraries.cmake)
  if(gaze_missing_package)
    message(FATAL_ERROR "a library is missing; on Debian: apt-get install ${gaze_missing_package}")
  endif()
endif()

if(GAZE_PROGRAM)
  need(CLI11 libcli11-dev 2.1)
  need(ZLIB zlib1g-dev)
  # Debian's cpp-httplib is compiled with these, as its pkg-config file says; it comes without one for CMake. From 0.18 on
  # its header calls OpenSSL by itself.
  need(OpenSSL libssl-dev)
  need_header(httplib.h libcpp-httplib-dev 0.11 httplib.h)
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
  need(Catch2 catch2 2.13)
endif()
