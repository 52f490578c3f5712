kmyriad_cc_test(NAME conformance_knn_test
  SRCS knn_conformance_test.cc
  DEPS kmyriad::entropy_index
  LABELS conformance
  NUMERICAL)
