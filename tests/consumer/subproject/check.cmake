# Configures a project that gaze is a part of and compiles a file with gaze's flags. Where the environment has
# GAZE_SUBPROJECT=core, as in one of the bare trees of CI, builds it with the core and runs its program; with whole, as
# in ./run matrix, with all of gaze, which is added or fetched, static or shared. Given with -D:
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
if("$ENV{GAZE_SUBPROJECT}" STREQUAL "core")
  set(ways "-DGAZE_TRAIN=OFF -DGAZE_LEVELS=lowest")
elseif("$ENV{GAZE_SUBPROJECT}" STREQUAL "whole")
  set(ways -DFETCH=OFF -DFETCH=ON -DBUILD_SHARED_LIBS=ON -DCMAKE_BUILD_TYPE=Debug)
endif()
foreach(way IN LISTS ways)
  separate_arguments(options UNIX_COMMAND "${way}")
  run_step("Configuring with ${way}" ${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR} -B ${FOLDER} -DFETCH=OFF
    -DBUILD_SHARED_LIBS=OFF ${options})
  run_step("Building with ${way}" ${CMAKE_COMMAND} --build ${FOLDER} --parallel)
  run_step("The program built with ${way}" ${FOLDER}/parent)
  if(NOT output MATCHES "4.*4.*6.*6")
    message(FATAL_ERROR "The program built with ${way} printed:\n${output}")
  endif()
endforeach()
