// For the thread sanitizer alone. The packaged Abseil is not built with it, so
// that it sees no order in what absl::Mutex and its relatives protect and
// reports races that are none. A program's own definition of a function goes
// before that of a shared library, for the calls from gRPC's library, too: each
// of these tells the sanitizer of the order and does its work by the real one.
//
// Waiters' conditions are evaluated by whoever unlocks, inside Abseil: reads
// in there are ignored.

#include <dlfcn.h>

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

extern "C" {
void __tsan_acquire(void* address);
void __tsan_release(void* address);
void AnnotateIgnoreReadsBegin(const char* file, int line);
void AnnotateIgnoreReadsEnd(const char* file, int line);
}

// Libraries that are not built with the sanitizer are not judged: what they
// read, write and free on their own has an order that it cannot see.
extern "C" const char* __tsan_default_options();
extern "C" const char* __tsan_default_options() {
  return "ignore_noninstrumented_modules=1";
}

namespace {

// While one lives, reads of this thread are not checked.
class IgnoreReads {
 public:
  IgnoreReads() { AnnotateIgnoreReadsBegin(__FILE__, __LINE__); }
  ~IgnoreReads() { AnnotateIgnoreReadsEnd(__FILE__, __LINE__); }
};

// What a function does with the order on the object that it belongs to.
class Acquire {
 public:
  explicit Acquire(void* object) : object_(object) {}
  ~Acquire() { __tsan_acquire(object_); }

 private:
  void* const object_;
};

class Release {
 public:
  explicit Release(void* object) { __tsan_release(object); }

 private:
  IgnoreReads ignore_;
};

class ReleaseThenAcquire {
 public:
  explicit ReleaseThenAcquire(void* object)
      : acquire_(object), release_(object) {}

 private:
  Acquire acquire_;
  Release release_;
};

}  // namespace

using absl::Condition;
using absl::Duration;
using absl::Time;

// Defines `symbol`, a member function with these further parameters; `order` is
// one of the classes above, `object` what it orders.
#define KMYRIAD_WRAP(result, symbol, order, object, parameters, arguments) \
  extern "C" result symbol parameters;                                     \
  extern "C" result symbol parameters {                                    \
    using Function = result(*) parameters;                                 \
    static const auto real =                                               \
        reinterpret_cast<Function>(dlsym(RTLD_NEXT, #symbol));             \
    order scope(object);                                                   \
    return real arguments;                                                 \
  }

// absl::Mutex: Lock, TryLock, Unlock and their forms for readers.
KMYRIAD_WRAP(void, _ZN4absl7debian35Mutex4LockEv, Acquire, mutex, (void* mutex),
             (mutex))
KMYRIAD_WRAP(bool, _ZN4absl7debian35Mutex7TryLockEv, Acquire, mutex,
             (void* mutex), (mutex))
KMYRIAD_WRAP(void, _ZN4absl7debian35Mutex6UnlockEv, Release, mutex,
             (void* mutex), (mutex))
KMYRIAD_WRAP(void, _ZN4absl7debian35Mutex10ReaderLockEv, Acquire, mutex,
             (void* mutex), (mutex))
KMYRIAD_WRAP(void, _ZN4absl7debian35Mutex12ReaderUnlockEv, Release, mutex,
             (void* mutex), (mutex))

// absl::Mutex: Await, AwaitWithTimeout, AwaitWithDeadline, LockWhen.
KMYRIAD_WRAP(void, _ZN4absl7debian35Mutex5AwaitERKNS0_9ConditionE,
             ReleaseThenAcquire, mutex, (void* mutex, const Condition& until),
             (mutex, until))
KMYRIAD_WRAP(
    bool,
    _ZN4absl7debian35Mutex16AwaitWithTimeoutERKNS0_9ConditionENS0_8DurationE,
    ReleaseThenAcquire, mutex,
    (void* mutex, const Condition& until, Duration timeout),
    (mutex, until, timeout))
KMYRIAD_WRAP(
    bool, _ZN4absl7debian35Mutex17AwaitWithDeadlineERKNS0_9ConditionENS0_4TimeE,
    ReleaseThenAcquire, mutex,
    (void* mutex, const Condition& until, Time deadline),
    (mutex, until, deadline))
KMYRIAD_WRAP(void, _ZN4absl7debian35Mutex8LockWhenERKNS0_9ConditionE,
             ReleaseThenAcquire, mutex, (void* mutex, const Condition& until),
             (mutex, until))

// absl::CondVar: Wait, WaitWithTimeout.
KMYRIAD_WRAP(void, _ZN4absl7debian37CondVar4WaitEPNS0_5MutexE,
             ReleaseThenAcquire, mutex, (void* variable, void* mutex),
             (variable, mutex))
KMYRIAD_WRAP(
    bool, _ZN4absl7debian37CondVar15WaitWithTimeoutEPNS0_5MutexENS0_8DurationE,
    ReleaseThenAcquire, mutex, (void* variable, void* mutex, Duration timeout),
    (variable, mutex, timeout))

// absl::Notification: Notify, WaitForNotification, ...WithTimeout.
KMYRIAD_WRAP(void, _ZN4absl7debian312Notification6NotifyEv, Release, object,
             (void* object), (object))
KMYRIAD_WRAP(void, _ZNK4absl7debian312Notification19WaitForNotificationEv,
             Acquire, object, (void* object), (object))
// The name fills the line.
// clang-format off
KMYRIAD_WRAP(bool,
_ZNK4absl7debian312Notification30WaitForNotificationWithTimeoutENS0_8DurationE,
             Acquire, object, (void* object, Duration timeout),
             (object, timeout))
// clang-format on

// absl::BlockingCounter: DecrementCount, Wait.
KMYRIAD_WRAP(bool, _ZN4absl7debian315BlockingCounter14DecrementCountEv, Release,
             object, (void* object), (object))
KMYRIAD_WRAP(void, _ZN4absl7debian315BlockingCounter4WaitEv, Acquire, object,
             (void* object), (object))
