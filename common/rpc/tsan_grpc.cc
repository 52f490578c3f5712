// For the thread sanitizer alone. The packaged gRPC is not built with it: from
// the start of an operation to its completion the order runs through queues
// that the sanitizer does not see. A program's own definition of a function
// goes before that of a shared library; these tell of exactly this order: what
// was done before an operation was started is seen by whoever is told of its
// end. Nothing else is ordered, so that handlers which race are reported.

#include <dlfcn.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <utility>

#include "grpc/grpc.h"

extern "C" {
void __tsan_acquire(void* address);
void __tsan_release(void* address);
// Bounds of the program's own code; by the linker.
extern const char __executable_start;
extern const char etext;
}

namespace {

using Run = void (*)(grpc_completion_queue_functor*, int);

// Functions that completions call in the headers of gRPC, compiled into this
// program: a handful of static members.
constexpr size_t kSlots = 32;
std::atomic<Run> run_functions[kSlots];

template <size_t kSlot>
void RunSlot(grpc_completion_queue_functor* functor, int ok) {
  __tsan_acquire(functor);
  run_functions[kSlot].load(std::memory_order_relaxed)(functor, ok);
}

template <size_t... kSlot>
constexpr auto MakeRunSlots(std::index_sequence<kSlot...>) {
  return std::array<Run, sizeof...(kSlot)>{&RunSlot<kSlot>...};
}
constexpr std::array<Run, kSlots> kRunSlots =
    MakeRunSlots(std::make_index_sequence<kSlots>());

// What to call in the place of `run`, which tells of the order first. Relaxed:
// this table itself must order nothing.
Run Ordered(Run run) {
  for (const Run slot : kRunSlots) {
    if (slot == run) return run;
  }
  for (size_t i = 0; i < kSlots; ++i) {
    Run found = nullptr;
    if (run_functions[i].compare_exchange_strong(found, run,
                                                 std::memory_order_relaxed) ||
        found == run) {
      return kRunSlots[i];
    }
  }
  return run;
}

// Has the completion of an operation tell of the order. A tag is a functor or
// any other object; functors begin with the address of their function, other
// tags of ours with that of their virtual table. The word belongs to gRPC,
// which may be reading it: not for the sanitizer to judge.
__attribute__((no_sanitize("thread"), noinline)) void OrderFunctor(void* tag) {
  const char* const code = *static_cast<const char**>(tag);
  if (code < &__executable_start || code >= &etext) return;
  auto* const functor = static_cast<grpc_completion_queue_functor*>(tag);
  functor->functor_run = Ordered(functor->functor_run);
}

template <typename Function>
Function Real(const char* symbol) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, symbol));
}

}  // namespace

// The last callback of a call hands the call over to be destroyed, through a
// queue again. Nothing of ours is destroyed with it.
extern "C" const char* __tsan_default_suppressions();
extern "C" const char* __tsan_default_suppressions() {
  return "race:ServerCallbackReaderWriterImpl::~ServerCallbackReaderWriterImpl"
         "\nrace:ServerCallbackReaderImpl::~ServerCallbackReaderImpl"
         "\nrace:ServerCallbackWriterImpl::~ServerCallbackWriterImpl"
         "\nrace:ServerCallbackUnaryImpl::~ServerCallbackUnaryImpl\n";
}

extern "C" grpc_call_error grpc_call_start_batch(grpc_call* call,
                                                 const grpc_op* ops,
                                                 size_t nops, void* tag,
                                                 void* reserved) {
  static const auto real =
      Real<decltype(&grpc_call_start_batch)>("grpc_call_start_batch");
  if (tag != nullptr) {
    __tsan_release(tag);
    OrderFunctor(tag);
  }
  return real(call, ops, nops, tag, reserved);
}

extern "C" grpc_event grpc_completion_queue_pluck(grpc_completion_queue* queue,
                                                  void* tag,
                                                  gpr_timespec deadline,
                                                  void* reserved) {
  static const auto real = Real<decltype(&grpc_completion_queue_pluck)>(
      "grpc_completion_queue_pluck");
  const grpc_event event = real(queue, tag, deadline, reserved);
  if (event.type == GRPC_OP_COMPLETE) __tsan_acquire(tag);
  return event;
}

extern "C" grpc_event grpc_completion_queue_next(grpc_completion_queue* queue,
                                                 gpr_timespec deadline,
                                                 void* reserved) {
  static const auto real =
      Real<decltype(&grpc_completion_queue_next)>("grpc_completion_queue_next");
  const grpc_event event = real(queue, deadline, reserved);
  if (event.type == GRPC_OP_COMPLETE) __tsan_acquire(event.tag);
  return event;
}
