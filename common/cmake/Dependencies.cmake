# Every third-party dependency, each found once. System packages come first;
# LibTorch and MuJoCo come from a prefix that the user names (Torch_DIR,
# mujoco_ROOT) or from what deploy/setup unpacked into .deps/. Nothing is
# downloaded here.
set(KMYRIAD_DEPS ${PROJECT_SOURCE_DIR}/.deps)

find_program(KMYRIAD_CCACHE ccache)
if(KMYRIAD_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${KMYRIAD_CCACHE})
endif()
find_program(KMYRIAD_MOLD mold)
if(KMYRIAD_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

find_package(Threads REQUIRED)
find_package(absl REQUIRED CONFIG)
find_package(Protobuf REQUIRED)
find_package(gRPC REQUIRED CONFIG)
find_package(OpenSSL REQUIRED)
find_package(ZLIB REQUIRED)
find_package(prometheus-cpp REQUIRED CONFIG)
find_package(spdlog REQUIRED CONFIG)
find_package(CLI11 REQUIRED CONFIG)
find_package(nlohmann_json REQUIRED CONFIG)
find_library(KMYRIAD_ISAL isal REQUIRED)
add_library(kmyriad_isal INTERFACE)
target_link_libraries(kmyriad_isal INTERFACE ${KMYRIAD_ISAL})

# MuJoCo: headers and the shared library of the PyPI wheel.
find_path(KMYRIAD_MUJOCO_INCLUDE mujoco/mujoco.h
  HINTS ${mujoco_ROOT}/include ${KMYRIAD_DEPS}/mujoco/include REQUIRED)
find_library(KMYRIAD_MUJOCO_LIBRARY mujoco
  HINTS ${mujoco_ROOT}/lib ${KMYRIAD_DEPS}/mujoco/lib REQUIRED)
add_library(kmyriad_mujoco SHARED IMPORTED)
set_target_properties(kmyriad_mujoco PROPERTIES
  IMPORTED_LOCATION ${KMYRIAD_MUJOCO_LIBRARY}
  IMPORTED_SONAME libmujoco.so.3.17.0
  INTERFACE_INCLUDE_DIRECTORIES ${KMYRIAD_MUJOCO_INCLUDE}
  INTERFACE_SYSTEM_INCLUDE_DIRECTORIES ${KMYRIAD_MUJOCO_INCLUDE})

# LibTorch, CPU half only: libtorch_cuda is opened at run time, and only when
# learner.device asks for it. The wheel's libtorch_cpu needs libcudart and
# libcupti at load time; they lie in .deps/cuda/lib or in a CUDA 13 toolkit.
if(Torch_DIR)
  get_filename_component(KMYRIAD_TORCH_ROOT ${Torch_DIR}/../../.. ABSOLUTE)
else()
  set(KMYRIAD_TORCH_ROOT ${KMYRIAD_DEPS}/torch)
endif()
if(NOT EXISTS ${KMYRIAD_TORCH_ROOT}/lib/libtorch_cpu.so)
  message(FATAL_ERROR "LibTorch not found in ${KMYRIAD_TORCH_ROOT}: run "
                      "deploy/setup, or set Torch_DIR")
endif()
add_library(kmyriad_torch INTERFACE)
target_include_directories(kmyriad_torch SYSTEM INTERFACE
  ${KMYRIAD_TORCH_ROOT}/include
  ${KMYRIAD_TORCH_ROOT}/include/torch/csrc/api/include)
target_link_options(kmyriad_torch INTERFACE
  -Wl,--no-as-needed -Wl,--allow-shlib-undefined
  -Wl,-rpath,${KMYRIAD_TORCH_ROOT}/lib -Wl,-rpath,${KMYRIAD_DEPS}/cuda/lib)
target_link_libraries(kmyriad_torch INTERFACE
  ${KMYRIAD_TORCH_ROOT}/lib/libtorch_cpu.so ${KMYRIAD_TORCH_ROOT}/lib/libc10.so)

if(KMYRIAD_BUILD_TESTS)
  find_package(GTest REQUIRED)
endif()
