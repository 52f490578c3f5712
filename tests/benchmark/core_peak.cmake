kmyriad_cc_library(NAME benchmark_core_peak
  SRCS core_peak.cc fma_peak_scalar.cc
  HDRS core_peak.h fma_peak.h fma_peak_body.h
  DEPS kmyriad::base
  PRIVATE_DEPS kmyriad::math
  NUMERICAL)
kmyriad_simd_sources(TARGET kmyriad_benchmark_core_peak
  AVX2 fma_peak_avx2.cc
  AVX512 fma_peak_avx512.cc)
