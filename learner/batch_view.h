#ifndef KMYRIAD_LEARNER_BATCH_VIEW_H_
#define KMYRIAD_LEARNER_BATCH_VIEW_H_

#include "kmyriad/v1/types.pb.h"
#include "learner/collector/segment_assembler.h"

namespace kmyriad {

// What the assembler takes of a state batch: views into `batch`, under a key
// that was read from it. Checks nothing.
inline BatchView ViewOf(const SegmentKey& key, const v1::StateBatch& batch) {
  BatchView view;
  view.key = key;
  view.first_step = batch.first_step();
  view.steps = batch.steps();
  view.rows = batch.rows();
  view.observations = batch.observations();
  view.actions = batch.actions();
  view.log_probs = batch.log_probs();
  view.features = batch.features();
  view.flags = batch.flags();
  return view;
}

}  // namespace kmyriad

#endif  // KMYRIAD_LEARNER_BATCH_VIEW_H_
