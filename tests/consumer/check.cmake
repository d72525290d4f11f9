# Builds a program against an installed gaze and runs it. Given with -D:
#   SOURCE            a C++ file, or a Markdown file of which a ```cpp block is the program
#   WORD              which: the one that has this word in it
#   EXPECTED          what the program must print, as a regular expression
#   DATA              if not empty, a file that the program finds in its folder
#   FIRST             if not empty, the program is run with this argument before it is run without any
#   NEEDS             the half of gaze that it links: core or train
#   PREFIX            where gaze is installed
#   FOLDER            a scratch folder for the build
#   CONFIGURE_OPTIONS what else the consumer is configured with
#   EMULATOR          what runs programs of the target, or empty where this machine does
cmake_minimum_required(VERSION 3.25)

include(${CMAKE_CURRENT_LIST_DIR}/run_step.cmake)

file(REMOVE_RECURSE ${FOLDER})
file(MAKE_DIRECTORY ${FOLDER})
if(SOURCE MATCHES "\\.md$")
  if(NOT EXISTS ${SOURCE})
    message(FATAL_ERROR "${SOURCE} does not exist")
  endif()
  file(READ ${SOURCE} text)
  set(found "")
  string(FIND "${text}" "\n```cpp\n" begin)
  while(NOT begin EQUAL -1)
    math(EXPR begin "${begin} + 8")
    string(SUBSTRING "${text}" ${begin} -1 text)
    string(FIND "${text}" "\n```" end)
    math(EXPR end "${end} + 1")
    string(SUBSTRING "${text}" 0 ${end} block)
    string(FIND "${block}" "${WORD}" place)
    if(NOT place EQUAL -1 AND NOT found STREQUAL "")
      message(FATAL_ERROR "${SOURCE} has two ```cpp blocks with ${WORD} in them")
    elseif(NOT place EQUAL -1)
      set(found "${block}")
    endif()
    string(FIND "${text}" "\n```cpp\n" begin)
  endwhile()
  if(found STREQUAL "")
    message(FATAL_ERROR "${SOURCE} has no ```cpp block with ${WORD} in it")
  endif()
  set(SOURCE ${FOLDER}/main.cpp)
  file(WRITE ${SOURCE} "${found}")
endif()

run_step("Configuring the consumer" ${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR} -B ${FOLDER}/build
  -DCONSUMER_SOURCE=${SOURCE} -DCONSUMER_NEEDS=${NEEDS} -DCMAKE_PREFIX_PATH=${PREFIX} ${CONFIGURE_OPTIONS})
run_step("Building the consumer" ${CMAKE_COMMAND} --build ${FOLDER}/build)
if(DATA)
  file(COPY ${DATA} DESTINATION ${FOLDER})
endif()
if(FIRST)
  run_step("The consumer's first run" ${CMAKE_COMMAND} -E chdir ${FOLDER} ${EMULATOR} build/consumer ${FIRST})
endif()
run_step("The consumer" ${CMAKE_COMMAND} -E chdir ${FOLDER} ${EMULATOR} build/consumer)
if(NOT output MATCHES "${EXPECTED}")
  message(FATAL_ERROR "The consumer printed:\n${output}\nand not: ${EXPECTED}")
endif()
