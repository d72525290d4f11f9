# Part of `cmake --install` with GAZE_PORTABLE: copies the shared libraries that the program needs into lib/ beside it,
# all but the C library's own, and into licences/ what Debian's packages say of their licences and of those of the
# libraries that are compiled in from headers. `gaze_program` and `gaze_strip` are set before.

cmake_policy(VERSION 3.25)

set(header_packages libfmt-dev libxtensor-dev xtl-dev libxtensor-blas-dev libxsimd-dev nlohmann-json3-dev libcli11-dev
  librandom123-dev libcpp-httplib-dev)
set(prefix $ENV{DESTDIR}${CMAKE_INSTALL_PREFIX})

file(GET_RUNTIME_DEPENDENCIES EXECUTABLES ${gaze_program}
  RESOLVED_DEPENDENCIES_VAR libraries
  UNRESOLVED_DEPENDENCIES_VAR missing
  PRE_EXCLUDE_REGEXES "^ld-linux" "^lib(c|m|mvec|dl|rt|pthread|resolv)[.]so")
if(missing)
  message(FATAL_ERROR "${gaze_program} needs ${missing}, which are not found")
endif()

file(REMOVE_RECURSE ${prefix}/licences)
file(MAKE_DIRECTORY ${prefix}/lib ${prefix}/licences/common-licenses)
set(packages ${header_packages})
foreach(library IN LISTS libraries)
  get_filename_component(name ${library} NAME)
  file(REAL_PATH ${library} file)
  message(STATUS "Installing: ${prefix}/lib/${name}")
  file(COPY_FILE ${file} ${prefix}/lib/${name})
  execute_process(COMMAND ${gaze_strip} --strip-unneeded ${prefix}/lib/${name} COMMAND_ERROR_IS_FATAL ANY)
  # Packages name their files by /lib or by /usr/lib, which are the same.
  string(REGEX REPLACE "^/usr" "" short ${file})
  execute_process(COMMAND dpkg-query --search ${file} ${short} OUTPUT_VARIABLE owner ERROR_QUIET)
  if(NOT owner MATCHES "^([^:]+):")
    message(FATAL_ERROR "${file} belongs to no Debian package, so that its licence is not known")
  endif()
  list(APPEND packages ${CMAKE_MATCH_1})
endforeach()

list(REMOVE_DUPLICATES packages)
list(SORT packages)
foreach(package IN LISTS packages)
  file(REAL_PATH /usr/share/doc/${package}/copyright licence)
  file(COPY_FILE ${licence} ${prefix}/licences/${package})
  # Texts that many packages share stand in one place.
  file(STRINGS ${licence} lines REGEX "/usr/share/common-licenses/")
  foreach(line IN LISTS lines)
    string(REGEX MATCHALL "/usr/share/common-licenses/[A-Za-z0-9][A-Za-z0-9.-]*[A-Za-z0-9]" shared "${line}")
    foreach(text IN LISTS shared)
      get_filename_component(name ${text} NAME)
      file(REAL_PATH ${text} text)
      file(COPY_FILE ${text} ${prefix}/licences/common-licenses/${name})
    endforeach()
  endforeach()
endforeach()
execute_process(COMMAND dpkg-query --show ${packages} OUTPUT_FILE ${prefix}/licences/VERSIONS COMMAND_ERROR_IS_FATAL ANY)
