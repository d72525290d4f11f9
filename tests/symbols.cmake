# Looks for functions of one level's kernels that the linker could put in place of others. A weak function of a name is
# kept once in a program, whichever object it comes from: had a level's kernels one in common with other objects, all of
# the program might run AVX-512 code on a processor without it. Given with -D:
#   LEVELS   the levels' names, and under the name of each its objects
#   REST     the other objects of the library and those of the program
#   NM       the program that lists symbols
#   CXXFILT  the program that makes names readable, if there is one
cmake_minimum_required(VERSION 3.25)

# An object's pointer to the routine that unwinds C++ frames: data that says the same in every object.
set(harmless DW.ref.__gxx_personality_v0)

# Sets `result` to the symbols that some objects define, of the types that `types` lists as nm's letters.
function(defined_symbols result types)
  if(NOT ARGN)
    message(FATAL_ERROR "no objects were given to look at")
  endif()
  execute_process(COMMAND ${NM} --defined-only --extern-only --format=posix ${ARGN}
    OUTPUT_VARIABLE output COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX MATCHALL "[^ \n]+ [${types}] " found "${output}")
  list(TRANSFORM found REPLACE " . $" "")
  list(REMOVE_DUPLICATES found)
  list(REMOVE_ITEM found ${harmless})
  set(${result} "${found}" PARENT_SCOPE)
endfunction()

function(complain what)
  if(CXXFILT)
    execute_process(COMMAND ${CXXFILT} ${ARGN} OUTPUT_VARIABLE readable COMMAND_ERROR_IS_FATAL ANY)
  else()
    list(JOIN ARGN "\n" readable)
  endif()
  string(REPLACE "\n" "\n  " readable "\n${readable}")  # indented, lines stay whole
  message(SEND_ERROR "${what}:${readable}")
endfunction()

foreach(level IN LISTS LEVELS)
  defined_symbols(all A-Zu ${${level}})
  string(LENGTH ${level} length)
  if(NOT all MATCHES "gaze7kernels${length}${level}4fill")
    message(FATAL_ERROR "the objects of ${level} do not define its kernels: not a test of anything")
  endif()
  defined_symbols(shared_${level} VWu ${${level}})
  set(name_${level} ${level})
endforeach()
# There also what is not weak counts: it would take the place of a level's.
defined_symbols(shared_rest A-Zu ${REST})
set(name_rest "the rest of the library or the program")

# A level is compared with those behind it and with the rest.
set(others ${LEVELS} rest)
foreach(level IN LISTS LEVELS)
  list(REMOVE_ITEM others ${level})
  foreach(other IN LISTS others)
    set(common)
    foreach(symbol IN LISTS shared_${level})
      if(symbol IN_LIST shared_${other})
        list(APPEND common ${symbol})
      endif()
    endforeach()
    if(common)
      complain("${level} and ${name_${other}} have weak symbols in common" ${common})
    endif()
  endforeach()
endforeach()
