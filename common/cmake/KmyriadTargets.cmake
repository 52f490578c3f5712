# Target helpers. Each folder is one library with its direct dependencies
# written down, so that the dependency graph can be reviewed here and in the
# folders' CMakeLists.txt.

set(KMYRIAD_WARNINGS -Wall -Wextra -Wconversion -Wno-sign-conversion)
if(KMYRIAD_WERROR)
  list(APPEND KMYRIAD_WARNINGS -Werror)
endif()

# kmyriad_cc_library(NAME n [SRCS ...] [HDRS ...] [DEPS ...] [PRIVATE_DEPS ...]
#                    [NUMERICAL])
# Declares kmyriad_<n> with alias kmyriad::<n>. NUMERICAL switches floating
# point contraction off: such code writes fma explicitly, so that every
# instruction set gives the same bits.
function(kmyriad_cc_library)
  cmake_parse_arguments(ARG "NUMERICAL" "NAME" "SRCS;HDRS;DEPS;PRIVATE_DEPS"
                        ${ARGN})
  set(target kmyriad_${ARG_NAME})
  if(ARG_SRCS)
    add_library(${target} STATIC ${ARG_SRCS} ${ARG_HDRS})
    target_include_directories(${target} PUBLIC ${PROJECT_SOURCE_DIR})
    target_compile_options(${target} PRIVATE ${KMYRIAD_WARNINGS})
    if(ARG_NUMERICAL)
      target_compile_options(${target} PRIVATE -ffp-contract=off)
    endif()
    target_link_libraries(${target} PUBLIC ${ARG_DEPS}
                          PRIVATE ${ARG_PRIVATE_DEPS})
  else()
    add_library(${target} INTERFACE)
    target_include_directories(${target} INTERFACE ${PROJECT_SOURCE_DIR})
    target_link_libraries(${target} INTERFACE ${ARG_DEPS})
  endif()
  add_library(kmyriad::${ARG_NAME} ALIAS ${target})
endfunction()

# kmyriad_cc_binary(NAME n SRCS ... [DEPS ...]) builds bin/<n>.
function(kmyriad_cc_binary)
  cmake_parse_arguments(ARG "" "NAME" "SRCS;DEPS" ${ARGN})
  add_executable(${ARG_NAME} ${ARG_SRCS})
  target_include_directories(${ARG_NAME} PRIVATE ${PROJECT_SOURCE_DIR})
  target_compile_options(${ARG_NAME} PRIVATE ${KMYRIAD_WARNINGS})
  target_link_libraries(${ARG_NAME} PRIVATE ${ARG_DEPS})
endfunction()

# kmyriad_cc_test(NAME path_name SRCS ... DEPS ... [LABELS ...] [TIMEOUT s]
#                 [NUMERICAL] [ON_GPU])
# A GoogleTest program; LABELS defaults to `unit`. Test sources are listed in
# KMYRIAD_LISTED_TESTS so that an unlisted *_test.cc fails configuration.
# ON_GPU: built where CUDA is, with KMYRIAD_ON_GPU and the main of tests/gpu.
function(kmyriad_cc_test)
  cmake_parse_arguments(ARG "NUMERICAL;ON_GPU" "NAME;TIMEOUT"
                        "SRCS;DEPS;LABELS" ${ARGN})
  if(ARG_ON_GPU)
    list(APPEND ARG_SRCS ${PROJECT_SOURCE_DIR}/tests/gpu/gpu_test_main.cc)
    list(APPEND ARG_DEPS kmyriad::device_memory)
  endif()
  foreach(source ${ARG_SRCS})
    get_filename_component(absolute ${source} ABSOLUTE)
    set_property(GLOBAL APPEND PROPERTY KMYRIAD_LISTED_TESTS ${absolute})
  endforeach()
  if(ARG_ON_GPU AND NOT KMYRIAD_HAVE_CUDA)
    return()
  endif()
  add_executable(${ARG_NAME} ${ARG_SRCS})
  target_include_directories(${ARG_NAME} PRIVATE ${PROJECT_SOURCE_DIR})
  target_compile_options(${ARG_NAME} PRIVATE ${KMYRIAD_WARNINGS})
  if(ARG_NUMERICAL)
    target_compile_options(${ARG_NAME} PRIVATE -ffp-contract=off)
  endif()
  target_link_libraries(${ARG_NAME} PRIVATE ${ARG_DEPS} GTest::gmock
                        GTest::gtest GTest::gtest_main)
  set_target_properties(${ARG_NAME} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  if(NOT ARG_LABELS)
    set(ARG_LABELS unit)
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  math(EXPR ARG_TIMEOUT "${ARG_TIMEOUT} * ${KMYRIAD_TIMEOUT_FACTOR}")
  add_test(NAME ${ARG_NAME} COMMAND ${ARG_NAME})
  set_tests_properties(${ARG_NAME} PROPERTIES LABELS "${ARG_LABELS}"
                       TIMEOUT ${ARG_TIMEOUT})
  if(ARG_ON_GPU)
    target_compile_definitions(${ARG_NAME} PRIVATE KMYRIAD_ON_GPU=1)
    set_tests_properties(${ARG_NAME} PROPERTIES SKIP_RETURN_CODE 77)
  endif()
endfunction()

# Fails configuration when a *_test.cc under tests/ is not built.
function(kmyriad_check_all_tests_listed)
  get_property(listed GLOBAL PROPERTY KMYRIAD_LISTED_TESTS)
  file(GLOB_RECURSE present ${PROJECT_SOURCE_DIR}/tests/*_test.cc)
  foreach(source ${present})
    if(NOT source IN_LIST listed)
      message(FATAL_ERROR "${source} is not listed in any kmyriad_cc_test")
    endif()
  endforeach()
endfunction()
