# Writes the presets of train/presets/ as C++. Run as a script: -D FOLDER=train/presets -D OUTPUT=presets.cpp

file(GLOB files ${FOLDER}/*.json)
list(SORT files)
foreach(file IN LISTS files)
  get_filename_component(name ${file} NAME_WE)
  file(READ ${file} content)
  if(content MATCHES "\\)gaze\"")
    message(FATAL_ERROR "${file} holds )gaze\", which ends a string of the generated source")
  endif()
  string(APPEND entries "\n      {\"${name}\", R\"gaze(${content})gaze\"},")
endforeach()
file(WRITE ${OUTPUT} "#include <gaze/train/preset_files.h>

namespace gaze::train {

const std::map<std::string, std::string, std::less<>>& preset_files() {
  static const std::map<std::string, std::string, std::less<>> files = {${entries}
  };
  return files;
}

}  // namespace gaze::train
")
