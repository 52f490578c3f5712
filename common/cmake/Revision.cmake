# Run by the build with -DSOURCE=... -DOUTPUT=... -DVERSION=...: writes the
# revision of the source to a header, which changes only when the revision
# does.
execute_process(COMMAND git -C ${SOURCE} rev-parse --short=12 HEAD
  OUTPUT_VARIABLE revision OUTPUT_STRIP_TRAILING_WHITESPACE
  RESULT_VARIABLE result ERROR_QUIET)
if(NOT result EQUAL 0)
  # A source without its history, as in an image's build, may be told.
  set(revision "$ENV{KMYRIAD_REVISION}")
  if(NOT revision MATCHES "^[0-9a-f]+$")
    set(revision unknown)
  endif()
endif()
file(WRITE ${OUTPUT}.new "#define KMYRIAD_REVISION \"${revision}\"
#define KMYRIAD_VERSION \"${VERSION}\"\n")
execute_process(COMMAND ${CMAKE_COMMAND} -E copy_if_different
  ${OUTPUT}.new ${OUTPUT})
