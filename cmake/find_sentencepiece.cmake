# gaze::sentencepiece and gaze::sentencepiece_train, where the libraries are found: Debian's package has no file for CMake.
# Read when gaze is built, and by find_package(gaze) where gaze is a static library.
foreach(name IN ITEMS sentencepiece sentencepiece_train)
  find_library(gaze_${name}_library ${name})
  mark_as_advanced(gaze_${name}_library)
endforeach()
if(gaze_sentencepiece_library AND gaze_sentencepiece_train_library AND NOT TARGET gaze::sentencepiece)
  foreach(name IN ITEMS sentencepiece sentencepiece_train)
    add_library(gaze::${name} UNKNOWN IMPORTED GLOBAL)
    set_target_properties(gaze::${name} PROPERTIES IMPORTED_LOCATION ${gaze_${name}_library})
  endforeach()
endif()
