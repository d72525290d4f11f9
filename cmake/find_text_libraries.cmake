# gaze::sentencepiece, gaze::sentencepiece_train and gaze::utf8proc, where the libraries are found: Debian's packages have
# no files for CMake. Read when gaze is built, and by find_package(gaze) where gaze is a static library.
# gaze_missing_package is Debian's name of the first that is missing, or empty.
set(gaze_missing_package "")
foreach(name IN ITEMS sentencepiece sentencepiece_train utf8proc)
  find_library(gaze_${name}_library ${name})
  mark_as_advanced(gaze_${name}_library)
  if(NOT gaze_${name}_library)
    if(NOT gaze_missing_package)
      string(REPLACE _train "" gaze_missing_package lib${name}-dev)
    endif()
  elseif(NOT TARGET gaze::${name})
    add_library(gaze::${name} UNKNOWN IMPORTED GLOBAL)
    set_target_properties(gaze::${name} PROPERTIES IMPORTED_LOCATION ${gaze_${name}_library})
  endif()
endforeach()
