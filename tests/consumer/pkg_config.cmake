# Builds a program with what pkg-config says of an installed gaze, with and without --static, and runs it. Given with -D:
#   SOURCE, EXPECTED  a C++ file, and what the program must print, as a regular expression
#   NEEDS             the half of gaze that it links: core or train
#   PKG_CONFIG        pkg-config, or empty where it is missing
#   LIBRARIES         where gaze's libraries are installed
#   FOLDER            a scratch folder
#   CXX, FLAGS        the compiler and what gaze itself was compiled with
cmake_minimum_required(VERSION 3.25)

include(${CMAKE_CURRENT_LIST_DIR}/run_step.cmake)

if(NOT PKG_CONFIG)
  message("skipped: pkg-config is missing")
  return()
elseif(LIBRARIES MATCHES "['\"]")
  message("skipped: pkg-config does not read files in folders with quotes in their names")
  return()
endif()
file(REMOVE_RECURSE ${FOLDER})
file(MAKE_DIRECTORY ${FOLDER})
separate_arguments(FLAGS UNIX_COMMAND "${FLAGS}")
set(ENV{PKG_CONFIG_PATH} ${LIBRARIES}/pkgconfig)
set(ENV{LD_LIBRARY_PATH} ${LIBRARIES})

run_step("pkg-config --cflags" ${PKG_CONFIG} --cflags gaze-${NEEDS})
separate_arguments(compile_flags UNIX_COMMAND "${output}")
run_step("Compiling" ${CXX} -std=c++20 ${FLAGS} ${compile_flags} -c ${SOURCE} -o ${FOLDER}/main.o)
foreach(static IN ITEMS "" --static)
  run_step("pkg-config --libs ${static}" ${PKG_CONFIG} --libs ${static} gaze-${NEEDS})
  separate_arguments(link_flags UNIX_COMMAND "${output}")
  run_step("Linking with pkg-config --libs ${static}" ${CXX} ${FLAGS} ${FOLDER}/main.o ${link_flags} -o ${FOLDER}/program)
  run_step("The program" ${FOLDER}/program)
  if(NOT output MATCHES "${EXPECTED}")
    message(FATAL_ERROR "The program printed:\n${output}\nand not: ${EXPECTED}")
  endif()
endforeach()
