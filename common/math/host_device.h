#ifndef KMYRIAD_COMMON_MATH_HOST_DEVICE_H_
#define KMYRIAD_COMMON_MATH_HOST_DEVICE_H_

// Marks functions that both host compilers and nvcc may compile.
#if defined(__CUDACC__)
#define KMYRIAD_HOST_DEVICE __host__ __device__
#else
#define KMYRIAD_HOST_DEVICE
#endif

#endif  // KMYRIAD_COMMON_MATH_HOST_DEVICE_H_
