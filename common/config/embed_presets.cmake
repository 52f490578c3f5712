# Writes OUTPUT, a source that holds the text of FILES:
#   cmake -D FILES=... -D OUTPUT=... -P embed_presets.cmake
set(text "#include \"common/config/presets.h\"\n\nnamespace kmyriad {\n\n")
string(APPEND text "const std::vector<Preset>& Presets() {\n")
string(APPEND text "  static const auto* const presets = ")
string(APPEND text "new std::vector<Preset>{\n")
foreach(file ${FILES})
  get_filename_component(name ${file} NAME_WE)
  file(READ ${file} content)
  string(APPEND text "      {\"${name}\", R\"preset(${content})preset\"},\n")
endforeach()
string(APPEND text "  };\n  return *presets;\n}\n\n}  // namespace kmyriad\n")
file(WRITE ${OUTPUT} "${text}")
