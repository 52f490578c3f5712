# Writes a source file that holds the shipped terrains as string literals.
# Called by the build: cmake -DOUTPUT=file.cc -DINPUTS=a.txt,b.txt -P this.
string(REPLACE "," ";" inputs "${INPUTS}")
set(entries "")
foreach(input ${inputs})
  get_filename_component(name ${input} NAME_WE)
  file(READ ${input} text)
  string(APPEND entries "    {\"${name}\", R\"terrain(${text})terrain\"},\n")
endforeach()
file(WRITE ${OUTPUT} "#include \"actor/env/terrain_library.h\"

namespace kmyriad {
namespace {

constexpr ShippedTerrain kShipped[] = {
${entries}};

}  // namespace

absl::Span<const ShippedTerrain> ShippedTerrains() { return kShipped; }

}  // namespace kmyriad
")
