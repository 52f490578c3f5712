# CUDA is built wherever nvcc is: that of CUDACXX, of deploy/setup --cuda, or on
# the PATH. Sanitizer builds leave it out: their tests run the kernels' host
# twin.
option(KMYRIAD_CUDA "Build the CUDA backends where nvcc is" ON)
set(KMYRIAD_CUDA_ARCHITECTURES 80 90 100
    CACHE STRING "Compute capabilities to build kernels for")
set(KMYRIAD_HAVE_CUDA OFF)
if(KMYRIAD_CUDA AND NOT KMYRIAD_SANITIZER)
  set(kmyriad_nvcc ${PROJECT_SOURCE_DIR}/.deps/nvcc/bin/nvcc)
  if(NOT DEFINED ENV{CUDACXX} AND NOT CMAKE_CUDA_COMPILER
      AND EXISTS ${kmyriad_nvcc})
    set(CMAKE_CUDA_COMPILER ${kmyriad_nvcc})
  endif()
  include(CheckLanguage)
  check_language(CUDA)
  if(CMAKE_CUDA_COMPILER)
    set(CMAKE_CUDA_ARCHITECTURES ${KMYRIAD_CUDA_ARCHITECTURES})
    enable_language(CUDA)
    if(KMYRIAD_CCACHE)
      set(CMAKE_CUDA_COMPILER_LAUNCHER ${KMYRIAD_CCACHE})
    endif()
    set(KMYRIAD_HAVE_CUDA ON)
    string(JOIN " " capabilities ${KMYRIAD_CUDA_ARCHITECTURES})
    message(STATUS "CUDA: kernels for ${capabilities} by "
      "${CMAKE_CUDA_COMPILER} ${CMAKE_CUDA_COMPILER_VERSION}")
  else()
    message(STATUS "CUDA: no nvcc in CUDACXX, in .deps (deploy/setup --cuda) or "
      "on the PATH; kernels are left out, their host twin is tested")
  endif()
endif()

# kmyriad_cuda_runtime(TARGET t)
# Where CUDA is, links its runtime, with KMYRIAD_HAVE_CUDA for the target alone.
function(kmyriad_cuda_runtime)
  cmake_parse_arguments(ARG "" "TARGET" "" ${ARGN})
  if(KMYRIAD_HAVE_CUDA)
    find_package(CUDAToolkit REQUIRED)
    target_link_libraries(${ARG_TARGET} PRIVATE CUDA::cudart_static)
    target_compile_definitions(${ARG_TARGET} PRIVATE KMYRIAD_HAVE_CUDA=1)
  endif()
endfunction()

# kmyriad_cuda_sources(TARGET t SRCS files.cu...)
# Adds kernels to a target, with contraction off, so that they give the bits
# of the other backends. Where there is no nvcc nothing is added;
# KMYRIAD_HAVE_CUDA, defined for the target alone where they are there, tells
# its host sources.
function(kmyriad_cuda_sources)
  cmake_parse_arguments(ARG "" "TARGET" "SRCS" ${ARGN})
  if(NOT KMYRIAD_HAVE_CUDA)
    return()
  endif()
  set(kernels ${ARG_TARGET}_kernels)
  add_library(${kernels} OBJECT ${ARG_SRCS})
  target_include_directories(${kernels} PRIVATE ${PROJECT_SOURCE_DIR})
  # CMake 3.25 does not know how this nvcc is told its dialect.
  set_target_properties(${kernels} PROPERTIES CUDA_STANDARD_REQUIRED OFF)
  target_compile_options(${kernels} PRIVATE
    -std=c++20 --fmad=false -Xcompiler=-Wall,-Wextra,-ffp-contract=off
    -Werror=all-warnings)
  target_sources(${ARG_TARGET} PRIVATE $<TARGET_OBJECTS:${kernels}>)
  kmyriad_cuda_runtime(TARGET ${ARG_TARGET})
endfunction()
