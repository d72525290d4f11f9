# Configures a project that gaze is a part of and compiles a file with gaze's flags; where the environment has
# GAZE_SUBPROJECT=whole, as in one of the bare trees of CI, builds all of it and runs its program. Given with -D:
#   GAZE       gaze's folder
#   FOLDER     a scratch folder
#   CXX        the compiler
#   GENERATOR  options of CMake that choose the build tool
cmake_minimum_required(VERSION 3.25)

include(${CMAKE_CURRENT_LIST_DIR}/../run_step.cmake)

file(REMOVE_RECURSE ${FOLDER})
# The packages of the program are not needed.
foreach(package IN ITEMS CLI11 OpenSSL Catch2)
  list(APPEND without -DCMAKE_DISABLE_FIND_PACKAGE_${package}=ON)
endforeach()
run_step("Configuring" ${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR} -B ${FOLDER} ${GENERATOR} ${without}
  -DGAZE=${GAZE} -DCMAKE_CXX_COMPILER=${CXX} -DCMAKE_BUILD_TYPE=
  "-DCMAKE_CXX_FLAGS=-Wall -Wextra -Werror -Werror=unused-variable -ffast-math")
run_step("Compiling with gaze's flags" ${CMAKE_COMMAND} --build ${FOLDER} --target flags)
if("$ENV{GAZE_SUBPROJECT}" STREQUAL "whole")
  run_step("Building" ${CMAKE_COMMAND} --build ${FOLDER} --parallel)
  run_step("The program" ${FOLDER}/parent)
  if(NOT output MATCHES "4.*4.*6.*6")
    message(FATAL_ERROR "The program printed:\n${output}")
  endif()
endif()
