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
