# `cmake --install`: the libraries, their public headers and what find_package(gaze) reads.

include(CMakePackageConfigHelpers)
set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/gaze)

# gaze_install_library(COMPONENT HEADER TARGETS ... ROOMS ...): the targets, their page of all headers and those of the
# rooms.
function(gaze_install_library component header)
  cmake_parse_arguments(PARSE_ARGV 2 of "" "" "TARGETS;ROOMS")
  install(TARGETS ${of_TARGETS} EXPORT gaze_${component})
  install(EXPORT gaze_${component} FILE gaze_${component}.cmake NAMESPACE gaze:: DESTINATION ${package_folder})
  install(FILES ${header} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/gaze)
  foreach(room IN LISTS of_ROOMS)
    file(GLOB headers CONFIGURE_DEPENDS ${room}/*.h)
    install(FILES ${headers} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/gaze/${room})
  endforeach()
endfunction()

gaze_install_library(core gaze.h TARGETS gaze_core ROOMS ${core_rooms})
if(GAZE_TRAIN)
  gaze_install_library(train train.h TARGETS gaze_train gaze ROOMS ${train_rooms})
  install(FILES cmake/find_text_libraries.cmake DESTINATION ${package_folder})
endif()

configure_package_config_file(cmake/gazeConfig.cmake.in ${PROJECT_BINARY_DIR}/gazeConfig.cmake
  INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/gazeConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/gazeConfig.cmake ${PROJECT_BINARY_DIR}/gazeConfigVersion.cmake
  DESTINATION ${package_folder})

# What pkg-config reads. A static library leaves what it calls to whoever links it: as only the static one is there then,
# this stands in Libs and is found with --static and without. OpenBLAS's own file for pkg-config would with --static ask
# for the files that only Fortran's compiler brings.
set(gaze_core_links "")
set(gaze_train_links "")
if(NOT BUILD_SHARED_LIBS)
  set(gaze_core_links "-lopenblas -pthread")
  set(gaze_train_links "-lsentencepiece_train -lsentencepiece -lutf8proc")
endif()
set(gaze_core_requires fmt)
set(gaze_core_definitions "")
if(GAZE_FMT_HEADER_ONLY)
  set(gaze_core_requires "")
  set(gaze_core_definitions -DFMT_HEADER_ONLY=1)
endif()
file(RELATIVE_PATH gaze_prefix_from_pc ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
string(REGEX REPLACE "/$" "" gaze_prefix_from_pc "${gaze_prefix_from_pc}")
foreach(half IN ITEMS core train)
  if(half STREQUAL core OR GAZE_TRAIN)
    configure_file(cmake/gaze-${half}.pc.in ${PROJECT_BINARY_DIR}/gaze-${half}.pc @ONLY)
    install(FILES ${PROJECT_BINARY_DIR}/gaze-${half}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
  endif()
endforeach()
