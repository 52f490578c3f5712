# Applies KMYRIAD_SANITIZER to every target declared afterwards. `address`
# includes `undefined`, since the two run together at little extra cost.
if(KMYRIAD_SANITIZER STREQUAL "address")
  set(KMYRIAD_SANITIZER_FLAGS -fsanitize=address,undefined
      -fno-sanitize-recover=undefined)
elseif(KMYRIAD_SANITIZER STREQUAL "thread")
  set(KMYRIAD_SANITIZER_FLAGS -fsanitize=thread)
elseif(KMYRIAD_SANITIZER STREQUAL "undefined")
  set(KMYRIAD_SANITIZER_FLAGS -fsanitize=undefined
      -fno-sanitize-recover=undefined)
elseif(KMYRIAD_SANITIZER STREQUAL "fuzzer")
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    message(FATAL_ERROR "KMYRIAD_SANITIZER=fuzzer needs clang; the preset "
                        "`fuzz` chooses it")
  endif()
  set(KMYRIAD_SANITIZER_FLAGS
      -fsanitize=fuzzer-no-link,address,undefined,float-cast-overflow
      -fno-sanitize-recover=undefined,float-cast-overflow)
elseif(KMYRIAD_SANITIZER)
  message(FATAL_ERROR "KMYRIAD_SANITIZER=${KMYRIAD_SANITIZER}: use address, "
                      "thread, undefined or fuzzer")
endif()
# Of the tests' limits of time; of a library that others load, the run-time
# library that has to be there before it.
set(KMYRIAD_TIMEOUT_FACTOR 1)
set(KMYRIAD_SANITIZER_RUNTIME)
if(KMYRIAD_SANITIZER_FLAGS)
  set(KMYRIAD_TIMEOUT_FACTOR 5)
  add_compile_options(${KMYRIAD_SANITIZER_FLAGS} -fno-omit-frame-pointer)
  add_link_options(${KMYRIAD_SANITIZER_FLAGS})
endif()
set(runtime_address libasan.so)
set(runtime_thread libtsan.so)
if(DEFINED runtime_${KMYRIAD_SANITIZER})
  execute_process(
    COMMAND ${CMAKE_CXX_COMPILER}
      -print-file-name=${runtime_${KMYRIAD_SANITIZER}}
    OUTPUT_VARIABLE KMYRIAD_SANITIZER_RUNTIME
    OUTPUT_STRIP_TRAILING_WHITESPACE)
endif()
