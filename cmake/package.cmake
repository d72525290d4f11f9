# `cpack`: a .deb of what `cmake --install` installs or, with GAZE_PORTABLE, a tar.gz of the program with its libraries.

set(GAZE_MAINTAINER "The gaze authors <gaze@example.org>" CACHE STRING "Whom the packages name as their maintainer")
mark_as_advanced(GAZE_MAINTAINER)

set(CPACK_PACKAGE_NAME gaze)
set(CPACK_PACKAGE_VENDOR "the gaze authors")
set(CPACK_PACKAGE_CONTACT ${GAZE_MAINTAINER})
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "trains small Transformers on a CPU and shows their attention learn")
set(CPACK_PACKAGE_DESCRIPTION "\
The program gaze trains translation and language models, records where
their attention looks at each step, by layer and head, scores it against
known alignments, and shows it in the terminal and in pages for a browser.
The C++20 library that it is made of has tensors, reverse-mode
differentiation, Transformer modules and optimizers.")
set(CPACK_PACKAGE_FILE_NAME gaze-${PROJECT_VERSION}-linux-${CMAKE_SYSTEM_PROCESSOR})
set(CPACK_STRIP_FILES ON)
set(CPACK_GENERATOR TGZ)

if(GAZE_PORTABLE)
  if(NOT GAZE_PROGRAM OR BUILD_SHARED_LIBS)
    message(FATAL_ERROR "GAZE_PORTABLE is for the program with gaze inside: it needs GAZE_PROGRAM=ON, BUILD_SHARED_LIBS=OFF")
  endif()
  # DT_RPATH and not DT_RUNPATH: it also counts for what the libraries need of one another.
  set_target_properties(gaze_program PROPERTIES INSTALL_RPATH $ORIGIN/../lib)
  target_link_options(gaze_program PRIVATE -Wl,--disable-new-dtags)
  install(CODE "set(gaze_program $<TARGET_FILE:gaze_program>)\nset(gaze_strip ${CMAKE_STRIP})" COMPONENT program)
  install(SCRIPT cmake/bundle_libraries.cmake COMPONENT program)
  install(FILES LICENSE README.md DESTINATION . COMPONENT program)
  set(CPACK_INSTALL_CMAKE_PROJECTS ${PROJECT_BINARY_DIR} gaze program /)
  include(CPack)
  return()
endif()

find_program(DPKG dpkg)
find_program(GZIP gzip)
mark_as_advanced(DPKG GZIP)
if(DPKG AND GZIP)
  set(CPACK_GENERATOR DEB)
  # One for each release: what it depends on differs, and an upgrade of the system brings the newer one.
  cmake_host_system_information(RESULT release QUERY DISTRIB_INFO)
  set(CPACK_DEBIAN_PACKAGE_RELEASE 1~${release_ID}${release_VERSION_ID})
  set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
  set(CPACK_DEBIAN_PACKAGE_SECTION science)
  set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
  set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
  set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
  # What the headers include and a static library leaves to be linked.
  set(CPACK_DEBIAN_PACKAGE_DEPENDS "libfmt-dev, libopenblas-dev")
  if(GAZE_TRAIN)
    string(APPEND CPACK_DEBIAN_PACKAGE_DEPENDS ", nlohmann-json3-dev, libsentencepiece-dev, libutf8proc-dev")
  endif()

  set(CPACK_DEBIAN_PACKAGE_SUGGESTS "g++, libxtensor-dev, catch2")  # the last two: headers that lead to these libraries

  # Files that Debian asks of each package and nobody else needs.
  string(TIMESTAMP now "%a, %d %b %Y %H:%M:%S +0000" UTC)
  set(changelog ${PROJECT_BINARY_DIR}/changelog.Debian)
  file(WRITE ${changelog} "gaze (${PROJECT_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE}) unstable; urgency=medium

  * Version ${PROJECT_VERSION}.

 -- ${GAZE_MAINTAINER}  ${now}
")
  execute_process(COMMAND ${GZIP} -9nf ${changelog} COMMAND_ERROR_IS_FATAL ANY)
  install(FILES ${changelog}.gz DESTINATION share/doc/gaze COMPONENT debian EXCLUDE_FROM_ALL)
  install(FILES LICENSE DESTINATION share/doc/gaze RENAME copyright COMPONENT debian EXCLUDE_FROM_ALL)
  set(CPACK_INSTALL_CMAKE_PROJECTS ${PROJECT_BINARY_DIR} gaze ALL / ${PROJECT_BINARY_DIR} gaze debian /)
endif()
include(CPack)
