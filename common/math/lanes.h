#ifndef KMYRIAD_COMMON_MATH_LANES_H_
#define KMYRIAD_COMMON_MATH_LANES_H_

// Sixteen environments side by side: FloatLanes (16 floats), WordLanes (16
// unsigned 32-bit words) and LaneMask, with the same free functions for plain
// float, uint32_t and bool. DoubleLanes are eight doubles, with DoubleMask.
// Arithmetic is written once as a template over the float type, and gives the
// same bits in every lane type: each operation is one IEEE operation, fma is
// explicit, and units are compiled with -ffp-contract=off.
//
// Instruction sets. A translation unit uses one level, given by the macro
// KMYRIAD_LANES_LEVEL (0 portable, 1 AVX2 with FMA, 2 AVX-512), which CMake
// sets together with the compiler's flags (kmyriad_simd_sources). Level 3 has
// one lane, a plain float or double: a thread of a GPU, or its twin on the
// host. Everything
// here lives in an inline namespace of that level. That matters: an inline
// function or template instance with external linkage exists once per program,
// and without the namespace the linker could keep the copy with AVX-512
// instructions for a unit that runs everywhere. For the same reason a unit of
// level 1 or 2 includes only headers of this kind, compiler intrinsics and
// plain structs (tests/common/policy checks the objects' symbols).
//
// At level 0 fma is the C library's fmaf where the compiler may not use an FMA
// instruction: correct and slow. It is the oracle, not a way to run.

#ifndef KMYRIAD_LANES_LEVEL
#define KMYRIAD_LANES_LEVEL 0
#endif

#if KMYRIAD_LANES_LEVEL == 0
#define KMYRIAD_LANES_NAMESPACE lanes_scalar
#elif KMYRIAD_LANES_LEVEL == 1
#define KMYRIAD_LANES_NAMESPACE lanes_avx2
#elif KMYRIAD_LANES_LEVEL == 2
#define KMYRIAD_LANES_NAMESPACE lanes_avx512
#elif KMYRIAD_LANES_LEVEL == 3
#define KMYRIAD_LANES_NAMESPACE lanes_single
#else
#error "KMYRIAD_LANES_LEVEL is 0, 1, 2 or 3"
#endif

// With instructions of their own, functions on lanes are always part of their
// caller, debug builds included; vectors never travel through memory.
#include "common/math/host_device.h"

#if KMYRIAD_LANES_LEVEL == 0 || KMYRIAD_LANES_LEVEL == 3
#define KMYRIAD_LANE_FUNCTION KMYRIAD_HOST_DEVICE inline
#else
#define KMYRIAD_LANE_FUNCTION [[gnu::always_inline]] inline
#endif

#include "common/math/lanes_float.h"
#if KMYRIAD_LANES_LEVEL == 0
#include "common/math/lanes_scalar.h"
#elif KMYRIAD_LANES_LEVEL == 1
#include "common/math/lanes_avx2.h"
#elif KMYRIAD_LANES_LEVEL == 2
#include "common/math/lanes_avx512.h"
#else
#include "common/math/lanes_single.h"
#endif
#if KMYRIAD_LANES_LEVEL != 3
#include "common/math/lanes_double.h"
#endif

#endif  // KMYRIAD_COMMON_MATH_LANES_H_
