# kmyriad_simd_sources(TARGET t AVX2 files... AVX512 files...)
# Adds sources of one instruction set each to a target: the compiler's flags
# and the level that common/math/lanes.h reads. On other processors nothing is
# added; KMYRIAD_HAVE_X86_SIMD, defined for the target and
# those that link it where they are there, tells the dispatching source. The
# target's objects are checked by tests/common/math/simd_symbols_test.py.
function(kmyriad_simd_sources)
  cmake_parse_arguments(ARG "" "TARGET" "AVX2;AVX512" ${ARGN})
  if(NOT CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    return()
  endif()
  set_property(GLOBAL APPEND PROPERTY KMYRIAD_SIMD_TARGETS ${ARG_TARGET})
  set(avx2 -mavx2 -mfma)
  set(avx512 ${avx2} -mavx512f -mavx512dq -mavx512bw -mavx512vl
      -mprefer-vector-width=512)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # GCC 12 warns about its own _mm512_undefined_epi32 (bug 105593).
    list(APPEND avx512 -Wno-uninitialized -Wno-maybe-uninitialized)
  endif()
  target_sources(${ARG_TARGET} PRIVATE ${ARG_AVX2} ${ARG_AVX512})
  target_compile_definitions(${ARG_TARGET} PUBLIC KMYRIAD_HAVE_X86_SIMD=1)
  set_source_files_properties(${ARG_AVX2} PROPERTIES
    COMPILE_OPTIONS "${avx2}" COMPILE_DEFINITIONS KMYRIAD_LANES_LEVEL=1)
  set_source_files_properties(${ARG_AVX512} PROPERTIES
    COMPILE_OPTIONS "${avx512}" COMPILE_DEFINITIONS KMYRIAD_LANES_LEVEL=2)
endfunction()
