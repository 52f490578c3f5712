#ifndef KMYRIAD_ACTOR_PHYSICS_SIMD_NEAREST_FEATURE_H_
#define KMYRIAD_ACTOR_PHYSICS_SIMD_NEAREST_FEATURE_H_

// The feature of a box (face, edge, corner) that is nearest to a segment, with
// the engine's rules for ties; the first half of capsule_box.h.

#include "actor/physics/simd/collision.h"

namespace kmyriad {
inline namespace KMYRIAD_LANES_NAMESPACE {

// A segment in the box's frame. Parameters along it run from -1 to 1.
template <class F>
struct LocalSegment {
  Vector3<F> center;
  Vector3<F> reach;  // axis * half_length
  Vector3<F> axis;
  F half_length;
  MaskOf<F> forward[3];  // reach[i] > 0
};

// The feature of the box that is nearest to a segment.
template <class F>
struct NearestFeature {
  F squared_distance;
  F along;       // where on the segment
  F along_edge;  // where on the edge, -1 to 1
  MaskOf<F> found;
  MaskOf<F> is_edge;    // an edge or one of its corners, else a face or inside
  MaskOf<F> is_corner;  // an end of the edge
  MaskOf<F> face[3];    // the face's axis; none set: inside the box
  MaskOf<F> edge[3];    // the edge's axis
  MaskOf<F> corner[3];  // side of the corner, or of the edge
};

// The ends of the segment that lie over a face or inside.
template <class F>
KMYRIAD_LANE_FUNCTION void VisitEnds(const LocalSegment<F>& segment,
                                     const BoxGeom<F>& box,
                                     NearestFeature<F>* nearest) {
  for (int sign = -1; sign <= 1; sign += 2) {
    MaskOf<F> out[3];
    Vector3<F> gap;
    for (int i = 0; i < 3; ++i) {
      const F end = sign < 0 ? segment.center[i] - segment.reach[i]
                             : segment.center[i] + segment.reach[i];
      const F low = F(0) - box.half[i];
      out[i] = Less(end, low) | Less(box.half[i], end);
      gap[i] = Min(Max(end, low), box.half[i]) - end;
    }
    const MaskOf<F> several =
        (out[0] & out[1]) | (out[0] & out[2]) | (out[1] & out[2]);
    const F squared = Dot(gap, gap);
    const MaskOf<F> nearer =
        Less(squared, nearest->squared_distance) & (!several);
    nearest->squared_distance =
        Select(nearer, squared, nearest->squared_distance);
    nearest->along = Select(nearer, F(sign < 0 ? -1 : 1), nearest->along);
    nearest->found = nearest->found | nearer;
    for (int i = 0; i < 3; ++i) {
      nearest->face[i] = (nearer & out[i]) | ((!nearer) & nearest->face[i]);
    }
  }
}

// Least squares of |edge point - segment point| over both parameters, which
// are then cut to [-1, 1] one after the other.
template <class F>
struct EdgeProblem {
  F edge_squared, coupling, segment_squared;
  F inverse_edge, inverse_segment, inverse_determinant;
  F edge_term, segment_term;
};

// Where on the edge and on the segment. `upper` and `lower` tell at which ends
// of the edge the engine sees the solution: those at which it was cut first,
// even if the second cut moved it away again.
template <class F>
struct EdgeSolution {
  F on_edge, on_segment;
  MaskOf<F> upper, lower;
};

template <class F>
KMYRIAD_LANE_FUNCTION EdgeSolution<F> SolveEdge(const EdgeProblem<F>& p) {
  const F one = F(1), minus = F(-1);
  F x1 = (p.segment_squared * p.edge_term - p.coupling * p.segment_term) *
         p.inverse_determinant;
  F x2 = (p.edge_squared * p.segment_term - p.coupling * p.edge_term) *
         p.inverse_determinant;
  const MaskOf<F> above = Less(one, x1), below = Less(x1, minus);
  x2 = Select(above, (p.segment_term - p.coupling) * p.inverse_segment, x2);
  x2 = Select(below, (p.segment_term + p.coupling) * p.inverse_segment, x2);
  x1 = Select(above, one, Select(below, minus, x1));
  const MaskOf<F> beyond = Less(one, x2), before = Less(x2, minus);
  const F at_end = (p.edge_term - p.coupling) * p.inverse_edge;
  const F at_start = (p.edge_term + p.coupling) * p.inverse_edge;
  const F again = Select(beyond, at_end, at_start);
  const MaskOf<F> ended = beyond | before;
  const MaskOf<F> high = Less(one, again) & ended;
  const MaskOf<F> low = Less(again, minus) & ended;
  const F cut = Select(high, one, Select(low, minus, again));
  EdgeSolution<F> solution;
  solution.on_edge = Select(ended, cut, x1);
  solution.on_segment = Select(beyond, one, Select(before, minus, x2));
  solution.upper = high | (above & (!low));
  solution.lower = low | (below & (!high));
  return solution;
}

// The edge along axis j on the sides `side` of the other axes.
template <class F>
KMYRIAD_LANE_FUNCTION void VisitEdge(const LocalSegment<F>& segment,
                                     const BoxGeom<F>& box, int j, int sides,
                                     EdgeProblem<F> problem,
                                     const MaskOf<F>& crossing,
                                     NearestFeature<F>* nearest) {
  Vector3<F> start;
  for (int i = 0; i < 3; ++i) {
    const F middle =
        i == j ? F(0) : ((sides >> i) & 1 ? box.half[i] : F(0) - box.half[i]);
    start[i] = middle - segment.center[i];
  }
  problem.segment_term = Dot(segment.reach, start);
  const EdgeSolution<F> solution = SolveEdge(problem);
  Vector3<F> gap = AddScaled(start, F(0) - solution.on_segment, segment.reach);
  gap[j] = MultiplyAdd(box.half[j], solution.on_edge, gap[j]);
  const F squared = Dot(gap, gap);
  // A face or an earlier edge wins a tie.
  const MaskOf<F> nearer =
      Less(squared, nearest->squared_distance - TinyLength<F>()) & crossing;
  const MaskOf<F> upper = solution.upper, lower = solution.lower;
  nearest->squared_distance =
      Select(nearer, squared, nearest->squared_distance);
  nearest->along = Select(nearer, solution.on_segment, nearest->along);
  nearest->along_edge = Select(nearer, solution.on_edge, nearest->along_edge);
  nearest->found = nearest->found | nearer;
  nearest->is_edge = nearest->is_edge | nearer;
  nearest->is_corner =
      (nearer & (upper | lower)) | ((!nearer) & nearest->is_corner);
  const MaskOf<F> none = nearer & (!nearer);
  for (int i = 0; i < 3; ++i) {
    const MaskOf<F> side =
        i == j ? nearer & upper : ((sides >> i) & 1 ? nearer : none);
    nearest->corner[i] = side | ((!nearer) & nearest->corner[i]);
    nearest->edge[i] =
        (i == j ? nearer : none) | ((!nearer) & nearest->edge[i]);
  }
}

template <class F>
KMYRIAD_LANE_FUNCTION void VisitEdges(const LocalSegment<F>& segment,
                                      const BoxGeom<F>& box,
                                      NearestFeature<F>* nearest) {
  EdgeProblem<F> problem;
  problem.segment_squared = segment.half_length * segment.half_length;
  problem.inverse_segment = F(1) / problem.segment_squared;
  for (int j = 0; j < 3; ++j) {
    const F minus_half = F(0) - box.half[j];
    problem.edge_squared = box.half[j] * box.half[j];
    problem.inverse_edge = F(1) / problem.edge_squared;
    problem.coupling = minus_half * segment.reach[j];
    problem.edge_term = minus_half * (F(0) - segment.center[j]);
    const F determinant = problem.edge_squared * problem.segment_squared -
                          problem.coupling * problem.coupling;
    const MaskOf<F> crossing = !Less(Magnitude(determinant), TinyLength<F>());
    problem.inverse_determinant = F(1) / Select(crossing, determinant, F(1));
    for (int sides = 0; sides < 8; ++sides) {
      if ((sides >> j) & 1) continue;
      VisitEdge(segment, box, j, sides, problem, crossing, nearest);
    }
  }
}

}  // namespace KMYRIAD_LANES_NAMESPACE
}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_PHYSICS_SIMD_NEAREST_FEATURE_H_
