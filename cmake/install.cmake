# `cmake --install`: the library, its public headers and what find_package(gaze) reads.

include(CMakePackageConfigHelpers)
set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/gaze)

install(TARGETS gaze EXPORT gaze)
install(FILES gaze.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/gaze)
foreach(folder IN LISTS folders)
  file(GLOB headers CONFIGURE_DEPENDS ${folder}/*.h)
  install(FILES ${headers} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/gaze/${folder})
endforeach()

install(EXPORT gaze FILE gazeTargets.cmake NAMESPACE gaze:: DESTINATION ${package_folder})
configure_package_config_file(cmake/gazeConfig.cmake.in ${PROJECT_BINARY_DIR}/gazeConfig.cmake
  INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/gazeConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES
  ${PROJECT_BINARY_DIR}/gazeConfig.cmake ${PROJECT_BINARY_DIR}/gazeConfigVersion.cmake cmake/find_sentencepiece.cmake
  DESTINATION ${package_folder})
